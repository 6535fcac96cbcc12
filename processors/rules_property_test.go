package processors_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

var someConditions = []string{"", `body.claimType == "DENTAL"`, `body.claimType == "VISION" && body.units == 3`, `body.units == 3`, `body.units == 4 || body.claimType == "DENTAL"`,
	`body.claimId in ["c1", "c2"]`, `"a" in tags`, `"a" in tags && body.claimType == "DENTAL"`, `!("b" in tags)`, `event.sourceSystem == "portal"`, `event.sourceSystem == "portal" && body.claimId == "c1"`,
	`body.amount > 5`, `has(body.amount)`, `body.lines.exists(l, l.charge > 5.0)`, `body.labels.k == "v"`, `1 / body.units == 0`, `body.claimType == "DENTAL" && 1 / body.units == 0`, `body.claimId == "c1" && body.claimId == "c2"`,
	`body.claimType != "DENTAL"`, `body.claimType == ""`}

var someTypes = []string{"CLAIM_SUBMITTED", "CLAIM_DENIED", "CLAIM_*", "*"}

// unindexed says for each condition whether it holds, by rules that hold that
// condition alone, written so that neither template nor index serves it.
func unindexed(t testing.TB) map[string]*processors.Rules {
	probes := map[string]*processors.Rules{}
	for _, c := range someConditions {
		written := c
		if c != "" {
			written = "(" + c + ") || [false][0]"
		}
		probes[c] = taken(t, withSub(t), put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", written, "*")))
	}
	return probes
}

func drawnTags(t *rapid.T, label string) []string {
	tags := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2).Draw(t, label)
	slices.Sort(tags)
	return slices.Compact(tags)
}

func drawnEvent(t *rapid.T) events.Envelope {
	body := rapid.SampledFrom([]string{claimBody, `{}`, `{"claimId":"c1","units":0,"claimType":"DENTAL"}`, `{"claimId":"c2","claimType":"VISION","units":3}`, `{"claimId":"c1","units":4.0,"amount":7}`,
		`{"claimType":"","lines":[{"charge":9}]}`, `{"claimType":7,"units":"3"}`, `not JSON`}).Draw(t, "body")
	e := event(rapid.SampledFrom([]string{"CLAIM_SUBMITTED", "CLAIM_DENIED", "UNKNOWN"}).Draw(t, "type"), body, drawnTags(t, "tags")...)
	e.Synthetic, e.SourceSystem = rapid.Bool().Draw(t, "synthetic"), rapid.SampledFrom([]string{"portal", "edi"}).Draw(t, "source")
	return e
}

func drawnSub(t *rapid.T, i int) tables.Subscription {
	s := sub(rapid.SampledFrom([]string{"care", "desk"}).Draw(t, "team"), fmt.Sprintf("s%d", i))
	s.EventTypes = rapid.SliceOfN(rapid.SampledFrom(someTypes), 0, 2).Draw(t, "types")
	s.Tags = tables.TagFilter{AllOf: drawnTags(t, "all"), AnyOf: drawnTags(t, "any"), NoneOf: drawnTags(t, "none")}
	s.Synthetic = rapid.SampledFrom([]string{tables.PassThrough, tables.Discard}).Draw(t, "policy")
	s.State = rapid.SampledFrom([]string{tables.StateActive, tables.StateActive, tables.StatePaused}).Draw(t, "state")
	return s
}

// The index finds what asking every subscription finds.
func TestIndexEqualsAskingEverybody(t *testing.T) {
	probes := unindexed(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := newRules()
		apply := func(kind, name string, row any) {
			r = taken(t, r, put(kind, name, r.Version(kind, name)+1, row))
		}
		var subs []tables.Subscription
		var rules []tables.RoutingRule
		for i := range rapid.IntRange(1, 6).Draw(rt, "subscriptions") {
			s := drawnSub(rt, i)
			subs = append(subs, s)
			apply(tables.KindSubscription, s.ID(), s)
		}
		for i := range rapid.IntRange(0, 8).Draw(rt, "rules") {
			s := rapid.SampledFrom(subs).Draw(rt, "of")
			u := ruleTo(s.ID(), rapid.SampledFrom(someConditions).Draw(rt, "condition"), rapid.SampledFrom(someTypes).Draw(rt, "on"))
			u.Name = fmt.Sprintf("r%d", i)
			u.State = rapid.SampledFrom([]string{tables.StateActive, tables.StateActive, tables.StatePaused}).Draw(rt, "state")
			named := rapid.Bool().Draw(rt, "named")
			if named {
				u.Destination = ""
			}
			rules = append(rules, u)
			apply(tables.KindRoutingRule, u.ID(), u)
			at := slices.IndexFunc(subs, func(o tables.Subscription) bool { return o.ID() == s.ID() })
			if named {
				subs[at].Rules = append(subs[at].Rules, u.Name)
				apply(tables.KindSubscription, s.ID(), subs[at])
			}
		}
		for range 4 {
			e := drawnEvent(rt)
			if got, want := routed(r, e), everybody(subs, rules, probes, e); got != want {
				rt.Fatalf("%q, asking everybody gives %q", got, want)
			}
		}
	})
}

// everybody is the meaning of subscriptions and rules, word by word.
func everybody(subs []tables.Subscription, rules []tables.RoutingRule, probes map[string]*processors.Rules, e events.Envelope) string {
	var ids []string
	for _, s := range subs {
		if s.State != tables.StateActive || e.Type == "UNKNOWN" || e.Synthetic && s.Synthetic == tables.Discard || !s.Tags.Takes(e.Tags) {
			continue
		}
		ofType := tables.Matches(s.EventTypes, string(e.Type))
		gets := ofType && len(s.Rules) == 0
		for _, u := range rules {
			sent := u.Destination == s.ID()
			named := u.Team == s.Team && slices.Contains(s.Rules, u.Name) && (ofType || len(s.EventTypes) == 0)
			plain := e
			plain.Synthetic = false
			if (sent || named) && u.State == tables.StateActive && tables.Matches(u.EventTypes, string(e.Type)) {
				gets = gets || len(probes[u.Condition].Route(plain).Deliveries) == 1
			}
		}
		if gets {
			ids = append(ids, s.ID())
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// One batch, small batches and single changes end in the same rules, with the
// same word about each change.
func TestBatchesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var changes []processors.Change
		for i := range rapid.IntRange(1, 25).Draw(rt, "changes") {
			c := drawnControl(rt)
			if rapid.IntRange(0, 2).Draw(rt, "proposal") == 0 {
				c = drawnDecision(rt)
			}
			changes = append(changes, processors.Change{Offset: int64(i), Control: c})
		}
		all, want := newRules().Apply(changes)
		single := newRules()
		var got []processors.Outcome
		for _, c := range changes {
			wanted := single.Check(c.Control)
			next, out := single.Apply([]processors.Change{c})
			if !reflect.DeepEqual(wanted, out[0].Faults) {
				rt.Fatalf("Check says %+v, Apply %+v", wanted, out[0].Faults)
			}
			single, got = next, append(got, out...)
		}
		if !reflect.DeepEqual(got, want) || single.RoutingHash() != all.RoutingHash() || single.Offset() != all.Offset() ||
			!reflect.DeepEqual(single.Proposals(), all.Proposals()) || !reflect.DeepEqual(single.Past(tables.KindSubscription, "care/a"), all.Past(tables.KindSubscription, "care/a")) ||
			!reflect.DeepEqual(single.RoutingRules(), all.RoutingRules()) || !reflect.DeepEqual(single.EventTypes(), all.EventTypes()) {
			rt.Fatalf("%+v\n%+v", got, want)
		}
	})
}

// drawnDecision proposes two changes, or decides about what was proposed.
func drawnDecision(t *rapid.T) events.Control {
	id := rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "id")
	act := rapid.SampledFrom([]string{events.ControlPut, events.ControlPut, events.ControlApply, events.ControlApply, events.ControlApprove, events.ControlReject}).Draw(t, "decision")
	if act != events.ControlPut {
		return events.Control{Kind: tables.KindProposal, Name: id, Version: rapid.Int32Range(2, 3).Draw(t, "version"), Act: act, Row: rowJSON(mallory), By: mallory.Token, At: at}
	}
	var changes []tables.ProposedChange
	for range 2 {
		c := drawnControl(t)
		changes = append(changes, tables.ProposedChange{Kind: c.Kind, Name: c.Name, Act: c.Act, Version: c.Version - 1, Row: c.Row})
	}
	return propose(id, mallory, changes...)
}

func drawnControl(t *rapid.T) events.Control {
	version := rapid.Int32Range(1, 3).Draw(t, "version")
	var c events.Control
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		s := sub("care", rapid.SampledFrom([]string{"a", "b", "B"}).Draw(t, "name"))
		s.Rules = rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 1).Draw(t, "rules")
		c = put(tables.KindSubscription, s.ID(), version, s)
	case 1:
		u := ruleTo("care/a", rapid.SampledFrom([]string{"", `body.note == "x"`, `body.pcp == "x"`, `body.claimId == "c"`}).Draw(t, "condition"), rapid.SampledFrom(append(someTypes, "Member-PCP-Change", "M*")).Draw(t, "type"))
		u.Name = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name")
		u.Destination = rapid.SampledFrom([]string{"", "care/a"}).Draw(t, "to")
		c = put(tables.KindRoutingRule, u.ID(), version, u)
	case 2:
		p := tables.Permission{Team: "care", Class: rapid.SampledFrom([]string{"PHI", "PII"}).Draw(t, "class")}
		c = put(tables.KindPermission, p.ID(), version, p)
	case 3:
		c = put(tables.KindToken, "t", version, tokenRow("t", "care"))
	default:
		e := memberType()
		if rapid.Bool().Draw(t, "wider") {
			e.Version, e.Schema = 2, strings.Replace(e.Schema, `"pcp"`, `"new":{"type":"string"},"pcp"`, 1)
		}
		c = put(tables.KindEventType, e.Name, version, e)
	}
	if act := rapid.SampledFrom([]string{events.ControlPut, events.ControlPut, events.ControlPut, events.ControlDelete, events.ControlQuarantine}).Draw(t, "act"); act != events.ControlPut {
		c.Act, c.Row, c.Why = act, "", "why"
	}
	return c
}

// The routing hash is of what the rows say, and of nothing else.
func TestRoutingHash(t *testing.T) {
	s := put(tables.KindSubscription, "care/a", 1, sub("care", "a"))
	p := put(tables.KindPermission, "care/PHI", 1, tables.Permission{Team: "care", Class: "PHI"})
	r := taken(t, newRules(), s, p)
	same := taken(t, newRules(), p, put(tables.KindSubscription, "care/a", 1, with(sub("care", "a"), func(s *tables.Subscription) { s.Partitions = 3 })), put(tables.KindSubscription, "care/a", 2, sub("care", "a")),
		put(tables.KindToken, "t", 1, tokenRow("t", "care")))
	if r.RoutingHash() != same.RoutingHash() || len(r.RoutingHash()) != 64 {
		t.Errorf("another history: %s and %s", r.RoutingHash(), same.RoutingHash())
	}
	seen := map[string]bool{r.RoutingHash(): true}
	for _, c := range []events.Control{
		put(tables.KindSubscription, "care/a", 2, with(sub("care", "a"), func(s *tables.Subscription) { s.State = tables.StatePaused })),
		put(tables.KindPermission, "care/PII", 1, tables.Permission{Team: "care", Class: "PII"}),
		{Kind: tables.KindPermission, Name: "care/PHI", Version: 2, Act: events.ControlDelete},
		put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/a", "", "CLAIM_*")),
		put(tables.KindEventType, "CLAIM_DENIED", 2, with(claimType(), func(e *tables.EventType) { e.Name, e.Fields = "CLAIM_DENIED", e.Fields[1:] })),
	} {
		hash := taken(t, r, c).RoutingHash()
		if seen[hash] {
			t.Errorf("%s %s/%s changes nothing", c.Act, c.Kind, c.Name)
		}
		seen[hash] = true
	}
}

// Rules are read by many while others are made of them.
func TestRulesNeverChange(t *testing.T) {
	r := withSub(t, "PHI")
	r = taken(t, r, put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", `body.note == "x"`, "CLAIM_*")))
	hash := r.RoutingHash()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				if got := routed(r, event("CLAIM_SUBMITTED", `{"note":"x"}`)); got != "care/mine" {
					t.Errorf("got %q", got)
				}
				name := fmt.Sprintf("s-%d-%d", i, n)
				next := taken(t, r, put(tables.KindSubscription, "care/"+name, 1, sub("care", name)), put(tables.KindPermission, "care/C", 1, tables.Permission{Team: "care", Class: "C"}))
				if len(next.Classes("care", "", "CLAIM_SUBMITTED")) != 3 || len(r.Classes("care", "", "CLAIM_SUBMITTED")) != 2 {
					t.Error("one sees the other's permission")
				}
			}
		})
	}
	wg.Wait()
	if r.RoutingHash() != hash || len(r.Subscriptions()) != 1 {
		t.Error("the rules changed")
	}
}
