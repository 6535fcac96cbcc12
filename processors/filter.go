// This file answers: what may an operator's expression look at and cost?

package processors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"
)

// What an operator's expression may cost: to read, and to run over one record.
const (
	maxFilterLength = 4096
	maxFilterDepth  = 64
	maxFilterCost   = 100_000
	maxFilterTime   = 100 * time.Millisecond
	interruptEvery  = 100 // steps of a loop
)

// ErrFilterCost says that an expression costs too much to go on with it.
var ErrFilterCost = errors.New("the expression costs too much for one record; make it simpler")

// filterProgram reads an expression over variables. It fails where that is not
// one that gives true or false.
func filterProgram(where string, variables ...cel.EnvOption) (cel.Program, error) {
	if len(where) > maxFilterLength {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxFilterLength)
	}
	env, err := cel.NewEnv(append(variables, cel.ParserRecursionLimit(maxFilterDepth), cel.ParserExpressionSizeLimit(maxFilterLength))...)
	if err != nil {
		return nil, fmt.Errorf("expressions: %w", err)
	}
	ast, issues := env.Compile(where)
	if issues.Err() != nil {
		return nil, fmt.Errorf("the expression is not legal: %w", issues.Err())
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the expression gives %s, and not true or false", t)
	}
	return env.Program(ast, cel.CostLimit(maxFilterCost), cel.InterruptCheckFrequency(interruptEvery), cel.EvalOptions(cel.OptOptimize))
}

// runFilter says what an expression gives. It is not judged where it fails, for
// example for a field that is not there. The error is ErrFilterCost.
func runFilter(ctx context.Context, p cel.Program, variables map[string]any) (yes, judged bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxFilterTime)
	defer cancel()
	out, _, err := p.ContextEval(ctx, variables)
	if err != nil {
		if cancelled := (interpreter.EvalCancelledError{}); ctx.Err() != nil || errors.As(err, &cancelled) {
			return false, false, ErrFilterCost
		}
		return false, false, nil
	}
	yes, judged = out.Value().(bool)
	return yes, judged, nil
}
