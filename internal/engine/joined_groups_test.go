package engine_test

import (
	"time"

	"payerflow/internal/topology"
)

// A visit is at a place, and knows what the place says of itself: a foreign-key
// join. Visits are found by their place: an index.

// visit is the row of a visit.
type visit struct {
	Place string    `json:"place"`
	Seen  string    `json:"seen"` // what the place says, as far as it has told
	Known bool      `json:"known"`
	N     uint32    `json:"n"`
	At    time.Time `json:"at"`
}

func (v visit) Because() topology.Because { return topology.Because{Count: 1} }
func (v visit) LatestEventAt() time.Time  { return v.At }

// told is the body of events here.
type told struct {
	Key  string    `json:"key"`
	Text string    `json:"text"` // of a visit: its place; of a place: what it says, "" for nothing any more
	N    uint32    `json:"n"`
	At   time.Time `json:"at"`
}

func (t told) Subject() string       { return t.Key }
func (t told) OccurredAt() time.Time { return t.At }
func (t told) Validate() error       { return nil }

type (
	planned struct{ told }
	opened  struct{ told }
)

func (planned) EventType() string { return "PLANNED" }
func (opened) EventType() string  { return "OPENED" }

// place is the row of a place, and what it says to those who join it.
type place struct {
	Key  string    `json:"key"`
	Text string    `json:"text"`
	Over bool      `json:"over"`
	At   time.Time `json:"at"`
}

func (p place) EventType() string         { return "PLACE" }
func (p place) Subject() string           { return p.Key }
func (p place) OccurredAt() time.Time     { return p.At }
func (p place) Validate() error           { return nil }
func (p place) Stamped()                  {}
func (p place) Suffix() string            { return "" }
func (p place) Because() topology.Because { return topology.Because{Count: 1} }
func (p place) LatestEventAt() time.Time  { return p.At }
func (p place) Removed() place            { return place{Key: p.Key, Over: true} }

// listed is a visit as its place lists it.
type listed struct {
	Place string `json:"place"`
	Visit string `json:"visit"`
	N     uint32 `json:"n"`
	Over  bool   `json:"over"`
}

func (l listed) EventType() string         { return "LISTED" }
func (l listed) Subject() string           { return l.Place }
func (l listed) OccurredAt() time.Time     { return time.Time{} }
func (l listed) Validate() error           { return nil }
func (l listed) Stamped()                  {}
func (l listed) Suffix() string            { return topology.Ordered(l.N, l.Visit) }
func (l listed) Because() topology.Because { return topology.Because{Count: 1} }
func (l listed) LatestEventAt() time.Time  { return time.Time{} }
func (l listed) Gone() bool                { return l.Over }
func (l listed) Removed() listed           { l.Over = true; return l }

func testStream[E topology.Event](name string, partitions int) topology.Stream[E] {
	return topology.Stream[E]{Codec: plain[E]{}, Topic: topology.Topic{Name: name, Partitions: partitions, Cleanup: topology.Delete, MaxMessageBytes: 1 << 20, KeyField: "key"}}
}

const placesName = "places.v1-test-consumer"

// joined are the groups of visits and places.
type joined struct {
	planned topology.Stream[planned]
	opened  topology.Stream[opened]
	says    topology.Stream[place]
	groups  []topology.Declared
}

// visiting declares the groups, whose join tells chunk visits at once.
func visiting(partitions, chunk int) (j joined) {
	j.planned, j.opened = testStream[planned]("test.visit.planned", partitions), testStream[opened]("test.place.opened", partitions)
	j.says = testStream[place](placesName+"-values", partitions)
	j.says.Topic.Owner = placesName
	join := topology.ForeignJoin[place]{
		Name: "visit-place.v1-test-consumer", Right: j.says, Left: partitions, Chunk: chunk,
		Rows: plain[topology.Joint[place]]{}, LinkCodec: plain[topology.Link]{}, FanCodec: plain[topology.FanOut]{}, AnswersAs: plain[topology.Answered[place]]{},
	}
	index := topology.Index[listed]{Name: "visits-by-place.v1-test-consumer", Partitions: partitions, Entries: plain[listed]{}, Rows: plain[listed]{},
		View: topology.View{Name: "visits-by-place", Key: "place"}}
	visits := topology.Group[visit]{
		Name: "visits.v1-test-consumer", Rows: plain[visit]{}, View: topology.View{Name: "visits", Key: "visit"},
		Inputs: topology.Inputs[visit]{
			topology.Fold(j.planned, func(row visit, rec topology.Record[planned]) (visit, []topology.Output) {
				if row.Place != rec.Body.Text {
					row.Place, row.Seen, row.Known = rec.Body.Text, "", false
				}
				row.N, row.At = rec.Body.N, rec.At
				return row, nil
			}),
			topology.Fold(join.Answers(), func(row visit, rec topology.Record[topology.Answered[place]]) (visit, []topology.Output) {
				if rec.Body.Key == row.Place {
					row.Seen, row.Known = "", rec.Body.Value != nil
					if row.Known {
						row.Seen = rec.Body.Value.Text
					}
				}
				return row, nil
			}),
		},
		Follows: []topology.Follow[visit]{
			topology.Follows(join.Links(), func(key string, row visit) []topology.Link {
				return []topology.Link{{Key: row.Place, Left: key}}
			}),
			topology.Follows(index.Stream(), func(key string, row visit) []listed {
				return []listed{{Place: row.Place, Visit: key, N: row.N}}
			}),
		},
	}
	places := topology.Group[place]{
		Name: placesName, Rows: plain[place]{},
		Inputs: topology.Inputs[place]{topology.Fold(j.opened, func(_ place, rec topology.Record[opened]) (place, []topology.Output) {
			return place{Key: rec.Key, Text: rec.Body.Text, Over: rec.Body.Text == "", At: rec.At}, nil
		})},
		Follows: []topology.Follow[place]{topology.Follows(j.says, func(_ string, row place) []place {
			if row.Over {
				return nil
			}
			return []place{row}
		})},
	}
	j.groups = []topology.Declared{visits.Declare(), places.Declare(), join.Declare(), index.Declare()}
	return j
}

// topics are all that the groups need.
func (j joined) topics() (ts []topology.Topic) {
	for _, t := range []topology.Topic{j.planned.Topic, j.opened.Topic} {
		ts = append(ts, t, t.DLQ())
	}
	for _, g := range j.groups {
		ts = append(ts, g.Topics()...)
	}
	return ts
}
