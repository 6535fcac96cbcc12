package processors_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

func decider(token, team string, admin bool) tables.Decider {
	return tables.Decider{Token: token, Team: team, Admin: admin}
}

func change(kind, name string, version int32, row any) tables.ProposedChange {
	return tables.ProposedChange{Kind: kind, Name: name, Act: events.ControlPut, Version: version, Row: rowJSON(row)}
}

func gone(kind, name string, version int32) tables.ProposedChange {
	return tables.ProposedChange{Kind: kind, Name: name, Act: events.ControlDelete, Version: version}
}

func propose(id string, by tables.Decider, changes ...tables.ProposedChange) events.Control {
	c := put(tables.KindProposal, id, 1, tables.Proposal{ID: id, By: by, Why: "w", State: tables.ProposalProposed, Changes: changes})
	c.By = by.Token
	return c
}

func act(r *processors.Rules, act, id string, by tables.Decider) events.Control {
	return events.Control{Kind: tables.KindProposal, Name: id, Version: r.Version(tables.KindProposal, id) + 1, Act: act, Row: rowJSON(by), By: by.Token, Why: "d", At: at}
}

func policyRow(name string, edit ...func(*tables.ApprovalPolicy)) tables.ApprovalPolicy {
	p := tables.ApprovalPolicy{Name: name, Kinds: []string{tables.KindPermission, tables.KindSubscription}, Teams: []string{"care"}, Approve: []string{"compliance"}, Approvals: 1}
	for _, e := range edit {
		e(&p)
	}
	return p
}

// refusedFor wants a change to be refused by Check and Apply alike, and to
// change nothing.
func refusedFor(t *testing.T, r *processors.Rules, c events.Control, code string) []events.Fault {
	t.Helper()
	next, out := r.Apply([]processors.Change{{Offset: r.Offset(), Control: c}})
	if out[0].Applied || len(out[0].Faults) == 0 || out[0].Faults[0].ReasonCode != code || codes(r.Check(c)) != codes(out[0].Faults) {
		t.Fatalf("%s %s: %+v, Check %s", c.Act, c.Subject(), out[0], codes(r.Check(c)))
	}
	if next.RoutingHash() != r.RoutingHash() {
		t.Fatalf("%s %s was refused, and changed the rules", c.Act, c.Subject())
	}
	return out[0].Faults
}

var (
	mallory = decider("mallory", "care", false)
	carol   = decider("carol", "compliance", false)
	dan     = decider("dan", "compliance", false)
	root    = decider("root", "platform", true)
	phi     = tables.Permission{Team: "care", Class: "PHI"}
)

func TestProposalComesIntoForceAsOne(t *testing.T) {
	base := taken(t, newRules(), put(tables.KindSubscription, "care/old", 1, sub("care", "old")))
	rule := ruleTo("care/new", "", "CLAIM_*")
	// In an order in which nothing passes one after the other: the rule names
	// the subscription, which comes later.
	p := propose("p1", mallory, change(tables.KindRoutingRule, rule.ID(), 0, rule), gone(tables.KindSubscription, "care/old", 1),
		change(tables.KindSubscription, "care/new", 0, sub("care", "new")))
	r := taken(t, base, p)
	if r.RoutingHash() != base.RoutingHash() || routed(r, event("CLAIM_DENIED", `{}`)) != "" {
		t.Fatal("a proposal is in force before it was applied")
	}
	r = taken(t, r, act(r, events.ControlApply, "p1", mallory))
	if got := routed(r, event("CLAIM_DENIED", `{}`)); got != "care/new" {
		t.Errorf("routed to %q", got)
	}
	if _, there := r.Subscription("care/old"); there {
		t.Error("what was deleted is there")
	}
	applied, _ := r.Proposal("p1")
	if applied.State != tables.ProposalActive || applied.Ended == nil || applied.Ended.By != mallory {
		t.Errorf("%+v", applied)
	}
	refusedFor(t, r, act(r, events.ControlApply, "p1", mallory), processors.AlreadyDecided)
}

func TestProposalAllOrNothing(t *testing.T) {
	r := taken(t, newRules(), put(tables.KindSubscription, "care/a", 1, sub("care", "a")), put(tables.KindSubscription, "care/b", 1, sub("care", "b")))
	paused := sub("care", "a")
	paused.State = tables.StatePaused
	r = taken(t, r, propose("p1", mallory, change(tables.KindSubscription, "care/a", 1, paused), change(tables.KindSubscription, "care/b", 1, sub("care", "b"))))
	r = taken(t, r, put(tables.KindSubscription, "care/b", 2, sub("care", "b"))) // somebody else is faster
	f := refusedFor(t, r, act(r, events.ControlApply, "p1", mallory), processors.VersionConflict)
	if f[0].At != "/changes/1" || !strings.Contains(f[0].Reason, "subscription care/b: the row is at version 2") {
		t.Errorf("not clear: %+v", f)
	}
	if s, _ := r.Subscription("care/a"); s.State != tables.StateActive {
		t.Error("half of it is in force")
	}
	refusedFor(t, r, propose("p2", mallory, change(tables.KindSubscription, "care/b", 1, sub("care", "b"))), processors.VersionConflict)
	refusedFor(t, r, propose("p2", mallory, gone(tables.KindSubscription, "care/a", 1), gone(tables.KindSubscription, "care/a", 1)), events.InvalidValue)
	refusedFor(t, r, propose("p2", mallory, change(tables.KindToken, "t", 0, tokenRow("t", "care"))), events.InvalidValue)
	refusedFor(t, r, propose("p1", mallory, gone(tables.KindSubscription, "care/a", 1)), processors.VersionConflict)
	r = taken(t, r, act(r, events.ControlWithdraw, "p1", mallory))
	refusedFor(t, r, act(r, events.ControlApply, "p1", mallory), processors.AlreadyDecided)
}

func TestPolicyWantsAnotherPerson(t *testing.T) {
	r := taken(t, newRules(), put(tables.KindPolicy, "care-phi", 1, policyRow("care-phi")))
	refusedFor(t, r, put(tables.KindPermission, "care/PHI", 1, phi), processors.ApprovalNeeded)
	other := taken(t, r, put(tables.KindPermission, "desk/PHI", 1, tables.Permission{Team: "desk", Class: "PHI"})) // not covered
	refusedFor(t, other, put(tables.KindSubscription, "care/a", 1, sub("care", "a")), processors.ApprovalNeeded)

	r = taken(t, r, propose("p1", mallory, change(tables.KindPermission, "care/PHI", 0, phi)))
	refusedFor(t, r, act(r, events.ControlApply, "p1", mallory), processors.ApprovalNeeded)
	refusedFor(t, r, act(r, events.ControlApply, "p1", root), processors.ApprovalNeeded)
	refusedFor(t, r, act(r, events.ControlApprove, "p1", mallory), processors.SelfApproval)
	refusedFor(t, r, act(r, events.ControlApprove, "p1", decider("m2", "care", false)), processors.NotPermitted)
	refusedFor(t, r, act(r, events.ControlApprove, "p1", root), processors.NotPermitted)
	refusedFor(t, r, act(r, events.ControlReject, "p1", decider("m2", "care", false)), processors.NotPermitted)
	forged := act(r, events.ControlApprove, "p1", carol)
	forged.By = "mallory"
	refusedFor(t, r, forged, events.InvalidValue)

	approved := taken(t, r, act(r, events.ControlApprove, "p1", carol))
	if p, _ := approved.Proposal("p1"); p.State != tables.ProposalApproved || approved.Classes("care", "", "CLAIM_DENIED")["PHI"] {
		t.Errorf("%+v", p)
	}
	refusedFor(t, approved, act(approved, events.ControlApprove, "p1", carol), processors.AlreadyDecided)
	// A policy that became stricter meanwhile counts.
	stricter := taken(t, approved, put(tables.KindPolicy, "care-phi", 2, policyRow("care-phi", func(p *tables.ApprovalPolicy) { p.Approvals = 2 })))
	refusedFor(t, stricter, act(stricter, events.ControlApply, "p1", mallory), processors.ApprovalNeeded)
	stricter = taken(t, stricter, act(stricter, events.ControlApprove, "p1", dan))
	taken(t, stricter, act(stricter, events.ControlApply, "p1", mallory))

	active := taken(t, approved, act(approved, events.ControlApply, "p1", mallory))
	if !active.Classes("care", "", "CLAIM_DENIED")["PHI"] {
		t.Error("not in force")
	}
	refusedFor(t, active, events.Control{Kind: tables.KindPermission, Name: "care/PHI", Version: 2, Act: events.ControlDelete, At: at}, processors.ApprovalNeeded)
	rejected := taken(t, r, act(r, events.ControlReject, "p1", carol))
	refusedFor(t, rejected, act(rejected, events.ControlApprove, "p1", dan), processors.AlreadyDecided)
}

func TestPolicyOfPolicies(t *testing.T) {
	everything := policyRow("all", func(p *tables.ApprovalPolicy) {
		p.Kinds, p.Teams, p.Propose = []string{"*"}, []string{"*"}, []string{"care:desk", "platform"}
	})
	r := taken(t, newRules(), put(tables.KindPolicy, "all", 1, everything))
	everything.Approvals = 2
	refusedFor(t, r, put(tables.KindPolicy, "all", 2, everything), processors.ApprovalNeeded)
	refusedFor(t, r, propose("p1", mallory, change(tables.KindPermission, "care/PHI", 0, phi)), processors.NotPermitted)
	desk := decider("m3", "care", false)
	desk.Application = "desk"
	r = taken(t, r, propose("p1", desk, change(tables.KindPermission, "care/PHI", 0, phi)))
	// Tokens are not part of it, and a broken rule is taken out by nobody's leave.
	taken(t, r, put(tables.KindToken, "t", 1, tokenRow("t", "care")))
	for _, wrong := range []func(*tables.ApprovalPolicy){
		func(p *tables.ApprovalPolicy) { p.Kinds = []string{"token"} }, func(p *tables.ApprovalPolicy) { p.Kinds = nil }, func(p *tables.ApprovalPolicy) { p.Teams = nil },
		func(p *tables.ApprovalPolicy) { p.Approvals = 0 }, func(p *tables.ApprovalPolicy) { p.Teams = []string{"["} }, func(p *tables.ApprovalPolicy) { p.Name = "A" }} {
		p := policyRow("p")
		wrong(&p)
		if len(newRules().Check(put(tables.KindPolicy, p.Name, 1, p))) == 0 {
			t.Errorf("taken: %+v", p)
		}
	}
}

// A known token is who its row says, whatever the event claims.
func TestDeciderIsWhoTheTokenSays(t *testing.T) {
	r := taken(t, newRules(), put(tables.KindPolicy, "care-phi", 1, policyRow("care-phi")), put(tables.KindToken, "m", 1, tokenRow("m", "care")))
	lie := decider("m", "compliance", false)
	refusedFor(t, r, propose("p1", lie, change(tables.KindPermission, "care/PHI", 0, phi)), events.InvalidValue)
	r = taken(t, r, propose("p1", decider("x", "care", false), change(tables.KindPermission, "care/PHI", 0, phi)))
	refusedFor(t, r, act(r, events.ControlApprove, "p1", lie), events.InvalidValue)
}

func TestRollbackIsExact(t *testing.T) {
	first := with(sub("care", "a"), func(s *tables.Subscription) { s.EventTypes = []string{"CLAIM_DENIED"} })
	second := with(first, func(s *tables.Subscription) { s.EventTypes, s.Tags.AnyOf = []string{"CLAIM_*"}, []string{"vip"} })
	r := taken(t, newRules(), put(tables.KindSubscription, "care/a", 1, first))
	hashes := map[int32]string{1: r.RoutingHash()}
	r = taken(t, r, put(tables.KindSubscription, "care/a", 2, second))
	hashes[2] = r.RoutingHash()
	r = taken(t, r, events.Control{Kind: tables.KindSubscription, Name: "care/a", Version: 3, Act: events.ControlQuarantine, Why: "broken", At: at})
	hashes[0], hashes[3] = newRules().RoutingHash(), hashes[2] // what was written when it broke
	for i, to := range []int32{1, 2, 3, 0, 2, 0, 3} {
		c, ok := r.Back(tables.KindSubscription, "care/a", to)
		if !ok {
			t.Fatalf("no version %d", to)
		}
		id := fmt.Sprintf("back-%d", i)
		r = taken(t, r, propose(id, mallory, c))
		r = taken(t, r, act(r, events.ControlApply, id, mallory))
		if r.RoutingHash() != hashes[to] {
			t.Fatalf("step %d: not as at version %d", i, to)
		}
	}
	if _, ok := r.Back(tables.KindSubscription, "care/a", 99); ok {
		t.Error("a version that never was")
	}
	if text, ok := newRules().Written(tables.KindEventType, "CLAIM_DENIED"); !ok || !strings.Contains(text, "CLAIM_DENIED") {
		t.Error("the catalogue's version is not known")
	}
}

func TestProposalExpires(t *testing.T) {
	until := at.Time().Add(time.Hour)
	temporary := func(r *processors.Rules) *processors.Rules {
		s := with(sub("care", "a"), func(s *tables.Subscription) { s.EventTypes = []string{"CLAIM_*"} })
		c := propose("p1", mallory, change(tables.KindPermission, "care/PHI", 0, phi), change(tables.KindSubscription, "care/a", 1, s))
		c.Row = strings.Replace(c.Row, `"state"`, `"until":"`+until.Format(time.RFC3339)+`","state"`, 1)
		return taken(t, r, c)
	}
	before := taken(t, newRules(), put(tables.KindSubscription, "care/a", 1, sub("care", "a")))
	r := temporary(before)
	expire := func(r *processors.Rules) events.Control {
		c := act(r, events.ControlExpire, "p1", decider("payerflow", "", false))
		c.At = events.InstantOf(until)
		return c
	}
	early := expire(r)
	early.At = at
	refusedFor(t, r, early, processors.AlreadyDecided)
	late := act(r, events.ControlApply, "p1", mallory)
	late.At = events.InstantOf(until)
	refusedFor(t, r, late, processors.AlreadyDecided)
	if p, _ := taken(t, r, expire(r)).Proposal("p1"); p.State != tables.ProposalExpired {
		t.Errorf("%+v", p)
	}
	active := taken(t, r, act(r, events.ControlApply, "p1", mallory))
	over := taken(t, active, expire(active))
	if over.RoutingHash() != before.RoutingHash() {
		t.Error("not as before")
	}
	refusedFor(t, over, expire(over), processors.AlreadyDecided)
	changed := taken(t, active, put(tables.KindSubscription, "care/a", 3, sub("care", "a")))
	over = taken(t, changed, expire(changed))
	if p, _ := over.Proposal("p1"); len(p.Kept) != 1 || p.Kept[0] != "subscription/care/a" || over.Classes("care", "", "CLAIM_DENIED")["PHI"] {
		t.Errorf("%+v", p)
	}
}
