package processors

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"payerflow/events"
)

// occasion is one event, as conditions read it. Its body is read when first
// asked for, once for all conditions, and only where one of them looks.
type occasion struct {
	event    *events.Envelope
	shape    *shape
	want     *wanted
	body     *record
	literals []ref.Val // of the condition that runs
}

func (o *occasion) read() *record {
	if o.body == nil {
		o.body = readBody(string(o.event.Body), o.shape, o.want)
	}
	return o.body
}

// ResolveName and Parent make an occasion what CEL evaluates against.
func (o *occasion) ResolveName(name string) (any, bool) {
	switch name {
	case bodyVariable, rowVariable:
		return o.read(), true
	case eventVariable:
		return o.event, true
	case tagsVariable:
		return o.event.Tags, true
	}
	if i, ok := literalOf(name); ok && i < len(o.literals) {
		return o.literals[i], true
	}
	return nil, false
}

// Parent is nothing: an occasion stands alone.
func (o *occasion) Parent() cel.Activation { return nil }

// literalOf is the number in the name of a variable for a literal.
func literalOf(name string) (int, bool) {
	if len(name) < len("_s0") || name[0] != '_' {
		return 0, false
	}
	i, err := strconv.Atoi(name[2:])
	return i, err == nil && i >= 0
}

// Why a condition that ran did not say yes or no.
const (
	failedCost  = "the condition cost more than it may on one event"
	failedTeam  = "the team's conditions together cost more than they may on one event"
	failedValue = "the condition failed on an event: a conversion, a division, or a number out of range"
	failedBuild = "the condition cannot be run"
)

// holds evaluates a condition. Where a field that it read is absent or null,
// or a name or item is not there, a condition that fails just does not hold:
// no producer can take out another team's rule by leaving something out.
func (c *condition) holds(o *occasion) (held bool, failure string, spent uint64) {
	program, err := c.program()
	if err != nil {
		return false, failedBuild, 0
	}
	before := o.absent()
	o.literals = c.literals
	value, details, err := program.Eval(o)
	spent = c.most
	if c.measured() {
		spent = maxCost
		if actual := details.ActualCost(); actual != nil {
			spent = *actual
		}
	}
	if held, ok := value.(types.Bool); err == nil && ok {
		return bool(held), "", spent
	}
	return false, c.failure(o, before, err), spent
}

// failure is why a condition gave no answer, "" where it just does not hold.
func (c *condition) failure(o *occasion, before int, err error) string {
	switch {
	case o.absent() > before:
		return ""
	case err == nil:
		return failedValue
	default:
		text := err.Error()
		if strings.Contains(text, "no such key") || strings.Contains(text, "index out of bounds") {
			return ""
		}
		if strings.Contains(text, "cost limit") {
			return failedCost
		}
	}
	return failedValue
}

// absent counts the absent values that were read of the body.
func (o *occasion) absent() int {
	if o.body == nil {
		return 0
	}
	return *o.body.nulls
}
