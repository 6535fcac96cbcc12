package refill

import (
	"context"
	"errors"
	"fmt"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
)

// Filled says what came back to a partition, or would.
type Filled struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	Empty     int64  `json:"emptyOffsets,omitempty"` // that were taken so that records lie where they lay
	Behind    bool   `json:"behind,omitempty"`       // they lie behind what was there
	Newer     int64  `json:"newer,omitempty"`        // that stay out: the topic has a newer one of their key
	Left      int64  `json:"left,omitempty"`         // that stay out: the topic is not empty, and Append was not asked for
}

// putRecords is how many records are written at once.
const putRecords = 1000

// ToStore stores what topics have and the store lacks. What it holds already
// stays as it is.
func (r *Refill) ToStore(ctx context.Context, topics []string, dry bool) (out []Filled, err error) {
	return out, r.each(ctx, topics, func(s *side) error {
		missing := map[store.ID]bool{}
		from, to := int64(-1), int64(0)
		for _, l := range s.lying {
			if _, ok := s.sums[l.ID]; !ok && l.Offset >= s.below[l.Shelf] {
				if missing[l.ID] = true; from < 0 {
					from = l.At
				}
				to = l.At + 1
			}
		}
		if len(missing) == 0 {
			return nil
		}
		if !dry {
			if err := r.store(ctx, s, hydrate.Range{From: from, To: to}, missing); err != nil {
				return err
			}
		}
		out = append(out, Filled{Topic: s.topic, Partition: s.partition, Records: int64(len(missing))})
		return nil
	})
}

func (r *Refill) store(ctx context.Context, s *side, at hydrate.Range, missing map[store.ID]bool) (err error) {
	if s.life.Number == 0 {
		if s.life.Number, err = r.Store.Incarnation(ctx, s.topic, s.life.TopicID); err != nil {
			return err
		}
		for id := range missing { // it was looked at as life 0
			if id.Incarnation == 0 {
				delete(missing, id)
				id.Incarnation = s.life.Number
				missing[id] = true
			}
		}
	}
	at.Shelf = store.Shelf{Topic: s.topic, Incarnation: s.life.Number, Partition: s.partition}
	r.total(int64(len(missing)))
	var batch []store.Record
	put := func() error {
		_, err := r.Store.Put(ctx, batch)
		r.passed(int64(len(batch)))
		batch = batch[:0]
		return err
	}
	err = r.Scan(ctx, at, s.compacted, func(l hydrate.Lying) error {
		if !missing[l.ID] {
			return nil
		}
		rec, err := r.Read.Record(l.Record, s.life.Number)
		if err != nil {
			return err
		}
		if batch = append(batch, rec); len(batch) == putRecords {
			return put()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return put()
}

// ErrMoved says that somebody else writes to a topic that is being filled.
var ErrMoved = errors.New("somebody else writes to the topic: stop the workers and whoever publishes, and begin again")

// ToTopics writes what the store holds and topics lack, marked, in the order of
// their offsets. Into a topic that is empty, or was filled to a part, records
// go to the offsets that they had. Into another one they go behind what is
// there, if append says so, unless it has a newer one of their key. A record
// that came back before never comes twice: the topic itself tells.
func (r *Refill) ToTopics(ctx context.Context, topics []string, dry, behind bool) (out []Filled, err error) {
	return out, r.each(ctx, topics, func(s *side) error {
		missing := s.missing()
		if len(missing) == 0 {
			return nil
		}
		if s.life.Partitions <= int(s.partition) {
			return fmt.Errorf("the cluster has no partition %s/%d: payerflow topics apply makes topics", s.topic, s.partition)
		}
		f := Filled{Topic: s.topic, Partition: s.partition}
		w := &writer{Refill: r, side: s, filled: &f, dry: dry}
		var err error
		switch {
		case s.atPlace(missing):
			err = w.atPlace(ctx, missing)
		case behind:
			f.Behind = true
			err = w.behind(ctx, missing)
		default:
			f.Left = int64(len(missing))
		}
		out = append(out, f)
		return err
	})
}

// missing are the records that the topic lacks.
func (s *side) missing() (out []store.Held) {
	if s.compacted && len(s.lying) > 0 && len(s.lying) == s.own() {
		return nil // what is not there was replaced
	}
	for _, h := range s.held {
		if _, ok := s.there[h.ID]; !ok {
			out = append(out, h)
		}
	}
	return out
}

// own is how many records of the topic did not come back from the store.
func (s *side) own() (n int) {
	for _, l := range s.lying {
		if l.Incarnation == s.life.Number {
			n++
		}
	}
	return n
}

// atPlace says whether records can lie where they lay.
func (s *side) atPlace(missing []store.Held) bool {
	for _, l := range s.lying {
		if l.At != l.Offset {
			return false
		}
	}
	return missing[0].Offset >= s.end
}
