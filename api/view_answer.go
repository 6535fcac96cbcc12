package api

import (
	"math"
	"net/http"
	"slices"
	"time"

	"payerflow/api/problem"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// Answer is one row of a view.
type Answer struct {
	View     string           `json:"view" doc:"Name of the view"`
	Version  string           `json:"version,omitempty" doc:"Which version of the view answered, where it has more than one: the name of its group"`
	Key      string           `json:"key" doc:"Key of the row; where it is listed to a reader who may not see it, the keyed hash that stands for it in copies of events"`
	Value    any              `json:"value" doc:"The row"`
	Withheld []string         `json:"withheld,omitempty" doc:"Classes that the reader may not see: values of these are ***REDACTED***"`
	AsOf     AsOf             `json:"as_of" doc:"How recent the answer is"`
	Because  topology.Because `json:"because" doc:"The events that made the row: sorted ids, the first 100, and the count of all"`
	Stale    bool             `json:"stale" doc:"True where the inputs were last seen at their end longer ago than the freshness bound, or another copy than the owner's answered"`
	Position string           `json:"position,omitempty" doc:"Token for min_position: stands for what this answer holds"`
}

// AsOf is the engine's own account of an answer.
type AsOf struct {
	EventTime time.Time  `json:"event_time" doc:"Event time of the latest event in the row"`
	Positions []Position `json:"positions" doc:"Next offset of each input of the row's partition: what lies before it is in the answer"`
	Lag       *int64     `json:"lag,omitempty" doc:"Records between these and the ends of the inputs when last compared; absent where not known"`
	Age       *float64   `json:"age_seconds,omitempty" doc:"Seconds since all inputs were last known to be in the answer; absent where not known"`
	Replica   bool       `json:"replica,omitempty" doc:"True where another copy answered than the one of the partition's owner"`
}

// Position is an input partition and its next offset.
type Position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Rows is a page of a view.
type Rows struct {
	Rows     []Answer `json:"rows" doc:"In the order of partition, 64-bit key hash and key; under a key, in the order that the view says; with sort, in that"`
	Withheld []string `json:"withheld,omitempty" doc:"Classes that the reader may not see, of all rows of the page"`
	Looked   int      `json:"looked,omitempty" doc:"Of a query: rows that were looked at"`
	Failed   int      `json:"failed,omitempty" doc:"Of a query: rows on which the condition gave no answer, as by a division by zero"`
	Partial  string   `json:"partial,omitempty" enum:"ROWS,TIME,COST" doc:"Of a query: which bound it stopped at before the end; go on with next"`
	Position string   `json:"position,omitempty" doc:"Token for min_position: stands for what these answers hold"`
	Next     string   `json:"next,omitempty" doc:"Cursor of the next page, absent on the last"`
}

// add puts a row on the page.
func (r *Rows) add(a Answer) {
	r.Rows = append(r.Rows, a)
	for _, c := range a.Withheld {
		if !slices.Contains(r.Withheld, c) {
			r.Withheld = append(r.Withheld, c)
			slices.Sort(r.Withheld)
		}
	}
}

// answer is a row as a reader may see it.
func answer(v topology.Served, a topology.Answer, mask *processors.RowMask) (Answer, error) {
	shown, err := mask.Show(a.Key, a.Row)
	if err != nil {
		return Answer{}, unshowable()
	}
	return Answer{View: v.Name, Version: v.Version, Key: shown.Key, Value: shown.Value, Withheld: shown.Withheld, Because: a.Row.Because(), Stale: a.Stale, AsOf: asOf(a)}, nil
}

func asOf(a topology.Answer) AsOf {
	out := AsOf{EventTime: a.Row.LatestEventAt(), Positions: make([]Position, 0, len(a.Positions))}
	for _, p := range a.Positions {
		out.Positions = append(out.Positions, Position(p))
	}
	if lag := a.Lag; lag >= 0 {
		out.Lag = &lag
	}
	if a.Age >= 0 {
		seconds := math.Round(a.Age.Seconds()*1000) / 1000
		out.Age = &seconds
	}
	out.Replica = a.Replica
	return out
}

// unshowable says that a row cannot be written, or its key not hashed.
func unshowable() *Problem {
	return problem.New(http.StatusInternalServerError, "INTERNAL", "the row could not be redacted, so nothing of it is shown")
}
