package kafka

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// read takes what is kept of the past, and then what topics hold.
func (r *redelivery) read(ctx context.Context) error {
	now := spans{}
	for topic, ps := range r.state.Spans {
		now[topic] = map[int32]span{}
		for p, s := range ps {
			seam := min(s[1], max(s[0], r.seam[topic][p].from))
			if r.d.Past != nil && s[0] < seam {
				if err := r.d.Past.Read(ctx, topic, p, s[0], seam, r.req.Choice.From, func(rec *kgo.Record) error { return r.take(ctx, rec) }); err != nil {
					return err
				}
			}
			r.state.pass(topic, p, s[0], seam)
			now[topic][p] = span{seam, s[1]}
		}
	}
	scan := scanner{brokers: r.d.Brokers, opts: r.d.Options}
	if err := scan.scan(ctx, now, func(rec *kgo.Record) error { return r.take(ctx, rec) }); err != nil {
		return err
	}
	for topic, ps := range r.state.Spans {
		for p, s := range ps {
			r.state.pass(topic, p, s[0], s[1])
		}
	}
	return nil
}

// pinned reader of the stepper: the router's folds read nothing but the rules.
func (r *redelivery) Join(string) any           { return nil }
func (r *redelivery) Lookup(string, string) any { return nil }
func (r *redelivery) Pinned() topology.Pinned   { return r.pinned }
func (r *redelivery) Row(string) any            { return nil }

func (r *redelivery) Under(string, string, int) []topology.Sub { return nil }

// take routes one record.
func (r *redelivery) take(ctx context.Context, rec *kgo.Record) error {
	if err := r.pin(ctx); err != nil {
		return err
	}
	in := r.inputs[rec.Topic]
	raw := rawOf(rec)
	if !r.bound.Inputs[in].PassesBy(raw) {
		if err := r.route(in, raw); err != nil {
			return err
		}
	}
	r.state.pass(rec.Topic, rec.Partition, r.state.Spans[rec.Topic][rec.Partition][0], rec.Offset+1)
	return nil
}

// pin begins a batch where there is none: with the rules of now.
func (r *redelivery) pin(ctx context.Context) error {
	if r.pinned != nil {
		if len(r.batch) < r.most() && r.bytes < redriveBytes && time.Since(r.since) < redeliverEvery {
			return nil
		}
		n := len(r.batch)
		if err := r.commit(ctx); err != nil {
			return err
		}
		if r.limit != nil && n > 0 {
			if err := r.limit.WaitN(ctx, n); err != nil {
				return err
			}
		}
	}
	if _, err := r.subscription(); err != nil {
		return err
	}
	rules, err := r.d.Rules()
	if err != nil {
		return err
	}
	r.since = time.Now()
	r.pinned = r.base.With(rules, r.since)
	return nil
}

// most is how many copies are written at once.
func (r *redelivery) most() int {
	if r.req.Rate > 0 {
		return min(r.req.Rate, redriveRecords)
	}
	return redriveRecords
}

func (r *redelivery) route(in int, raw *topology.Raw) error {
	raw.Headers = append(raw.Headers, topology.Header{Key: topology.HeaderOutput, Value: []byte(r.state.ownTopic())})
	var id [16]byte
	load := func(key string) (any, error) {
		sum := sha256.Sum256([]byte(topology.RowKey(key, raw.Synthetic())))
		copy(id[:], sum[:])
		if at, came := r.seen[id]; came && raw.Timestamp.UnixMilli()-at < sameEvent.Milliseconds() {
			return tables.Processed{Until: events.InstantOf(raw.Timestamp), Redone: []string{r.state.ownTopic()}}, nil
		}
		return nil, nil
	}
	res, err := r.stepper.Step(in, raw, raw.Timestamp, load, r)
	written := raw.Offset < r.done[raw.Topic][raw.Partition]
	switch {
	case err != nil:
		return err
	case res.Dropped == processors.TooCostly:
		return processors.ErrFilterCost
	case len(res.Emit) == 0 && !written:
		code := res.Dropped
		if res.Parked != nil {
			code = res.Parked.Code
		}
		r.state.PassedOver[code]++
	}
	for _, e := range res.Emit {
		r.seen[id] = raw.Timestamp.UnixMilli()
		if !written {
			r.add(raw, e)
		}
	}
	return nil
}

func (r *redelivery) add(raw *topology.Raw, e topology.Emission) {
	rec := &kgo.Record{Topic: r.state.Topic, Partition: topology.Partition([]byte(e.Key), r.parts), Key: []byte(e.Key), Value: e.Value, Timestamp: raw.Timestamp}
	for _, h := range topology.HeadersOf(raw, e.Headers) {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	r.state.Delivered++
	r.batch = append(r.batch, rec)
	r.bytes += sizeOf(rec)
}

// commit writes the copies, and how far it is, as one transaction.
func (r *redelivery) commit(ctx context.Context) error {
	r.state.Updated = time.Now().UTC()
	r.progress(r.state)
	defer func() { r.batch, r.bytes = nil, 0 }()
	if r.req.DryRun {
		return nil
	}
	note, err := r.state.record(r.done)
	if err != nil {
		return err
	}
	if err := r.writer.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err = r.writer.ProduceSync(ctx, append(r.batch, note)...).FirstErr()
	end := kgo.TryCommit
	if err != nil {
		end = kgo.TryAbort
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), redriveTimeout)
	defer cancel()
	err = errors.Join(err, r.writer.EndTransaction(ending, end))
	if fenced(err) {
		return undeliverable(RedeliveryTaken, "the same redelivery was begun elsewhere; this one ends, and nothing is delivered twice")
	}
	return err
}

// fenced says that somebody else began with the same transactional id.
func fenced(err error) bool {
	return errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerIDMapping)
}
