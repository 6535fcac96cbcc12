package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/batching"
	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// rows are the rows of a session, and the memory of what of them is produced.
type rows struct {
	*batching.Rows
	g    *group
	sent map[int32]*sent
}

// sent are the records of one partition that the open transaction has produced.
type sent struct {
	records []*[recordChunk]kgo.Record
	n       int
}

const recordChunk = 256

func newRows(g *group, log *rowlog.Log, partitions []int32) (*rows, error) {
	var store batching.Store
	if log != nil {
		store = log
	}
	r, err := batching.NewRows(g.Bound, &g.careful, store, partitions)
	if err != nil {
		return nil, err
	}
	all := &rows{Rows: r, g: g, sent: map[int32]*sent{}}
	for _, n := range partitions {
		all.sent[n] = &sent{}
	}
	return all, nil
}

// drop forgets what a transaction changed that did not commit. The client may
// still hold its records.
func (r *rows) drop() {
	r.Drop()
	for n := range r.sent {
		r.sent[n] = &sent{}
	}
}

// flushers is how many partitions are encoded at a time.
const flushers = 2

// flush encodes the changed rows and produces them to the changelog, and to
// the view's topic where the group has one.
func (r *rows) flush(s *session) error {
	work := make(chan *batching.Part)
	errs := make(chan error, flushers)
	for range flushers {
		go func() {
			var first error
			for p := range work {
				err := r.flushPartition(s, p)
				if errors.Is(err, topology.ErrUnavailable) {
					s.holdRows(p.Number, err)
				} else if err != nil && first == nil {
					first = err
				}
			}
			errs <- first
		}()
	}
	for p := range r.All() {
		if p.Changed() > 0 {
			work <- p
		}
	}
	close(work)
	var first error
	for range flushers {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (r *rows) flushPartition(s *session, p *batching.Part) error {
	rt := s.rt
	acked := func(rec *kgo.Record, err error) {
		if rt.noted(rec, err); err == nil {
			p.Acked(rec.Offset)
		}
	}
	view, now, out := r.g.View.Topic.Name, time.Now(), r.sent[p.Number]
	out.n = 0
	return r.EncodeFor(p, func(key, value []byte, told bool) {
		headers := s.hops.row(r.g, key)
		rt.client.Produce(context.Background(), out.record(r.g.Table.Name, p.Number, key, value, now, headers), acked)
		if view != "" && told {
			rt.produce(out.record(view, p.Number, key, value, now, headers))
		}
	})
}

// record returns a record that is free again when the batch has been flushed.
func (o *sent) record(topic string, partition int32, key, value []byte, at time.Time, headers []kgo.RecordHeader) *kgo.Record {
	if o.n == recordChunk*len(o.records) {
		o.records = append(o.records, new([recordChunk]kgo.Record))
	}
	rec := &o.records[o.n/recordChunk][o.n%recordChunk]
	*rec = kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value, Timestamp: at, Headers: headers}
	o.n++
	return rec
}
