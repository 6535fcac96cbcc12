package topology

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Declared is a Group without its row type, as engines, drivers and drawings
// take it. Build one with Group.Declare.
type Declared struct {
	Name      string
	Doc       string
	Table     Topic
	RowType   reflect.Type
	RowSchema string
	BindRows  binder
	Inputs    []Declaration
	Joins     []TableRef
	Lookups   []TableRef
	Outputs   []StreamRef
	Follows   []Following
	Timer     AnyTimer
	Ticks     Topic // by which the timer's clock moves; no name: there is no timer
	View      View
	Shadows   string // the group of which this is the next version, "" for none
	Pinned    bool
	Beside    bool // it stands beside others, to join or to list their rows: see ForeignJoin and Index
	Outside   bool // rows are Backlogs, and what is due is done outside: see Effects
}

// Declaration is an Edge with what follows from the group it stands in.
type Declaration struct {
	Edge
	Via   Topic // the repartition topic of this input
	Whole bool  // all records go through Via, not only strays
}

// TableOf is the group's table, for other groups to join or look up.
func (g Group[S]) TableOf() Table[S] {
	return Table[S]{Topic: tableTopic(g.Name, partitions(g.Inputs)), Codec: g.Rows}
}

// Declare works out what follows from the literal: the changelog, the
// repartition topics, which inputs go through them. It panics, with the
// group's name, where the literal contradicts itself; that is a build error,
// for groups are package variables.
func (g Group[S]) Declare() Declared {
	n := partitions(g.Inputs)
	d := Declared{
		Name: g.Name, Doc: g.Doc, Table: tableTopic(g.Name, n), RowType: reflect.TypeFor[S](), RowSchema: g.Rows.Schema(), BindRows: bindAny(g.Rows),
		Joins: g.Joins, Lookups: g.Lookups, Outputs: g.Outputs, Timer: anyTimer(g.Timer), View: g.View, Shadows: g.Shadows, Pinned: g.Pinned,
	}
	for _, in := range g.Inputs {
		d.Inputs = append(d.Inputs, Declaration{
			Edge: in.edge, Via: repartitionTopic(g.Name, in.edge.Topic, n), Whole: in.edge.Topic.Partitions != n,
		})
	}
	for _, f := range g.Follows {
		d.Follows = append(d.Follows, Following{f.stream, f.entries})
	}
	if g.Via != "" {
		oneVia(d.Inputs, g.Name, g.Via)
	}
	if d.Timer.Due != nil {
		d.Ticks = ticksTopic(g.Name, n, longest(d.Inputs))
	}
	if err := d.validate(); err != nil {
		panic(fmt.Sprintf("group %s: %v", g.Name, err))
	}
	return d
}

func partitions[S Row](inputs Inputs[S]) (n int) {
	for _, in := range inputs {
		n = max(n, in.edge.Topic.Partitions)
	}
	return n
}

// longest is how long the input that is kept longest is kept, 0 for ever.
func longest(inputs []Declaration) (kept time.Duration) {
	for _, in := range inputs {
		if in.Topic.Retention == 0 {
			return 0
		}
		kept = max(kept, in.Topic.Retention)
	}
	return kept
}

func tableTopic(group string, n int) Topic {
	return Topic{Name: group + "-table", Partitions: n, Cleanup: Compact, Compression: "lz4",
		MaxMessageBytes: 2 << 20, Owner: group, Producers: []string{group}, Doc: "rows of " + group}
}

func repartitionTopic(group string, src Topic, n int) Topic {
	return Topic{Name: group + "-" + src.Name + "-repartition", Partitions: n, Retention: src.Retention, Cleanup: Delete,
		Compression: "lz4", MaxMessageBytes: 2 * src.MaxMessageBytes, Owner: group, KeyField: src.KeyField,
		Producers: []string{group}, Consumers: []string{group}, Doc: "records of " + src.Name + " at the partition of their key"}
}

// oneVia gives all inputs one repartition topic, with room for any of them.
func oneVia(inputs []Declaration, group, name string) {
	via := inputs[0].Via
	via.Name, via.Retention, via.KeyField, via.Doc = name, longest(inputs), "", "records of "+group+"'s inputs at the partition of their key"
	for _, in := range inputs {
		via.MaxMessageBytes = max(via.MaxMessageBytes, in.Via.MaxMessageBytes)
	}
	for i := range inputs {
		inputs[i].Via = via
	}
}

// Vias are the repartition topics, each once.
func (d Declared) Vias() (out []Topic) {
	for _, in := range d.Inputs {
		if !slices.ContainsFunc(out, func(t Topic) bool { return t.Name == in.Via.Name }) {
			out = append(out, in.Via)
		}
	}
	return out
}

func (d Declared) validate() error {
	if d.Name == "" || len(d.Inputs) == 0 {
		return fmt.Errorf("needs a name and at least one input")
	}
	seen := map[string]bool{}
	for _, in := range d.Inputs {
		if seen[in.Topic.Name] {
			return fmt.Errorf("folds %s twice", in.Topic.Name)
		}
		seen[in.Topic.Name] = true
		if in.ByID && len(d.Joins) > 0 {
			return fmt.Errorf("keeps rows by event identity for %s, and joins tables by key", in.Topic.Name)
		}
		if in.Suffix != nil && (in.ByID || in.Single) {
			return fmt.Errorf("keeps rows of two kinds for %s", in.Topic.Name)
		}
	}
	if n := d.View.Topic.Partitions; d.View.Topic.Name != "" && n != d.Table.Partitions {
		return fmt.Errorf("writes its view to %s with %d partitions, has %d itself", d.View.Topic.Name, n, d.Table.Partitions)
	}
	for _, j := range d.Joins {
		if j.Topic.Partitions != d.Table.Partitions {
			return fmt.Errorf("joins %s with %d partitions, has %d itself", j.Topic.Name, j.Topic.Partitions, d.Table.Partitions)
		}
	}
	types := map[reflect.Type]string{}
	for _, o := range d.Outputs {
		if other, ok := types[o.Type]; ok && o.Family == "" {
			return fmt.Errorf("declares both %s and %s for %s", other, o.Topic.Name, o.Type)
		}
		types[o.Type] = o.Topic.Name
	}
	return nil
}

// names says whether a topic is one of those that a routed stream stands for.
func (o StreamRef) names(topic string) bool {
	return strings.HasPrefix(topic, o.Topic.Name) && len(topic) > len(o.Topic.Name)
}

func (d Declared) misnamed(value any, o StreamRef) error {
	return fmt.Errorf("group %s emits %T to a topic that does not begin with %s", d.Name, value, o.Topic.Name)
}

// Route finds the stream that the group declared for an output.
func (d Declared) Route(out Output) (StreamRef, error) {
	t := reflect.TypeOf(out.Value)
	for _, o := range d.Outputs {
		switch {
		case o.Type != t, o.Family != "" && out.Topic != o.Topic.Name:
		case o.Routed && !o.names(out.Topic):
			return StreamRef{}, d.misnamed(out.Value, o)
		case !o.Routed && o.Family == "" && out.Topic != "":
			return StreamRef{}, fmt.Errorf("group %s names a topic for %T, whose stream is not routed", d.Name, out.Value)
		default:
			return o, nil
		}
	}
	return StreamRef{}, fmt.Errorf("group %s emits %T without declaring a stream for it", d.Name, out.Value)
}

// Topics are all topics that the group owns: its changelog, its repartition
// topics, its own streams and its ticks, with the dead letter topics of the
// last two. Streams that it reads and emits otherwise belong to the catalogue.
func (d Declared) Topics() []Topic {
	ts := append([]Topic{d.Table}, d.Vias()...)
	for _, t := range d.Streams() {
		ts = append(ts, t, t.DLQ())
	}
	if d.Ticks.Name != "" {
		ts = append(ts, d.Ticks, d.Ticks.DLQ())
	}
	if d.Shadows != "" {
		ts = append(ts, d.ReplayDLQ())
	}
	return ts
}

// Reads are the topics that feed the partitions of the table: inputs that have
// as many, and repartition topics.
func (d Declared) Reads() (topics []string) {
	for _, in := range d.Inputs {
		if !in.Whole {
			topics = append(topics, in.Topic.Name)
		}
	}
	for _, via := range d.Vias() {
		topics = append(topics, via.Name)
	}
	return topics
}

// Streams are the topics of events that the group owns: loops, and what it has
// with those whose rows it follows or answers.
func (d Declared) Streams() (out []Topic) {
	own := func(t Topic) {
		if t.Owner == d.Name && !slices.ContainsFunc(out, func(o Topic) bool { return o.Name == t.Name }) {
			out = append(out, t)
		}
	}
	for _, in := range d.Inputs {
		own(in.Topic)
	}
	for _, o := range d.Emits() {
		own(o.Topic)
	}
	return out
}

// Emits are all streams that the group writes: what its folds emit, and what
// follows from its rows.
func (d Declared) Emits() []StreamRef {
	out := slices.Clone(d.Outputs)
	for _, f := range d.Follows {
		out = append(out, f.StreamRef)
	}
	return out
}

// KeepsUnder says whether the table has rows under keys.
func (d Declared) KeepsUnder() bool {
	return slices.ContainsFunc(d.Inputs, func(in Declaration) bool { return in.Suffix != nil })
}
