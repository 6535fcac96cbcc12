package intake_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"payerflow/api/intake"
	"payerflow/internal/stage"
)

// TestEventsCountByOutcome: a type that is not registered, or not the sender's,
// is no label.
func TestEventsCountByOutcome(t *testing.T) {
	reg := prometheus.NewRegistry()
	d := start(t, func(o *intake.Options) { o.Metrics = reg })
	doc := withSynthetic(testData(t, "member-pcp-change.json"))
	d.committed(d.post(plain, doc))
	d.refusal(d.post(plain, testData(t, "member-pcp-change.json")), 422)
	d.refusal(d.post(plain, `{"Event":{"Noun":"x","Verb":"y","Object":"canary"},"Metadata":{}}`), 422)
	d.stale.Store(true)
	d.post(plain, doc)
	stage.Must(t, testutil.GatherAndCompare(reg, strings.NewReader(`# HELP payerflow_intake_events_total Events at the doors: taken, refused because of what they are, or unavailable: rules or broker were away, and the sender was told to try again. Type ~unknown: not registered, not the sender's to publish, or never looked at.
# TYPE payerflow_intake_events_total counter
payerflow_intake_events_total{outcome="refused",synthetic="false",type="Member-PCP-Change"} 1
payerflow_intake_events_total{outcome="refused",synthetic="false",type="~unknown"} 1
payerflow_intake_events_total{outcome="taken",synthetic="false",type="Member-PCP-Change"} 1
payerflow_intake_events_total{outcome="unavailable",synthetic="false",type="~unknown"} 1
`), "payerflow_intake_events_total"))
}
