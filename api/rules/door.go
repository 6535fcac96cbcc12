// Package rules answers: how do people and teams read and change what the
// mediator goes by? Event types, routing rules, subscriptions, permissions and
// tokens are rows of one log; a change is answered when it is in force here.
package rules

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// Log is the control log as it is tailed here. A subscription that comes into
// force has what it needs on the brokers.
type Log interface {
	Rules() (*processors.Rules, error)
	Change(ctx context.Context, e events.Control) (processors.Outcome, error)
	// DeleteConsumerTopic deletes the topic of a subscription that is not
	// active, once no router can write to it any more.
	DeleteConsumerTopic(ctx context.Context, team, name string) error
}

// Door is the surface of the rules.
type Door struct {
	Log    Log
	Keys   *access.Keyring
	Logger *slog.Logger
	// Recorded tries changes on recorded events; nil: not here.
	Recorded Recorded
	// Worker is this worker's HTTP address, Workers those of all; Shadows is
	// what rows in shadow mode count here. Each may be nil.
	Worker  string
	Workers func(context.Context) (map[string]bool, error)
	Shadows *processors.ShadowCounts

	kinds  map[string]rowDoor
	trying sync.Mutex // one dry run at a time
}

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Register adds the paths of every kind of row.
func (d *Door) Register(_ *http.ServeMux, api huma.API) {
	api = audit.Acting(api)
	d.kinds = map[string]rowDoor{tables.KindEventType: d.eventTypes().door(), tables.KindRoutingRule: d.routingRules().door(),
		tables.KindSubscription: d.subscriptions().door(), tables.KindPermission: d.permissions().door(), tables.KindAggregation: d.aggregations().door(), tables.KindPolicy: d.policies().door(),
		tables.KindGracePolicy: d.gracePolicies().door()}
	d.registerEventTypes(api)
	d.registerRoutingRules(api)
	d.registerSubscriptions(api)
	d.registerPermissions(api)
	d.registerAggregations(api)
	d.registerTokens(api)
	d.registerRegistry(api)
	d.registerPreview(api)
	d.registerPolicies(api)
	d.registerGracePolicies(api)
	d.registerProposals(api)
	d.registerDryRuns(api)
	d.registerStatus(api)
	d.registerBundles(api)
}
