package topology

import (
	"reflect"
	"strconv"
	"time"
)

// Stream is a topic of events of one Go type.
type Stream[E Event] struct {
	Topic Topic
	Codec Codec[E]
}

// Table is the compacted topic in which a group keeps its rows.
type Table[S Row] struct {
	Topic Topic
	Codec Codec[S]
}

// Group is one processor group: its inputs folded into one table, the tables
// it reads beside its own, the streams it emits, the view it serves.
// Partitions of the table are those of the largest input.
type Group[S Row] struct {
	Name    string // consumer group; permanent, for it names the changelog
	Doc     string
	Rows    Codec[S]
	Inputs  Inputs[S]
	Joins   []TableRef  // co-partitioned tables, read at the record's key
	Lookups []TableRef  // global tables, read at any key
	Outputs []StreamRef // one stream for each type of event that a fold emits
	Follows []Follow[S] // streams of what follows from the rows
	Timer   Timer[S]    // the zero Timer wakes nothing
	View    View
	// Shadows, where it is named, is the group of which this is the next version:
	// both serve one view, and this one is quiet until it is switched to. See
	// docs/adr/0016.
	Shadows string
	// Via, where it is named, is the one repartition topic of all inputs; else
	// each has its own.
	Via string
	// Pinned says that the group reads a value that no table holds, see Pinned.
	Pinned bool
}

// View names the group's table for readers. The zero View serves nothing.
type View struct {
	Name string // path segment under /v1/views
	Key  string // what the key is, for example claimId
	Doc  string
	// KeyClass is the class of the key, where no field of the row that is named
	// as the key has it.
	KeyClass string
	// Classes are those that the rows hold, as event types class fields: every
	// answer of the view is audited. NoClasses where there are none. nil says
	// nothing, and is shown to nobody.
	Classes []string
	// Lists says that rows are under keys: a key has a list of rows, not one.
	Lists bool
	// Topic, where it is named, gets every changed row as a record: the newest
	// of each key and transaction, in the table's encoding. Its partitions are
	// the table's.
	Topic Topic
}

// NoClasses says of a view that it holds nothing that is classed.
var NoClasses = []string{}

// Inputs are the streams of a group in reading order.
type Inputs[S Row] []Input[S]

// Input attaches a stream to a group, with the fold that takes its records.
type Input[S Row] struct{ edge Edge }

// Edge is an Input without its types.
type Edge struct {
	Topic Topic
	Bind  binder
	Type  reflect.Type
	Fold  func(row any, meta Meta, body any, r Reader) (any, []Output)

	Without string                // records with this header are passed by, "" for none
	ByID    bool                  // rows are of event identities, not of keys
	Space   func(body any) string // of identities, nil: all are in one
	Single  bool                  // there is one row for each partition, RowOfPartition
	Suffix  func(body any) string // rows are under the keys, nil: at them
	Family  string                // what several inputs are called together in drawings, "" for one of its own
}

// OneOf names the input as one of several that are drawn as one.
func (in Input[S]) OneOf(family string) Input[S] {
	in.edge.Family = family
	return in
}

// Without passes by the records that carry a header: they are neither decoded
// nor repartitioned.
func (in Input[S]) Without(header string) Input[S] {
	in.edge.Without = header
	return in
}

// ByID folds each record into the row of its event's identity, in the
// partition of its key.
func (in Input[S]) ByID() Input[S] {
	in.edge.ByID = true
	return in
}

// ByIDWithin is ByID where identities are unique within a space only, such as
// that of one sender: the same identity in two spaces is two events.
func ByIDWithin[S Row, E Event](in Input[S], space func(E) string) Input[S] {
	in.edge.ByID = true
	in.edge.Space = func(body any) string { return space(body.(E)) }
	return in
}

// ByPartition folds all records of a partition into one row.
func (in Input[S]) ByPartition() Input[S] {
	in.edge.Single = true
	return in
}

// RowOfPartition is the key of the one row of a partition.
func RowOfPartition(partition int32) string { return "partition-" + strconv.Itoa(int(partition)) }

// PassesBy says whether a record is none of the group's business.
func (e Edge) PassesBy(rec *Raw) bool { return e.Without != "" && rec.Header(e.Without) != nil }

// Meta is a Record without its body.
type Meta struct {
	Key       string
	At        time.Time
	Synthetic bool
	Row       string // stored key of the row
	id        func() string
	rec       *Raw
}

// Fold folds a stream into the group's table.
func Fold[S Row, E Event](s Stream[E], fold func(S, Record[E]) (S, []Output)) Input[S] {
	return FoldWith(s, func(Reader, Record[E]) struct{} { return struct{}{} },
		func(row S, rec Record[E], _ struct{}) (S, []Output) { return fold(row, rec) })
}

// FoldWith folds a stream together with facts that gather reads from joined
// and looked-up tables. gather decides nothing.
func FoldWith[S Row, E Event, F any](s Stream[E], gather func(Reader, Record[E]) F, fold func(S, Record[E], F) (S, []Output)) Input[S] {
	return Input[S]{Edge{
		Topic: s.Topic, Bind: bindAny(s.Codec), Type: reflect.TypeFor[E](),
		Fold: func(row any, m Meta, body any, r Reader) (any, []Output) {
			state, _ := row.(S)
			rec := Record[E]{Key: m.Key, At: m.At, Synthetic: m.Synthetic, Body: body.(E), ID: m.id, Source: m.rec, Row: m.Row}
			return fold(state, rec, gather(r, rec))
		},
	}}
}

// Reader reads the tables that a group declared. A missing row is nil; a table
// that was not declared is a programming error and panics with its name.
type Reader interface {
	Join(table string) any
	Lookup(table, key string) any
	Pinned() Pinned
	// Row and Under read the group's own table in the record's partition, as
	// the open transaction has left it: the row at a key, and up to limit rows
	// under a key, in their order, behind the one with the suffix after.
	Row(key string) any
	Under(key, after string, limit int) []Sub
}

// Joined reads the joined row at the record's own key.
func Joined[S Row](r Reader, t Table[S]) S {
	s, _ := r.Join(t.Topic.Name).(S)
	return s
}

// Looked reads a row of a looked-up table at any key. It sees what is there
// now, and does not fire again when that table changes.
func Looked[S Row](r Reader, t Table[S], key string) S {
	s, _ := r.Lookup(t.Topic.Name, key).(S)
	return s
}

// TableRef names a table of another group.
type TableRef struct {
	Topic Topic
	Bind  binder
}

// StreamRef names a stream that a group emits.
type StreamRef struct {
	Topic  Topic
	Bind   binder
	Type   reflect.Type
	Routed bool   // Topic.Name is a prefix: the fold names the topic
	Family string // what several topics for the same type are called together: the fold names one; "" for a topic of its own
}

// Ref names the table for a group's Joins or Lookups.
func (t Table[S]) Ref() TableRef { return TableRef{t.Topic, bindAny(t.Codec)} }

// Ref names the stream for a group's Outputs.
func (s Stream[E]) Ref() StreamRef {
	return StreamRef{Topic: s.Topic, Bind: bindAny(s.Codec), Type: reflect.TypeFor[E]()}
}

// Routed names a family of topics for a group's Outputs: the stream's topic
// name is what all their names begin with, and the fold names one in
// Output.Topic. An output whose topic does not exist goes to the dead letter
// topic of its record; the row and the other outputs are as if it had not been.
func (s Stream[E]) Routed() StreamRef {
	ref := s.Ref()
	ref.Routed = true
	return ref
}

// OneOf names the stream as one of several for values of its type, which are
// drawn as one: the fold names the topic in Output.Topic.
func (s Stream[E]) OneOf(family string) StreamRef {
	ref := s.Ref()
	ref.Family = family
	return ref
}

// Loop is a stream that a group writes to itself: list it in Inputs and, as
// Ref, in Outputs. Its topic belongs to the group.
func Loop[E Event](group, name string, partitions int, c Codec[E]) Stream[E] {
	return Stream[E]{Codec: c, Topic: Topic{
		Name: group + "-" + name + "-loop", Partitions: partitions, Retention: 7 * 24 * time.Hour, Cleanup: Delete, Compression: "lz4",
		MaxMessageBytes: 1 << 20, Owner: group, Producers: []string{group}, Consumers: []string{group}, Doc: "what " + group + " tells itself",
	}}
}
