package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// place is an offset of the table's changelog.
type place struct {
	partition int32
	offset    int64
}

// commits are the states of claims that were committed, as a reader of the
// changelog sees them: each with the time of its transaction's marker.
type commits struct {
	client *kgo.Client
	mu     sync.Mutex
	states map[int32][]state // by partition, in order
	at     map[place]time.Time
	n      int
	last   time.Time     // when the latest was committed
	open   map[place]int // by partition and producer: states without a marker so far
}

type state struct {
	key    string
	offset int64
}

func (r *readsRun) kafka(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.broker), kgo.SASL(scram.Auth{User: r.user, Pass: r.password}.AsSha512Mechanism())}, more...)...)
}

func (r *readsRun) followCommits(ctx context.Context) error {
	client, err := r.kafka(kgo.ConsumeTopics(topologies.ClaimStatus.TableOf().Topic.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	r.commits = &commits{client: client, states: map[int32][]state{}, at: map[place]time.Time{}, open: map[place]int{}}
	go r.commits.read(ctx)
	if r.update, err = r.openUpdates(); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // until it is at the ends
	from := time.Now()
	if _, err = r.update.run(ctx, 0, 10, 10, time.Second); err == nil {
		_, _, err = r.commits.rest(ctx, from)
	}
	return err
}

func (c *commits) close() {
	if c != nil {
		c.client.Close()
	}
}

func (c *commits) read(ctx context.Context) {
	for {
		fetches := c.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		c.mu.Lock()
		fetches.EachRecord(func(rec *kgo.Record) {
			of := place{rec.Partition, rec.ProducerID}
			states := c.states[rec.Partition]
			if !rec.Attrs.IsControl() {
				c.states[rec.Partition] = append(states, state{string(rec.Key), rec.Offset})
				c.open[of]++
				c.n++
				return
			}
			for i := len(states) - 1; c.open[of] > 0; i-- { // a partition has one writer at a time
				c.at[place{rec.Partition, states[i].offset}], c.last = rec.Timestamp, rec.Timestamp
				c.open[of]--
			}
		})
		c.mu.Unlock()
	}
}

func (c *commits) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// rest waits until nothing more is committed for some seconds, and says when and
// how many the last states were. A transaction makes one state of a row's updates.
func (c *commits) rest(ctx context.Context, since time.Time) (n int, last time.Time, err error) {
	for end := since.Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		c.mu.Lock()
		n, last = c.n, c.last
		c.mu.Unlock()
		if last.After(since) && time.Since(last) > quiet {
			return n, last, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return n, last, errors.New("states are still committed, or none are")
		}
	}
}

// quiet is longer than a worker that is behind takes for a transaction.
const quiet = 4 * time.Second

// updates submits claims again, each time with another amount, which is the next
// state of its row.
type updates struct {
	client *kgo.Client
	serde  topology.Serde[events.ClaimSubmitted]
	n      int
}

func (r *readsRun) openUpdates() (*updates, error) {
	client, err := r.kafka(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return nil, err
	}
	s := topologies.ClaimSubmitted
	serde, err := s.Codec.Bind(codecs.OpenRegistry(r.registry), s.Topic.Name)
	return &updates{client: client, serde: serde}, err
}

// run updates claims in turn at a rate, for a time, and says how often.
func (u *updates) run(ctx context.Context, first, claims, rate int, d time.Duration) (int, error) {
	failed := make(chan error, 1)
	start, n := time.Now(), int(d.Seconds()*float64(rate))
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		rec, err := u.record(first + i%claims)
		if err != nil {
			return i, err
		}
		u.client.Produce(ctx, rec, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := u.client.Flush(ctx); err != nil {
		return n, err
	}
	select {
	case err := <-failed:
		return n, err
	default:
		return n, nil
	}
}

func (u *updates) record(n int) (*kgo.Record, error) {
	u.n++
	claim, member := claimKey(n), events.ID(fmt.Sprintf("M-%d", n%50_000))
	at := events.InstantOf(time.Date(2026, 1, 17, 10, 0, 0, 0, time.UTC).Add(time.Duration(u.n) * time.Millisecond))
	e := events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: events.ID(claim), MemberID: member, ProviderID: oneProvider,
		PlanID: "PLAN", ClaimType: "PROFESSIONAL", TotalBilledAmount: events.Money(10_000 + u.n), ServiceDate: events.DateOf(at.Time()), SubmittedAt: at}
	b, err := u.serde.Encode(e)
	t := topologies.ClaimSubmitted.Topic
	return &kgo.Record{Topic: t.Name, Partition: topology.Partition([]byte(claim), t.Partitions), Key: []byte(claim), Value: b}, err
}
