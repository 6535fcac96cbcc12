package hydrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/connectors/store"
	"payerflow/internal/topology"
)

// Copy looks at topics beside the store's copy of them. It is for any number of
// goroutines.
type Copy struct {
	Store *store.Store
	Admin *kadm.Client

	brokers []string
	opts    []kafka.Option
	client  *kgo.Client
}

// OpenCopy makes one that connects when it is used.
func OpenCopy(brokers []string, to *store.Store, opts ...kafka.Option) (*Copy, error) {
	c := &Copy{Store: to, brokers: brokers, opts: opts}
	var err error
	if c.client, err = kgo.NewClient(c.with()...); err != nil {
		return nil, fmt.Errorf("event store: %w", err)
	}
	c.Admin = kadm.NewClient(c.client)
	return c, nil
}

// Client is a new client of the same brokers.
func (c *Copy) Client(more ...kgo.Opt) (*kgo.Client, error) { return kgo.NewClient(c.with(more...)...) }

func (c *Copy) with(more ...kgo.Opt) []kgo.Opt {
	return append(append([]kgo.Opt{kgo.SeedBrokers(c.brokers...), kgo.ClientID("payerflow-store")}, c.opts...), more...)
}

// Close ends the connection to the brokers; the store stays open.
func (c *Copy) Close() { c.client.Close() }

// Life is one that a topic has now.
type Life struct {
	TopicID    string // hex
	Number     int    // in the store; 0: it has not met it
	Partitions int
}

// Lives are those of the topics that the cluster has, of these.
func (c *Copy) Lives(ctx context.Context, topics ...string) (map[string]Life, error) {
	known, err := c.Store.Incarnations(ctx)
	if err != nil {
		return nil, err
	}
	details, err := c.Admin.ListTopics(kadm.WithAuthorizedOps(ctx), topics...) // the cluster, and not what the client remembers
	if err != nil {
		return nil, fmt.Errorf("topics: %w: %w", topology.ErrUnavailable, err)
	}
	out := map[string]Life{}
	for topic, d := range details {
		if d.Err != nil {
			continue
		}
		l := Life{TopicID: hex.EncodeToString(d.ID[:]), Partitions: len(d.Partitions)}
		for _, i := range known {
			if i.Topic == topic && i.TopicID == l.TopicID {
				l.Number = i.Number
			}
		}
		out[topic] = l
	}
	return out, nil
}

// Lying is a record as it lies in a topic, under the identity that it has in the
// store.
type Lying struct {
	store.Held
	At     int64 // offset in the topic
	Record *kgo.Record
}

// Range is a run of offsets of a partition, of one life of its topic.
type Range struct {
	store.Shelf
	From, To int64 // the second is not in it
}

// errSilent says that no more came before the end of a range.
var errSilent = errors.New("the brokers do not give all that lies there")

// silence is how long a reader waits for more.
const silence = 5 * time.Second

// Scan calls each for the committed records of a range, in order. With gaps, the
// last records may be missing, as in a compacted topic; else that is an error.
func (c *Copy) Scan(ctx context.Context, r Range, gaps bool, each func(Lying) error) error {
	if r.From >= r.To {
		return nil
	}
	client, err := kgo.NewClient(c.with(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.Topic: {r.Partition: kgo.NewOffset().At(r.From)}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for next := r.From; next < r.To; {
		wait, cancel := context.WithTimeout(ctx, silence)
		fetches := client.PollFetches(wait)
		cancel()
		switch err := fetches.Err(); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) && gaps:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%s/%d: %w: %w", r.Topic, r.Partition, topology.ErrUnavailable, errSilent)
		case err != nil:
			return fmt.Errorf("%s/%d: %w: %w", r.Topic, r.Partition, topology.ErrUnavailable, err)
		}
		for _, rec := range fetches.Records() {
			if next = rec.Offset + 1; rec.Offset >= r.To {
				return nil
			}
			if rec.Attrs.IsControl() {
				continue
			}
			kept := asIs(rec, r.Incarnation).Original()
			if err := each(Lying{store.Held{ID: kept.ID, Time: kept.Time, Checksum: kept.Checksum()}, rec.Offset, rec}); err != nil {
				return err
			}
		}
	}
	return nil
}

// asIs is a record as the store keeps it, without what it is found by.
func asIs(rec *kgo.Record, incarnation int) store.Record {
	out := store.Record{ID: store.ID{Shelf: store.Shelf{Topic: rec.Topic, Incarnation: incarnation, Partition: rec.Partition}, Offset: rec.Offset},
		Time: rec.Timestamp.UTC(), Key: rec.Key, Value: rec.Value}
	for _, h := range rec.Headers {
		out.Headers = append(out.Headers, store.Header{Key: h.Key, Value: h.Value})
	}
	return out
}

var errUnheld = errors.New("not held")

// Held is how far the store has what lies in a range, exactly: the offset of the
// first record that it does not hold, or holds otherwise, or the range's end;
// and how many records lie before that. What the store has forgotten by its own
// rule counts as held.
func (c *Copy) Held(ctx context.Context, r Range) (end, records int64, err error) {
	below, err := c.Store.Below(ctx)
	if err != nil {
		return r.From, 0, err
	}
	end = r.From
	var batch []Lying
	check := func() error {
		held, err := c.sums(ctx, batch)
		if err != nil {
			return err
		}
		for _, l := range batch {
			if sum, ok := held[l.ID]; (!ok || sum != l.Checksum) && l.Offset >= below[l.Shelf] {
				end = l.At
				return errUnheld
			}
			end = l.At + 1
			records++
		}
		batch = batch[:0]
		return nil
	}
	err = c.Scan(ctx, r, false, func(l Lying) error {
		l.Record = nil
		if batch = append(batch, l); len(batch) == batchRecords {
			return check()
		}
		return nil
	})
	if err == nil {
		err = check()
	}
	if errors.Is(err, errUnheld) {
		return end, records, nil
	}
	if err == nil {
		end = r.To
	}
	return end, records, err
}

// sums are the checksums that the store has under the identities of records.
func (c *Copy) sums(ctx context.Context, batch []Lying) (map[store.ID]uint64, error) {
	spans := map[store.Shelf][2]int64{}
	for _, l := range batch {
		s, ok := spans[l.Shelf]
		if !ok {
			s = [2]int64{l.Offset, l.Offset}
		}
		spans[l.Shelf] = [2]int64{min(s[0], l.Offset), max(s[1], l.Offset)}
	}
	out := map[store.ID]uint64{}
	for shelf, s := range spans {
		if err := c.Store.Held(ctx, shelf, s[0], s[1]+1, func(h store.Held) error { out[h.ID] = h.Checksum; return nil }); err != nil {
			return nil, err
		}
	}
	return out, nil
}
