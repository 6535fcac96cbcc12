package sim

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"payerflow/internal/topology"
)

// The tallies are made-up groups that forgive nothing: a fold that takes a
// record twice counts it twice. They have all that a group can have: two
// inputs, one of them with another partition count, a timer, outputs that
// another group folds, a topic of the view, and effects.

// noted is an event: the record at a place.
type noted struct {
	Key   string `json:"key"`
	At    int64  `json:"at"`
	Ring  int64  `json:"ring,omitempty"` // unix seconds, 0: never
	Wrong bool   `json:"wrong,omitempty"`
}

// told is what a tally says of each record, and of each ring.
type told struct {
	noted
	What string `json:"what"` // the record's place
}

type rang told

func (n noted) EventType() string     { return "NOTED" }
func (n noted) Subject() string       { return n.Key }
func (n noted) OccurredAt() time.Time { return time.Unix(n.At, 0) }

// Validate refuses what is wrong.
func (n noted) Validate() error {
	if n.Wrong {
		return refusal{}
	}
	return nil
}

type refusal struct{}

func (refusal) Error() string   { return "it is wrong" }
func (refusal) Code() string    { return "WRONG" }
func (refusal) Pointer() string { return "/wrong" }

// tally is a row: the places of all records that it counts, and of those that
// are still to ring.
type tally struct {
	Seen  []string `json:"seen"`
	Rings []ring   `json:"rings,omitempty"`
	Rang  []string `json:"rang,omitempty"`
}

type ring struct {
	At   int64  `json:"at"`
	What string `json:"what"`
}

func (tally) Because() topology.Because { return topology.Because{} }
func (tally) LatestEventAt() time.Time  { return epoch }

func (t tally) due() (first time.Time) {
	for _, r := range t.Rings {
		if at := time.Unix(r.At, 0); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func noteTopic(name string, partitions int) topology.Topic {
	return topology.Topic{Name: name, Partitions: partitions, KeyField: "key", Retention: time.Hour, MaxMessageBytes: 1 << 20,
		Compression: "lz4", Cleanup: topology.Delete, Owner: "simulation"}
}

var (
	notes       = topology.Stream[noted]{Topic: noteTopic("notes", 3), Codec: plain[noted]{}}
	corrections = topology.Stream[noted]{Topic: noteTopic("corrections", 2), Codec: plain[noted]{}}
	tolds       = topology.Stream[told]{Topic: noteTopic("told", 2), Codec: plain[told]{}}
	rangs       = topology.Stream[rang]{Topic: noteTopic("rang", 2), Codec: plain[rang]{}}
)

var tallying = topology.Group[tally]{
	Name: "tallies", Rows: plain[tally]{},
	Inputs:  topology.Inputs[tally]{topology.Fold(notes, foldNoted), topology.Fold(corrections, foldNoted)},
	Outputs: []topology.StreamRef{tolds.Ref(), rangs.Ref()},
	Timer:   topology.Timer[tally]{Due: tally.due, Wake: wakeTally},
	View:    topology.View{Name: "tallies", Topic: noteTopic("tallies-view", 3)},
}.Declare()

var summing = topology.Group[tally]{
	Name: "sums", Rows: plain[tally]{}, Inputs: topology.Inputs[tally]{topology.Fold(tolds, foldTold)},
}.Declare()

var mailing = topology.Effects[told]{Name: "mails", Input: tolds, Rows: plain[topology.Backlog]{}}.Declare()

func foldNoted(row tally, rec topology.Record[noted]) (tally, []topology.Output) {
	what := placeOf(rec.Source)
	if fault == markerWithoutOutput && slices.Contains(row.Seen, what) {
		return row, nil
	}
	row.Seen = append(slices.Clone(row.Seen), what)
	if rec.Body.Ring > 0 {
		row.Rings = append(slices.Clone(row.Rings), ring{rec.Body.Ring, what})
	}
	return row, []topology.Output{{Key: sumOf(rec.Key), Value: told{noted{Key: sumOf(rec.Key), At: rec.Body.At}, what}}}
}

// sumOf is the key under which what a tally says is summed.
func sumOf(key string) string { return "s" + strconv.Itoa(len(key)%3) }

func wakeTally(row tally, w topology.Waking) (tally, []topology.Output) {
	var left []ring
	var out []topology.Output
	for _, r := range row.Rings {
		if time.Unix(r.At, 0).After(w.Clock) {
			left = append(left, r)
			continue
		}
		row.Rang = append(slices.Clone(row.Rang), r.What)
		out = append(out, topology.Output{Key: w.Key, Value: rang{noted{Key: w.Key, At: w.Clock.Unix()}, r.What}})
	}
	row.Rings = left
	return row, out
}

func foldTold(row tally, rec topology.Record[told]) (tally, []topology.Output) {
	row.Seen = append(slices.Clone(row.Seen), rec.Body.What)
	return row, nil
}

// tallies is the world of these groups: records in any order and twice, at the
// partition of their key or astray, a few of them wrong.
func tallies(r *rand.Rand) *world {
	w := &world{groups: []topology.Declared{tallying, summing, mailing}, bind: func(s *Sim) []*topology.Bound {
		return bind([]topology.Declared{tallying, summing, mailing}, registry{s})
	},
		until: epoch.Add(time.Hour), steps: 900, check: checkTallies}
	for range 20 + r.IntN(30) {
		topic, key := notes.Topic, strings.Repeat("k", 1+r.IntN(6))
		if r.IntN(3) == 0 {
			topic = corrections.Topic
		}
		n := noted{Key: key, At: epoch.Unix(), Wrong: r.IntN(20) == 0}
		if r.IntN(3) == 0 {
			n.Ring = epoch.Unix() + int64(r.IntN(40))
		}
		value, _ := json.Marshal(n)
		partition := topology.Partition([]byte(key), topic.Partitions)
		if r.IntN(6) == 0 { // hashed by another client
			partition = int32(r.IntN(topic.Partitions))
		}
		rec := topology.Raw{Topic: topic.Name, Partition: partition, Key: []byte(key), Value: value}
		w.inputs = append(w.inputs, rec)
		if r.IntN(6) == 0 {
			w.inputs = append(w.inputs, rec)
		}
	}
	r.Shuffle(len(w.inputs), func(i, j int) { w.inputs[i], w.inputs[j] = w.inputs[j], w.inputs[i] })
	return w
}
