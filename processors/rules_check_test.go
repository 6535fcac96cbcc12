package processors_test

import (
	"fmt"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/tables"
)

func memberType() tables.EventType {
	return tables.EventType{Name: "Member-PCP-Change", Parts: []string{"Member", "PCP", "Change"}, Version: 1, Owner: "care", KeyField: "/memberId", State: tables.StateActive,
		Schema: `{"type":"object","properties":{"memberId":{"type":"string"},"pcp":{"type":"string","maxLength":10},"kind":{"enum":["A","B"]},"more":{"type":"object","properties":{"x":{"type":"integer"}}}},"required":["memberId"]}`,
		Fields: []tables.Field{{Pointer: "/memberId", Class: "PII"}, {Pointer: "/pcp", Class: "PUBLIC"}}}
}

func gracePolicy(plan string) tables.GracePolicy {
	p := tables.DefaultGracePolicy
	p.Plan, p.Effective = plan, 20454 // 2026-01-01
	return p
}

func with[T any](row T, change func(*T)) T {
	change(&row)
	return row
}

// Every fault of a row, each at its pointer, all at once.
func TestCheckFindsEveryFault(t *testing.T) {
	r := withSub(t)
	long := strings.Repeat("a", 61)
	mine := sub("care", "mine")
	token := tokenRow("t1", "care")
	for _, c := range []struct {
		kind, name string
		row        any
		want       string
	}{
		{tables.KindSubscription, "care/x", sub("care", "x"), ""},
		{tables.KindSubscription, "Care/x y", sub("Care", "x y"), "INVALID_NAME /team, INVALID_NAME /name"},
		{tables.KindSubscription, "care/" + long, sub("care", long), "INVALID_NAME /name"},
		{tables.KindSubscription, "care/a.b", sub("care", "a.b"), "INVALID_NAME /name"},
		{tables.KindSubscription, "care/-", sub("care", "-"), "INVALID_NAME /name"},
		{tables.KindSubscription, "care/other", sub("care", "x"), "INVALID_VALUE"},
		{tables.KindSubscription, "care/x", tables.Subscription{Team: "care", Name: "x"}, "INVALID_VALUE /synthetic, INVALID_VALUE /delivery, INVALID_VALUE /partitions, INVALID_VALUE /state"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) { s.Delivery = "webhook" }), "NOT_BUILT /delivery"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) { s.Retries, s.Partitions = 11, 13 }), "INVALID_VALUE /partitions, INVALID_VALUE /retries"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) { s.Retries, s.Partitions = -1, 0 }), "INVALID_VALUE /partitions, INVALID_VALUE /retries"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) { s.EventTypes = []string{"CLAIM_*", "NOBODY", "a/b", "[a]", "?"} }),
			"INVALID_NAME /eventTypes/2, INVALID_NAME /eventTypes/3, INVALID_NAME /eventTypes/4, UNKNOWN_EVENT_TYPE /eventTypes/1, UNKNOWN_EVENT_TYPE /eventTypes/2, UNKNOWN_EVENT_TYPE /eventTypes/3, UNKNOWN_EVENT_TYPE /eventTypes/4"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) { s.Rules = []string{"gone", "other/rule"} }), "UNKNOWN_ROW /rules/0, UNKNOWN_ROW /rules/1"},
		{tables.KindSubscription, "care/x", with(sub("care", "x"), func(s *tables.Subscription) {
			s.Tags = tables.TagFilter{AllOf: []string{"a\r\nb"}, AnyOf: []string{"", strings.Repeat("x", 129)}, NoneOf: []string{"\u0085", "ok"}}
		}), "INVALID_NAME /tags/allOf/0, INVALID_NAME /tags/anyOf/0, INVALID_NAME /tags/anyOf/1, INVALID_NAME /tags/noneOf/0"},
		{tables.KindSubscription, "care/mine", with(mine, func(s *tables.Subscription) { s.State = tables.StateQuarantined }), "VERSION_CONFLICT, INVALID_VALUE /state"},

		{tables.KindRoutingRule, "care/r", ruleTo("care/mine", "", "CLAIM_*"), ""},
		{tables.KindRoutingRule, "care/r", with(ruleTo("care/mine", "", "CLAIM_*"), func(u *tables.RoutingRule) { u.Destination = "other/mine" }), "OTHER_TEAM /destination"},
		{tables.KindRoutingRule, "care/r", ruleTo("care/gone", ""), "MISSING_FIELD /eventTypes, UNKNOWN_ROW /destination"},

		{tables.KindPermission, "care/PHI", tables.Permission{Team: "care", Class: "PHI"}, ""},
		{tables.KindPermission, "care/phi", tables.Permission{Team: "care", Class: "phi"}, "INVALID_NAME /class"},
		{tables.KindPermission, "care:A b/PHI", tables.Permission{Team: "care", Application: "A b", Class: "PHI"}, "INVALID_NAME /application"},

		{tables.KindGracePolicy, "gold/2026-01-01", gracePolicy("gold"), ""},
		{tables.KindGracePolicy, "*/2026-01-01", gracePolicy("*"), ""},
		{tables.KindGracePolicy, "gold/2026-01-02", gracePolicy("gold"), "INVALID_VALUE"},
		{tables.KindGracePolicy, "a b/2026-01-01", gracePolicy("a b"), "INVALID_NAME /plan"},
		{tables.KindGracePolicy, "gold/1970-01-01", tables.GracePolicy{Plan: "gold"}, "INVALID_VALUE /effective, INVALID_VALUE /days, INVALID_VALUE /aptcMonths, INVALID_VALUE /aptcPaysMonths, INVALID_VALUE /zone"},
		{tables.KindGracePolicy, "gold/2026-01-01", with(gracePolicy("gold"), func(p *tables.GracePolicy) {
			p.Days, p.AptcMonths, p.AptcPaysMonths, p.Zone = 367, 3, 4, "America/Nowhere"
		}),
			"INVALID_VALUE /days, INVALID_VALUE /aptcPaysMonths, INVALID_VALUE /zone"},

		{tables.KindToken, "t1", token, ""},
		{tables.KindToken, "t1", with(token, func(t *tables.Token) { t.ExpiresAt = t.ExpiresAt.AddDate(-90, 0, 0) }), "INVALID_VALUE /expiresAt"},
		{tables.KindToken, "t_1", tables.Token{ID: "t_1", Team: "care", Hash: "00", Scopes: tables.Scopes{Publish: []string{"a b"}, Read: []string{"\n"}}},
			"INVALID_NAME /id, INVALID_VALUE /hash, INVALID_NAME /scopes/publish/0, INVALID_NAME /scopes/read/0, MISSING_FIELD /expiresAt"},

		{tables.KindEventType, "Member-PCP-Change", memberType(), ""},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Parts = []string{"Member", "PCP-Change"} }), "INVALID_VALUE /parts"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Parts = []string{"Member", "PCP", "Gone"} }), "INVALID_VALUE /name"},
		{tables.KindEventType, "CLAIM_SUBMITTED", with(claimType(), func(e *tables.EventType) { e.Owner = "care" }), "VERSION_CONFLICT, OTHER_TEAM /owner"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Schema = `{"$ref":"https://example.org/x.json"}` }), "INVALID_SCHEMA /schema"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Schema = `{"$ref":"file:///etc/passwd"}` }), "INVALID_SCHEMA /schema"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Schema = `{"type":"strin"}` }), "INVALID_SCHEMA /schema"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Schema, e.Version = `nothing`, 2 }), "INVALID_VALUE /version, INVALID_SCHEMA /schema"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Sample = `{"pcp":"x"}` }), "INVALID_VALUE /sample"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) { e.Topic = "claims.claim.submitted" }), "INVALID_VALUE /topic"},
		{tables.KindEventType, "Member-PCP-Change", with(memberType(), func(e *tables.EventType) {
			e.Fields = []tables.Field{{Pointer: "x", Class: "PHI"}, {Pointer: "/a~2", Class: "phi"}, {Pointer: "/a", Class: "PHI"}, {Pointer: "/a", Class: "PHI", Keys: "-"}}
			e.Metadata = []tables.Field{{Pointer: "a b", Class: "PHI"}}
		}), "INVALID_VALUE /fields/0/pointer, INVALID_VALUE /fields/1/pointer, INVALID_NAME /fields/1/class, INVALID_VALUE /fields/3/pointer, INVALID_NAME /fields/3/keys, INVALID_VALUE /metadata/0/pointer"},
	} {
		if got := codes(r.Check(put(c.kind, c.name, 1, c.row))); got != c.want {
			t.Errorf("%s/%s: %s\nwant %s", c.kind, c.name, got, c.want)
		}
	}
}

func TestRowsAreReadStrictly(t *testing.T) {
	r := newRules()
	for row, want := range map[string]string{
		``:                                      "INVALID_JSON",
		`null`:                                  "INVALID_VALUE",
		`[]`:                                    "INVALID_VALUE",
		`{"team":"care","class":"PHI"} {}`:      "INVALID_JSON",
		`{"team":"care","team":"x"}`:            "INVALID_JSON",
		`{"Team":"care","class":"PHI"}`:         "UNKNOWN_FIELD",
		`{"team":"care","class":"PHI","x":1}`:   "UNKNOWN_FIELD",
		`{"team":"care","class":7}`:             "INVALID_VALUE /class",
		"{\"team\":\"\xff\",\"class\":\"PHI\"}": "INVALID_JSON",
		strings.Repeat(`[`, 100_000):            "INVALID_VALUE",
	} {
		faults := r.Check(events.Control{Kind: tables.KindPermission, Name: "care/PHI", Version: 1, Act: events.ControlPut, Row: row, At: at})
		if got := codes(faults); got != want && (row != "null" || len(faults) == 0) {
			t.Errorf("%.40s: %s, want %s", row, got, want)
		}
	}
	for _, c := range []struct {
		control events.Control
		want    string
	}{
		{events.Control{Kind: "rule", Name: "x", Version: 1, Act: events.ControlPut}, "INVALID_VALUE"},
		{events.Control{Kind: tables.KindToken, Name: "x", Version: 1, Act: "MERGE"}, "INVALID_VALUE"},
		{events.Control{Kind: tables.KindToken, Name: "x", Version: 1, Act: events.ControlDelete}, "UNKNOWN_ROW"},
		{events.Control{Kind: tables.KindEventType, Name: "CLAIM_DENIED", Version: 2, Act: events.ControlDelete}, "OTHER_TEAM"},
		{events.Control{Kind: tables.KindEventType, Name: "CLAIM_DENIED", Version: 2, Act: events.ControlQuarantine}, "INVALID_VALUE"},
	} {
		if got := codes(r.Check(c.control)); got != c.want {
			t.Errorf("%+v: %s", c.control, got)
		}
	}
}

// No fault repeats what it found.
func TestFaultsRepeatNothing(t *testing.T) {
	const canary = "canary123"
	r := withSub(t)
	for _, c := range []events.Control{
		put(tables.KindSubscription, "x", 1, sub(canary+"_", canary+" ")),
		put(tables.KindRoutingRule, "x", 1, ruleTo(canary+"/x", `body.claimId == "`+canary+``, canary+"*!")),
		put(tables.KindRoutingRule, "x", 1, ruleTo("care/mine", `"`+canary+`" + 1 == body.units`, "CLAIM_DENIED")),
		put(tables.KindRoutingRule, "x", 1, ruleTo("care/mine", `body.claimId.matches("`+canary+`(")`, "CLAIM_DENIED")),
		put(tables.KindRoutingRule, "x", 1, ruleTo("care/mine", `timestamp("`+canary+`") < event.time`, "CLAIM_DENIED")),
		put(tables.KindRoutingRule, "x", 1, ruleTo("care/mine", canary+` canary`, "CLAIM_DENIED")),
		{Kind: tables.KindPermission, Name: "x", Version: 1, Act: events.ControlPut, Row: `{"` + canary + `":1}`},
		{Kind: tables.KindPermission, Name: "x", Version: 1, Act: events.ControlPut, Row: `{"team":{"` + canary + `":1}}`},
	} {
		faults := r.Check(c)
		if len(faults) == 0 || strings.Contains(fmt.Sprint(faults), canary) {
			t.Errorf("%s: %+v", c.Row, faults)
		}
	}
}

func TestNewVersionsOfATypeAreCompatible(t *testing.T) {
	r := taken(t, newRules(), put(tables.KindEventType, "Member-PCP-Change", 1, memberType()))
	for _, c := range []struct{ old, new, want string }{
		{`"pcp":{"type":"string","maxLength":10},`, `"pcp":{"type":"string","maxLength":10,"description":"x"},"new":{"type":"string"},`, ""},
		{`{"x":{"type":"integer"}}`, `{"x":{"type":"integer"},"y":{"type":"string"}}`, ""},
		{`["A","B"]`, `["B","A"]`, ""},
		{`"pcp":{"type":"string","maxLength":10},`, ``, "INCOMPATIBLE /schema"},
		{`"type":"string","maxLength":10`, `"type":"integer","maxLength":10`, "INCOMPATIBLE /schema"},
		{`"type":"string","maxLength":10`, `"type":["string","null"],"maxLength":10`, "INCOMPATIBLE /schema"},
		{`"maxLength":10`, `"maxLength":9`, "INCOMPATIBLE /schema"},
		{`"maxLength":10`, `"maxLength":11`, "INCOMPATIBLE /schema"},
		{`,"maxLength":10`, ``, "INCOMPATIBLE /schema"},
		{`["A","B"]`, `["A"]`, "INCOMPATIBLE /schema"},
		{`["memberId"]`, `["memberId","pcp"]`, "INCOMPATIBLE /schema"},
		{`["memberId"]`, `[]`, "INCOMPATIBLE /schema"},
		{`{"x":{"type":"integer"}}`, `{"x":{"type":"number"}}`, "INCOMPATIBLE /schema"},
		{`{"x":{"type":"integer"}}`, `{"z":{"type":"integer"}}`, "INCOMPATIBLE /schema"},
		{`"required":["memberId"]}`, `"required":["memberId"],"additionalProperties":false}`, "INCOMPATIBLE /schema"},
	} {
		next := memberType()
		next.Version, next.Schema = 2, strings.Replace(next.Schema, c.old, c.new, 1)
		if next.Schema == memberType().Schema {
			t.Fatalf("%s is not in the schema", c.old)
		}
		if got := codes(r.Check(put(tables.KindEventType, next.Name, 2, next))); got != c.want {
			t.Errorf("%s -> %s: %s", c.old, c.new, got)
		}
	}
}

// The gate is transitive, also over a type that was taken away.
func TestVersionsOfATypeAreKept(t *testing.T) {
	wider := memberType()
	wider.Version, wider.Schema = 2, strings.Replace(wider.Schema, `"pcp"`, `"new":{"type":"string"},"pcp"`, 1)
	r := taken(t, newRules(), put(tables.KindEventType, wider.Name, 1, memberType()), put(tables.KindEventType, wider.Name, 2, wider),
		events.Control{Kind: tables.KindEventType, Name: wider.Name, Version: 3, Act: events.ControlDelete, At: at})
	again := memberType()
	if got := codes(r.Check(put(tables.KindEventType, again.Name, 1, again))); got != "INVALID_VALUE /version, INCOMPATIBLE /schema" {
		t.Errorf("begins anew: %s", got)
	}
	other := memberType()
	other.Version, other.Schema = 3, strings.Replace(wider.Schema, `"new":{"type":"string"}`, `"new":{"type":"integer"}`, 1)
	if got := codes(r.Check(put(tables.KindEventType, other.Name, 1, other))); got != "INCOMPATIBLE /schema" {
		t.Errorf("another type of a field of version 2: %s", got)
	}
	wider.Schema += "\n"
	taken(t, r, put(tables.KindEventType, wider.Name, 1, wider))
}

func TestRowsInUseStay(t *testing.T) {
	mine := sub("care", "user")
	r := taken(t, withSub(t), put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", "", "CLAIM_DENIED")))
	mine.Rules = []string{"r"}
	r = taken(t, r, put(tables.KindSubscription, "care/user", 1, mine))
	for _, c := range []events.Control{
		{Kind: tables.KindSubscription, Name: "care/mine", Version: 2},
		{Kind: tables.KindRoutingRule, Name: "care/r", Version: 2},
	} {
		c.Act = events.ControlDelete
		if got := codes(r.Check(c)); got != "ROW_IN_USE" {
			t.Errorf("%s: %s", c.Name, got)
		}
	}
}
