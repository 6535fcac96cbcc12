package batching

import (
	"time"

	"payerflow/internal/topology"
)

// Tick is what the clock of a partition wakes as it moves to now, and the
// record of that. at is where an input stands.
func (r *Rows) Tick(p *Part, now time.Time, at func(topic string) int64) (due []Deadline, tick topology.Tick) {
	due, clock := p.Deadlines.take(now)
	p.Deadlines.ticked = now
	tick = topology.Tick{Clock: clock.UTC(), Positions: map[string]int64{}}
	for _, topic := range r.g.Reads() {
		tick.Positions[topic] = at(topic)
	}
	return due, tick
}

// Wake folds what is due at the clock into one row, and puts what that did into
// the open transaction.
func (w *Work) Wake(d Deadline, clock time.Time, pinned topology.Pinned, out Out) (topology.Result, error) {
	w.stored = []byte(d.key)
	row, err := w.loadRow()
	if err != nil {
		return topology.Result{}, err
	}
	w.Raw = topology.Raw{Topic: w.Rows.g.Ticks.Name, Partition: w.Part.Number, Offset: -1, Key: w.stored, Timestamp: clock, Headers: topology.MarkedAs(d.key)}
	result, err := w.Part.steps.Wake(d.key, row, clock, pinned)
	if err = w.check(&result, err); err != nil {
		return result, err
	}
	if result.Parked != nil || result.Row == nil {
		w.Part.Deadlines.remove(d) // until the row changes
	}
	if result.Parked != nil && row != nil {
		if w.Raw.Value, err = w.Rows.g.Rows.Encode(row); err != nil {
			return result, err
		}
	}
	return result, w.apply(result, out)
}
