package processors_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

const claimSchema = `{"type":"object","properties":{"eventType":{"type":"string"},"claimId":{"type":"string"},"claimType":{"type":"string"},` +
	`"amount":{"type":"number"},"units":{"type":"integer"},"urgent":{"type":"boolean"},"note":{"type":["string","null"]},` +
	`"lines":{"type":"array","items":{"type":"object","properties":{"code":{"type":"string"},"charge":{"type":"number"}}}},` +
	`"labels":{"type":"object","additionalProperties":{"type":"string"}},"member":{"type":"object","properties":{"id":{"type":"string"},"ssn":{"type":"string"}}}},` +
	`"required":["eventType","claimId"],"additionalProperties":false}`

func claimFields() []tables.Field {
	return []tables.Field{{Pointer: "/eventType", Class: "PUBLIC"}, {Pointer: "/claimId", Class: "PUBLIC"}, {Pointer: "/claimType", Class: "PUBLIC"},
		{Pointer: "/amount", Class: "PUBLIC"}, {Pointer: "/units", Class: "PUBLIC"}, {Pointer: "/urgent", Class: "PUBLIC"}, {Pointer: "/note", Class: "PHI"},
		{Pointer: "/lines/*/code", Class: "PHI"}, {Pointer: "/lines/*/charge", Class: "PUBLIC"}, {Pointer: "/labels/*", Class: "PUBLIC"},
		{Pointer: "/member/id", Class: "PII"}, {Pointer: "/member/ssn", Class: "PII"}}
}

func claimType() tables.EventType {
	return tables.EventType{Name: "CLAIM_SUBMITTED", Version: 1, Owner: "Claims Service", Schema: claimSchema, KeyField: "/claimId",
		Topic: "claims.claim.submitted", Subject: "claims.claim.submitted-value", Fields: claimFields(), State: tables.StateActive}
}

func newRules() *processors.Rules {
	denied := claimType()
	denied.Name = "CLAIM_DENIED"
	return processors.NewRules([]tables.EventType{claimType(), denied}, []byte("0123456789abcdef0123456789abcdef"))
}

var at = events.InstantOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))

func rowJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// put is the change that writes a row after version-1.
func put(kind, name string, version int32, row any) events.Control {
	return events.Control{Kind: kind, Name: name, Version: version, Act: events.ControlPut, Row: rowJSON(row), By: "t", At: at}
}

func sub(team, name string) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, Synthetic: tables.Discard, Delivery: tables.DeliverTopic, Partitions: 1, State: tables.StateActive}
}

// taken applies changes one after the other and wants each to be taken.
func taken(t testing.TB, r *processors.Rules, changes ...events.Control) *processors.Rules {
	t.Helper()
	for _, c := range changes {
		next, outcomes := r.Apply([]processors.Change{{Offset: r.Offset(), Control: c}})
		if !outcomes[0].Applied {
			t.Fatalf("%s/%s: %+v", c.Kind, c.Name, outcomes[0].Faults)
		}
		r = next
	}
	return r
}

// codes are the faults as "CODE pointer", in their order.
func codes(faults []events.Fault) string {
	var all []string
	for _, f := range faults {
		all = append(all, strings.TrimSpace(f.ReasonCode+" "+f.At))
	}
	return strings.Join(all, ", ")
}

func event(eventType, body string, tags ...string) events.Envelope {
	return events.Envelope{ID: "e1", Type: events.Type(eventType), Key: "c1", At: at, Tags: tags, Body: events.Body(body)}
}

func routed(r *processors.Rules, e events.Envelope) string {
	var ids []string
	for _, d := range r.Route(e).Deliveries {
		ids = append(ids, d.Subscription.ID())
	}
	return strings.Join(ids, " ")
}

func TestRulesRoute(t *testing.T) {
	all := sub("care", "all")
	all.EventTypes = []string{"CLAIM_*"}
	vip := sub("care", "vip")
	vip.EventTypes, vip.Tags.AllOf, vip.Synthetic = []string{"CLAIM_SUBMITTED"}, []string{"vip"}, tables.PassThrough
	r := taken(t, newRules(), put(tables.KindSubscription, "care/all", 1, all), put(tables.KindSubscription, "care/vip", 1, vip))
	if got := routed(r, event("CLAIM_SUBMITTED", `{}`, "vip")); got != "care/all care/vip" {
		t.Errorf("tagged: %q", got)
	}
	if got := routed(r, event("CLAIM_DENIED", `{}`, "vip")); got != "care/all" {
		t.Errorf("another type: %q", got)
	}
	synthetic := event("CLAIM_SUBMITTED", `{}`, "vip")
	synthetic.Synthetic = true
	if got := routed(r, synthetic); got != "care/vip" {
		t.Errorf("synthetic: %q", got)
	}
	if got := routed(r, event("NOBODY_KNOWS", `{}`, "vip")); got != "" {
		t.Errorf("unknown type: %q", got)
	}
	all.State = tables.StatePaused
	if got := routed(taken(t, r, put(tables.KindSubscription, "care/all", 2, all)), event("CLAIM_DENIED", `{}`)); got != "" {
		t.Errorf("paused: %q", got)
	}
}

func TestRulesAreOptimistic(t *testing.T) {
	s := sub("care", "all")
	r := taken(t, newRules(), put(tables.KindSubscription, "care/all", 1, s))
	for _, version := range []int32{0, 1, 3, -1} {
		next, out := r.Apply([]processors.Change{{Offset: 7, Control: put(tables.KindSubscription, "care/all", version, s)}})
		if codes(out[0].Faults) != "VERSION_CONFLICT" || out[0].Version != 1 || next.Version(tables.KindSubscription, "care/all") != 1 || next.Offset() != 8 {
			t.Errorf("version %d: %+v", version, out)
		}
		if !strings.Contains(out[0].Faults[0].Reason, "version 1") {
			t.Errorf("does not name the version: %s", out[0].Faults[0].Reason)
		}
	}
	gone := events.Control{Kind: tables.KindSubscription, Name: "care/all", Version: 2, Act: events.ControlDelete, At: at}
	r = taken(t, r, gone)
	if r.Version(tables.KindSubscription, "care/all") != 0 {
		t.Error("still there")
	}
}

func TestClasses(t *testing.T) {
	p := tables.Permission{Team: "care", Class: "PHI", EventTypes: []string{"CLAIM_S*"}}
	app := tables.Permission{Team: "care", Application: "desk", Class: "PII"}
	r := taken(t, newRules(), put(tables.KindPermission, "care/PHI", 1, p), put(tables.KindPermission, "care:desk/PII", 1, app))
	if c := r.Classes("care", "", "CLAIM_SUBMITTED"); !c["PHI"] || !c["PUBLIC"] || c["PII"] {
		t.Errorf("team: %v", c)
	}
	if c := r.Classes("care", "desk", "CLAIM_DENIED"); c["PHI"] || !c["PII"] {
		t.Errorf("application: %v", c)
	}
	if c := r.Classes("other", "desk", "CLAIM_SUBMITTED"); len(c) != 1 || !c["PUBLIC"] {
		t.Errorf("another team: %v", c)
	}
}
