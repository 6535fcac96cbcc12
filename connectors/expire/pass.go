package expire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// pass is one look at all partitions.
type pass struct {
	*Expirer
	producer *kgo.Client
	now      time.Time

	lives   map[string]hydrate.Life
	reads   map[string]map[int32]int64 // how far all readers are
	starts  kadm.ListedOffsets
	ends    kadm.ListedOffsets
	more    bool // there is more to delete at once
	deleted int64
	overdue map[string]time.Duration // by topic: beyond its days
}

func (p *pass) run(ctx context.Context) (err error) {
	if err := p.finish(ctx); err != nil {
		return err
	}
	topics := slices.Sorted(maps.Keys(p.Days))
	if p.lives, err = p.copy.Lives(ctx, topics...); err != nil {
		return err
	}
	topics = slices.Sorted(maps.Keys(p.lives))
	if len(topics) == 0 {
		return nil
	}
	if p.starts, err = offsetsOf(p.copy.Admin.ListStartOffsets(ctx, topics...)); err != nil {
		return err
	}
	if p.ends, err = offsetsOf(p.copy.Admin.ListCommittedOffsets(ctx, topics...)); err != nil {
		return err
	}
	if p.reads, err = p.readings(ctx); err != nil {
		return err
	}
	for _, topic := range topics {
		if err := p.topic(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// topic moves the beginnings of a topic's partitions.
func (p *pass) topic(ctx context.Context, topic string) error {
	cutoff := p.now.Add(-p.Days[topic])
	young, err := offsetsOf(p.copy.Admin.ListOffsetsAfterMilli(ctx, cutoff.UnixMilli(), topic))
	if err != nil {
		return err
	}
	first, err := offsetsOf(p.copy.Admin.ListOffsetsAfterMilli(ctx, 0, topic))
	if err != nil {
		return err
	}
	for partition := range int32(p.lives[topic].Partitions) {
		start, _ := p.starts.Lookup(topic, partition)
		end, _ := p.ends.Lookup(topic, partition)
		due, ok := young.Lookup(topic, partition)
		// The last offset stays: a broker that is killed knows from it where the
		// partition ends.
		target := min(due.Offset, end.Offset-1)
		if !ok || due.Err != nil || start.Err != nil || end.Err != nil || target <= start.Offset {
			continue
		}
		done, err := p.partition(ctx, store.Shelf{Topic: topic, Incarnation: p.lives[topic].Number, Partition: partition}, start.Offset, target)
		if oldest, ok := first.Lookup(topic, partition); done < target && ok && oldest.Timestamp > 0 {
			p.overdue[topic] = max(p.overdue[topic], cutoff.Sub(time.UnixMilli(oldest.Timestamp)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partition moves the beginning of a partition as far as it may, and says how
// far that is.
func (p *pass) partition(ctx context.Context, shelf store.Shelf, start, target int64) (int64, error) {
	if shelf.Incarnation == 0 {
		return start, nil // the store has not met this life of the topic
	}
	to := min(target, p.reads[shelf.Topic][shelf.Partition], start+mostAtOnce)
	if to <= start {
		return start, nil
	}
	held, records, err := p.copy.Held(ctx, hydrate.Range{Shelf: shelf, From: start, To: to})
	if err != nil || held <= start {
		return start, err
	}
	if !p.leads.Load() {
		return start, nil
	}
	l := topology.LogStart{Topic: shelf.Topic, TopicID: p.lives[shelf.Topic].TopicID, Partition: shelf.Partition, Offset: held, At: p.now}
	why := fmt.Sprintf("older than %d days, and held by the event store", p.Days[shelf.Topic]/(24*time.Hour))
	if err := p.note(ctx, l, events.AuditReceived{Act: "records.expire", Object: "topic", Name: l.Key(), Why: why, Count: records,
		Before: fmt.Sprintf(`{"logStart":%d}`, start), After: fmt.Sprintf(`{"logStart":%d}`, held)}); err != nil {
		return start, err
	}
	if err := p.remove(ctx, l); err != nil {
		return start, err
	}
	p.deleted += records
	p.more = p.more || held == to && to < target && to == start+mostAtOnce
	p.Log.Info("records have expired", "topic", shelf.Topic, "partition", shelf.Partition, "begins", held, "records", records)
	return held, nil
}

// readings is how far sink and groups have read each partition: what one of
// them has not read stays.
func (p *pass) readings(ctx context.Context) (map[string]map[int32]int64, error) {
	names := map[string]bool{hydrate.Group: true}
	for _, r := range p.Readings {
		names[r.Group] = true
	}
	at := map[string]kadm.OffsetResponses{}
	for group := range names {
		offsets, err := p.copy.Admin.FetchOffsets(ctx, group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("offsets of %s: %w: %w", group, topology.ErrUnavailable, err)
		}
		at[group] = offsets
	}
	out := map[string]map[int32]int64{}
	for topic, life := range p.lives {
		out[topic] = map[int32]int64{}
		for partition := range int32(life.Partitions) {
			sink, _ := at[hydrate.Group].Lookup(topic, partition)
			out[topic][partition] = max(sink.At, 0)
		}
	}
	for _, r := range p.Readings {
		if r.Optional && len(at[r.Group]) == 0 {
			continue
		}
		for partition := range out[r.Topic] {
			group, _ := at[r.Group].Lookup(r.Topic, partition)
			out[r.Topic][partition] = min(out[r.Topic][partition], max(group.At, 0))
		}
	}
	return out, nil
}

// sweep has the store delete what it need not keep.
func (p *pass) sweep(ctx context.Context) error {
	swept, err := p.Store.Sweep(ctx, func(topic string) (time.Time, bool) {
		_, managed := p.Days[topic]
		return p.now.Add(-p.Keep), managed
	})
	for _, s := range swept {
		e := events.AuditReceived{Act: "events.expire", Object: "event-store", Name: fmt.Sprintf("%s/%d/%d", s.Topic, s.Incarnation, s.Partition), Count: int64(s.Deleted),
			Why: fmt.Sprintf("older than %d days", p.Keep/(24*time.Hour)), After: fmt.Sprintf(`{"begins":%d,"onHold":%d}`, s.Below, s.OnHold)}
		if failed := p.note(ctx, topology.LogStart{}, e); failed != nil {
			return failed
		}
		p.Log.Info("the event store has deleted what is too old", "shelf", e.Name, "records", s.Deleted, "held", s.OnHold)
	}
	return err
}

// note writes down what is done, in one transaction: the beginning of a
// partition, where there is one, and the audit's record.
func (p *pass) note(ctx context.Context, l topology.LogStart, e events.AuditReceived) error {
	e.ID, e.At, e.Actor, e.Decision = uuid.NewString(), events.InstantOf(p.now), "payerflow", events.AuditAllow
	value, err := p.audit.Encode(e)
	if err != nil {
		return fmt.Errorf("audit record: %w", err)
	}
	records := []*kgo.Record{{Topic: topologies.AuditReceived.Topic.Name, Key: []byte(e.ID), Value: value}}
	if l.Topic != "" {
		value, err := l.Encode()
		if err != nil {
			return err
		}
		records = append(records, &kgo.Record{Topic: topology.LogStarts.Name, Key: []byte(l.Key()), Value: value})
	}
	if err = p.producer.BeginTransaction(); err == nil {
		if err = p.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
			_ = p.producer.EndTransaction(ctx, kgo.TryAbort) // what it says does not count
		} else {
			err = p.producer.EndTransaction(ctx, kgo.TryCommit)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", topology.LogStarts.Name, topology.ErrUnavailable, err)
	}
	return nil
}
