package events

import (
	"log/slog"
	"strconv"
	"time"
)

// AggregationMatched is what an aggregation needs of an event that matched one
// of its steps, as its team may see it. Topic mediator.aggregation.matched.
type AggregationMatched struct {
	Key           ID              `avro:"key" json:"key"`                 // AggregationKey
	Aggregation   string          `avro:"aggregation" json:"aggregation"` // team/name
	Version       int32           `avro:"version" json:"version"`         // of the aggregation's row
	Plan          AggregationPlan `avro:"plan" json:"plan"`
	Group         ID              `avro:"group" json:"group"` // of the events that are put together; "" for the aggregation's own account
	Step          int32           `avro:"step" json:"step"`
	ID            string          `avro:"eventId" json:"eventId"`
	At            Instant         `avro:"time" json:"time"`           // event time
	MatchedAt     Instant         `avro:"matchedAt" json:"matchedAt"` // by the router's clock
	Values        []Text          `avro:"values" json:"values"`       // as the plan names them; "" where the event has none
	Tags          []string        `avro:"tags" json:"tags"`
	TransactionID string          `avro:"transactionId" json:"transactionId"`
	Fault         string          `avro:"fault" json:"fault"` // why the event cannot be used, "" where it can
	Rows          int64           `avro:"rows" json:"rows"`   // to the account: rows that began, less those that went
}

// AggregationPlan is a definition as folding needs it. Times are microseconds.
type AggregationPlan struct {
	Kind          string              `avro:"kind" json:"kind" class:"PUBLIC"`
	Steps         []string            `avro:"steps" json:"steps" class:"PUBLIC"`
	Within        int64               `avro:"within" json:"within" class:"PUBLIC"`
	Before        int64               `avro:"before" json:"before" class:"PUBLIC"`
	Lateness      int64               `avro:"lateness" json:"lateness" class:"PUBLIC"`
	Shape         string              `avro:"shape" json:"shape" class:"PUBLIC"`
	Size          int64               `avro:"size" json:"size" class:"PUBLIC"` // of a session: its gap
	Every         int64               `avro:"every" json:"every" class:"PUBLIC"`
	Values        []AggregationNumber `avro:"values" json:"values" class:"PUBLIC"`
	Output        Type                `avro:"output" json:"output" class:"PUBLIC"`
	OutputVersion int32               `avro:"outputVersion" json:"outputVersion" class:"PUBLIC"`
	Classes       []string            `avro:"classes" json:"classes" class:"PUBLIC"` // of the key and the values, sorted; none: PUBLIC
}

// AggregationNumber is a value by its name, and what is done with it.
type AggregationNumber struct {
	Name       string `avro:"name" json:"name" class:"PUBLIC"`
	Do         string `avro:"do" json:"do" class:"PUBLIC"`
	Percentile int32  `avro:"percentile" json:"percentile" class:"PUBLIC"`
}

// AggregationLate is an event that an aggregation did not use, and why. Topic
// mediator.aggregation.late.
type AggregationLate struct {
	Key         ID      `avro:"key" json:"key"` // as of AggregationMatched
	Aggregation string  `avro:"aggregation" json:"aggregation"`
	Version     int32   `avro:"version" json:"version"`
	Group       ID      `avro:"group" json:"group"`
	Step        string  `avro:"step" json:"step"`
	ID          string  `avro:"eventId" json:"eventId"`
	At          Instant `avro:"time" json:"time"`
	MatchedAt   Instant `avro:"matchedAt" json:"matchedAt"`
	Values      []Text  `avro:"values" json:"values"`
	Reason      string  `avro:"reason" json:"reason"`
}

// AggregationKey is the key of all facts that are put together.
func AggregationKey(aggregation string, version int32, group ID) ID {
	return ID(aggregation+"@"+strconv.Itoa(int(version))+"/") + group
}

func (e AggregationMatched) EventType() string     { return "AGGREGATION_MATCHED" }
func (e AggregationMatched) Subject() string       { return string(e.Key) }
func (e AggregationMatched) OccurredAt() time.Time { return e.At.Time() }
func (e AggregationMatched) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e AggregationMatched) Validate() error {
	return missing(text("key", e.Key), text("aggregation", e.Aggregation), text("plan/kind", e.Plan.Kind), field{"time", e.At == 0}, field{"matchedAt", e.MatchedAt == 0})
}

func (e AggregationLate) EventType() string     { return "AGGREGATION_LATE" }
func (e AggregationLate) Subject() string       { return string(e.Key) }
func (e AggregationLate) OccurredAt() time.Time { return e.At.Time() }
func (e AggregationLate) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e AggregationLate) Validate() error {
	return missing(text("key", e.Key), text("reason", e.Reason), field{"time", e.At == 0})
}
