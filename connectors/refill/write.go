package refill

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/topologies"
)

// transactional is the id of whoever fills topics: a second one ends the first.
const transactional = "payerflow.rehydrate"

const (
	// runMost is how many records one transaction writes at most.
	runMost = 5000
	// emptyMost is how many offsets without a record are taken at once.
	emptyMost = 20_000
)

// writer fills one partition.
type writer struct {
	*Refill
	*side
	filled *Filled
	dry    bool
	plain  *kgo.Client
	txn    *kgo.Client
}

func (w *writer) open() (err error) {
	opts := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerBatchMaxBytes(limitOf(w.topic)), kgo.DefaultProduceTopic(w.topic)}
	if w.plain, err = w.Client(opts...); err != nil {
		return err
	}
	// Transactions of the old kind: what takes one offset and has no record is
	// asked for by hand, and must not change the epoch.
	w.txn, err = w.Client(append(opts, kgo.TransactionalID(transactional), kgo.MaxVersions(kversion.V2_8_0()))...)
	return err
}

func (w *writer) close() {
	for _, c := range []*kgo.Client{w.plain, w.txn} {
		if c != nil {
			c.Close()
		}
	}
}

// limitOf is how large a batch may be.
func limitOf(topic string) int32 {
	for _, t := range topologies.Topics() {
		if t.Name == topic {
			return int32(t.MaxMessageBytes)
		}
	}
	return 1 << 20
}

// atPlace writes records to the offsets that they had. Transactions stand where
// transactions stood: the mark at their end takes the offset that the mark of
// the first one had.
func (w *writer) atPlace(ctx context.Context, missing []store.Held) error {
	first := missing[0].Offset
	if len(w.lying) > 0 {
		first = min(first, w.lying[0].At)
	}
	next := w.end
	runs := runsOf(missing)
	w.total(int64(len(missing)))
	if w.dry {
		w.filled.Records = int64(len(missing))
		w.filled.Empty = missing[len(missing)-1].Offset + 1 - next - w.filled.Records
		w.passed(w.filled.Records)
		return nil
	}
	if err := w.open(); err != nil {
		return err
	}
	defer w.close()
	for i, run := range runs {
		if err := w.empty(ctx, next, run[0].Offset-next); err != nil {
			return err
		}
		last := run[len(run)-1].Offset
		marked := i+1 < len(runs) && len(run) <= runMost
		if err := w.run(ctx, run, marked); err != nil {
			return err
		}
		if next = last + 1; marked {
			next++
			w.filled.Empty++
		}
	}
	if w.start < first {
		return w.begin(ctx, first)
	}
	return nil
}

// runsOf splits records where offsets have none.
func runsOf(held []store.Held) (out [][]store.Held) {
	from := 0
	for i := range held {
		if i+1 == len(held) || held[i+1].Offset != held[i].Offset+1 {
			out = append(out, held[from:i+1])
			from = i + 1
		}
	}
	return out
}

// run writes records that lie behind one another, in one transaction if its
// mark has a place.
func (w *writer) run(ctx context.Context, run []store.Held, marked bool) error {
	w.step()
	c := w.plain
	if marked {
		c = w.txn
		if err := c.BeginTransaction(); err != nil {
			return w.failed(err)
		}
	}
	for from := 0; from < len(run); from += putRecords {
		if err := w.produce(ctx, c, run[from:min(from+putRecords, len(run))], true); err != nil {
			if marked {
				err = errors.Join(err, c.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort))
			}
			return err
		}
	}
	if marked {
		return w.failed(c.EndTransaction(ctx, kgo.TryCommit))
	}
	return nil
}

// produce writes records as they were, with their mark.
func (w *writer) produce(ctx context.Context, c *kgo.Client, held []store.Held, place bool) error {
	records := make([]*kgo.Record, 0, len(held))
	for _, h := range held {
		r, err := w.Store.Get(ctx, h.ID)
		if err != nil {
			return fmt.Errorf("%s: %w", h.ID, err)
		}
		if r.Checksum() != h.Checksum {
			return fmt.Errorf("%s: the store's copy is not what was stored", h.ID)
		}
		out := &kgo.Record{Topic: w.topic, Partition: w.partition, Key: r.Key, Value: r.Value, Timestamp: r.Time}
		for _, header := range r.Headers {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: header.Key, Value: header.Value})
		}
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: store.HeaderRehydrated, Value: []byte(h.ID.String())})
		records = append(records, out)
	}
	results := c.ProduceSync(ctx, records...)
	if err := results.FirstErr(); err != nil {
		return w.failed(err)
	}
	for i, r := range records {
		if place && r.Offset != held[i].Offset {
			return fmt.Errorf("%s/%d: %w", w.topic, w.partition, ErrMoved)
		}
	}
	w.filled.Records += int64(len(records))
	w.passed(int64(len(records)))
	return nil
}

// empty takes offsets without a record: those of a transaction that is aborted,
// and of its mark. One alone is the mark of a transaction that wrote nothing.
func (w *writer) empty(ctx context.Context, next, n int64) error {
	for n > 0 {
		w.step()
		now := min(n, emptyMost)
		if now == 1 {
			if err := w.mark(ctx); err != nil {
				return err
			}
		} else {
			if err := w.txn.BeginTransaction(); err != nil {
				return w.failed(err)
			}
			records := make([]*kgo.Record, now-1)
			for i := range records {
				records[i] = &kgo.Record{Topic: w.topic, Partition: w.partition}
			}
			err := w.txn.ProduceSync(ctx, records...).FirstErr()
			if err = errors.Join(err, w.txn.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort)); err != nil {
				return w.failed(err)
			}
			if records[0].Offset != next {
				return fmt.Errorf("%s/%d: %w", w.topic, w.partition, ErrMoved)
			}
		}
		next, n, w.filled.Empty = next+now, n-now, w.filled.Empty+now
	}
	return nil
}

// mark ends a transaction that wrote nothing.
func (w *writer) mark(ctx context.Context) error {
	id, epoch, err := w.txn.ProducerID(ctx)
	if err != nil {
		return w.failed(err)
	}
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = transactional, id, epoch
	topic := kmsg.NewAddPartitionsToTxnRequestTopic()
	topic.Topic, topic.Partitions = w.topic, []int32{w.partition}
	add.Topics = append(add.Topics, topic)
	added, err := add.RequestWith(ctx, w.txn)
	if err != nil {
		return w.failed(err)
	}
	for _, t := range added.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return w.failed(err)
			}
		}
	}
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch = transactional, id, epoch
	ended, err := end.RequestWith(ctx, w.txn)
	if err == nil {
		err = kerr.ErrorForCode(ended.ErrorCode)
	}
	return w.failed(err)
}

// begin has the partition begin where it did.
func (w *writer) begin(ctx context.Context, first int64) error {
	gone := kadm.Offsets{}
	gone.AddOffset(w.topic, w.partition, first, -1)
	done, err := w.Admin.DeleteRecords(ctx, gone)
	if err == nil {
		err = done.Error()
	}
	return w.failed(err)
}

// behind writes records behind what is there, but for those of which the topic
// has a newer one with the same key.
func (w *writer) behind(ctx context.Context, missing []store.Held) error {
	newest := map[string]store.ID{}
	own := store.Shelf{Topic: w.topic, Incarnation: w.life.Number, Partition: w.partition}
	if err := w.Scan(ctx, hydrate.Range{Shelf: own, From: w.start, To: w.end}, w.compacted, func(l hydrate.Lying) error {
		if key := string(l.Record.Key); l.Record.Key != nil && !later(newest[key], l.ID) {
			newest[key] = l.ID
		}
		return nil
	}); err != nil {
		return err
	}
	w.total(int64(len(missing)))
	if err := w.open(); err != nil {
		return err
	}
	defer w.close()
	for _, h := range missing {
		r, err := w.Store.Get(ctx, h.ID)
		if err != nil {
			return fmt.Errorf("%s: %w", h.ID, err)
		}
		if at, ok := newest[string(r.Key)]; ok && r.Key != nil && later(at, h.ID) {
			w.filled.Newer++
			w.passed(1)
			continue
		}
		if w.dry {
			w.filled.Records++
			continue
		}
		w.step()
		if err := w.produce(ctx, w.plain, []store.Held{h}, false); err != nil {
			return err
		}
	}
	return nil
}

// later says whether one record came after another. What the store has not met
// is the latest.
func later(a, b store.ID) bool {
	if a.Incarnation == 0 || b.Incarnation == 0 {
		return a.Topic != "" && b.Incarnation != 0 || a.Incarnation == b.Incarnation && a.Offset > b.Offset
	}
	return a.Incarnation > b.Incarnation || a.Incarnation == b.Incarnation && a.Offset > b.Offset
}

func (w *writer) step() {
	if w.fault != nil {
		w.fault()
	}
}

func (w *writer) failed(err error) error {
	if err != nil {
		return fmt.Errorf("fill %s/%d: %w", w.topic, w.partition, err)
	}
	return nil
}
