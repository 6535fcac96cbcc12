// This file answers: which dead letters does an operator mean?

package processors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"
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

// What an expression may cost: to read, and to run over one dead letter.
const (
	maxFilterLength = 4096
	maxFilterDepth  = 64
	maxFilterCost   = 100_000
	maxFilterTime   = 100 * time.Millisecond
	interruptEvery  = 100 // steps of a loop
)

// ErrFilterCost says that an expression costs too much to go on with it.
var ErrFilterCost = errors.New("the expression costs too much for one dead letter; make it simpler")

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
	if len(f.Where) > maxFilterLength {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxFilterLength)
	}
	texts := cel.MapType(cel.StringType, cel.StringType)
	env, err := cel.NewEnv(cel.ParserRecursionLimit(maxFilterDepth), cel.ParserExpressionSizeLimit(maxFilterLength),
		cel.Variable("dlq", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("key", cel.StringType),
		cel.Variable("headers", texts), cel.Variable("payload", cel.DynType))
	if err != nil {
		return nil, fmt.Errorf("expressions: %w", err)
	}
	ast, issues := env.Compile(f.Where)
	if issues.Err() != nil {
		return nil, fmt.Errorf("the expression is not legal: %w", issues.Err())
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the expression gives %s, and not true or false", t)
	}
	c.program, err = env.Program(ast, cel.CostLimit(maxFilterCost), cel.InterruptCheckFrequency(interruptEvery), cel.EvalOptions(cel.OptOptimize))
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
	ctx, cancel := context.WithTimeout(ctx, maxFilterTime)
	defer cancel()
	out, _, err := c.program.ContextEval(ctx, map[string]any{"dlq": d.Metadata, "key": d.Key, "headers": d.Headers, "payload": d.Payload})
	if err != nil {
		if cancelled := (interpreter.EvalCancelledError{}); ctx.Err() != nil || errors.As(err, &cancelled) {
			return false, ErrFilterCost
		}
		c.Unjudged++
		return false, nil
	}
	yes, ok := out.Value().(bool)
	if !ok {
		c.Unjudged++
	}
	return ok && yes, nil
}
