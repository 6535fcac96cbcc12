package processors

import (
	"maps"
	"slices"
	"sync"

	"payerflow/events"
	"payerflow/tables"
)

// rowKind is a kind of rows: declared here, a kind has versions, optimistic
// changes, policies, proposals and its past.
type rowKind struct {
	routing  bool // decides routing or redaction
	proposed bool // may be part of a proposal
	version  func(r *Rules, name string) int32
	own      func(r *Rules) // copies the rows before the first of them is changed
	entry    func(r *Rules, name string) (entry, bool)
	decode   func(c events.Control) (e entry, name string, faults []events.Fault)
	names    func(r *Rules) []string
}

// kinds are made when they are first asked for: the checks of kinds name the
// kinds.
var kinds struct {
	sync.Once
	byName map[string]rowKind
}

func rowKinds() map[string]rowKind {
	kinds.Do(func() { kinds.byName = declaredKinds() })
	return kinds.byName
}

func declaredKinds() map[string]rowKind {
	return map[string]rowKind{
		tables.KindEventType: {true, true,
			func(r *Rules, name string) int32 { return r.types[name].version },
			func(r *Rules) { r.types, r.published = maps.Clone(r.types), maps.Clone(r.published) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.EventType(name); return &eventType{v}, ok },
			decoded(func(e *eventType) (*tables.EventType, func() string) {
				return &e.EventType, func() string { return e.Name }
			}), func(r *Rules) []string { return names(r.types) }},
		tables.KindRoutingRule: {true, true,
			func(r *Rules, name string) int32 { return r.rules[name].version },
			func(r *Rules) { r.rules = maps.Clone(r.rules) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.rules[name]; return &routingRule{v.value}, ok },
			decoded(func(e *routingRule) (*tables.RoutingRule, func() string) {
				return &e.RoutingRule, func() string { return e.ID() }
			}), func(r *Rules) []string { return names(r.rules) }},
		tables.KindSubscription: {true, true,
			func(r *Rules, name string) int32 { return r.subscriptions[name].version },
			func(r *Rules) { r.subscriptions = maps.Clone(r.subscriptions) },
			func(r *Rules, name string) (entry, bool) {
				v, ok := r.subscriptions[name]
				return &subscription{v.value}, ok
			},
			decoded(func(e *subscription) (*tables.Subscription, func() string) {
				return &e.Subscription, func() string { return e.ID() }
			}), func(r *Rules) []string { return names(r.subscriptions) }},
		tables.KindAggregation: {true, true,
			func(r *Rules, name string) int32 { return r.aggregations[name].version },
			func(r *Rules) { r.aggregations = maps.Clone(r.aggregations) },
			func(r *Rules, name string) (entry, bool) {
				v, ok := r.aggregations[name]
				return &aggregation{v.value}, ok
			},
			decoded(func(e *aggregation) (*tables.Aggregation, func() string) {
				return &e.Aggregation, func() string { return e.ID() }
			}), func(r *Rules) []string { return names(r.aggregations) }},
		tables.KindPermission: {true, true,
			func(r *Rules, name string) int32 { return r.permissions[name].version },
			func(r *Rules) { r.permissions, r.granted = maps.Clone(r.permissions), maps.Clone(r.granted) },
			func(r *Rules, name string) (entry, bool) {
				v, ok := r.permissions[name]
				return &permission{v.value}, ok
			},
			decoded(func(e *permission) (*tables.Permission, func() string) {
				return &e.Permission, func() string { return e.ID() }
			}), func(r *Rules) []string { return names(r.permissions) }},
		tables.KindToken: {false, false,
			func(r *Rules, name string) int32 { return r.tokens[name].version },
			func(r *Rules) { r.tokens = maps.Clone(r.tokens) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.tokens[name]; return &token{v.value}, ok },
			decoded(func(e *token) (*tables.Token, func() string) {
				return &e.Token, func() string { return e.ID }
			}), func(r *Rules) []string { return names(r.tokens) }},
		tables.KindBreakGlass: {false, false,
			func(r *Rules, name string) int32 { return r.glasses[name].version },
			func(r *Rules) { r.glasses = maps.Clone(r.glasses) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.glasses[name]; return &breakGlass{v.value}, ok },
			decoded(func(e *breakGlass) (*tables.BreakGlass, func() string) {
				return &e.BreakGlass, func() string { return e.ID }
			}), func(r *Rules) []string { return names(r.glasses) }},
		tables.KindPolicy: {false, true,
			func(r *Rules, name string) int32 { return r.policies[name].version },
			func(r *Rules) { r.policies = maps.Clone(r.policies) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.policies[name]; return &policy{v.value}, ok },
			decoded(func(e *policy) (*tables.ApprovalPolicy, func() string) {
				return &e.ApprovalPolicy, func() string { return e.Name }
			}), func(r *Rules) []string { return names(r.policies) }},
		tables.KindGracePolicy: {false, true,
			func(r *Rules, name string) int32 { return r.graces[name].version },
			func(r *Rules) { r.graces = maps.Clone(r.graces) },
			func(r *Rules, name string) (entry, bool) { v, ok := r.graces[name]; return &gracePolicy{v.value}, ok },
			decoded(func(e *gracePolicy) (*tables.GracePolicy, func() string) {
				return &e.GracePolicy, func() string { return e.ID() }
			}), func(r *Rules) []string { return names(r.graces) }},
		tables.KindProposal: {false, false,
			func(r *Rules, name string) int32 { return r.proposals[name].version },
			func(r *Rules) { r.proposals = maps.Clone(r.proposals) },
			func(r *Rules, name string) (entry, bool) {
				v, ok := r.proposals[name]
				return &proposal{Proposal: v.value}, ok
			},
			func(c events.Control) (entry, string, []events.Fault) {
				p := &proposal{writer: c.By}
				faults := strictly(c.Row, &p.Proposal)
				return p, p.ID, faults
			}, func(r *Rules) []string { return names(r.proposals) }},
	}
}

// ProposedKinds are the kinds of rows that a proposal may change, by name.
func ProposedKinds() (names []string) {
	for name, k := range rowKinds() {
		if k.proposed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Names are the names of all rows of a kind, sorted.
func (r *Rules) Names(kind string) []string {
	if k, known := rowKinds()[kind]; known {
		return k.names(r)
	}
	return nil
}

func names[T any](rows map[string]row[T]) []string { return slices.Sorted(maps.Keys(rows)) }

// Catalogue is a type as the catalogue has it.
func (r *Rules) Catalogue(name string) (tables.EventType, bool) {
	t, ours := r.catalogue[name]
	return t, ours
}

// decoded reads a row of a kind strictly.
func decoded[E any, T any, P interface {
	*E
	entry
}](parts func(P) (*T, func() string)) func(events.Control) (entry, string, []events.Fault) {
	return func(c events.Control) (entry, string, []events.Fault) {
		e := P(new(E))
		row, name := parts(e)
		faults := strictly(c.Row, row)
		return e, name(), faults
	}
}
