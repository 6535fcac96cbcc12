package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/internal/topology"
)

// Views reads the rows of views wherever they are: it is the topology.Views of
// a worker, and of a replica.
type Views struct {
	local   topology.Shards
	dir     topology.Directory
	remote  *client // nil: only what is here
	views   map[string]topology.Served
	bound   time.Duration
	timeout time.Duration
	replica bool
	metrics *metrics
}

// Options are what Views needs to know beside who has what.
type Options struct {
	Security
	Staleness time.Duration // that copies may have where the reader says nothing; 0: owners alone answer
	Timeout   time.Duration // of a request that says nothing
	Replica   bool          // nothing is folded here: copies that are here answer first, as far as they may
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
}

// Here is Views of what is here alone.
func Here(local topology.Shards) *Views {
	v := &Views{local: local, views: map[string]topology.Served{}, timeout: defaultTimeout, metrics: newMetrics(nil)}
	for _, s := range local.Views() {
		v.views[s.Name] = s
	}
	return v
}

const defaultTimeout = 2 * time.Second

// Open is Views of what is here and what other workers have.
func Open(local topology.Shards, dir topology.Directory, o Options) (*Views, error) {
	remote, err := newClient(o.Security, o.Log)
	if err != nil {
		return nil, err
	}
	v := Here(local)
	v.dir, v.remote, v.bound, v.replica, v.metrics = dir, remote, o.Staleness, o.Replica, newMetrics(o.Metrics)
	if o.Timeout > 0 {
		v.timeout = o.Timeout
	}
	return v, nil
}

// Close ends connections to other workers.
func (v *Views) Close() {
	if v.remote != nil {
		v.remote.close()
	}
}

// Views lists what is served, in name order.
func (v *Views) Views() []topology.Served { return v.local.Views() }

// Served is a view in its live version.
func (v *Views) Served(view string) (topology.Served, bool) {
	if now, ok := v.local.(interface {
		Served(view string) (topology.Served, bool)
	}); ok {
		return now.Served(view)
	}
	served, ok := v.views[view]
	return served, ok
}

// Ready says what is missing here.
func (v *Views) Ready() error { return v.local.Ready() }

// Status says what this worker runs and holds.
func (v *Views) Status() topology.Status { return v.local.Status() }

// Get reads the row of a key.
func (v *Views) Get(ctx context.Context, view, key string, synthetic bool) (topology.Answer, error) {
	served, ok := v.Served(view)
	if !ok {
		return topology.Answer{}, topology.ErrNoView
	}
	p := partitionOf(served, key)
	r, err := v.ask(ctx, topology.Question{View: view, Partition: p, Keys: []string{topology.RowKey(key, synthetic)}})
	if err != nil {
		return topology.Answer{}, away(p, err)
	}
	if len(r.Rows) != 1 {
		return topology.Answer{}, fmt.Errorf("view %s: %d rows for one key", view, len(r.Rows))
	}
	return v.answer(view, p, r.Rows[0], r.Copy)
}

// partitionOf is where the row of a key is.
func partitionOf(v topology.Served, key string) int32 {
	if v.Lists {
		key, _ = topology.SplitUnder(key)
	}
	return topology.Partition([]byte(key), v.Partitions)
}

func (v *Views) answer(view string, p int32, stored topology.Stored, c topology.Copy) (topology.Answer, error) {
	if stored.Value == nil {
		return topology.Answer{Partition: p, Copy: c}, topology.ErrNotFound
	}
	row, err := v.local.Decode(view, c.Incarnation, stored.Value)
	if err != nil {
		return topology.Answer{}, err
	}
	key, _ := topology.EntityKey(stored.Key)
	a := topology.Answer{Key: key, Row: row, Stored: stored.Value, Partition: p, Copy: c}
	if v.views[view].Lists {
		key, suffix := topology.SplitUnder(key)
		a.Key, a.ID, a.Suffix = key, topology.IDOf(suffix), suffix
	}
	return a, nil
}

// List reads up to limit rows from a place on, partition by partition.
func (v *Views) List(ctx context.Context, view string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	served, ok := v.Served(view)
	if !ok {
		return page, topology.ErrNoView
	}
	for int(from.Partition) < served.Partitions && len(page.Rows) < limit {
		p := from.Partition
		next, err := v.fill(ctx, &page, topology.Question{View: view, Partition: p, From: from, Limit: limit - len(page.Rows), Synthetic: synthetic})
		if err != nil {
			return topology.Page{}, err
		}
		if from = (topology.Place{Partition: p + 1}); next != nil {
			from = *next
		}
	}
	if int(from.Partition) < served.Partitions {
		page.Next = &from
	}
	return page, nil
}

// Under reads up to limit rows under a key, in the order of their numbers.
func (v *Views) Under(ctx context.Context, view, key string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	served, ok := v.Served(view)
	if !ok || !served.Lists {
		return page, topology.ErrNoView
	}
	from.Partition = topology.Partition([]byte(key), served.Partitions)
	q := topology.Question{View: view, Partition: from.Partition, Under: topology.RowKey(topology.RowUnder(key, ""), synthetic), From: from, Synthetic: synthetic}
	for page.Next = &from; page.Next != nil && len(page.Rows) < limit; {
		q.From, q.Limit = *page.Next, limit-len(page.Rows)
		if page.Next, err = v.fill(ctx, &page, q); err != nil {
			return topology.Page{}, err
		}
	}
	return page, nil
}

// fill adds the answer to a question to a page, and says where it goes on.
func (v *Views) fill(ctx context.Context, page *topology.Page, q topology.Question) (next *topology.Place, err error) {
	r, err := v.ask(ctx, q)
	if err != nil {
		return nil, away(q.Partition, err)
	}
	for _, stored := range r.Rows {
		a, err := v.answer(q.View, q.Partition, stored, r.Copy)
		if err != nil {
			return nil, err
		}
		page.Rows = append(page.Rows, a)
	}
	return r.Next, nil
}

// away says that nobody answers for a partition, where that is what an error is
// about.
func away(p int32, err error) error {
	for _, known := range []error{topology.ErrElsewhere, topology.ErrRestoring, topology.ErrTooStale, topology.ErrNotReached, topology.ErrUnavailable} {
		if errors.Is(err, known) {
			return &topology.AwayError{Partition: p, Err: err}
		}
	}
	return err
}
