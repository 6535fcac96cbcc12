package sim

import (
	"encoding/json"
	"fmt"
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

// plain is JSON by a registry that may be away.
type plain[T any] struct{ s topology.Schemas }

func (plain[T]) Schema() string { return "" }

// Bind connects the codec to a registry.
func (plain[T]) Bind(s topology.Schemas, _ string) (topology.Serde[T], error) {
	return plain[T]{s}, nil
}

// Digest is the JSON.
func (plain[T]) Digest(v T) ([]byte, error) { return json.Marshal(v) }

// Encode asks the registry each time.
func (c plain[T]) Encode(v T) ([]byte, error) {
	if _, err := c.s.ID("", ""); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// Decode asks the registry each time.
func (c plain[T]) Decode(b []byte) (v T, err error) {
	if _, err := c.s.Schema(0); err != nil {
		return v, err
	}
	return v, json.Unmarshal(b, &v)
}

// registry is a schema registry without schemas, that may be away.
type registry struct{ s *Sim }

// ID and Schema are topology.Schemas.
func (r registry) ID(string, string) (int, error) { return 1, r.s.registryAway() }

// Schema returns the schema of an id.
func (r registry) Schema(int) (string, error) { return "", r.s.registryAway() }

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

// counts is how often something is there.
type counts map[string]int

// unlike says how far two counts are apart.
func (want counts) unlike(got counts, what string) (wrong []string) {
	missing, extra := 0, 0
	for k, n := range want {
		missing += max(0, n-got[k])
	}
	for k, n := range got {
		extra += max(0, n-want[k])
	}
	if missing+extra > 0 {
		wrong = append(wrong, fmt.Sprintf("%s: %d missing, %d too many", what, missing, extra))
	}
	return wrong
}

// all calls f with every committed record of a topic.
func (b *broker) all(name string, f func(r *topology.Raw)) {
	for p := range b.topics[name].logs {
		for _, r := range b.committed(name, int32(p)) {
			f(r)
		}
	}
}

// checkTallies counts everything anew from the inputs, without the groups.
func checkTallies(s *Sim) (wrong []string) {
	places, byKey, bySum, rings, bad := counts{}, counts{}, counts{}, counts{}, counts{}
	for _, topic := range []string{notes.Topic.Name, corrections.Topic.Name} {
		s.broker.all(topic, func(r *topology.Raw) {
			var n noted
			_ = json.Unmarshal(r.Value, &n) // we wrote it
			if n.Wrong {
				bad[placeOf(r)]++
				return
			}
			places[placeOf(r)]++
			byKey[n.Key+" "+placeOf(r)]++
			bySum[sumOf(n.Key)+" "+placeOf(r)]++
			if n.Ring > 0 {
				rings[placeOf(r)]++
			}
		})
	}
	rows, sums, rangRows := counts{}, counts{}, counts{}
	for key, value := range s.broker.table(tallying) {
		row := rowOf(value)
		for _, what := range row.Seen {
			rows[key+" "+what]++
		}
		for _, what := range row.Rang {
			rangRows[what]++
		}
	}
	for key, value := range s.broker.table(summing) {
		for _, what := range rowOf(value).Seen {
			sums[key+" "+what]++
		}
	}
	wrong = append(wrong, byKey.unlike(rows, "records in rows")...)
	wrong = append(wrong, places.unlike(s.whats(tolds.Topic.Name), "outputs")...)
	wrong = append(wrong, bySum.unlike(sums, "outputs in sums")...)
	wrong = append(wrong, rings.unlike(rangRows, "timers in rows")...)
	wrong = append(wrong, rings.unlike(s.whats(rangs.Topic.Name), "timers in outputs")...)
	dead := counts{}
	for _, topic := range []topology.Topic{notes.Topic, corrections.Topic} {
		s.broker.all(topic.DLQ().Name, func(r *topology.Raw) { dead[string(r.Header(headerPlace))]++ })
	}
	wrong = append(wrong, bad.unlike(dead, "dead letters")...)
	return append(wrong, s.checkEffects(mailing)...)
}

func rowOf(b []byte) (t tally) {
	_ = json.Unmarshal(b, &t) // a group wrote it
	return t
}

// whats counts what the records of a topic tell.
func (s *Sim) whats(topic string) counts {
	got := counts{}
	s.broker.all(topic, func(r *topology.Raw) {
		var t told
		_ = json.Unmarshal(r.Value, &t) // a group wrote it
		got[t.What]++
	})
	return got
}

// checkEffects says whether each event of a group's input was performed or
// parked, and for the first time in the order of its key.
func (s *Sim) checkEffects(g topology.Declared) (wrong []string) {
	in := g.Inputs[0].Topic
	want, had := counts{}, counts{}
	s.broker.all(in.Name, func(r *topology.Raw) { want[placeOf(r)] = 1 })
	last, disorder := map[string]int64{}, 0
	for _, e := range s.acts {
		at := placeOf(&topology.Raw{Topic: e.of.Topic, Partition: e.of.Partition, Offset: e.of.Offset})
		if had[at] == 0 && e.of.Offset < last[e.key] {
			disorder++
		}
		had[at], last[e.key] = 1, max(last[e.key], e.of.Offset)
	}
	s.broker.all(in.DLQ().Name, func(r *topology.Raw) { had[string(r.Header(headerPlace))] = 1 })
	if disorder > 0 {
		wrong = append(wrong, fmt.Sprintf("%d effects out of order", disorder))
	}
	if n := len(s.broker.table(g)); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d keys with effects that are still to do", n))
	}
	return append(wrong, want.unlike(had, "effects")...)
}
