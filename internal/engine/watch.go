package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/observe"
	"payerflow/internal/topology"
)

const (
	// watchQueue is how many states wait for a watcher; then its watch is cut.
	watchQueue = 128
	// watchPast is how many states a resume brings at most before it is cut at a
	// place to resume at.
	watchPast = 1000
	// tailKept and tailBytes bound what is remembered of a watched partition, so
	// that who comes again soon is served without reading the log once more.
	tailKept  = 4096
	tailBytes = 4 << 20
	// tailIdle is how long a partition is read after its last watcher left.
	tailIdle = time.Minute
)

// watcher is one that follows a row, or the rows under a key. Its fields are
// under the lock of its tail.
type watcher struct {
	t       *tail
	key     string
	from    int64 // what lies before is not told
	ready   chan struct{}
	queue   []topology.State
	pending bool // states before those of the queue are being read
	err     error
}

// Watch follows rows: see topology.Watches.
func (e *Engine) Watch(ctx context.Context, q topology.Watch) (topology.Watching, error) {
	g, ok := e.view(q.View)
	if !ok || q.Partition < 0 || int(q.Partition) >= g.Table.Partitions {
		return nil, topology.ErrNoView
	}
	now := e.Incarnation(q.View)
	switch {
	case now == "":
		return nil, fmt.Errorf("%w: the table is not known yet", topology.ErrUnavailable)
	case now != q.Incarnation:
		return nil, topology.ErrNoPosition
	}
	return e.tails.watch(ctx, g, q)
}

func (w *watcher) Ready() <-chan struct{} { return w.ready }

// Take returns what is there: see topology.Watching.
func (w *watcher) Take() (states []topology.State, next int64, err error) {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if w.pending {
		return nil, w.from, nil
	}
	if len(w.queue) > 0 {
		states, w.queue = w.queue, nil
		w.from = states[len(states)-1].Offset + 1
		if w.err != nil {
			w.wake()
			return states, w.from, nil
		}
	}
	if w.err == nil {
		w.from = max(w.from, w.t.next)
	}
	return states, w.from, w.err
}

func (w *watcher) Close() {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	of := w.t.watchers[w.key]
	if _, there := of[w]; !there {
		return
	}
	if delete(of, w); len(of) == 0 {
		delete(w.t.watchers, w.key)
	}
	w.t.left = time.Now()
}

func (w *watcher) wake() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// offer hands a state over, or cuts the watch: it never waits.
func (w *watcher) offer(s topology.State) {
	switch {
	case w.err != nil || s.Offset < w.from:
		return
	case len(w.queue) >= watchQueue:
		w.err = topology.ErrBehind
	default:
		w.queue = append(w.queue, s)
	}
	w.wake()
}

// end ends a watch, behind what is queued.
func (w *watcher) end(err error) {
	if w.err == nil {
		w.err = err
	}
	w.pending = false
	w.wake()
}

// tail is a partition of a table that is watched.
type tail struct {
	at          topicPartition
	view        string
	incarnation string
	lists       bool
	began       chan struct{} // closed when it is known where it begins, or failed

	mu       sync.Mutex
	failed   error
	first    int64 // what was committed from here on is kept
	next     int64 // up to where it was read
	kept     []*kgo.Record
	bytes    int
	watchers map[string]map[*watcher]struct{} // by what they follow
	left     time.Time                        // when the last watcher left
	behind   []*past                          // watchers for whom the log is read once more
	reading  bool                             // it is being read
}

// deliver hands what was committed to those who follow it.
func (t *tail) deliver(rs []*kgo.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rs {
		t.next = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		t.keep(r)
		if of := t.watchers[t.of(r)]; len(of) > 0 {
			s := stateOf(r)
			for w := range of {
				w.offer(s)
			}
		}
	}
}

// of is what is followed where a record is.
func (t *tail) of(r *kgo.Record) string {
	key := string(r.Key)
	if !t.lists {
		return key
	}
	n, _ := topology.PrefixOf(key)
	return key[:n]
}

func stateOf(r *kgo.Record) topology.State {
	s := topology.State{Offset: r.Offset, Stored: topology.Stored{Key: string(r.Key), Value: r.Value}}
	for _, h := range r.Headers {
		if h.Key == observe.HeaderTrace && observe.Sampled(h.Value) {
			s.Trace = string(h.Value)
		}
	}
	return s
}

func size(r *kgo.Record) int { return 256 + len(r.Key) + len(r.Value) }

func (t *tail) keep(r *kgo.Record) {
	t.kept = append(t.kept, r)
	t.bytes += size(r)
	if len(t.kept) <= tailKept && t.bytes <= tailBytes {
		return
	}
	half := (len(t.kept) + 1) / 2
	for _, r := range t.kept[:half] {
		t.bytes -= size(r)
		t.first = r.Offset + 1
	}
	t.kept = append([]*kgo.Record(nil), t.kept[half:]...)
}

// fail ends all watches.
func (t *tail) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
	for _, of := range t.watchers {
		for w := range of {
			w.end(err)
		}
	}
}

// join adds a watcher. It says whether the log must be read for it.
func (t *tail) join(w *watcher) (past, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed != nil {
		return past{}, t.failed
	}
	if t.watchers[w.key] == nil {
		t.watchers[w.key] = map[*watcher]struct{}{}
	}
	t.watchers[w.key][w] = struct{}{}
	if w.from < t.first {
		w.pending = true
		return past{w: w, to: t.next}, nil
	}
	for _, r := range t.kept {
		if t.of(r) == w.key {
			w.offer(stateOf(r))
		}
	}
	return past{}, nil
}
