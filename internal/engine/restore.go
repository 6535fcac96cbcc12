package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/rowlog"
)

const (
	// restoresAtOnce bounds memory; on two cores more would not be faster.
	restoresAtOnce = 3
	// restoreBytes is what the restore of one partition gathers before it writes.
	restoreBytes = 16 << 20
	// restoreLogged and restoreStuck are how often a restore is logged, and how
	// long it may stand still before it is named as stuck.
	restoreLogged = 5 * time.Second
	restoreStuck  = 30 * time.Second
)

// restores are the restores of one processor, for readiness and the log.
type restores struct {
	slots chan *gathered // as many as may run at once
	mu    sync.Mutex
	open  map[int32]*restore
}

// restore is the bulk load of one partition of the group's table, ahead of
// goka's own recovery, which then finds nothing left to do.
type restore struct {
	partition   int32
	first, end  int64
	next, count atomic.Int64
	began       time.Time
}

// gathered is the newest value of each key that a restore has read and not yet
// written, nil for a deleted one. Its memory serves one restore after the other.
type gathered struct {
	newest map[string][]byte
	bytes  int
	batch  rowlog.Batch
}

func newRestores() *restores {
	rs := &restores{slots: make(chan *gathered, restoresAtOnce), open: map[int32]*restore{}}
	for range restoresAtOnce {
		rs.slots <- nil
	}
	return rs
}

// Progress is one restore in words: percent, records a second, time left.
func (r *restore) progress(now time.Time) string {
	done, all := r.next.Load()-r.first, r.end-r.first
	elapsed := now.Sub(r.began)
	if done <= 0 || elapsed <= 0 {
		return fmt.Sprintf("partition %d: restoring %d records", r.partition, all)
	}
	left := time.Duration(float64(elapsed) * float64(all-done) / float64(done))
	return fmt.Sprintf("partition %d: restored %d %%, %.0f records/s, %s left", r.partition, 100*done/all,
		float64(r.count.Load())/elapsed.Seconds(), left.Round(100*time.Millisecond))
}

// left is how many records each restore under way has yet to read.
func (rs *restores) left() map[int32]int64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	out := map[int32]int64{}
	for p, r := range rs.open {
		out[p] = max(0, r.end-r.next.Load())
	}
	return out
}

func (rs *restores) progress() (out []string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.open {
		out = append(out, r.progress(time.Now()))
	}
	return out
}

// restore brings the local rows of a partition of the group's table to the end
// that the changelog has now. It waits for transactions that are undecided
// there: their records may come to count.
func (rt *runtime) restore(ctx context.Context, st *store) error {
	rs := rt.p.restores
	var g *gathered
	select {
	case g = <-rs.slots:
		defer func() { rs.slots <- g }()
	case <-ctx.Done():
		return ctx.Err()
	}
	first, end, err := rt.changelogEnds(rt.p.table(), st)
	if err != nil || first >= end {
		return err
	}
	if g == nil {
		g = &gathered{newest: map[string][]byte{}}
	}
	g.reset()
	r := &restore{partition: st.at.partition, first: first, end: end, began: time.Now()}
	r.next.Store(first)
	if records, next, err := rt.cluster.look(ctx, topicPartition{rt.p.table(), st.at.partition}, first, false, kgo.ReadCommitted()); err == nil && next > first {
		for _, rec := range records {
			r.take(rec, g)
		}
		if r.next.Store(next); next >= end { // most are a marker, or a few rows: no client is made for them
			return st.load(g, next-1)
		}
	}
	rs.mu.Lock()
	rs.open[r.partition] = r
	rs.mu.Unlock()
	defer func() {
		rs.mu.Lock()
		delete(rs.open, r.partition)
		rs.mu.Unlock()
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go r.watch(ctx, rt.p)
	return r.run(ctx, rt, st, g)
}

// changelogEnds are the next offset that the rows need and the high watermark.
func (rt *runtime) changelogEnds(topic string, st *store) (first, end int64, err error) {
	partition := st.at.partition
	if end, err = rt.offset(topic, partition, newest); err != nil {
		return 0, 0, err
	}
	start, err := rt.offset(topic, partition, oldest)
	if err != nil {
		return 0, 0, err
	}
	have, _ := st.GetOffset(-1)
	return max(start, have+1), end, nil
}

func (r *restore) run(ctx context.Context, rt *runtime, st *store, g *gathered) error {
	topic := rt.p.table()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(rt.p.g.e.cfg.Brokers...), kgo.ClientID("payerflow-restore"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {r.partition: kgo.NewOffset().At(r.next.Load())}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), markers(),
		kgo.FetchMaxBytes(4 << 20), kgo.FetchMaxPartitionBytes(4 << 20), kgo.MaxConcurrentFetches(1),
		kgo.FetchMaxWait(100 * time.Millisecond),
	}, rt.p.g.e.cfg.Client...)...)
	if err != nil {
		return fmt.Errorf("restore client: %w", err)
	}
	defer client.Close()
	for r.next.Load() < r.end {
		fetches, idle, err := pollUntilLull(ctx, client)
		if err != nil {
			return fmt.Errorf("restore %s/%d: %w", topic, r.partition, err)
		}
		if idle {
			r.skipEmpty(ctx, rt)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r.take(it.Next(), g)
		}
		if g.bytes > restoreBytes {
			if err := st.load(g, r.next.Load()-1); err != nil {
				return err
			}
		}
	}
	return st.load(g, r.next.Load()-1)
}

func (r *restore) take(rec *kgo.Record, g *gathered) {
	if r.next.Store(rec.Offset + 1); rec.Attrs.IsControl() {
		return
	}
	r.count.Add(1)
	g.newest[string(rec.Key)] = rec.Value
	g.bytes += len(rec.Key) + len(rec.Value)
}

// skipEmpty moves past batches that hold no record. A broker that does not say
// is asked again after the next lull.
func (r *restore) skipEmpty(ctx context.Context, rt *runtime) {
	next, err := rt.cluster.pastEmpty(ctx, rt.p.table(), r.partition, r.next.Load())
	if err != nil && ctx.Err() == nil {
		rt.p.log.Warn("restore", "group", rt.p.name, "error", err)
	}
	r.next.Store(next)
}

func (g *gathered) reset() {
	clear(g.newest)
	g.bytes = 0
	g.batch.Reset()
}

// watch logs how a long restore goes, and names one that stands still.
func (r *restore) watch(ctx context.Context, p *processor) {
	tick := time.NewTicker(restoreLogged)
	defer tick.Stop()
	last, moved := r.next.Load(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			next := r.next.Load()
			switch {
			case next != last:
				last, moved = next, now
				p.log.Info("restoring", "group", p.name, "progress", r.progress(now))
			case now.Sub(moved) > restoreStuck:
				p.log.Warn("a restore makes no progress; is a transaction open, or a broker away?", "group", p.name,
					"topic", p.table(), "partition", r.partition, "offset", next, "end", r.end, "for", now.Sub(moved).Round(time.Second))
			}
		}
	}
}

// load writes what was gathered, with the changelog offset behind which
// nothing is missing.
func (st *store) load(g *gathered, offset int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	defer g.reset()
	g.batch.Grow(g.bytes, len(g.newest)+1)
	for key, value := range g.newest {
		if value == nil {
			g.batch.Delete(st.at.partition, key)
		} else {
			g.batch.Put(st.at.partition, key, value, 0)
		}
	}
	g.batch.SetOffset(st.at.partition, offset, time.Now())
	if err := st.log.Commit(&g.batch, nil); err != nil {
		return errors.Join(fmt.Errorf("restore %s/%d", st.at.table, st.at.partition), err)
	}
	st.offset = offset
	return nil
}
