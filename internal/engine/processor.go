package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/lovoo/goka"
	"golang.org/x/sys/unix"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// processor runs one goka processor, again and again: an error ends a run, and
// the supervisor builds the next one from nothing but what is committed.
type processor struct {
	g         *group
	name      string // consumer group
	graph     func(rt func() *runtime) *goka.GroupGraph
	log       *slog.Logger
	positions *positions
	restores  *restores
	pinned    atomic.Pointer[topology.PinnedStatus] // of the last transaction
	batch     atomic.Int64                          // records of one for now, 0: as many as may be
	owning    atomic.Pointer[session]               // whose partitions are restored and folded here, nil: none

	mu        sync.Mutex
	logs      map[string]*rowlog.Log // tables that this run has opened, by topic
	restarts  int64
	lastError string
}

func newProcessor(g *group, name string, graph func(rt func() *runtime) *goka.GroupGraph) *processor {
	return &processor{g: g, name: name, graph: graph, log: g.e.log, positions: newPositions(), restores: newRestores()}
}

// table is the topic of the table that this processor writes, "" for none.
func (p *processor) table() string {
	if p == p.g.folding {
		return p.g.Table.Name
	}
	return ""
}

// maxBatchBytes admits the largest record that the group may have to write: a
// dead letter of its largest input, or its largest output.
func (p *processor) maxBatchBytes() int32 {
	most := p.g.Table.MaxMessageBytes
	for _, in := range p.g.Inputs {
		most = max(most, in.Topic.DLQ().MaxMessageBytes, in.Via.MaxMessageBytes)
	}
	for _, out := range p.g.Emits() {
		most = max(most, out.Topic.MaxMessageBytes)
	}
	return int32(most)
}

const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 5 * time.Second
	healthyAfter = 30 * time.Second
	// topicPatience is how long a topic that was just made may stay unknown to
	// some brokers.
	topicPatience = 5 * time.Second
)

// supervise runs the processor until ctx ends. Faults of the cluster are
// retried for ever, with backoff; what cannot heal by waiting is returned.
func (p *processor) supervise(ctx context.Context) error {
	wait := &backoff.ExponentialBackOff{InitialInterval: firstRestart, MaxInterval: lastRestart, Multiplier: 2, RandomizationFactor: 0.3}
	wait.Reset()
	var missing time.Time // since when a topic is
	for {
		started := time.Now()
		err := p.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if _, ok := errors.AsType[*MissingTopicError](err); !ok {
			missing = time.Time{}
		} else if missing.IsZero() {
			missing = started
		}
		if hopeless(err) && (missing.IsZero() || time.Since(missing) > topicPatience) {
			return err
		}
		if time.Since(started) > healthyAfter {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		p.g.e.metrics.restarts.WithLabelValues(p.name).Inc()
		p.mu.Lock()
		p.restarts++
		p.lastError = err.Error()
		p.mu.Unlock()
		p.log.Warn("processor stopped, will be rebuilt", "group", p.name, "error", err, "in", pause.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// hopeless says whether waiting cannot help: somebody must act.
func hopeless(err error) bool {
	var missing *MissingTopicError
	var count *PartitionCountError
	return errors.As(err, &missing) || errors.As(err, &count) || diskFault(err)
}

// diskFault says whether the local disk is full or refuses to be written. What
// is there stays good; the rows that are missing are restored after it is mended.
func diskFault(err error) bool {
	for _, fault := range []error{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EFBIG} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

func (p *processor) run(ctx context.Context) error {
	cl, err := openCluster(p.g.e.cfg)
	if err != nil {
		return err
	}
	defer cl.close()
	if err := p.ensureTopics(cl); err != nil {
		return err
	}
	p.mu.Lock()
	p.logs = map[string]*rowlog.Log{}
	p.mu.Unlock()
	patience, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, end) })()
	rt := &runtime{p: p, cluster: cl, changed: make(chan struct{}, 1), patience: patience, lease: newLease(p.g.e.cfg.SessionTimeout)}
	gp, err := goka.NewProcessor(p.g.e.cfg.Brokers, p.graph(func() *runtime { return rt }), rt.options(ctx)...)
	if err != nil {
		return err // goka has read no record yet
	}
	err = gp.Run(ctx)
	for _, c := range rt.tables {
		_ = c.Close() // nothing is written through it
	}
	if cause := rt.failed(); cause != nil {
		if errors.Is(cause, rowlog.ErrCorrupt) {
			p.g.e.state.condemn(p.table())
		}
		return cause
	}
	if err != nil && ctx.Err() == nil {
		return errors.New("the processor ended; its own account holds keys and is not shown")
	}
	return nil
}

// ensureTopics checks every topic that the processor touches, and its count.
func (p *processor) ensureTopics(cl *cluster) error {
	want := map[string]int{topology.Members.Name: topology.Members.Partitions, topology.Versions.Name: topology.Versions.Partitions}
	for _, in := range p.g.Inputs {
		for _, t := range []topology.Topic{in.Topic, in.Topic.DLQ()} {
			want[t.Name] = t.Partitions
		}
	}
	for _, o := range p.g.Emits() {
		if !o.Routed {
			want[o.Topic.Name] = o.Topic.Partitions
		}
	}
	for _, t := range p.g.Topics() {
		want[t.Name] = t.Partitions
	}
	if t := p.g.View.Topic; t.Name != "" {
		want[t.Name] = t.Partitions
	}
	for topic, n := range want {
		if err := cl.ensure(topic, n); err != nil {
			return err
		}
	}
	return nil
}

// openTable opens the local rows of a table, once a run. A copy of another
// group's table is a copy of its own: the owner may run in the same process.
func (p *processor) openTable(cl *cluster, topic string) (name string, log *rowlog.Log, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name = topic
	if topic != p.table() {
		name = p.name + "~" + topic
	}
	if log := p.logs[topic]; log != nil {
		return name, log, nil
	}
	origin, err := cl.origin(topic)
	if err != nil {
		return name, nil, err
	}
	var o rowlog.Options
	if topic == p.table() && p.g.KeepsUnder() {
		o.Order = topology.PrefixOf
	}
	log, wiped, err := p.g.e.state.table(name, origin, o)
	if err != nil {
		return name, nil, err
	}
	if wiped != "" {
		p.log.Warn("local rows are wiped and will be restored", "table", topic, "because", wiped)
	}
	p.logs[topic] = log
	return name, log, nil
}

// ownLog holds the rows of the group's table, nil where the processor has none.
func (p *processor) ownLog() *rowlog.Log { return p.followed(p.table()) }

// followed holds the rows of a table that this run has opened.
func (p *processor) followed(topic string) *rowlog.Log {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logs[topic]
}
