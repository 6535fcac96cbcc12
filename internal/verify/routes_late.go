package verify

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// later notes an event that has not been routed yet: what comes of it while
// this looks is not of nothing.
func (run *routesRun) later(r *kgo.Record, first coordinates, envelope func([]byte) (events.Envelope, error)) (err error) {
	run.c.Counts["moving"]++
	var e events.Envelope
	if first.topic == run.f.Firehose {
		e, err = envelope(r.Value)
	} else {
		e, err = run.foreign(r, first.topic)
	}
	if err != nil {
		return unless(faulty(err), err)
	}
	run.late[idOf(e)] = true
	run.late[sumOf([]byte(e.ID), []byte(e.Key))] = true
	return nil
}

// strangers judges the records of no known event: those of events that have
// come since are none, and of those whose events are gone nothing is known.
func (run *routesRun) strangers(ctx context.Context) error {
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](run.f.Firehose, 2<<20), run.l.Schemas, run.f.Firehose)
	if err != nil {
		return err
	}
	now, err := run.l.held(ctx, true, run.inputs...)
	if err != nil {
		return err
	}
	for topic, ps := range now {
		for p, s := range ps {
			now.set(topic, p, span{max(s.from, run.read[topic][p].to), s.to})
		}
	}
	murmur := kgo.StickyKeyPartitioner(nil).ForTopic(run.f.Firehose)
	err = run.l.read(ctx, now, false, func(r *kgo.Record) error {
		if run.elsewhere(r, murmur) {
			return nil
		}
		return run.later(r, origin(r, run.f.Via), envelope)
	})
	for topic, all := range run.unknown {
		for id, at := range all {
			switch {
			case run.late[id]:
			case run.cut:
				run.c.Counts["of gone events"]++
			default:
				run.c.found("of no event", topic, "", at)
			}
		}
	}
	return err
}
