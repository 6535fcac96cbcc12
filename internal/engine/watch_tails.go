package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// tails read the partitions that are watched, each once for all its watchers,
// whoever folds it. Nothing is read, and no client open, until somebody watches.
type tails struct {
	e     *Engine
	slots chan struct{} // of those who read the log once more

	mu     sync.Mutex
	open   map[topicPartition]*tail
	client *kgo.Client
	cancel context.CancelFunc
	ctx    context.Context
	wg     sync.WaitGroup
	closed bool
}

func newTails(e *Engine) *tails {
	return &tails{e: e, slots: make(chan struct{}, 2), open: map[topicPartition]*tail{}}
}

func (ts *tails) watch(ctx context.Context, g *group, q topology.Watch) (*watcher, error) {
	t, err := ts.tail(g, q)
	if err != nil {
		return nil, err
	}
	select {
	case <-t.began:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := &watcher{t: t, key: q.Key, from: q.From, ready: make(chan struct{}, 1)}
	p, err := t.join(w)
	if err == nil && w.pending {
		ts.read(t, &p)
	}
	return w, err
}

// tail finds the one of a partition, or begins one at the end of what is
// committed.
func (ts *tails) tail(g *group, q topology.Watch) (*tail, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err := ts.start(); err != nil {
		return nil, err
	}
	at := topicPartition{g.Table.Name, q.Partition}
	if t := ts.open[at]; t != nil && t.incarnation == q.Incarnation {
		return t, nil
	}
	t := &tail{at: at, view: q.View, incarnation: q.Incarnation, lists: g.View.Lists, began: make(chan struct{}), watchers: map[string]map[*watcher]struct{}{}, left: time.Now()}
	ts.open[at] = t
	ts.wg.Go(func() { ts.begin(t) })
	return t, nil
}

// start opens the client. mu is held.
func (ts *tails) start() (err error) {
	if ts.closed {
		return fmt.Errorf("%w: this worker stops", topology.ErrUnavailable)
	}
	if ts.client != nil {
		return nil
	}
	if ts.client, err = kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(ts.e.cfg.Brokers...), kgo.ClientID("payerflow-watch"), ts.e.cfg.counted("watch"),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), markers(),
		kgo.FetchMaxBytes(8 << 20), kgo.FetchMaxPartitionBytes(1 << 20), kgo.FetchMaxWait(250 * time.Millisecond),
	}, ts.e.cfg.Client...)...); err != nil {
		return fmt.Errorf("watch client: %w", err)
	}
	ts.ctx, ts.cancel = context.WithCancel(context.Background())
	ts.wg.Go(ts.poll)
	ts.wg.Go(ts.sweep)
	return nil
}

func (ts *tails) begin(t *tail) {
	defer close(t.began)
	end, err := ts.committedEnd(t.at)
	if err != nil {
		ts.drop(t, fmt.Errorf("%w: %w", topology.ErrUnavailable, err))
		return
	}
	t.mu.Lock()
	t.first, t.next = end, end
	t.mu.Unlock()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.open[t.at] == t && !ts.closed {
		ts.client.RemoveConsumePartitions(map[string][]int32{t.at.topic: {t.at.partition}}) // of another incarnation
		ts.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{t.at.topic: {t.at.partition: kgo.NewOffset().At(end)}})
	}
}

func (ts *tails) committedEnd(at topicPartition) (int64, error) {
	cl, err := ts.e.progress.cluster()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ts.ctx, adminTimeout)
	defer cancel()
	ends, err := cl.admin.ListCommittedOffsets(ctx, at.topic)
	if err != nil {
		return 0, err
	}
	o, ok := ends.Lookup(at.topic, at.partition)
	if !ok {
		return 0, kerr.UnknownTopicOrPartition
	}
	return o.Offset, o.Err
}

// drop ends a tail and all its watches.
func (ts *tails) drop(t *tail, err error) {
	ts.mu.Lock()
	if ts.open[t.at] == t {
		delete(ts.open, t.at)
		ts.client.RemoveConsumePartitions(map[string][]int32{t.at.topic: {t.at.partition}})
	}
	ts.mu.Unlock()
	t.fail(err)
}

func (ts *tails) poll() {
	for {
		fetches := ts.client.PollFetches(ts.ctx)
		if ts.ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			ts.mu.Lock()
			t := ts.open[topicPartition{p.Topic, p.Partition}]
			ts.mu.Unlock()
			if t == nil {
				return
			}
			if len(p.Records) > 0 {
				t.deliver(p.Records)
			}
			switch {
			case errors.Is(p.Err, kerr.OffsetOutOfRange):
				ts.drop(t, topology.ErrPassed)
			case p.Err != nil && !errors.Is(p.Err, context.Canceled):
				ts.e.log.Warn("a table is not watched for now", "table", p.Topic, "partition", p.Partition, "error", p.Err)
				ts.drop(t, fmt.Errorf("%w: %w", topology.ErrUnavailable, p.Err))
			}
		})
	}
}

// sweep ends tails that nobody watches any more, and those of tables that were
// made anew.
func (ts *tails) sweep() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ts.ctx.Done():
			return
		case <-tick.C:
		}
		ts.mu.Lock()
		var all []*tail
		for _, t := range ts.open {
			all = append(all, t)
		}
		ts.mu.Unlock()
		for _, t := range all {
			t.mu.Lock()
			idle := len(t.watchers) == 0 && time.Since(t.left) > tailIdle
			t.mu.Unlock()
			if now := ts.e.Incarnation(t.view); now != "" && now != t.incarnation {
				ts.drop(t, topology.ErrNoPosition)
			} else if idle {
				ts.drop(t, topology.ErrUnavailable)
			}
		}
	}
}

// end ends the watches of a view, of which another version is live now.
func (ts *tails) end(view string) {
	ts.mu.Lock()
	var all []*tail
	for _, t := range ts.open {
		if t.view == view {
			all = append(all, t)
		}
	}
	ts.mu.Unlock()
	for _, t := range all {
		ts.drop(t, topology.ErrNoPosition)
	}
}

func (ts *tails) close() {
	ts.mu.Lock()
	ts.closed = true
	client := ts.client
	ts.mu.Unlock()
	if client == nil {
		return
	}
	ts.cancel()
	ts.mu.Lock()
	all := ts.open
	ts.open = map[topicPartition]*tail{}
	ts.mu.Unlock()
	for _, t := range all {
		t.fail(topology.ErrUnavailable)
	}
	ts.wg.Wait()
	client.Close()
}
