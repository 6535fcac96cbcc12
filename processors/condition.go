package processors

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"payerflow/events"
)

// condition is a rule's condition for the events of one type.
type condition struct {
	*look
	literals []ref.Val  // that take the places of the look's variables
	equals   []equality // of which each must hold
	tags     []string   // that an event must have
}

// look is what checking found out about the text of a condition, or about all
// texts that differ in their literals alone: what it looks at, what it costs,
// and how it is run.
type look struct {
	uses    []use
	equals  []equality
	tags    []string
	faults  []events.Fault
	program func() (cel.Program, error)
	most    uint64 // what it costs at most on any event
	regexes regexes
}

// use is a place that a condition looks at.
type use struct {
	root  string   // bodyVariable, eventVariable or tagsVariable
	path  []string // steps below it, "*" for any item
	whole bool     // its value, and not merely whether it is there and how much of it
	keys  bool     // the names of an object whose names are data
}

// condition checks a text against the events of the type.
func (l *language) condition(text string) *condition {
	shape, literals, plain := templateOf(text)
	if !plain {
		shape, literals = text, nil
	}
	look := l.looks.of(shape, func() *look { return l.look(shape, plain) })
	c := &condition{look: look, literals: literals, tags: look.tags, equals: look.equals}
	if plain {
		c.fill()
	}
	return c
}

// look checks a text. plain says that its literals are variables.
func (l *language) look(text string, plain bool) *look {
	c := &look{}
	checked, issues := l.env.Compile(text)
	if issues.Err() != nil {
		c.faults = issuesOf(issues)
		return c
	}
	if checked.OutputType().Kind() != types.BoolKind {
		c.faults = fault(InvalidCEL, conditionAt, "must be true or false for every event")
		return c
	}
	estimate, err := l.env.EstimateCost(checked, sizes{l.root, l.body})
	if err != nil || estimate.Max > maxEstimatedCost {
		c.faults = fault(InvalidCEL, conditionAt, "costs too much on the largest event: bound lengths in the type's schema, or loop less")
		return c
	}
	c.see(l, checked.NativeRep(), plain)
	c.most, c.regexes = estimate.Max, regexesOf(checked)
	c.program = sync.OnceValues(func() (cel.Program, error) { return l.program(text, c) })
	return c
}

// program compiles a text again: the syntax trees of all conditions would not
// fit, and few of them ever run.
func (l *language) program(text string, c *look) (cel.Program, error) {
	checked, issues := l.env.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if c.measured() {
		options = append(options, cel.CostLimit(maxCost), cel.CostTracking(c.regexes))
	}
	return l.env.Program(checked, options...)
}

// measured says whether what the condition costs is measured when it runs.
func (l *look) measured() bool { return l.most > cheap || l.regexes.instructions > 0 }

const conditionAt = "/condition"

// issuesOf says where a condition is wrong. What the parser and the checks of
// literals say may repeat a literal, so of these only the place is told.
func issuesOf(issues *cel.Issues) (out []events.Fault) {
	for _, e := range issues.Errors() {
		reason := "is not CEL"
		if i := strings.IndexAny(e.Message, "'\""); strings.HasPrefix(e.Message, "undefined field") || strings.HasPrefix(e.Message, "undeclared reference") ||
			strings.HasPrefix(e.Message, "found no matching overload") || i < 0 {
			reason = e.Message
		}
		if len(reason) > maxReasonBytes {
			reason = "is not CEL"
		}
		if e.Location.Line() > 0 {
			reason = fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, reason)
		}
		out = append(out, events.Fault{ReasonCode: InvalidCEL, At: conditionAt, Reason: reason})
		if len(out) == maxIssues {
			break
		}
	}
	return out
}

const maxIssues = 20
