package verify

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/tables"
)

// Flow names the topics of the mediator, and who folds them.
type Flow struct {
	Router     string             // group
	Partitions int                // of its table
	Via        string             // topic of its records at the partition of their key
	Firehose   string             // topic
	Control    string             // topic of the rules
	Routed     string             // topic of what each transaction was pinned to
	Consumers  string             // what names of consumer topics begin with
	Types      []tables.EventType // before anybody has registered anything
	// Domain reads values of each domain topic.
	Domain map[string]func([]byte) (events.Typed, error)
}

// remembered is how long the router knows an identity: one that comes again
// later is another event.
const remembered = 24 * time.Hour

// replayed is the header of a copy that was delivered again on demand.
const replayed = "pf_replayed"

// Duplicates looks for events that are twice in a consumer topic, or that the
// router wrote twice to a domain topic.
func (l *Log) Duplicates(ctx context.Context, f Flow) (*Check, error) {
	c := newCheck("duplicates")
	consumers, err := l.topics(ctx, f.Consumers)
	if err != nil {
		return nil, err
	}
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](f.Firehose, 2<<20), l.Schemas, f.Firehose)
	if err != nil {
		return nil, err
	}
	for _, topic := range slices.Concat(consumers, slices.Sorted(maps.Keys(f.Domain))) {
		ours := slices.Contains(consumers, topic)
		seen := map[uint64]int64{} // identity -> time stamp, milliseconds
		err = l.delivered(ctx, topic, func(r *kgo.Record) error {
			var id uint64
			if ours && header(r, replayed) != nil {
				c.Counts["delivered again"]++
				return nil
			}
			if ours {
				e, err := envelope(r.Value)
				if err != nil {
					c.found("unreadable", topic, "", place(r))
					return unless(faulty(err), err)
				}
				id = idOf(e)
			} else if header(r, "pf_origin") == nil {
				return nil // a service's own: what it sends twice is two events
			} else {
				id = sumOf(header(r, "ce_id"), r.Key, r.Value)
			}
			c.Counts["records"]++
			at := r.Timestamp.UnixMilli()
			if was, twice := seen[id]; twice && at-was < remembered.Milliseconds() {
				c.found("doubled", topic, l.Hash(string(r.Key)), place(r))
			}
			seen[id] = at
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ownSpace is within what ids are unique where no team published: services
// write each type to a topic of its own.
func ownSpace(e events.Envelope) string {
	if e.Publisher == "" {
		return string(e.Type)
	}
	return ""
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// sumOf is a 64-bit hash of texts, each behind its length.
func sumOf(parts ...[]byte) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p)))) // never fails
		_, _ = h.Write(p)
	}
	return h.Sum64()
}
