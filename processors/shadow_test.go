package processors_test

import (
	"fmt"
	"testing"

	"payerflow/processors"
	"payerflow/tables"
)

func TestShadowsOnlyCount(t *testing.T) {
	active := with(sub("care", "mine"), func(s *tables.Subscription) { s.EventTypes = []string{"CLAIM_DENIED"} })
	silent := with(sub("care", "silent"), func(s *tables.Subscription) { s.EventTypes, s.State = []string{"CLAIM_*"}, tables.StateShadow })
	u := ruleTo("care/mine", `body.claimType == "DENTAL"`, "CLAIM_*")
	u.State = tables.StateShadow
	fails := ruleTo("care/mine", `1 / body.units == 0`, "CLAIM_*")
	fails.Name, fails.State = "fails", tables.StateShadow
	r := taken(t, newRules(), put(tables.KindSubscription, "care/mine", 1, active), put(tables.KindSubscription, "care/silent", 1, silent),
		put(tables.KindRoutingRule, u.ID(), 1, u), put(tables.KindRoutingRule, fails.ID(), 1, fails))
	for _, c := range []struct{ of, body, gets, shadows string }{
		{"CLAIM_DENIED", `{"claimType":"DENTAL","units":1}`, "care/mine", "[{routing-rule " + u.ID() + " true false} {subscription care/silent false false}]"},
		{"CLAIM_SUBMITTED", `{"claimType":"DENTAL","units":0}`, "", "[{routing-rule care/fails false true} {routing-rule " + u.ID() + " false false} {subscription care/silent false false}]"},
		{"CLAIM_SUBMITTED", `{"claimType":"VISION","units":1}`, "", "[{subscription care/silent false false}]"},
	} {
		e := event(c.of, c.body)
		if got := routed(r, e); got != c.gets {
			t.Errorf("%s is delivered to %q, want %q", c.body, got, c.gets)
		}
		found := r.Route(e)
		if got := fmt.Sprint(found.Shadows); got != c.shadows {
			t.Errorf("%s: %s\nwant %s", c.body, got, c.shadows)
		}
		if len(found.Failed) > 0 {
			t.Error("a rule that only counts goes into quarantine")
		}
	}
}

// What a row in shadow mode says is what happens once it is active.
func TestShadowEqualsActive(t *testing.T) {
	for _, condition := range someConditions {
		u := ruleTo("care/mine", condition, "CLAIM_*")
		on := taken(t, withSub(t), put(tables.KindRoutingRule, u.ID(), 1, u))
		u.State = tables.StateShadow
		shadow := taken(t, withSub(t), put(tables.KindRoutingRule, u.ID(), 1, u))
		for _, body := range []string{claimBody, `{}`, `{"claimId":"c1","units":0,"claimType":"DENTAL"}`, `not JSON`} {
			e := event("CLAIM_SUBMITTED", body, "a")
			found := shadow.Route(e)
			would := len(found.Shadows) == 1 && !found.Shadows[0].Failed
			if gets := len(on.Route(e).Deliveries) == 1; gets != would || len(found.Deliveries) != 0 {
				t.Errorf("%q on %s: would %t, gets %t", condition, body, would, gets)
			}
		}
	}
}

var _ = processors.ShadowCounts{}
