package processors_test

import (
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// No text makes Check or Route panic, or cost more than a condition may.
func FuzzCondition(f *testing.F) {
	for _, c := range someConditions {
		f.Add(c, claimBody)
	}
	for _, c := range []string{`body.lines.exists(l, l.code.matches("(a|a)*$"))`, `body.labels["k"] in tags`, `[[1]].all(a, a.all(b, b > 0))`, `"` + "\x00" + `" == body.claimId`, `._s0 == "x"`, `body. claimId=="a"`,
		`5 .5`, `1.5.5 > 2`, `"""x""" == body.claimId`, `b"x" == body.claimId`, strings.Repeat("(", 300), strings.Repeat("[1,", 200), `body.claimId == "a" "b"`} {
		f.Add(c, `{"claimId":"x","lines":[{"code":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}],"units":1e999999}`)
	}
	all := withSub(f, "PHI", "PII")
	f.Fuzz(func(t *testing.T, condition, body string) {
		c := put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", condition, "CLAIM_*"))
		next, out := all.Apply([]processors.Change{{Control: c}})
		if faults := all.Check(c); out[0].Applied != (len(faults) == 0) {
			t.Fatalf("Check %+v, Apply %+v", faults, out)
		}
		if !out[0].Applied {
			return
		}
		indexed := len(next.Route(event("CLAIM_DENIED", body, "a", "vip")).Deliveries)
		// The same condition where neither template nor index serves it.
		c = put(tables.KindRoutingRule, "care/r", 1, ruleTo("care/mine", "("+condition+"\n) || [false][0]", "CLAIM_*"))
		if other, out := all.Apply([]processors.Change{{Control: c}}); condition != "" && out[0].Applied {
			if asked := len(other.Route(event("CLAIM_DENIED", body, "a", "vip")).Deliveries); asked != indexed {
				t.Fatalf("%d deliveries, %d without the index", indexed, asked)
			}
		}
	})
}

// A tag that is legal stays on its line of a header.
func FuzzTag(f *testing.F) {
	for _, tag := range []string{"a", "", "a\r\nb", "a\x00", "\xff", "\u2028", strings.Repeat("x", 129)} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		if processors.LegalTag(tag) && (tag == "" || len(tag) > 128 || strings.ContainsAny(tag, "\r\n\x00\u0085\u2028\u2029") || strings.ToValidUTF8(tag, "") != tag) {
			t.Errorf("%q is legal", tag)
		}
	})
}

// Any control event has an outcome, which Check foretells; the rules after it
// route.
func FuzzControl(f *testing.F) {
	f.Add(tables.KindSubscription, "care/x", int32(1), events.ControlPut, rowJSON(sub("care", "x")))
	f.Add(tables.KindRoutingRule, "care/r", int32(1), events.ControlPut, rowJSON(ruleTo("care/mine", `body.claimId == "x"`, "CLAIM_*")))
	f.Add(tables.KindPermission, "care/PHI", int32(1), events.ControlPut, `{"team":"care","class":"PHI"}`)
	f.Add(tables.KindToken, "t", int32(1), events.ControlPut, rowJSON(tokenRow("t", "care")))
	f.Add(tables.KindEventType, "Member-PCP-Change", int32(1), events.ControlPut, rowJSON(memberType()))
	f.Add(tables.KindEventType, "CLAIM_DENIED", int32(2), events.ControlPut, rowJSON(with(claimType(), func(e *tables.EventType) {
		e.Name, e.Schema, e.Version = "CLAIM_DENIED", `{"$defs":{"a":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`, 2
	})))
	f.Add(tables.KindSubscription, "care/mine", int32(2), events.ControlQuarantine, "")
	f.Add(tables.KindSubscription, "care/mine", int32(2), events.ControlDelete, "")
	f.Add(tables.KindPolicy, "phi", int32(1), events.ControlPut, rowJSON(policyRow("phi")))
	proposed := propose("p2", tables.Decider{}, gone(tables.KindSubscription, "care/mine", 1), change(tables.KindSubscription, "care/x", 0, sub("care", "x")))
	f.Add(tables.KindProposal, "p2", int32(1), events.ControlPut, proposed.Row)
	for _, act := range []string{events.ControlApply, events.ControlApprove, events.ControlExpire, events.ControlReject} {
		f.Add(tables.KindProposal, "p1", int32(2), act, rowJSON(tables.Decider{Admin: true}))
	}
	all := taken(f, withSub(f), propose("p1", tables.Decider{}, gone(tables.KindSubscription, "care/mine", 1)))
	f.Fuzz(func(t *testing.T, kind, name string, version int32, act, row string) {
		c := events.Control{Kind: kind, Name: name, Version: version, Act: act, Row: row, At: at}
		faults := all.Check(c)
		next, out := all.Apply([]processors.Change{{Offset: 9, Control: c}})
		if out[0].Applied != (len(faults) == 0) || next.Offset() != 10 || !out[0].Applied && next.RoutingHash() != all.RoutingHash() {
			t.Fatalf("%+v, %+v", faults, out)
		}
		next.Route(event("CLAIM_DENIED", claimBody))
		next.RoutingRules()
	})
}
