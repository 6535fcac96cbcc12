package processors_test

import (
	"fmt"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// TestRoutedCounts: an event counts once by its type, once under each tag that
// the type registers; copies by subscription; synthetic ones apart.
func TestRoutedCounts(t *testing.T) {
	all := with(sub("care", "all"), func(s *tables.Subscription) { s.EventTypes = []string{"CLAIM_*"} })
	tagged := with(sub("care", "tagged"), func(s *tables.Subscription) { s.EventTypes, s.Tags.AllOf = []string{"CLAIM_*"}, []string{"never"} })
	r := taken(t, newRules(), put(tables.KindSubscription, "care/all", 1, all), put(tables.KindSubscription, "care/tagged", 1, tagged))
	var counts processors.RoutedCounts
	now := time.Date(2026, 1, 16, 10, 0, 3, 0, time.UTC)
	in := processors.NewInForce(r, now).Counting(nil, &counts)
	for i, synthetic := range []bool{false, false, true} {
		e := event("CLAIM_SUBMITTED", claimBody, "made up by a producer")
		e.ID, e.Synthetic, e.ReceivedAt = fmt.Sprint("e", i), synthetic, events.InstantOf(now.Add(-3*time.Second))
		rec := topology.Record[events.Envelope]{Body: e, Source: &topology.Raw{}}
		processors.RouteReceived(tables.Processed{}, rec, in)
	}
	got := counts.All()
	if len(got) != 1 || got[0].Type != "CLAIM_SUBMITTED" {
		t.Fatalf("%+v", got)
	}
	c := got[0]
	if c.Real != (processors.RoutedStages{Routed: 2, Delivered: 2, Redacted: 2}) || c.Synthetic != (processors.RoutedStages{Routed: 1, Discarded: 1}) {
		t.Errorf("%+v %+v", c.Real, c.Synthetic)
	}
	if len(c.Tags) != 1 || c.Tags[events.OtherTag].Routed != 2 {
		t.Errorf("tags %+v", c.Tags)
	}
	if c.Waited != 6*time.Second || c.Waits[8] != 2 { // up to 5 s
		t.Errorf("waited %s, %v", c.Waited, c.Waits)
	}
}
