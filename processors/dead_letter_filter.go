// This file answers: which dead letters does an operator mean?

package processors

import (
	"context"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
)

// DeadLetterFilter chooses dead letters. What is empty chooses all; all that
// is said must hold.
type DeadLetterFilter struct {
	Where   string    // CEL over dlq, key, headers, payload
	Reasons []string  // reason codes
	From    time.Time // parked at or after
	To      time.Time // parked before
	At      []Place   // these alone
}

// Place is a dead letter in its topic.
type Place struct {
	Partition int32
	Offset    int64
}

// DeadLetterFacts are what a filter looks at. Payload is the decoded payload
// as JSON values, nil where it does not decode.
type DeadLetterFacts struct {
	Place
	Reason   string
	At       time.Time
	Metadata map[string]any // the names of dlqMetadata
	Key      string
	Headers  map[string]string
	Payload  any
}

// DeadLetterChoice is a DeadLetterFilter that was read. Unjudged counts the
// dead letters over which the expression failed, for example for a field that
// is not there: they are not chosen.
type DeadLetterChoice struct {
	filter   DeadLetterFilter
	program  cel.Program
	Unjudged int
}

// Choice reads the filter. It fails where the expression is not one that gives
// true or false.
func (f DeadLetterFilter) Choice() (*DeadLetterChoice, error) {
	c := &DeadLetterChoice{filter: f}
	if f.Where == "" {
		return c, nil
	}
	texts := cel.MapType(cel.StringType, cel.StringType)
	var err error
	c.program, err = filterProgram(f.Where, cel.Variable("dlq", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("key", cel.StringType),
		cel.Variable("headers", texts), cel.Variable("payload", cel.DynType))
	return c, err
}

// Takes says whether a dead letter is chosen. Its error is ErrFilterCost.
func (c *DeadLetterChoice) Takes(ctx context.Context, d DeadLetterFacts) (bool, error) {
	f := c.filter
	switch {
	case len(f.Reasons) > 0 && !slices.Contains(f.Reasons, d.Reason),
		!f.From.IsZero() && d.At.Before(f.From), !f.To.IsZero() && !d.At.Before(f.To),
		len(f.At) > 0 && !slices.Contains(f.At, d.Place):
		return false, nil
	case c.program == nil:
		return true, nil
	}
	yes, judged, err := runFilter(ctx, c.program, map[string]any{"dlq": d.Metadata, "key": d.Key, "headers": d.Headers, "payload": d.Payload})
	if !judged && err == nil {
		c.Unjudged++
	}
	return yes, err
}
