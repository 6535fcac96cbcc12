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

func ruleTo(destination, condition string, eventTypes ...string) tables.RoutingRule {
	team, _, _ := strings.Cut(destination, "/")
	return tables.RoutingRule{Team: team, Name: "r", EventTypes: eventTypes, Condition: condition, Destination: destination, State: tables.StateActive}
}

// withSub are rules with one subscription that gets only what a rule sends it.
func withSub(t testing.TB, granted ...string) *processors.Rules {
	r := taken(t, newRules(), put(tables.KindSubscription, "care/mine", 1, sub("care", "mine")))
	for _, class := range granted {
		r = taken(t, r, put(tables.KindPermission, "care/"+class, 1, tables.Permission{Team: "care", Class: class}))
	}
	return r
}

const claimBody = `{"eventType":"CLAIM_SUBMITTED","claimId":"c1","claimType":"DENTAL","amount":5.5,"units":3,"note":null,"urgent":true,` +
	`"lines":[{"code":"a","charge":7},{"code":"b","charge":1}],"labels":{"k":"v"},"member":{"id":"m1","ssn":"s1"}}`

func TestConditions(t *testing.T) {
	all := withSub(t, "PHI", "PII")
	for _, c := range []struct {
		condition string
		holds     bool
	}{
		{``, true},
		{`true`, true},
		{`body.claimType == "DENTAL"`, true},
		{`"DENTAL" == body.claimType`, true},
		{`body.claimType == 'dental'`, false},
		{`body.claimType != "DENTAL"`, false},
		{`body.claimType == "DENTAL" && body.units == 3`, true},
		{`body.claimType == "DENTAL" && body.units == 4`, false},
		{`body.claimType == "VISION" || body.units == 3`, true},
		{`body.claimType in ["VISION", "DENTAL"]`, true},
		{`body.claimType in ["VISION"] || false`, false},
		{`!body.urgent`, false},
		{`body.units > 2 && body.units >= 3 && body.units < 4.5`, true},
		{`body.amount > 5`, true},
		{`body.amount == 5.5`, true},
		{`body.note == null`, true},
		{`body.note == "x"`, false},
		{`has(body.note)`, false},
		{`has(body.claimType)`, true},
		{`body.note > "a"`, false},    // null: does not hold, and is no failure
		{`!(body.note > "a")`, false}, // nor does its contrary
		{`body.labels.gone == "v"`, false},
		{`body.lines[7].code == "a"`, false},
		{`body.lines[0].code == "a"`, true},
		{`body.lines.exists(l, l.code == "b" && l.charge < 2.0)`, true},
		{`body.lines.all(l, l.charge > 2.0)`, false},
		{`size(body.lines) == 2`, true},
		{`body.lines.filter(l, l.code == "a").size() == 1 || true`, true},
		{`body.lines.map(l, l).exists(l, l.code == "b")`, true},
		{`body.lines.filter(l, l.charge > 100.0).size() > 0`, false},
		{`body.lines[0] == body.lines[0] && body.lines[0] != body.lines[1]`, true},
		{`body.lines.map(l, l.charge).exists(c, c > 6.0)`, true},
		{`body.labels.k == "v"`, true},
		{`body.labels["k"] == "v"`, true},
		{`body.labels.exists(n, body.labels["k"] == "v")`, true},
		{`body.member.id == "m1"`, true},
		{`body.claimType.startsWith("DEN")`, true},
		{`body.claimType.matches("^D.*L$")`, true},
		{`double(body.claimId) > 1.0 || true`, true},
		{`"vip" in tags`, true},
		{`"vip" in tags && "new" in tags`, true},
		{`"gone" in tags`, false},
		{`tags.exists(t, t.startsWith("v"))`, true},
		{`event.eventType == "CLAIM_SUBMITTED"`, true},
		{`event.sourceSystem == "portal" && event.synthetic == false`, true},
		{`event.time >= timestamp("2026-03-01T00:00:00Z")`, true},
		{`event.time < timestamp("2026-03-01T00:00:00Z")`, false},
		{`event.key == "c1"`, true},
	} {
		r := all
		control := put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", c.condition, "CLAIM_SUBMITTED"))
		if faults := r.Check(control); len(faults) > 0 {
			t.Errorf("%s: %+v", c.condition, faults)
			continue
		}
		e := event("CLAIM_SUBMITTED", claimBody, "new", "vip")
		e.SourceSystem = "portal"
		out := taken(t, r, control).Route(e)
		if held := len(out.Deliveries) == 1; held != c.holds || len(out.Failed) > 0 {
			t.Errorf("%s: %v, failed %v", c.condition, held, out.Failed)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	all, nothing := withSub(t, "PHI", "PII"), withSub(t)
	for _, c := range []struct {
		rules     *processors.Rules
		condition string
		want      string
	}{
		{all, `body.claimTypo == "x"`, "INVALID_CONDITION"},
		{all, `body.units == "x"`, "INVALID_CONDITION"},
		{all, `body.units`, "INVALID_CONDITION"},
		{all, `"a`, "INVALID_CONDITION"},
		{all, `unknown == 1`, "INVALID_CONDITION"},
		{all, `_s0 == "x"`, "INVALID_CONDITION"},
		{all, `body == body`, "INVALID_CONDITION"},
		{all, `dyn(body) == 1`, "INVALID_CONDITION"},
		{all, `event == event`, "INVALID_CONDITION"},
		{nothing, `body.lines.map(l, l).exists(l, l.code == "a")`, "NOT_VISIBLE"},
		{nothing, `body.member == body.member`, "NOT_VISIBLE"},
		{all, `body.labels[event.id] == "x"`, "INVALID_CONDITION"},
		{all, `tags[body.units] == "x"`, "INVALID_CONDITION"},
		{all, `body.labels[?event.id] == "x"`, "INVALID_CONDITION"},
		{all, `body.lines.exists(body, body.code == "a")`, "INVALID_CONDITION"},
		{all, `json.body{claimId: "a"}.claimId == "a"`, "INVALID_CONDITION"},
		{all, `body.claimId.matches(body.claimType)`, "INVALID_CONDITION"},
		{all, `body.claimId.matches("` + strings.Repeat("a", 257) + `")`, "INVALID_CONDITION"},
		{all, `body.claimId.matches("(a{1000}){1000}")`, "INVALID_CONDITION"},
		{all, `body.claimId.matches("((a{30}){30}){2}")`, "INVALID_CONDITION"},
		{all, `body.lines.exists(l, body.lines.exists(k, k.code == l.code))`, "INVALID_CONDITION"},
		{all, `[1].exists(a, [1].exists(b, [1].exists(c, true)))`, "INVALID_CONDITION"},
		{all, strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000), "INVALID_CONDITION"},
		{all, `"` + strings.Repeat("a", 5000) + `" == body.claimId`, "INVALID_CONDITION"},
		{all, `[[1,1,1,1,1,1,1,1,1,1].map(a, [1,1,1,1,1,1,1,1,1,1].map(b, body.claimId + body.claimId))].size() == body.lines.map(l, body.lines.map(k, 1)).size()`, "INVALID_CONDITION"},
		{nothing, `body.note == "x"`, "NOT_VISIBLE"},
		{nothing, `has(body.note)`, "NOT_VISIBLE"},
		{nothing, `body.lines.exists(l, l.code == "x")`, "NOT_VISIBLE"},
		{nothing, `body.lines.map(l, l.code).size() > 0`, "NOT_VISIBLE"},
		{nothing, `[body.note].exists(n, n == "x")`, "NOT_VISIBLE"},
		{nothing, `(true ? body.member.ssn : "") == "s"`, "NOT_VISIBLE"},
		{nothing, `event.userId == "u"`, "NOT_VISIBLE"},
		{nothing, `event.extensions.channel == "u"`, "NOT_VISIBLE"},
		{all, `event.extensions.channel == "u"`, "NOT_VISIBLE"}, // nobody classified it
		{all, `event.extensions.exists(n, true)`, "NOT_VISIBLE"},
		{all, `body.labels.exists(n, n == "x")`, "NOT_VISIBLE"}, // names that are data have no class
	} {
		faults := c.rules.Check(put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", c.condition, "CLAIM_SUBMITTED")))
		if len(faults) == 0 || faults[0].ReasonCode != c.want || faults[0].At != "/condition" {
			t.Errorf("%.100s: %+v", c.condition, faults)
		}
	}
}

// A rule falls out while its team may not see what it looks at, and comes back.
func TestRulesFollowPermissions(t *testing.T) {
	r := withSub(t, "PHI")
	r = taken(t, r, put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", `body.note == "x"`, "CLAIM_SUBMITTED")))
	e := event("CLAIM_SUBMITTED", `{"note":"x"}`)
	if got := routed(r, e); got != "care/mine" {
		t.Fatalf("granted: %q", got)
	}
	without := taken(t, r, events.Control{Kind: tables.KindPermission, Name: "care/PHI", Version: 2, Act: events.ControlDelete, At: at})
	if got := routed(without, e); got != "" {
		t.Errorf("withdrawn: %q", got)
	}
	if u, _ := without.RoutingRule("care/r"); u.State != tables.StateQuarantined || !strings.Contains(u.Reason, "body.note") {
		t.Errorf("stands as %s: %s", u.State, u.Reason)
	}
	again := taken(t, without, put(tables.KindPermission, "care/PHI", 1, tables.Permission{Team: "care", Class: "PHI"}))
	if u, _ := again.RoutingRule("care/r"); u.State != tables.StateActive || u.Reason != "" || routed(again, e) != "care/mine" {
		t.Errorf("granted again: %s %q", u.State, routed(again, e))
	}
}

func TestRulesThatFail(t *testing.T) {
	r := taken(t, withSub(t), put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", `1 / (body.units - 3) == 1`, "CLAIM_SUBMITTED")))
	out := r.Route(event("CLAIM_SUBMITTED", `{"units":3}`))
	if len(out.Deliveries) != 0 || len(out.Failed) != 1 || out.Failed[0].Kind != tables.KindRoutingRule || out.Failed[0].Name != "care/r" {
		t.Fatalf("%+v", out)
	}
	for n := range 1000 {
		if again := r.Route(event("CLAIM_SUBMITTED", `{"units":3}`)); len(again.Failed) != 0 {
			t.Fatalf("said again at event %d", n)
		}
	}
	if got := routed(r, event("CLAIM_SUBMITTED", `{"units":4}`)); got != "care/mine" {
		t.Errorf("another event: %q", got)
	}
	if out := r.Route(event("CLAIM_SUBMITTED", `{}`)); len(out.Failed) != 0 {
		t.Errorf("an absent field is no failure: %+v", out)
	}
	gone := taken(t, r, events.Control{Kind: tables.KindRoutingRule, Name: "care/r", Version: 2, Act: events.ControlQuarantine, Why: "failed", At: at})
	if u, _ := gone.RoutingRule("care/r"); u.State != tables.StateQuarantined || u.Reason != "failed" || routed(gone, event("CLAIM_SUBMITTED", `{"units":4}`)) != "" {
		t.Errorf("quarantined: %+v", u)
	}
}

// What a large event makes a condition cost is bounded, whatever is in it.
func TestConditionsStopAtTheirCost(t *testing.T) {
	condition := `body.lines.exists(l, l.code == "q" || l.code == "r" || l.code == "s" || l.code == "t" || l.code == "u" || l.code == "v")`
	r := taken(t, withSub(t, "PHI"), put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", condition, "CLAIM_SUBMITTED")))
	many := func(item string, n int) events.Envelope {
		return event("CLAIM_SUBMITTED", `{"lines":[`+strings.TrimSuffix(strings.Repeat(item+",", n), ",")+`]}`)
	}
	if out := r.Route(many(`{"code":"a"}`, 80_000)); len(out.Deliveries) != 0 || len(out.Failed) != 1 || !strings.Contains(out.Failed[0].Reason, "cost") {
		t.Errorf("%+v", out)
	}
	if out := r.Route(many(`{"code":"a"}`, 8_000)); len(out.Failed) != 0 {
		t.Errorf("a tenth of it: %+v", out)
	}
	if out := r.Route(many(`{}`, 300_000)); len(out.Deliveries) != 0 || len(out.Failed) != 0 {
		t.Errorf("without the field: %+v", out)
	}
}

// TestATeamsConditionsStopAtTheirCost: what all conditions of a team cost
// together on one event is bounded, and is no other team's affair.
func TestATeamsConditionsStopAtTheirCost(t *testing.T) {
	other := sub("other", "mine")
	other.EventTypes, other.Rules = nil, []string{"r"}
	changes := []events.Control{put(tables.KindRoutingRule, "other/r", 1, tables.RoutingRule{Team: "other", Name: "r", EventTypes: []string{"CLAIM_SUBMITTED"}, Condition: `tags.exists(t, t.matches("^0a"))`, State: tables.StateActive}),
		put(tables.KindSubscription, "other/mine", 1, other)}
	for i := range 300 {
		rule := ruleTo("care/mine", fmt.Sprintf(`tags.exists(t, t.matches("(.*a){40}x%d"))`, i), "CLAIM_SUBMITTED")
		rule.Name = fmt.Sprint("r", i)
		changes = append(changes, put(tables.KindRoutingRule, rule.ID(), 1, rule))
	}
	r := taken(t, withSub(t), changes...)
	e := event("CLAIM_SUBMITTED", `{}`, "0a")
	if out := r.Route(e); len(out.Failed) != 0 || len(out.Deliveries) != 1 {
		t.Errorf("a small event: %d rules failed, %d deliveries", len(out.Failed), len(out.Deliveries))
	}
	for i := range 64 {
		e.Tags = append(e.Tags, fmt.Sprint(i, strings.Repeat("ya", 30)))
	}
	out := r.Route(e)
	if n := len(out.Failed); n < 200 || n == 300 || !strings.Contains(out.Failed[0].Reason, "together") {
		t.Errorf("%d of 300 rules failed", n)
	}
	if len(out.Deliveries) != 1 || out.Deliveries[0].Subscription.Team != "other" {
		t.Errorf("%d deliveries", len(out.Deliveries))
	}
}

func TestHostileBodiesHoldNothing(t *testing.T) {
	r := taken(t, withSub(t), put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", `body.claimType == "DENTAL" || body.units > 0`, "CLAIM_SUBMITTED")))
	for _, body := range []string{``, `null`, `[]`, `"DENTAL"`, `{`, `{"units":1e999999}`, `{"units":"1"}`, `{"claimType":{"DENTAL":1}}`, `{"lines":` + strings.Repeat("[", 100_000) + `}`, `{"units":1`} {
		if out := r.Route(event("CLAIM_SUBMITTED", body)); len(out.Deliveries) != 0 || len(out.Failed) != 0 {
			t.Errorf("%.40s: %+v", body, out)
		}
	}
}

// Checking costs little, however a text is made; the clock here is the
// process's own.
func TestConditionBombs(t *testing.T) {
	all := withSub(t, "PHI", "PII")
	for _, unit := range []string{"(", "[", "[1,", "{1:", "!", "-", "a.", "1+", "true||", "true?true:", "f(", "[1].exists(a,", "\"", "a{b:", "[1].map(a,[a,a]).", `body.claimId.matches("(a{9}){9}")||`} {
		for _, n := range []int{40, 4090 / len(unit)} {
			text := strings.Repeat(unit, n) + "true"
			before := cpu(t)
			all.Check(put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", text, "CLAIM_DENIED")))
			if took := cpu(t) - before; took > time.Second {
				t.Errorf("%d times %s: %v of CPU", n, unit, took)
			}
		}
	}
}
