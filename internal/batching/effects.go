package batching

import (
	"time"

	"payerflow/internal/topology"
)

// keysPerTick is how many keys of a partition have their effects tried in one
// transaction.
const keysPerTick = 256

// Tried is what came of the oldest effects of one key.
type Tried struct {
	Done   int
	Failed bool
	kept   *Row
}

// Backlogs are the rows of an effects group whose oldest effects are due.
func (w *Work) Backlogs(due []Deadline) (all []*Tried, err error) {
	for _, d := range due[:min(len(due), keysPerTick)] {
		w.stored = []byte(d.key)
		if _, err := w.loadRow(); err != nil {
			return nil, err
		}
		all = append(all, &Tried{kept: w.kept})
	}
	return all, nil
}

// Try does the effects of one key in order, until one fails or over says that
// there is no time left: that is no failure of the effect.
func (t *Tried) Try(over func() bool, do func(p topology.Pending, key string, synthetic bool, attempt int) error) {
	backlog, _ := t.kept.Value.(topology.Backlog)
	key, synthetic := topology.EntityKey(t.kept.Key)
	for attempt := backlog.Failures; t.Done < len(backlog.Pending) && !over(); attempt = 0 {
		if do(backlog.Pending[t.Done], key, synthetic, attempt) != nil {
			t.Failed = !over()
			return
		}
		t.Done++
	}
}

// Settle puts into the open transaction what came of a key's effects. Those
// that are given up are parked, each as the record in progress, after as many
// retries as park is told.
func (w *Work) Settle(t *Tried, clock time.Time, park func(why *topology.Parked, retries int) error) error {
	backlog, _ := t.kept.Value.(topology.Backlog)
	next, givenUp := backlog.Settle(t.Done, t.Failed, clock)
	w.Part.set(t.kept, next)
	t.kept.told = true
	retries := backlog.Failures
	for i, p := range givenUp {
		key, _ := topology.EntityKey(t.kept.Key)
		w.Raw = topology.Raw{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, Key: []byte(key), Value: p.Value, Headers: p.Headers}
		why := &topology.Parked{Code: topology.EffectFailed, EventID: p.ID, Reason: "the effect failed, and so did its retries"}
		if i > 0 {
			retries, why.Reason = 0, "an earlier effect of the same key was given up"
		}
		if err := park(why, retries); err != nil {
			return err
		}
	}
	return nil
}
