package topology

import (
	"cmp"
	"reflect"
	"time"
)

// ForeignJoin joins the rows of one group with those of another by a key that
// is not their own: a booking with the standing of its provider. It is a group
// beside both. The left group follows its rows with Links and folds Answers;
// the right group follows its rows with values V, one at each of its keys.
// Both sides are live: a new link is answered with the value there is, and a
// new value is told to everybody who is linked to it. See docs/adr/0010.
type ForeignJoin[V Entry[V]] struct {
	Name      string // consumer group; permanent, for it names the changelog
	Doc       string
	Right     Stream[V]
	Left      int // partitions of the answers: those of the left group
	Rows      Codec[Joint[V]]
	LinkCodec Codec[Link]        // of the topic that LinksTopic names
	FanCodec  Codec[FanOut]      // of the topic that FanOutTopic names
	AnswersAs Codec[Answered[V]] // of the topic that AnswersTopic names
	Chunk     int                // how many are told at once; 0: DefaultChunk
}

// DefaultChunk is how many links are told of a new value at once.
const DefaultChunk = 1000

const fanOut = "fan-out"

// LinksTopic names the topic of a join's links.
func LinksTopic(join string) string { return join + "-links" }

// AnswersTopic names the topic of a join's answers.
func AnswersTopic(join string) string { return join + "-answers" }

// FanOutTopic names the loop of a join.
func FanOutTopic(join string) string { return join + "-" + fanOut + "-loop" }

// Link says that the row at Left wants to know the value at Key. Topic
// LinksTopic, key Key.
type Link struct {
	Key  string `avro:"key" json:"key"`
	Left string `avro:"left" json:"left"`
	No   bool   `avro:"no" json:"no"` // it does not any more
}

func (l Link) EventType() string     { return "LINKED" }
func (l Link) Subject() string       { return l.Key }
func (l Link) OccurredAt() time.Time { return time.Time{} }

// Validate has nothing to refuse.
func (l Link) Validate() error { return nil }

// Stamped says that its record's time stamp counts.
func (l Link) Stamped() {}

// Suffix is the key of the row that wants to know.
func (l Link) Suffix() string { return l.Left }

// Removed takes the link back.
func (l Link) Removed() Link {
	l.No = true
	return l
}

// Answered tells the row at Left the value at Key, nil where it is no more.
// Topic AnswersTopic, key Left.
type Answered[V any] struct {
	Left  string `avro:"left" json:"left"`
	Key   string `avro:"key" json:"key"`
	Value *V     `avro:"value" json:"value"`
}

func (a Answered[V]) EventType() string     { return "ANSWERED" }
func (a Answered[V]) Subject() string       { return a.Left }
func (a Answered[V]) OccurredAt() time.Time { return time.Time{} }

// Validate has nothing to refuse.
func (a Answered[V]) Validate() error { return nil }

// Stamped says that its record's time stamp counts.
func (a Answered[V]) Stamped() {}

// FanOut goes on telling the value at Key to those behind After. Topic
// FanOutTopic, key Key.
type FanOut struct {
	Key   string `avro:"key" json:"key"`
	Round int64  `avro:"round" json:"round"`
	After string `avro:"after" json:"after"`
}

func (f FanOut) EventType() string     { return "FANNED_OUT" }
func (f FanOut) Subject() string       { return f.Key }
func (f FanOut) OccurredAt() time.Time { return time.Time{} }

// Validate has nothing to refuse.
func (f FanOut) Validate() error { return nil }

// Stamped says that its record's time stamp counts.
func (f FanOut) Stamped() {}

// Joint is the row of a join: at a key its value, and under it one row for
// each link.
type Joint[V any] struct {
	Value *V    `avro:"value" json:"value"`
	Round int64 `avro:"round" json:"round"` // how often the value has changed
	At    int64 `avro:"at" json:"at"`       // time stamp of the latest record, unix microseconds
	Over  bool  `avro:"over" json:"over"`   // a link that is no more: never stored
}

// Because names nothing: a join has no facts of its own.
func (j Joint[V]) Because() Because { return Because{IDs: []string{}, Count: 1} }

// LatestEventAt is the time stamp of the latest record.
func (j Joint[V]) LatestEventAt() time.Time { return time.UnixMicro(j.At).UTC() }

// Gone says that the link is no more.
func (j Joint[V]) Gone() bool { return j.Over }

// Links is what the left group follows its rows with.
func (f ForeignJoin[V]) Links() Stream[Link] {
	return Stream[Link]{Topic: ownTopic(f.Name, LinksTopic(f.Name), f.Right.Topic.Partitions, "who wants to know what "+f.Name+" joins"), Codec: f.LinkCodec}
}

// Answers is what the left group folds.
func (f ForeignJoin[V]) Answers() Stream[Answered[V]] {
	return Stream[Answered[V]]{Topic: ownTopic(f.Name, AnswersTopic(f.Name), f.Left, "what "+f.Name+" tells"), Codec: f.AnswersAs}
}

func (f ForeignJoin[V]) loop() Stream[FanOut] {
	return Loop(f.Name, fanOut, f.Right.Topic.Partitions, f.FanCodec)
}

// Declare works out what follows, as Group.Declare does.
func (f ForeignJoin[V]) Declare() Declared {
	links := FoldWith(f.Links(), jointAt[V], foldLink[V])
	values := FoldWith(f.Right, func(r Reader, rec Record[V]) linked { return f.linked(r, rec.Body.Subject(), "") }, f.foldValue)
	rest := FoldWith(f.loop(), func(r Reader, rec Record[FanOut]) linked { return f.linked(r, rec.Key, rec.Body.After) }, f.foldRest)
	d := Group[Joint[V]]{
		Name: f.Name, Doc: f.Doc, Rows: f.Rows,
		Inputs:  Inputs[Joint[V]]{Under(links, Link.Suffix), values, rest},
		Outputs: []StreamRef{f.Answers().Ref(), f.loop().Ref()},
	}.Declare()
	d.Beside = true
	return d
}

func jointAt[V any](r Reader, rec Record[Link]) Joint[V] {
	at, _ := Own[Joint[V]](r, rec.Key)
	return at
}

// linked are the left keys to be told, and whether there are more behind them.
type linked struct {
	lefts []string
	more  bool
}

func (f ForeignJoin[V]) linked(r Reader, key, after string) (l linked) {
	most := cmp.Or(f.Chunk, DefaultChunk)
	for _, sub := range r.Under(key, after, most+1) {
		if len(l.lefts) == most {
			l.more = true
			break
		}
		l.lefts = append(l.lefts, sub.Suffix)
	}
	return l
}

// foldLink keeps a link, and answers it with the value there is. One that is no
// more is an answer too: an earlier link of the same row may have been told it,
// and that answer may still be on its way.
func foldLink[V Entry[V]](row Joint[V], rec Record[Link], at Joint[V]) (Joint[V], []Output) {
	row.At, row.Over = max(row.At, rec.At.UnixMicro()), rec.Body.No
	if row.Over || at.Round == 0 {
		return row, nil
	}
	return row, []Output{{Key: rec.Body.Left, Value: Answered[V]{rec.Body.Left, rec.Key, at.Value}}}
}

// foldValue keeps a value, and tells it.
func (f ForeignJoin[V]) foldValue(row Joint[V], rec Record[V], to linked) (Joint[V], []Output) {
	row.At, row.Round, row.Value = max(row.At, rec.At.UnixMicro()), row.Round+1, &rec.Body
	if reflect.DeepEqual(rec.Body, rec.Body.Removed()) { // it says that it is no more
		row.Value = nil
	}
	return row, row.tell(rec.Key, to)
}

// foldRest goes on telling, unless a newer value has begun anew.
func (f ForeignJoin[V]) foldRest(row Joint[V], rec Record[FanOut], to linked) (Joint[V], []Output) {
	if rec.Body.Round != row.Round {
		return row, []Output{{Value: Dropped{"SUPERSEDED"}}}
	}
	return row, row.tell(rec.Key, to)
}

// tell answers some links; where there are more, the loop goes on behind them.
func (j Joint[V]) tell(key string, to linked) (out []Output) {
	for _, left := range to.lefts {
		out = append(out, Output{Key: left, Value: Answered[V]{left, key, j.Value}})
	}
	if to.more {
		out = append(out, Output{Key: key, Value: FanOut{key, j.Round, to.lefts[len(to.lefts)-1]}})
	}
	return out
}
