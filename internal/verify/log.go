package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Schemas is the part of a schema registry that decoding needs.
type Schemas interface {
	ID(subject, schema string) (int, error)
	Schema(id int) (string, error)
}

// Log is how the auditor reads the brokers.
type Log struct {
	Brokers []string
	Options []kgo.Opt
	Schemas Schemas
	Hash    func(key string) string // keyed: a hash without a key confirms a guess
	Total   func(int64)             // of offsets to be read, as it grows; may be nil
	Passed  func(int64)             // offsets that were read; may be nil
	// PassRecords is about how many records of a view's log are kept at once; 0:
	// 300,000.
	PassRecords int64
	// At are offsets up to which the logs of views are taken, as far as it names
	// them, in place of the positions of their groups; nil: those.
	At Vector
	// Instead names copies that are read in place of consumer and domain topics
	// where what was delivered is looked at.
	Instead map[string]string
}

// Vector is an offset for each partition of some topics.
type Vector map[string]map[int32]int64

// span is a run of offsets of one partition.
type span struct{ from, to int64 }

// spans are runs by topic and partition.
type spans map[string]map[int32]span

func (s spans) set(topic string, partition int32, at span) {
	if s[topic] == nil {
		s[topic] = map[int32]span{}
	}
	s[topic][partition] = at
}

func (s spans) size() (n int64) {
	for _, ps := range s {
		for _, p := range ps {
			n += max(0, p.to-p.from)
		}
	}
	return n
}

// String names the runs that are left, each with the next offset and the end.
func (s spans) String() string {
	var all []string
	for topic, ps := range s {
		for p, at := range ps {
			all = append(all, fmt.Sprintf("%s/%d (%d of %d)", topic, p, at.from, at.to))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (l *Log) client(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{kgo.SeedBrokers(l.Brokers...), kgo.ClientID("payerflow-verify")}, l.Options...)
	return kgo.NewClient(append(opts, more...)...)
}

// admin asks the brokers, with a connection of its own.
func (l *Log) admin(ask func(*kadm.Client) error) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return ask(kadm.NewClient(c))
}

// held is what topics hold now, up to the high watermark or, with committed, to
// the last stable offset. A topic that does not exist holds nothing.
func (l *Log) held(ctx context.Context, committed bool, topics ...string) (out spans, err error) {
	out = spans{}
	if len(topics) == 0 {
		return out, nil // asked for none, the cluster would tell of all
	}
	return out, l.admin(func(a *kadm.Client) error {
		starts, err := a.ListStartOffsets(ctx, topics...)
		if err != nil {
			return fmt.Errorf("offsets: %w", err)
		}
		list := a.ListEndOffsets
		if committed {
			list = a.ListCommittedOffsets
		}
		ends, err := list(ctx, topics...)
		if err != nil {
			return fmt.Errorf("offsets: %w", err)
		}
		var failed error
		ends.Each(func(e kadm.ListedOffset) {
			start, _ := starts.Lookup(e.Topic, e.Partition)
			switch err := errors.Join(e.Err, start.Err); {
			case errors.Is(err, kerr.UnknownTopicOrPartition):
			case err != nil:
				failed = fmt.Errorf("offsets of %s/%d: %w", e.Topic, e.Partition, err)
			default:
				out.set(e.Topic, e.Partition, span{start.Offset, e.Offset})
			}
		})
		return failed
	})
}

// How long a read waits for the next record before it fails, and how long of a
// compacted topic before it asks whether there is none.
const (
	idleCompacted = 2 * time.Second
	idle          = 30 * time.Second
)

// read calls each for the committed records of spans, each partition in order.
func (l *Log) read(ctx context.Context, todo spans, compacted bool, each func(*kgo.Record) error) error {
	at, left := map[string]map[int32]kgo.Offset{}, spans{}
	for topic, ps := range todo {
		for p, s := range ps {
			if s.from >= s.to {
				continue
			}
			if at[topic] == nil {
				at[topic] = map[int32]kgo.Offset{}
			}
			at[topic][p] = kgo.NewOffset().At(s.from)
			left.set(topic, p, s)
		}
	}
	if len(at) == 0 {
		return nil
	}
	if l.Total != nil {
		l.Total(left.size())
	}
	c, err := l.client(kgo.ConsumePartitions(at), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxPartitionBytes(4<<20), kgo.FetchMaxBytes(32<<20), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer c.Close()
	return l.poll(ctx, c, left, compacted, each)
}

func (l *Log) poll(ctx context.Context, c *kgo.Client, left spans, compacted bool, each func(*kgo.Record) error) error {
	patience := idle
	if compacted {
		patience = idleCompacted
	}
	for heard := time.Now(); len(left) > 0; {
		if time.Since(heard) >= idle {
			return fmt.Errorf("no record came for %s before the end was reached of %s", idle, left)
		}
		wait, cancel := context.WithTimeout(ctx, patience)
		fetches := c.PollFetches(wait)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("fetch: %w", err)
		}
		if compacted && fetches.NumRecords() == 0 {
			if err := l.pastEmpty(ctx, left); err != nil {
				return err
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			heard = time.Now()
			s, ok := left[r.Topic][r.Partition]
			if !ok {
				continue
			}
			if r.Offset < s.to && !r.Attrs.IsControl() {
				if err := each(r); err != nil {
					return err
				}
			}
			l.pass(left, r, s)
		}
	}
	return nil
}

// pass notes how far a partition was read, and that it is done.
func (l *Log) pass(left spans, r *kgo.Record, at span) {
	next := min(r.Offset+1, at.to)
	if l.Passed != nil {
		l.Passed(next - at.from)
	}
	if at.from = next; at.from < at.to {
		left[r.Topic][r.Partition] = at
		return
	}
	if delete(left[r.Topic], r.Partition); len(left[r.Topic]) == 0 {
		delete(left, r.Topic)
	}
}

// delivered reads all that a topic holds, or the copy that stands for it.
func (l *Log) delivered(ctx context.Context, topic string, each func(*kgo.Record) error) error {
	from := topic
	if l.Instead[topic] != "" {
		from = l.Instead[topic]
	}
	held, err := l.held(ctx, false, from)
	if err != nil {
		return err
	}
	return l.read(ctx, held, false, each)
}

// header is the last value of a header, nil if it is absent.
func header(r *kgo.Record, name string) (value []byte) {
	for _, h := range r.Headers {
		if h.Key == name {
			value = h.Value
		}
	}
	return value
}

func place(r *kgo.Record) string { return fmt.Sprintf("%d/%d", r.Partition, r.Offset) }

// topics are those whose names begin with a prefix, but for dead letters.
func (l *Log) topics(ctx context.Context, prefix string) (names []string, err error) {
	return names, l.admin(func(a *kadm.Client) error {
		all, err := a.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("topics: %w", err)
		}
		for _, name := range all.Names() {
			if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, ".dlq") {
				names = append(names, name)
			}
		}
		return nil
	})
}

// dlqs are the dead letter topics.
func (l *Log) dlqs(ctx context.Context) (names []string, err error) {
	return names, l.admin(func(a *kadm.Client) error {
		all, err := a.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("topics: %w", err)
		}
		for _, name := range all.Names() {
			if strings.HasSuffix(name, ".dlq") {
				names = append(names, name)
			}
		}
		return nil
	})
}
