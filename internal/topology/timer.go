package topology

import (
	"encoding/json"
	"fmt"
	"time"
)

// Timer wakes rows at a deadline that stands in them. Time is an input: the
// owner of a partition writes a tick, at most one a second and never ahead of
// its wall clock, and a row is woken when its deadline is not after the tick.
// No record's own time stamp moves the clock.
type Timer[S Row] struct {
	// Due is when the row wants to be woken next, the zero time for never. It
	// is worked out from the row alone.
	Due func(S) time.Time
	// Wake is folded into a row that is due. What it returns is due later, or
	// never; a row that stays due is woken again, a bounded number of times.
	Wake func(S, Waking) (S, []Output)
}

// Waking is why a row is woken.
type Waking struct {
	Key       string    // the entity's key
	Due       time.Time // the deadline that has passed
	Clock     time.Time // the tick
	Synthetic bool
	Pinned    Pinned // of a group that is pinned
}

// AnyTimer is a Timer without its row type; its zero value wakes nothing.
type AnyTimer struct {
	Due  func(row any) time.Time
	Wake func(row any, w Waking) (any, []Output)
}

func anyTimer[S Row](t Timer[S]) AnyTimer {
	if t.Due == nil {
		return AnyTimer{}
	}
	return AnyTimer{
		Due: func(row any) time.Time { s, _ := row.(S); return t.Due(s) },
		Wake: func(row any, w Waking) (any, []Output) {
			s, _ := row.(S)
			return t.Wake(s, w)
		},
	}
}

// Tick is the record by which a group's clock moves in one partition. What was
// woken by it was woken after exactly these positions had been folded: a replay
// that holds it back until then wakes the same.
type Tick struct {
	Clock     time.Time        `json:"clock"`
	Positions map[string]int64 `json:"positions"` // input topic -> next offset
}

// Encode writes the tick as JSON. It holds no key.
func (t Tick) Encode() ([]byte, error) { return json.Marshal(t) }

// DecodeTick reads what Encode wrote.
func DecodeTick(b []byte) (t Tick, err error) {
	if err = json.Unmarshal(b, &t); err != nil {
		err = fmt.Errorf("not a tick: %w", err)
	}
	return t, err
}

// maxWakes bounds how often one tick wakes one row.
const maxWakes = 1000

// Wake folds what is due at the clock into a row. All that is wrong with the
// row itself is a Parked; the row then stays as it was.
func (s *Stepper) Wake(stored string, row any, clock time.Time, pinned Pinned) (res Result, err error) {
	s.rec, s.event, s.id = nil, nil, ""
	w := Waking{Clock: clock, Pinned: pinned}
	w.Key, w.Synthetic = EntityKey(stored)
	timer, outputs, before := s.b.Timer, []Output(nil), row
	for n := 0; ; n++ {
		if w.Due = timer.Due(row); w.Due.IsZero() || w.Due.After(clock) {
			break
		}
		if n == maxWakes {
			return Result{Parked: &Parked{Code: TimerStuck, Reason: "the row stays due however often it is woken"}}, nil
		}
		next, out, parked, err := fold(func() (any, []Output) { return timer.Wake(row, w) })
		if err != nil || parked != nil {
			return Result{Parked: parked}, err
		}
		row, outputs, res.Row = next, append(outputs, out...), next
		if gone(row) {
			break
		}
	}
	if res.Row == nil { // nothing was due
		return res, nil
	}
	res.Emit, res.Parked, err = s.b.caused(w.Key, before, row, outputs)
	return res, err
}

func ticksTopic(group string, n int, retention time.Duration) Topic {
	return Topic{Name: group + "-ticks", Partitions: n, Retention: retention, Cleanup: Delete, Compression: "lz4",
		MaxMessageBytes: 1 << 20, Owner: group, Producers: []string{group}, Doc: "by which the clock of " + group + " moved"}
}
