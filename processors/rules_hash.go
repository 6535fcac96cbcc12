package processors

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"

	"payerflow/tables"
)

// RoutingHash is the SHA-256, in hex, of everything that decides routing and
// redaction: event types with their fields, routing rules, subscriptions and
// permissions. It depends on what the rows say, and not on how they came to.
func (r *Rules) RoutingHash() string { return r.hash() }

func (r *Rules) routingHash() string {
	h := sha256.New()
	write := func(kind string, row any) {
		text, err := json.Marshal(row, json.Deterministic(true))
		fmt.Fprintf(h, "%s %d %s %v\n", kind, len(text), text, err)
	}
	for _, t := range r.EventTypes() {
		t.Doc, t.Owner, t.Tags, t.Sample = "", "", nil, ""
		write(tables.KindEventType, t)
	}
	for _, u := range sorted(r.rules) {
		u.Doc, u.Reason = "", ""
		write(tables.KindRoutingRule, u)
	}
	for _, s := range sorted(r.subscriptions) {
		s.Reason = ""
		write(tables.KindSubscription, s)
	}
	for _, a := range sorted(r.aggregations) {
		a.Doc, a.Reason = "", ""
		write(tables.KindAggregation, a)
	}
	for _, p := range sorted(r.permissions) {
		write(tables.KindPermission, p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
