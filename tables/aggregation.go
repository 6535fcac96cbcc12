package tables

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"payerflow/events"
)

// KindAggregation is the kind of rows that combine events; name: team/name.
const KindAggregation = "aggregation"

// Aggregation makes events out of events that a team gets: of each, of several
// within a time, of the absence of one, or of all within windows.
type Aggregation struct {
	Team      string             `json:"team"`
	Name      string             `json:"name"`
	Doc       string             `json:"doc,omitempty"`
	Combine   string             `json:"combine"`          // one of those below
	Steps     []AggregationStep  `json:"steps"`            // one of EVERY and WINDOW; of ABSENCE the last is what must not come
	Key       string             `json:"key"`              // JSON pointer into bodies, name of an event's attribute, or "tag:" and what the tag begins with
	Within    string             `json:"within,omitempty"` // of ALL_OF and ABSENCE
	Before    string             `json:"before,omitempty"` // of ABSENCE: the steps before the last lie within it; Within unless said
	Window    *AggregationWindow `json:"window,omitempty"` // of WINDOW
	Values    []AggregationValue `json:"values,omitempty"` // of EVERY and WINDOW
	Lateness  string             `json:"lateness,omitempty"`
	Output    string             `json:"output"`    // event type of the team
	Synthetic string             `json:"synthetic"` // PassThrough or Discard
	State     string             `json:"state"`     // StateActive or StatePaused
	Reason    string             `json:"reason,omitempty"`
}

// AggregationStep chooses events.
type AggregationStep struct {
	Name       string   `json:"name"`
	EventTypes []string `json:"eventTypes"`          // names or patterns
	Condition  string   `json:"condition,omitempty"` // CEL, as of a routing rule
}

// AggregationWindow says how events are put together by time. Windows begin at
// multiples of Every since 1970-01-01T00:00:00Z; sessions at their first event.
type AggregationWindow struct {
	Shape string `json:"shape"`           // tumbling, hopping or session
	Size  string `json:"size,omitempty"`  // of tumbling and hopping
	Every string `json:"every,omitempty"` // of hopping
	Gap   string `json:"gap,omitempty"`   // of session: without events for so long it is over
}

// AggregationValue is a number of a window, or a value of one event.
type AggregationValue struct {
	Name       string `json:"name"`
	Do         string `json:"do"`           // sum, min, max, percentile; of EVERY: value
	Of         string `json:"of,omitempty"` // JSON pointer
	Percentile int    `json:"percentile,omitempty"`
}

// What is combined, shapes of windows, and what is done with values.
const (
	AggregateEvery   = "EVERY"   // each event that matches
	AggregateAllOf   = "ALL_OF"  // one event of each step, in any order
	AggregateAbsence = "ABSENCE" // one event of each step in order, and none of the last
	AggregateWindow  = "WINDOW"  // all events of a window

	ShapeTumbling = "tumbling"
	ShapeHopping  = "hopping"
	ShapeSession  = "session"

	DoSum        = "sum"
	DoMin        = "min"
	DoMax        = "max"
	DoPercentile = "percentile"
	DoValue      = "value"

	// TagKey begins a key that is a tag.
	TagKey = "tag:"
)

// ID is the aggregation's name in control events.
func (a Aggregation) ID() string { return a.Team + "/" + a.Name }

// Plan is what folding needs of an aggregation. Texts that are no durations
// count as none: Check has refused them.
func (a Aggregation) Plan(outputVersion int32) events.AggregationPlan {
	p := events.AggregationPlan{Kind: a.Combine, Output: events.Type(a.Output), OutputVersion: outputVersion, Steps: []string{}, Values: []events.AggregationNumber{}}
	for _, s := range a.Steps {
		p.Steps = append(p.Steps, s.Name)
	}
	for _, v := range a.Values {
		p.Values = append(p.Values, events.AggregationNumber{Name: v.Name, Do: v.Do, Percentile: int32(v.Percentile)})
	}
	p.Within, p.Before, p.Lateness = micros(a.Within), micros(a.Before), micros(a.Lateness)
	if p.Before == 0 {
		p.Before = p.Within
	}
	if w := a.Window; w != nil {
		p.Shape, p.Size, p.Every = w.Shape, micros(w.Size), micros(w.Every)
		switch w.Shape {
		case ShapeTumbling:
			p.Every = p.Size
		case ShapeSession:
			p.Size = micros(w.Gap)
		}
	}
	return p
}

func micros(text string) int64 {
	d, err := ParseSpan(text)
	if err != nil {
		return 0
	}
	return d.Microseconds()
}

var errSpan = errors.New("not a time such as 30s, 15m, 36h or 7d")

// ParseSpan reads a time as Go writes it, and whole days: 90s, 1h30m, 7d. "" is
// none.
func ParseSpan(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, errSpan
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errSpan
	}
	return d, nil
}
