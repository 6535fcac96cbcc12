package engine

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMachineKeepsItsPromises answers every action with any outcome, and
// watches the order of what is done.
func TestMachineKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(10, time.Second)
		now := time.Unix(0, 0)
		var open, committed, stored, condemned bool
		act := doPollFirst
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			o := outcome{now: now, ended: rapid.IntRange(0, 30).Draw(t, "ended") == 0}
			if rapid.IntRange(0, 12).Draw(t, "err") == 0 {
				o.err = errors.New("fault")
			}
			switch act {
			case doPollFirst, doPollMore:
				if open != (act == doPollMore) {
					t.Fatalf("polls in the wrong state: open %v", open)
				}
				o.records, o.err = rapid.IntRange(0, 6).Draw(t, "n"), nil
				o.due = rapid.IntRange(0, 6).Draw(t, "due") == 0
				o.stale = act == doPollFirst && rapid.IntRange(0, 12).Draw(t, "stale") == 0
			case doBegin:
				if open {
					t.Fatal("begins inside of a transaction")
				}
				open, committed, stored = o.err == nil, false, false
			case doDispatch, doDrain, doTick, doFlush:
				if !open {
					t.Fatal("works outside of a transaction")
				}
				o.records = rapid.IntRange(0, 6).Draw(t, "n")
				o.behind = rapid.Bool().Draw(t, "behind")
				o.again = act == doFlush && rapid.IntRange(0, 6).Draw(t, "again") == 0
				condemned = o.again || o.err != nil
			case doCommit, doAbort:
				if !open {
					t.Fatal("ends what is not open")
				}
				if act == doCommit && condemned {
					t.Fatal("commits what is to be taken back")
				}
				open = false
				o.committed = act == doCommit && rapid.IntRange(0, 4).Draw(t, "committed") > 0
				committed = o.committed
			case doStore:
				if !committed || stored {
					t.Fatal("stores rows that Kafka has not committed, or twice")
				}
				stored = true
			case doDrop:
				if committed {
					t.Fatal("drops rows that Kafka has committed")
				}
			case doAdvance:
				if open || (committed && !stored) {
					t.Fatal("moves positions before the rows are stored")
				}
			case doAllow:
				if open {
					t.Fatal("allows a rebalance inside of a transaction")
				}
			case doGiveBack:
				if open {
					t.Fatal("gives back inside of a transaction")
				}
			case doStop:
				if open {
					t.Fatal("leaves a transaction open without saying so")
				}
				return
			case doStopOpen:
				if !open {
					t.Fatal("says that a transaction is open, and none is")
				}
				return
			}
			act = m.next(o)
		}
	})
}

func TestMachineEndsABatch(t *testing.T) {
	start := time.Unix(0, 0)
	run := func(m *machine, answers ...outcome) (last action) {
		for _, o := range answers {
			last = m.next(o)
		}
		return last
	}
	for name, c := range map[string]struct {
		answers []outcome
		want    action
	}{
		"when it is full":       {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}}, doDrain},
		"when its time is up":   {[]outcome{{records: 5}, {now: start}, {records: 1, now: start.Add(time.Second)}}, doDrain},
		"when it is asked to":   {[]outcome{{records: 5}, {now: start}, {records: 1, now: start, ended: true}}, doDrain},
		"and not before":        {[]outcome{{records: 5}, {now: start}, {records: 9, now: start.Add(999 * time.Millisecond)}}, doPollMore},
		"later when behind":     {[]outcome{{records: 5}, {now: start}, {records: 29, now: start.Add(2 * time.Second), behind: true}}, doPollMore},
		"but no later":          {[]outcome{{records: 5}, {now: start}, {records: 30, now: start, behind: true}}, doDrain},
		"with a commit":         {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}, {}, {}, {}}, doCommit},
		"taken back to wait":    {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}, {}, {}, {again: true}}, doAbort},
		"and goes on after it":  {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}, {}, {}, {again: true}, {}, {}, {}}, doPollFirst},
		"woken by the clock":    {[]outcome{{due: true}, {now: start}, {now: start}, {}}, doTick},
		"with a failed wake":    {[]outcome{{due: true}, {now: start}, {now: start}, {}, {err: errors.New("x")}}, doAbort},
		"with an abort":         {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}, {}, {}, {err: errors.New("x")}}, doAbort},
		"open if it must":       {[]outcome{{records: 5}, {now: start}, {records: 10, now: start}, {ended: true}}, doStopOpen},
		"not for markers alone": {[]outcome{{}}, doAdvance},
	} {
		if got := run(newMachine(10, time.Second), c.answers...); got != c.want {
			t.Errorf("%s: action %d, want %d", name, got, c.want)
		}
	}
}

// TestBatchesFitTheirTransactions: what takes too long to fold is folded in
// smaller batches, so that it is committed at last, and larger ones come back.
func TestBatchesFitTheirTransactions(t *testing.T) {
	m := newMachine(10_000, 100*time.Millisecond)
	m.longest = 5 * time.Second
	now := time.Unix(0, 0)
	batch := func(each time.Duration) {
		m.phase = idle
		for act := m.next(outcome{records: m.most, now: now}); act != doTick; {
			o := outcome{now: now}
			switch act {
			case doDispatch:
				o.records, o.behind = m.most, true
			case doDrain:
				now = now.Add(time.Duration(m.records) * each)
				o.now = now
			}
			act = m.next(o)
		}
	}
	batch(time.Second / 10)
	if took := time.Duration(m.most) * time.Second / 10; took > 5*time.Second || m.most < 1 {
		t.Errorf("the next batch takes %s", took)
	}
	batch(time.Minute)
	if m.most != 1 {
		t.Errorf("%d records of a minute each", m.most)
	}
	for range 20 {
		batch(time.Microsecond)
	}
	if m.most != 10_000 {
		t.Errorf("%d records", m.most)
	}
}
