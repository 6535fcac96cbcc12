package engine

import (
	"errors"
	"sort"
	"sync/atomic"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/internal/topology"
)

// group is a declared group as it runs here: one processor that folds, and one
// for each other partition count among its inputs that repartitions.
type group struct {
	*topology.Bound
	e        *Engine
	dead     map[string]topology.Serde[codecs.DeadLetter] // by dead letter topic
	folding  *processor
	feeding  []*processor
	inputOf  map[string]int     // input topic -> input number
	reads    []string           // topics that feed a partition of the table
	fed      [][]topicPartition // what these are for each partition
	viaOf    map[string]int     // repartition topic -> number of the first input that goes through it
	counters []inputCounters
	ticks    inputCounters
	effector Effector
	pin      func() (topology.Pinned, error) // nil: the group is not pinned
	copies   copies
	serves   topology.Served // the view in this version
	own      map[string]bool // topics that are this version's alone
	selfMade []bool          // by input: whether it is made from what this version says
	careful  atomic.Bool     // a row did not encode at the end of a batch: encode each at once, to find the record
}

func newGroup(e *Engine, d topology.Declared, schemas topology.Schemas) (*group, error) {
	b, err := topology.Bind(d, schemas)
	if err != nil {
		return nil, err
	}
	g := &group{Bound: b, e: e, dead: map[string]topology.Serde[codecs.DeadLetter]{}, inputOf: map[string]int{}, viaOf: map[string]int{}}
	byCount := map[int][]topology.Declaration{}
	for i, in := range b.Inputs {
		g.inputOf[in.Topic.Name] = i
		if _, shared := g.viaOf[in.Via.Name]; !shared {
			g.viaOf[in.Via.Name] = i
		}
		counter := func(outcome string) prometheus.Counter {
			return e.metrics.records.WithLabelValues(b.Name, in.Topic.Name, outcome)
		}
		g.counters = append(g.counters, inputCounters{counter("folded"), counter("parked"), counter("repartitioned"), counter("passed")})
		if err := g.bindDead(schemas, in.Topic.DLQ()); err != nil {
			return nil, err
		}
		if in.Whole {
			byCount[in.Topic.Partitions] = append(byCount[in.Topic.Partitions], in)
		}
	}
	g.reads = b.Reads()
	g.fed = make([][]topicPartition, b.Table.Partitions)
	for p := range g.fed {
		g.fed[p] = feed(g.reads, int32(p))
	}
	if g.effector, err = e.effectorOf(d); err != nil {
		return nil, err
	}
	if g.pin, err = e.pinOf(d); err != nil {
		return nil, err
	}
	if ticks := b.Ticks.Name; ticks != "" {
		if err := g.bindDead(schemas, b.Ticks.DLQ()); err != nil {
			return nil, err
		}
		g.ticks = inputCounters{e.metrics.records.WithLabelValues(b.Name, ticks, "folded"), e.metrics.records.WithLabelValues(b.Name, ticks, "parked"), nil, nil}
	}
	if b.Shadows != "" {
		if err := g.bindDead(schemas, b.ReplayDLQ()); err != nil {
			return nil, err
		}
	}
	g.folding = newProcessor(g, b.Name, g.foldingGraph())
	for n, inputs := range byCount {
		name := topology.FeedingGroup(b.Name, n)
		g.feeding = append(g.feeding, newProcessor(g, name, g.feedingGraph(name, inputs)))
	}
	sort.Slice(g.feeding, func(i, j int) bool { return g.feeding[i].name < g.feeding[j].name })
	return g, nil
}

func (g *group) bindDead(schemas topology.Schemas, dlq topology.Topic) (err error) {
	g.dead[dlq.Name], err = codecs.DeadLetters.Bind(schemas, dlq.Name)
	return err
}

func (g *group) processors() []*processor { return append([]*processor{g.folding}, g.feeding...) }

// onFeed sends every record of a stream with another partition count to the
// group's repartition topic.
func (g *group) onFeed(w *work, rec *kgo.Record) error {
	if !g.passesBy(w, rec) {
		g.forward(w, rec)
	}
	return nil
}

// raw is goka's codec: bytes as they are. Ours run inside the callback, where
// a record that does not decode can be parked.
type raw struct{}

func (raw) Encode(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errors.New("not bytes")
	}
	return b, nil
}

func (raw) Decode(b []byte) (any, error) { return b, nil }

// foldingGraph translates the declaration into goka's own graph. Outputs are
// not in it: goka produces nothing here, and knows no topic that a row names.
func (g *group) foldingGraph() func(rt func() *runtime) *goka.GroupGraph {
	return func(rt func() *runtime) *goka.GroupGraph {
		edges := []goka.Edge{goka.Persist(raw{})}
		fold := func(ctx goka.Context, _ any) { g.onRecords(rt(), ctx, g.onRecord) }
		for _, in := range g.Inputs {
			if !in.Whole {
				edges = append(edges, goka.Input(goka.Stream(in.Topic.Name), raw{}, fold))
			}
		}
		for _, via := range g.Vias() {
			edges = append(edges, goka.Input(goka.Stream(via.Name), raw{}, fold))
		}
		for _, j := range g.Joins {
			edges = append(edges, goka.Join(goka.Table(j.Topic.Name), raw{}))
		}
		for _, l := range g.Lookups {
			edges = append(edges, goka.Lookup(goka.Table(l.Topic.Name), raw{}))
		}
		return goka.DefineGroup(goka.Group(g.Name), edges...)
	}
}

func (g *group) feedingGraph(name string, inputs []topology.Declaration) func(rt func() *runtime) *goka.GroupGraph {
	return func(rt func() *runtime) *goka.GroupGraph {
		feed := func(ctx goka.Context, _ any) { g.onRecords(rt(), ctx, g.onFeed) }
		var edges []goka.Edge
		seen := map[goka.Stream]bool{}
		for _, in := range inputs {
			edges = append(edges, goka.Input(goka.Stream(in.Topic.Name), raw{}, feed))
			if via := goka.Stream(in.Via.Name); !seen[via] {
				seen[via] = true
				edges = append(edges, goka.Output(via, raw{}))
			}
		}
		return goka.DefineGroup(goka.Group(name), edges...)
	}
}
