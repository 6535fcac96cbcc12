package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payerflow/events"
)

// TestConsume: what services write to a domain topic reaches a team by pull
// and by stream, redacted, through the commands.
func TestConsume(t *testing.T) {
	_, addr, flags := demo(t, t.TempDir(), "--traffic=false")
	flags = append(flags, "--url", "http://"+addr)
	run := func(stdin string, want int, args ...string) string {
		t.Helper()
		out, stderr, code := cli(t, stdin, append(args, flags[4:]...)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s %s", args, code, out, stderr)
		}
		return out
	}
	file := filepath.Join(t.TempDir(), "sub.json")
	row, err := json.Marshal(map[string]any{"team": demoTeam, "name": "claims", "eventTypes": []string{"CLAIM_*"}, "synthetic": "discard", "delivery": "pull", "partitions": 1, "state": "ACTIVE"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, row, 0o600); err != nil {
		t.Fatal(err)
	}
	run("", 0, "sub", "apply", "-f", file, "--why", "a test")
	if _, stderr, code := cli(t, "", append([]string{"publish", "--file", "../../testdata/events/claims-day.ndjson"}, flags[:6]...)...); code != 0 {
		t.Fatal(stderr)
	}
	var got pulledEvents
	within(t, time.Minute, "events", func() bool {
		got = pulledEvents{}
		out, _, code := cli(t, "", append([]string{"sub", "pull", demoTeam + "/claims", "--wait", "5s", "--max", "2", "-o", "json"}, flags[4:]...)...)
		return code == 0 && json.Unmarshal([]byte(out), &got) == nil && len(got.Events) > 0
	})
	var e struct {
		Type         string
		PartitionKey string
		Data         map[string]any
	}
	if err := json.Unmarshal(got.Events[0].Event, &e); err != nil || !strings.HasPrefix(e.Type, "CLAIM_") || len(e.PartitionKey) != 64 || e.Data["memberId"] != events.Redacted {
		t.Errorf("%v: %s", err, e.Type)
	}
	var leases []string
	for _, e := range got.Events {
		leases = append(leases, e.Lease)
	}
	run("", 0, append([]string{"sub", "ack", demoTeam + "/claims"}, leases...)...)
	run("", 1, append([]string{"sub", "ack", demoTeam + "/claims"}, leases...)...)
	run("", 2, "sub", "ack", demoTeam+"/claims")
	run("", 3, "sub", "pull", demoTeam+"/nothing")
	out := run("", 0, "sub", "stream", demoTeam+"/claims", "--limit", "3")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 || !json.Valid([]byte(lines[2])) {
		t.Errorf("%d lines of the stream", len(lines))
	}
	again := []string{"replay", "start", "--mode", "redeliver", "--subscription", demoTeam + "/claims", "--type", "CLAIM_SUBMITTED", "-o", "json"}
	broker := flags[:6]
	for n, want := range []int{0, 0, 5, 0} { // only counted, delivered, delivered before, once more
		args := append(append([]string{}, again...), [][]string{{"--dry-run"}, nil, nil, {"--again"}}[n]...)
		out, stderr, code := cli(t, "", append(args, broker...)...)
		if code != want || want == 0 && !strings.Contains(out, `"delivered": 3`) {
			t.Errorf("%v: exit %d: %s %s", args, code, out, stderr)
		}
	}
	if _, stderr, code := cli(t, "", append([]string{"replay", "start", "--group", "x", "--where", "true"}, broker...)...); code != exitUsage || !strings.Contains(stderr, "--where") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if out, stderr, code := cli(t, "", append([]string{"topology", "check", "--deployed"}, broker...)...); code != 0 {
		t.Errorf("exit %d: %s %s", code, out, stderr)
	}
	var d struct{ Paths map[string]any }
	get(t, fmt.Sprintf("http://%s/openapi.json", addr), &d)
	for _, path := range []string{"pull", "ack", "nack", "position", "seek", "stream"} {
		if d.Paths["/v1/subscriptions/{team}/{name}/"+path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
}
