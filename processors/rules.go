package processors

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"payerflow/events"
	"payerflow/tables"
)

// Rules is what the mediator knows at one offset of mediator.control: event
// types, routing rules, subscriptions, aggregations, permissions and tokens. It never
// changes; Apply makes another. Everyone who folds the same log from the same
// defaults gets the same rules: no clock and no chance has a part in it.
type Rules struct {
	offset    int64
	secret    []byte
	catalogue map[string]tables.EventType // the defaults, by name

	types         map[string]row[*registered]
	published     map[string][]string // schemas of all versions of a type, also of one that was taken away
	rules         map[string]row[tables.RoutingRule]
	subscriptions map[string]row[tables.Subscription]
	permissions   map[string]row[tables.Permission]
	granted       map[string][]tables.Permission // the same by team
	tokens        map[string]row[tables.Token]
	policies      map[string]row[tables.ApprovalPolicy]
	proposals     map[string]row[tables.Proposal]
	graces        map[string]row[tables.GracePolicy]
	graced        func() GracePolicies // the same, as grace periods go by them
	glasses       map[string]row[tables.BreakGlass]
	aggregations  map[string]row[tables.Aggregation]
	past          map[string][]Past // of rows that proposals may change, by kind/name

	passing bool // the changes are those of a proposal that may come into force

	owned  map[string]bool // kinds whose rows are this value's own; nil when it is done
	sights *sights
	index  *index
	hash   func() string
}

// row is a row of rules with the version that its last change gave it.
type row[T any] struct {
	version int32
	value   T
}

// Change is a control event and where it lies in the log.
type Change struct {
	Offset  int64
	Control events.Control
}

// Outcome is what became of a change. Version is the row's version after it.
type Outcome struct {
	Offset  int64
	Applied bool
	Version int32
	Faults  []events.Fault
}

// NewRules are the rules before the first control event: the catalogue's types
// at row version 1. secret is the key of the HMACs that stand for classified keys.
func NewRules(defaults []tables.EventType, secret []byte) *Rules {
	r := &Rules{
		secret: secret, sights: &sights{}, catalogue: map[string]tables.EventType{},
		types: map[string]row[*registered]{}, published: map[string][]string{},
		rules: map[string]row[tables.RoutingRule]{}, subscriptions: map[string]row[tables.Subscription]{},
		permissions: map[string]row[tables.Permission]{}, granted: map[string][]tables.Permission{}, tokens: map[string]row[tables.Token]{},
		policies: map[string]row[tables.ApprovalPolicy]{}, proposals: map[string]row[tables.Proposal]{}, glasses: map[string]row[tables.BreakGlass]{}, past: map[string][]Past{},
		aggregations: map[string]row[tables.Aggregation]{}, graces: map[string]row[tables.GracePolicy]{},
	}
	for _, t := range defaults {
		r.catalogue[t.Name] = t
		r.types[t.Name] = row[*registered]{1, register(t, nil)}
		r.published[t.Name] = []string{t.Schema}
	}
	return r.sealed()
}

// Apply folds control events, in the log's order, into the next rules; r stays
// as it was. A change that Check would refuse changes nothing but the offset.
func (r *Rules) Apply(changes []Change) (*Rules, []Outcome) {
	next := *r
	next.owned, next.sights = map[string]bool{}, &sights{}
	outcomes := make([]Outcome, 0, len(changes))
	for _, c := range changes {
		next.offset = c.Offset + 1
		outcomes = append(outcomes, next.apply(c))
	}
	return next.sealed(), outcomes
}

// apply changes the rules in place, before anybody else has seen them.
func (r *Rules) apply(c Change) Outcome {
	e, faults := r.read(c.Control)
	if len(faults) > 0 {
		return Outcome{Offset: c.Offset, Version: r.Version(c.Control.Kind, c.Control.Name), Faults: faults}
	}
	r.take(e, c.Control)
	return Outcome{Offset: c.Offset, Applied: true, Version: r.Version(c.Control.Kind, c.Control.Name)}
}

// take puts a change in force that was checked.
func (r *Rules) take(e entry, c events.Control) {
	if p, ok := e.(*proposal); ok && p.after != nil {
		r.adopt(p.after)
	}
	r.own(c.Kind)
	switch c.Act {
	case events.ControlDelete:
		e.drop(r)
	default:
		e.put(r, c.Version)
	}
	r.remember(c)
}

// own copies the rows of a kind before the first of them is changed.
func (r *Rules) own(kind string) {
	if !r.owned[kind] {
		r.owned[kind] = true
		rowKinds()[kind].own(r)
	}
}

// sealed ends the changes. Where no kind changed that has a part in routing,
// the index stays.
func (r *Rules) sealed() *Rules {
	routing := false
	for kind := range r.owned {
		routing = routing || rowKinds()[kind].routing
	}
	if r.index == nil || routing {
		r.index = newIndex(r)
		r.hash = sync.OnceValue(r.routingHash)
	}
	if r.graced == nil || r.owned[tables.KindGracePolicy] {
		all := r.GracePolicies()
		r.graced = sync.OnceValue(func() GracePolicies { return NewGracePolicies(all, 0) })
	}
	r.owned = nil
	return r
}

// Offset is the next offset of mediator.control.
func (r *Rules) Offset() int64 { return r.offset }

// Version is the version of a row, 0 where there is none.
func (r *Rules) Version(kind, name string) int32 {
	if k, known := rowKinds()[kind]; known {
		return k.version(r, name)
	}
	return 0
}

// Subscription finds a subscription by team/name.
func (r *Rules) Subscription(id string) (tables.Subscription, bool) { return find(r.subscriptions, id) }

// Subscriptions are all subscriptions by id.
func (r *Rules) Subscriptions() []tables.Subscription { return sorted(r.subscriptions) }

// Permissions are all permissions by id.
func (r *Rules) Permissions() []tables.Permission { return sorted(r.permissions) }

// Token finds a token by id, also one that is revoked or expired.
func (r *Rules) Token(id string) (tables.Token, bool) { return find(r.tokens, id) }

// Tokens are all tokens by id.
func (r *Rules) Tokens() []tables.Token { return sorted(r.tokens) }

func find[T any](rows map[string]row[T], name string) (T, bool) {
	found, ok := rows[name]
	return found.value, ok
}

func sorted[T any](rows map[string]row[T]) []T {
	all := make([]T, 0, len(rows))
	for _, name := range slices.SortedFunc(maps.Keys(rows), strings.Compare) {
		all = append(all, rows[name].value)
	}
	return all
}
