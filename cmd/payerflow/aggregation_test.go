package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"payerflow/codecs"
	"payerflow/processors"
	"payerflow/topologies"
)

// TestAbsencesOnTwoWorkers publishes stays through the doors of two workers,
// half of them with a follow-up, and kills one worker in the middle. Whoever
// was not seen is told of once, and nobody else.
func TestAbsencesOnTwoWorkers(t *testing.T) {
	tg := servers(t)
	first, firstBase := tg.worker(t, t.TempDir())
	second, base := tg.worker(t, t.TempDir())
	defer second.terminate()
	for _, b := range []string{firstBase, base} {
		within(t, time.Minute, "ready", func() bool { return get(t, b+"/readyz", nil) == 200 })
	}
	run := "agg" + uuid.NewString()[:8]
	ours := func(file string) string {
		b, err := os.ReadFile(root(t, "testdata/rules/"+file))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("owner: demo", "owner: "+run, "team: demo", "team: "+run, "within: 3s", "within: 2s", "lateness: 0s", "lateness: 40s", "class: PII", "class: PUBLIC").Replace(string(b))
		return written(t, file, text)
	}
	for _, args := range [][]string{{"type", "apply", "-f", ours("follow-up-types.yaml")}, {"sub", "apply", "-f", ours("no-follow-up-sub.yaml")}, {"aggregation", "apply", "-f", ours("no-follow-up-soon.yaml")}} {
		if _, stderr, code := cli(t, "", append(args, "--url", base)...); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
	}
	const members, half = 120, 60
	at := time.Now()
	publish := func(base string, from, to int) bool { return stays(base, tg.token, run, at, from, to) }
	within(t, time.Minute, "a door that takes stays", func() bool { return publish(firstBase, 0, half) })
	first.kill()
	within(t, time.Minute, "a door that takes stays", func() bool { return publish(base, half, members) })

	serde := bound(t, codecs.OpenRegistry(tg.registry), topologies.Deliveries)
	missed := map[string]int{}
	for _, r := range committed(t, tg, "consumer."+run+".missed-follow-ups", members/2, "") {
		e, err := serde.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		var b processors.AggregatedBody
		if err := json.Unmarshal([]byte(e.Body), &b); err != nil {
			t.Fatal(err)
		}
		missed[string(b.Key)]++
	}
	onceEach(t, missed, members/2)
	for i := range members {
		if key := fmt.Sprintf("%s-m%d", run, i); (missed[key] == 1) != (i%2 == 1) {
			t.Errorf("member %d is told of %d times", i, missed[key])
		}
	}
	tg.verified(t, "", deliveriesAlone...)
}

// stays publishes admissions and discharges, and follow-ups of every other one.
func stays(base, token, run string, at time.Time, from, to int) bool {
	var lines []string
	add := func(i int, eventType string, after time.Duration) {
		lines = append(lines, fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d-%s","type":"%s","source":"/ward","time":"%s","synthetic":false,"datacontenttype":"application/json","data":{"memberId":"%s-m%d"}}`,
			run, i, eventType, eventType, at.Add(after).UTC().Format(time.RFC3339Nano), run, i))
	}
	for i := from; i < to; i++ {
		if i%2 == 0 {
			add(i, "Member-Attended-FollowUp", time.Second) // before the others: the order does not matter
		}
		add(i, "Member-Discharged-Facility", time.Millisecond)
		add(i, "Member-Admitted-Facility", 0)
	}
	r, err := http.NewRequest(http.MethodPost, base+"/v1/events", strings.NewReader("["+strings.Join(lines, ",")+"]"))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusCreated
}
