// This file answers: which events does one reader get once more, and in which form?

package processors

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"cel.dev/cel-go/cel"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// HeaderReplayed marks a copy that was delivered again on demand: the
// redelivery that wrote it.
const HeaderReplayed = "pf_replayed"

// Codes of events that a redelivery passes over.
const (
	NotChosen    = "NOT_CHOSEN"
	NotForReader = "NOT_FOR_READER" // by the rules in force the subscription does not get it
	NotJudged    = "NOT_JUDGED"     // the expression failed over it
	TooCostly    = "FILTER_COST"    // the expression costs too much
)

// EventChoice chooses events. What is empty chooses all; all that is said must
// hold.
type EventChoice struct {
	Types []string
	Keys  []string  // of entities
	From  time.Time // of time stamps of records, the first among them
	To    time.Time // the last not
	Where string    // CEL over event and body, as the reader sees them
}

// Redelivery is what events of one redelivery are routed with.
type Redelivery struct {
	InForce
	id     string
	choice EventChoice
	keys   map[string]bool
	where  cel.Program
}

// NewRedelivery fails where the expression is not one that gives true or false.
func NewRedelivery(id string, choice EventChoice) (*Redelivery, error) {
	r := &Redelivery{id: id, choice: choice, keys: map[string]bool{}}
	for _, k := range choice.Keys {
		r.keys[k] = true
	}
	if choice.Where == "" {
		return r, nil
	}
	var err error
	r.where, err = filterProgram(choice.Where, cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("body", cel.DynType))
	return r, err
}

// With is the same redelivery by rules that are in force now.
func (r Redelivery) With(rules *Rules, at time.Time) *Redelivery {
	r.InForce = NewInForce(rules, at)
	return &r
}

// Mark writes nothing.
func (r *Redelivery) Mark(string, []topology.Range) topology.Output { return topology.Output{} }

// RedeliverReceived is what the router makes of an event of the firehose for
// the one topic that the record names in topology.HeaderOutput.
func RedeliverReceived(row tables.Processed, rec topology.Record[events.Envelope], r *Redelivery) (tables.Processed, []topology.Output) {
	if !r.names(rec.Body, rec.Source.Timestamp) {
		return row, passed(NotChosen)
	}
	return r.mark(RouteReceived(row, rec, r.InForce))
}

// RedeliverForeign is the same of an event that a service wrote to its domain
// topic.
func RedeliverForeign(row tables.Processed, rec topology.Record[events.Typed], r *Redelivery) (tables.Processed, []topology.Output) {
	if !r.names(Received(rec), rec.Source.Timestamp) {
		return row, passed(NotChosen)
	}
	return r.mark(RouteForeign(row, rec, r.InForce))
}

func passed(code string) []topology.Output {
	return []topology.Output{{Value: topology.Dropped{Code: code}}}
}

// names says whether an event is chosen, but for the expression.
func (r *Redelivery) names(e events.Envelope, at time.Time) bool {
	c := r.choice
	return (len(c.Types) == 0 || slices.Contains(c.Types, string(e.Type))) && (len(r.keys) == 0 || r.keys[string(e.Key)]) &&
		(c.From.IsZero() || !at.Before(c.From)) && (c.To.IsZero() || at.Before(c.To))
}

// mark marks the copy that the router made. Whether the expression holds is
// judged on that copy: what its reader may not see cannot be asked about.
func (r *Redelivery) mark(row tables.Processed, out []topology.Output) (tables.Processed, []topology.Output) {
	if len(out) == 0 {
		return row, passed(NotForReader)
	}
	c, is := out[0].Value.(events.Envelope)
	if !is {
		return row, out // dropped, or parked
	}
	if code := r.judge(c); code != "" {
		return row, passed(code)
	}
	out[0].Headers = append(out[0].Headers, topology.Header{Key: HeaderReplayed, Value: []byte(r.id)})
	return row, out[:1]
}

// judge is the code of a copy over which the expression does not hold.
func (r *Redelivery) judge(c events.Envelope) string {
	if r.where == nil {
		return ""
	}
	var event, body map[string]any
	text, err := json.Marshal(c)
	if err != nil || json.Unmarshal(text, &event) != nil || json.Unmarshal([]byte(c.Body), &body) != nil {
		return NotJudged
	}
	delete(event, "body")
	yes, judged, err := runFilter(context.Background(), r.where, map[string]any{"event": event, "body": body})
	switch {
	case err != nil:
		return TooCostly
	case !judged:
		return NotJudged
	case !yes:
		return NotChosen
	}
	return ""
}
