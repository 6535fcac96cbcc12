package api

import (
	"time"

	"payerflow/internal/topology"
)

// Answer is one row of a view.
type Answer struct {
	View    string           `json:"view" doc:"Name of the view"`
	Key     string           `json:"key" doc:"Key of the row"`
	Value   any              `json:"value" doc:"The row"`
	AsOf    AsOf             `json:"as_of" doc:"How recent the answer is"`
	Because topology.Because `json:"because" doc:"The events that made the row: sorted ids, the first 100, and the count of all"`
	Stale   bool             `json:"stale" doc:"True where the inputs were last seen at their end longer ago than the freshness bound"`
}

// AsOf is the engine's own account of an answer.
type AsOf struct {
	EventTime time.Time  `json:"event_time" doc:"Event time of the latest event in the row"`
	Positions []Position `json:"positions" doc:"Next offset of each input of the row's partition: what lies before it is in the answer"`
}

// Position is an input partition and its next offset.
type Position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Rows is a page of a view.
type Rows struct {
	Rows []Answer `json:"rows" doc:"Rows in the order of partition, 64-bit key hash and key"`
	Next string   `json:"next,omitempty" doc:"Cursor of the next page, absent on the last"`
}

func answer(view string, a topology.Answer) Answer {
	out := Answer{View: view, Key: a.Key, Value: a.Row, Because: a.Row.Because(), Stale: a.Stale,
		AsOf: AsOf{EventTime: a.Row.LatestEventAt(), Positions: []Position{}}}
	for _, p := range a.Positions {
		out.AsOf.Positions = append(out.AsOf.Positions, Position(p))
	}
	return out
}
