package batching

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
		m := NewMachine(10, time.Second)
		now := time.Unix(0, 0)
		var open, committed, stored, condemned bool
		act := DoPollFirst
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			o := Outcome{Now: now, Ended: rapid.IntRange(0, 30).Draw(t, "ended") == 0}
			if rapid.IntRange(0, 12).Draw(t, "err") == 0 {
				o.Err = errors.New("fault")
			}
			switch act {
			case DoPollFirst, DoPollMore:
				if open != (act == DoPollMore) {
					t.Fatalf("polls in the wrong state: open %v", open)
				}
				o.Records, o.Err = rapid.IntRange(0, 6).Draw(t, "n"), nil
				o.Due = rapid.IntRange(0, 6).Draw(t, "due") == 0
				o.Stale = act == DoPollFirst && rapid.IntRange(0, 12).Draw(t, "stale") == 0
			case DoBegin:
				if open {
					t.Fatal("begins inside of a transaction")
				}
				open, committed, stored = o.Err == nil, false, false
			case DoDispatch, DoDrain, DoTick, DoFlush:
				if !open {
					t.Fatal("works outside of a transaction")
				}
				o.Records = rapid.IntRange(0, 6).Draw(t, "n")
				o.Behind = rapid.Bool().Draw(t, "behind")
				o.Again = act == DoFlush && rapid.IntRange(0, 6).Draw(t, "again") == 0
				condemned = o.Again || o.Err != nil
			case DoCommit, DoAbort:
				if !open {
					t.Fatal("ends what is not open")
				}
				if act == DoCommit && condemned {
					t.Fatal("commits what is to be taken back")
				}
				open = false
				o.Committed = act == DoCommit && rapid.IntRange(0, 4).Draw(t, "committed") > 0
				committed = o.Committed
			case DoStore:
				if !committed || stored {
					t.Fatal("stores rows that Kafka has not committed, or twice")
				}
				stored = true
			case DoDrop:
				if committed {
					t.Fatal("drops rows that Kafka has committed")
				}
			case DoAdvance:
				if open || (committed && !stored) {
					t.Fatal("moves positions before the rows are stored")
				}
			case DoAllow:
				if open {
					t.Fatal("allows a rebalance inside of a transaction")
				}
			case DoGiveBack:
				if open {
					t.Fatal("gives back inside of a transaction")
				}
			case DoStop:
				if open {
					t.Fatal("leaves a transaction open without saying so")
				}
				return
			case DoStopOpen:
				if !open {
					t.Fatal("says that a transaction is open, and none is")
				}
				return
			}
			act = m.Next(o)
		}
	})
}

func TestMachineEndsABatch(t *testing.T) {
	start := time.Unix(0, 0)
	run := func(m *Machine, answers ...Outcome) (last Action) {
		for _, o := range answers {
			last = m.Next(o)
		}
		return last
	}
	for name, c := range map[string]struct {
		answers []Outcome
		want    Action
	}{
		"when it is full":       {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}}, DoDrain},
		"when its time is up":   {[]Outcome{{Records: 5}, {Now: start}, {Records: 1, Now: start.Add(time.Second)}}, DoDrain},
		"when it is asked to":   {[]Outcome{{Records: 5}, {Now: start}, {Records: 1, Now: start, Ended: true}}, DoDrain},
		"and not before":        {[]Outcome{{Records: 5}, {Now: start}, {Records: 9, Now: start.Add(999 * time.Millisecond)}}, DoPollMore},
		"later when behind":     {[]Outcome{{Records: 5}, {Now: start}, {Records: 29, Now: start.Add(2 * time.Second), Behind: true}}, DoPollMore},
		"but no later":          {[]Outcome{{Records: 5}, {Now: start}, {Records: 30, Now: start, Behind: true}}, DoDrain},
		"with a commit":         {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}, {}, {}, {}}, DoCommit},
		"taken back to wait":    {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}, {}, {}, {Again: true}}, DoAbort},
		"and goes on after it":  {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}, {}, {}, {Again: true}, {}, {}, {}}, DoPollFirst},
		"woken by the clock":    {[]Outcome{{Due: true}, {Now: start}, {Now: start}, {}}, DoTick},
		"with a failed wake":    {[]Outcome{{Due: true}, {Now: start}, {Now: start}, {}, {Err: errors.New("x")}}, DoAbort},
		"with an abort":         {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}, {}, {}, {Err: errors.New("x")}}, DoAbort},
		"open if it must":       {[]Outcome{{Records: 5}, {Now: start}, {Records: 10, Now: start}, {Ended: true}}, DoStopOpen},
		"not for markers alone": {[]Outcome{{}}, DoAdvance},
	} {
		if got := run(NewMachine(10, time.Second), c.answers...); got != c.want {
			t.Errorf("%s: action %d, want %d", name, got, c.want)
		}
	}
}

// TestBatchesFitTheirTransactions: what takes too long to fold is folded in
// smaller batches, so that it is committed at last, and larger ones come back.
func TestBatchesFitTheirTransactions(t *testing.T) {
	m := NewMachine(10_000, 100*time.Millisecond)
	m.Longest = 5 * time.Second
	now := time.Unix(0, 0)
	batch := func(each time.Duration) {
		m.phase = idle
		for act := m.Next(Outcome{Records: m.Most, Now: now}); act != DoTick; {
			o := Outcome{Now: now}
			switch act {
			case DoDispatch:
				o.Records, o.Behind = m.Most, true
			case DoDrain:
				now = now.Add(time.Duration(m.Records) * each)
				o.Now = now
			}
			act = m.Next(o)
		}
	}
	batch(time.Second / 10)
	if took := time.Duration(m.Most) * time.Second / 10; took > 5*time.Second || m.Most < 1 {
		t.Errorf("the next batch takes %s", took)
	}
	batch(time.Minute)
	if m.Most != 1 {
		t.Errorf("%d records of a minute each", m.Most)
	}
	for range 20 {
		batch(time.Microsecond)
	}
	if m.Most != 10_000 {
		t.Errorf("%d records", m.Most)
	}
}
