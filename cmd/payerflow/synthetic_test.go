package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payerflow/connectors/kafka"
)

// A probe goes through the door, the router, a subscription and a view; trace
// then finds what the probe has seen; real rows and figures know nothing of it.
func TestSyntheticRun(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	within(t, 60*time.Second, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	sub := filepath.Join(t.TempDir(), "sub.json")
	if err := os.WriteFile(sub, []byte(`{"team":"ops","name":"probes","eventTypes":["CLAIM_SUBMITTED"],"synthetic":"pass-through","delivery":"topic","partitions":1,"state":"ACTIVE"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, stderr, code := cli(t, "", append([]string{"sub", "apply", "-f", sub, "--url", base}, tg.flags()...)...); code != 0 {
		t.Fatalf("subscribe: exit %d: %s%s", code, out, stderr)
	}
	out, stderr, code := cli(t, "", append([]string{"synthetic", "run", "--sub", "ops/probes", "--url", base, "--timeout", "60s", "-o", "json"}, tg.flags()...)...)
	var run probed
	if err := json.Unmarshal([]byte(out), &run); code != 0 || err != nil || !run.OK {
		parked, _, _ := tg.dlq(t, "show", "mediator.event.received")
		t.Log(parked)
		t.Fatalf("exit %d, %v: %s%s", code, err, out, stderr)
	}
	var hops []string
	for _, h := range run.Hops {
		if h.After <= 0 {
			t.Errorf("%+v has no time", h)
		}
		hops = append(hops, h.Hop)
	}
	if got := strings.Join(hops, ","); got != "door,firehose,domain topic,consumer topic,view claim-status" {
		t.Errorf("hops %s", got)
	}
	out, stderr, code = cli(t, "", append([]string{"trace", run.ID, "--since", "1h", "-o", "json"}, tg.flags()...)...)
	var traced kafka.Traced
	if err := json.Unmarshal([]byte(out), &traced); code != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, stderr)
	}
	seen := map[string]int{}
	for _, h := range traced.Hops {
		seen[h.Stage]++
	}
	for _, stage := range []string{kafka.StageFirehose, kafka.StageDomain, kafka.StageConsumer, kafka.StageRow, kafka.StageDelivered} {
		if seen[stage] == 0 {
			t.Errorf("trace lacks %s: %s", stage, out)
		}
	}
	if len(traced.Markers) != 1 || traced.Markers[0].RoutingHash == "" || traced.Markers[0].ControlOffset == 0 {
		t.Errorf("markers %+v", traced.Markers)
	}
	tg.verified(t, base)
	var sla struct{ Total struct{ Count int } }
	within(t, time.Minute, "the probe among synthetic figures", func() bool {
		return get(t, base+"/v1/sla?tag=~untagged&synthetic=true", &sla) == 200 && sla.Total.Count == 1
	})
	if status := get(t, base+"/v1/sla?tag=~untagged", nil); status != 404 {
		t.Errorf("real figures: %d", status)
	}
	if _, _, code := cli(t, "", append([]string{"trace", "no-such-event", "--since", "1h"}, tg.flags()...)...); code != exitNotFound {
		t.Errorf("trace of nothing: exit %d", code)
	}
	if _, stderr, code := cli(t, "", append([]string{"synthetic", "run", "--sub", "ops/nothing", "--url", base, "--timeout", "2s"}, tg.flags()...)...); code != exitFailed || !strings.Contains(stderr, "was not seen") {
		t.Errorf("a hop that never comes: exit %d: %s", code, stderr)
	}
}
