package audit

import (
	"context"
	"encoding/json"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// Rules are the mediator's rules as doors read and change them.
type Rules interface {
	Rules() (*processors.Rules, error)
	Change(ctx context.Context, e events.Control) (processors.Outcome, error)
	DeleteConsumerTopic(ctx context.Context, team, name string) error
}

// Over writes each change down before it is made. What cannot be written down
// is not done, but for one thing: a token is revoked all the same.
func Over(r Rules) Rules { return over{r} }

type over struct{ log Rules }

func (o over) Change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	rules, err := o.log.Rules()
	n := noteOf(ctx)
	if err != nil || n == nil || len(rules.Check(e)) > 0 {
		return o.log.Change(ctx, e) // refused, which the answer is written down with; or nobody asked for it at a door
	}
	if err := n.ahead(ctx, e.Kind, e.Name, e.Why, rules.Text(e.Kind, e.Name), e.Row); err != nil && !revokes(e) {
		return processors.Outcome{}, Unavailable()
	}
	return o.log.Change(ctx, e)
}

func (o over) DeleteConsumerTopic(ctx context.Context, team, name string) error {
	if n := noteOf(ctx); n != nil && n.ahead(ctx, "topic", tables.Subscription{Team: team, Name: name}.Topic(), "", "", "") != nil {
		return Unavailable()
	}
	return o.log.DeleteConsumerTopic(ctx, team, name)
}

// ahead writes an act down that is about to be done.
func (n *Note) ahead(ctx context.Context, object, name, why, before, after string) error {
	n.mu.Lock()
	n.act, n.before = true, true
	if n.e.Act == "" {
		n.e.Act = object + ".change"
	}
	n.e.Object, n.e.Name, n.e.Before, n.e.After = object, name, processors.AuditRow(before), processors.AuditRow(after)
	if why != "" {
		n.e.Why = why
	}
	e := n.e
	n.mu.Unlock()
	e.Actor, e.Team, e.Trace, e.Decision = n.who.Actor, n.who.Team, n.trace, events.AuditAllow
	return n.trail.write(ctx, e)
}

// revokes says whether a change takes a token's power away.
func revokes(e events.Control) bool {
	var row tables.Token
	return e.Kind == tables.KindToken && (e.Act == events.ControlDelete || json.Unmarshal([]byte(e.Row), &row) == nil && row.Revoked)
}

// Rules are the rules in force.
func (o over) Rules() (*processors.Rules, error) { return o.log.Rules() }
