package verify

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// take reads what the router took, in this pass's share of keys.
func (run *routesRun) take(ctx context.Context) error {
	f := run.f
	run.events, run.byID, run.byKey, run.sources = nil, map[uint64]int32{}, map[uint64]int32{}, map[coordinates]uint32{}
	run.sets, run.targets, run.redone = map[string]int32{}, nil, map[int32]bool{}
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](f.Firehose, 2<<20), run.l.Schemas, f.Firehose)
	if err != nil {
		return err
	}
	held, err := run.l.held(ctx, true, run.inputs...)
	if err != nil {
		return err
	}
	run.read = held
	murmur := kgo.StickyKeyPartitioner(nil).ForTopic(f.Firehose)
	return run.l.read(ctx, held, false, func(r *kgo.Record) error {
		if run.elsewhere(r, murmur) {
			return nil
		}
		first := origin(r, f.Via)
		if r.Offset >= run.at.at(Follower{f.Router, r.Topic}, r.Partition) {
			return run.later(r, first, envelope)
		}
		if run.passes > 1 && int(hashOf(string(r.Key))%uint64(run.passes)) != run.pass {
			return nil
		}
		run.c.Counts["events"]++
		if _, is := run.letters.whole(first); is {
			run.c.Counts["parked"]++
			return nil
		}
		rules, ok := run.pinned(r)
		if !ok {
			if run.cut {
				run.c.Counts["of gone transactions"]++
			} else {
				run.c.found("in no transaction", first.topic, "", place(r))
			}
			return nil
		}
		if first.topic == f.Firehose {
			e, err := envelope(r.Value)
			if err != nil {
				return run.unparked(r, first, err)
			}
			return run.note(r, first, e, "", rules)
		}
		e, err := run.foreign(r, first.topic)
		if err != nil {
			return run.unparked(r, first, err)
		}
		return run.note(r, first, e, first.topic, rules)
	})
}

// elsewhere says whether a record is met in the repartition topic, or is none
// that the router takes.
func (run *routesRun) elsewhere(r *kgo.Record, murmur kgo.TopicPartitioner) bool {
	if r.Topic == run.f.Via {
		return false
	}
	return r.Topic != run.f.Firehose && header(r, "pf_origin") != nil ||
		len(r.Key) > 0 && int32(murmur.Partition(r, run.f.Partitions)) != r.Partition
}

func (run *routesRun) unparked(r *kgo.Record, first coordinates, err error) error {
	if faulty(err) {
		run.c.found("not parked", first.topic, "", f("%d/%d", first.partition, first.offset))
		return nil
	}
	return err
}

// origin are the coordinates that a record had before it was repartitioned.
func origin(r *kgo.Record, via string) coordinates {
	if r.Topic != via {
		return coordinates{r.Topic, r.Partition, r.Offset}
	}
	p, _ := strconv.ParseInt(string(header(r, "pf_partition")), 10, 32)
	o, _ := strconv.ParseInt(string(header(r, "pf_offset")), 10, 64)
	return coordinates{string(header(r, "pf_topic")), int32(p), o}
}

// foreign is the envelope of an event that a service wrote to a domain topic.
func (run *routesRun) foreign(r *kgo.Record, topic string) (events.Envelope, error) {
	t, err := run.f.Domain[topic](r.Value)
	if err != nil {
		return events.Envelope{}, err
	}
	id, err := identityOf(r, topic, func() ([]byte, error) { return []byte(t.Digest), nil })
	text := func(name string) string { return string(header(r, name)) }
	tags, _ := events.ParseTags(text("ce_tags"))
	return events.Envelope{ID: id, Type: t.Type, Key: t.Key, TransactionID: text("ce_transactionid"), UserID: events.ID(text("ce_userid")),
		TransactionType: text("ce_transactiontype"), SourceSystem: text("ce_source"), Synthetic: text("ce_synthetic") == "true", Tags: tags,
		At: events.InstantOf(r.Timestamp), ReceivedAt: events.InstantOf(r.Timestamp), Body: t.Body}, err
}
