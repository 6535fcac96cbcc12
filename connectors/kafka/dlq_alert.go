package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DLQAlert calls a URL when a dead letter topic grows. It is a consumer group,
// so that of all workers one calls, and none forgets what it has not told. The
// first call for a topic counts what lies in it. A call may come twice.
type DLQAlert struct {
	Brokers  []string
	Options  []kgo.Opt
	URL      string
	Interval time.Duration // least time between two calls for one topic

	client *kgo.Client
	grown  map[string]*growth
	called map[string]time.Time
}

// Growth is the body of a call: no key, no payload.
type Growth struct {
	Topic string    `json:"topic"`
	Count int       `json:"count"` // dead letters since the last call
	Since time.Time `json:"since"` // time stamp of the first of them
}

// growth is what was not told yet, and how far it goes.
type growth struct {
	Growth
	last map[int32]*kgo.Record
}

const (
	alertGroup   = "payerflow.dlq-alert"
	alertTopics  = `.+\.dlq$`
	alertTimeout = 10 * time.Second // of one call
	alertPatient = time.Minute      // of all tries of one call
	alertMetaAge = 5 * time.Second  // after so long a new topic is seen
)

// Run calls until ctx ends. tell hears of what failed; it is tried again.
func (a *DLQAlert) Run(ctx context.Context, tell func(error)) error {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(a.Brokers...), kgo.ClientID("payerflow-dlq-alert"),
		kgo.ConsumerGroup(alertGroup), kgo.ConsumeTopics(alertTopics), kgo.ConsumeRegex(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableAutoCommit(), kgo.MetadataMaxAge(alertMetaAge),
		kgo.FetchMaxBytes(4 << 20), kgo.FetchMaxPartitionBytes(1 << 20),
		kgo.OnPartitionsRevoked(a.forget), kgo.OnPartitionsLost(a.forget), kgo.BlockRebalanceOnPoll()}, a.Options...)...)
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	a.client, a.grown, a.called = client, map[string]*growth{}, map[string]time.Time{}
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		a.poll(ctx, tell)
		for _, topic := range slices.Sorted(maps.Keys(a.grown)) {
			if g := a.grown[topic]; time.Since(a.called[topic]) >= a.Interval {
				if err := a.call(ctx, g); err != nil && ctx.Err() == nil {
					tell(err)
				}
			}
		}
		client.AllowRebalance()
	}
	return nil
}

// poll counts what is new, for a second at most.
func (a *DLQAlert) poll(ctx context.Context, tell func(error)) {
	wait, cancel := context.WithTimeout(ctx, min(time.Second, a.Interval))
	defer cancel()
	fetches := a.client.PollFetches(wait)
	if err := fetches.Err(); err != nil && wait.Err() == nil {
		tell(fmt.Errorf("dead letter topics: %w", err))
	}
	fetches.EachRecord(func(r *kgo.Record) {
		g := a.grown[r.Topic]
		if g == nil {
			g = &growth{Growth: Growth{Topic: r.Topic, Since: r.Timestamp.UTC()}, last: map[int32]*kgo.Record{}}
			a.grown[r.Topic] = g
		}
		g.Count++
		if r.Timestamp.Before(g.Since) {
			g.Since = r.Timestamp.UTC()
		}
		g.last[r.Partition] = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, LeaderEpoch: r.LeaderEpoch}
	})
}

// forget drops what others tell from now on. It runs between two polls.
func (a *DLQAlert) forget(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	for topic := range gone {
		delete(a.grown, topic)
	}
}

// call tells of a topic's growth and notes that it did. Where nobody takes the
// call, it is made again after the interval, with what has come meanwhile.
func (a *DLQAlert) call(ctx context.Context, g *growth) error {
	defer func() { a.called[g.Topic] = time.Now() }()
	body, err := json.Marshal(g.Growth)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, alertPatient)
	defer cancel()
	_, err = backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, a.post(ctx, body) },
		backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(alertPatient))
	if err != nil {
		return fmt.Errorf("alert for %s: %w", g.Topic, err)
	}
	if err := a.client.CommitRecords(ctx, slices.Collect(maps.Values(g.last))...); err != nil {
		return fmt.Errorf("alert for %s: commit: %w", g.Topic, err)
	}
	delete(a.grown, g.Topic)
	return nil
}

// post never tells the address: there may be a secret in it.
func (a *DLQAlert) post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(errors.New("dlq.alert.url is not a URL"))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errors.New("no answer from the receiver")
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the receiver answers %d", resp.StatusCode)
	}
	return nil
}
