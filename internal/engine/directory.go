package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// directory is what the members topic says, and what the brokers say of the
// tables of views.
type directory struct {
	mu      sync.RWMutex
	members map[string]map[string]member // by group and instance
	of      map[string]string            // incarnations by table topic
	next    int64                        // offset up to which the topic is read
	moved   chan struct{}                // closed when more is read
}

const (
	// originsEvery is how soon a table that was made anew is noticed.
	originsEvery = 5 * time.Second
	// replicaEvery is how often a replica says that it is there, and replicaGone
	// after how long of silence it is taken for gone.
	replicaEvery = 20 * time.Second
	replicaGone  = 2 * time.Minute
)

func newDirectory() *directory {
	return &directory{members: map[string]map[string]member{}, of: map[string]string{}, moved: make(chan struct{})}
}

// tail keeps the directory until ctx ends.
func (e *Engine) tail(ctx context.Context) {
	for ctx.Err() == nil {
		if err := e.tailOnce(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("members are not followed for now", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (e *Engine) tailOnce(ctx context.Context) error {
	e.members.again()
	return e.readOn(ctx, topology.Members.Name, kgo.NewOffset().AtStart(), func(rs []*kgo.Record) {
		e.members.take(rs)
		for _, r := range rs {
			e.follow(r)
		}
	}, kgo.ClientID("payerflow-members"))
}

// readOn reads the one partition of a topic from a place on, until ctx ends or
// a fetch fails.
func (e *Engine) readOn(ctx context.Context, topic string, from kgo.Offset, take func([]*kgo.Record), as ...kgo.Opt) error {
	opts := append([]kgo.Opt{kgo.SeedBrokers(e.cfg.Brokers...), kgo.FetchMaxWait(time.Second),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: from}})}, as...)
	client, err := kgo.NewClient(append(opts, e.cfg.Client...)...)
	if err != nil {
		return fmt.Errorf("%s: %w", topic, err)
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, failed := range fetches.Errors() {
			return fmt.Errorf("%s: %w", topic, failed.Err)
		}
		if rs := fetches.Records(); len(rs) > 0 {
			take(rs)
		}
	}
}

// follow has the processors of a group that a worker has left join anew.
func (e *Engine) follow(r *kgo.Record) {
	name, instance, ok := memberOf(r.Key)
	generation := leftGeneration(r)
	if !ok || generation < 0 || instance == e.instance {
		return
	}
	for _, g := range e.groups {
		for _, p := range g.processors() {
			if p.name == name {
				p.follow(generation)
			}
		}
	}
}

func (d *directory) take(rs []*kgo.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range rs {
		d.put(r)
	}
	d.next = rs[len(rs)-1].Offset + 1
	close(d.moved)
	d.moved = make(chan struct{})
}

// again says that the topic is read anew: it may be another one by now.
func (d *directory) again() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = 0
}

// at waits until the topic is read past offset, and returns who is in a group.
func (d *directory) at(ctx context.Context, offset int64, group string) (all []member, err error) {
	for {
		d.mu.RLock()
		next, moved := d.next, d.moved
		if next > offset {
			all = slices.Collect(maps.Values(d.members[group]))
		}
		d.mu.RUnlock()
		if next > offset {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("members are not read as far as this one: %w", ctx.Err())
		case <-moved:
		}
	}
}

func (d *directory) put(r *kgo.Record) {
	group, instance, ok := memberOf(r.Key)
	if !ok {
		return
	}
	if r.Value == nil {
		delete(d.members[group], instance)
		return
	}
	var m member
	if json.Unmarshal(r.Value, &m) != nil || m.Group != group || m.Instance != instance {
		return
	}
	if d.members[group] == nil {
		d.members[group] = map[string]member{}
	}
	d.members[group][instance] = m
}

// Self is this worker's instance.
func (e *Engine) Self() string { return e.instance }

// Holders are the other workers that said that they have a partition.
func (e *Engine) Holders(view string, partition int32) (out []topology.Holder) {
	g, ok := e.view(view)
	if !ok {
		return nil
	}
	owner := e.members.owner(g.Name, partition)
	e.members.mu.RLock()
	defer e.members.mu.RUnlock()
	for _, m := range e.members.members[g.Name] {
		if m.Instance != e.instance && m.Peer != "" && (!m.Replica || time.Since(m.At) < replicaGone) {
			out = append(out, topology.Holder{Instance: m.Instance, Address: m.Peer, Generation: m.Generation, Owner: m.Instance == owner})
		}
	}
	rank := func(h topology.Holder) int {
		switch m := e.members.members[g.Name][h.Instance]; {
		case h.Owner:
			return 0
		case m.Replica:
			return 1
		case m.Follows:
			return 2
		}
		return 3
	}
	slices.SortFunc(out, func(a, b topology.Holder) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Instance, b.Instance))
	})
	return out
}

// owner is who said last that it folds a partition: in the highest generation.
func (d *directory) owner(group string, partition int32) (instance string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	generation := int64(-1)
	for _, m := range d.members[group] {
		if m.Generation > generation && slices.Contains(m.Partitions, partition) {
			generation, instance = m.Generation, m.Instance
		}
	}
	return instance
}

// Incarnation is that of a view's table, as the brokers said last.
func (e *Engine) Incarnation(view string) string {
	g, ok := e.view(view)
	if !ok {
		return ""
	}
	return g.incarnation()
}

// incarnation is that of the group's table, as the brokers said last.
func (g *group) incarnation() string {
	d := g.e.members
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.of[g.Table.Name]
}

// served are all versions of all views that fold, in the order of names.
func (e *Engine) served() (gs []*group) {
	state := e.versions.now()
	for _, name := range slices.Sorted(maps.Keys(e.byView)) {
		for _, g := range e.byView[name] {
			if state.Runs(g.View.Name, g.Name, g.Shadows) {
				gs = append(gs, g)
			}
		}
	}
	return gs
}

// readOrigins asks the brokers which tables there are.
func (e *Engine) readOrigins(cl *cluster) error {
	var tables []string
	for _, g := range e.served() {
		tables = append(tables, g.Table.Name)
	}
	origins, err := cl.origins(tables...)
	e.members.mu.Lock()
	defer e.members.mu.Unlock()
	for table, origin := range origins {
		e.members.of[table] = incarnation(origin)
	}
	return err
}
