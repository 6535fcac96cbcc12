package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/internal/traffic"
	"payerflow/topologies"
)

// TestEndToEnd is one suite for every broker: real processes, real protocol.
func TestEndToEnd(t *testing.T) {
	tg := servers(t)
	t.Run("a day of claims gives the golden rows", func(t *testing.T) { dayOfClaims(t, tg) })
	t.Run("bad records are parked with their position", func(t *testing.T) { badRecords(t, tg) })
	t.Run("two workers share the keys", func(t *testing.T) { twoWorkers(t, tg) })
	t.Run("an event goes its way", func(t *testing.T) { eventsWay(t, tg) })
	t.Run("claims are joined and listed", func(t *testing.T) { joinedAndListed(t, tg) })
	t.Run("a worker that is killed loses and doubles nothing", func(t *testing.T) { killedWorker(t, tg) })
}

type goldenRows map[string]json.RawMessage

func golden(t *testing.T) goldenRows {
	t.Helper()
	b, err := os.ReadFile(root(t, "testdata/events/claims-day.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	rows := goldenRows{}
	for _, raw := range all {
		var row struct{ ClaimID string }
		if err := json.Unmarshal(raw, &row); err != nil || row.ClaimID == "" {
			t.Fatalf("a golden row names no claim: %v", err)
		}
		rows[row.ClaimID] = raw
	}
	return rows
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	plain := func(v any) (out any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

func dayOfClaims(t *testing.T, tg target) {
	dir := t.TempDir()
	w, base := tg.worker(t, dir)
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	out, stderr, code := cli(t, "", append([]string{"publish", "--file", root(t, "testdata/events/claims-day.ndjson"), "-o", "json"}, tg.flags()...)...)
	if code != 0 {
		t.Fatalf("publish: exit %d: %s", code, stderr)
	}
	if want := fmt.Sprintf(`"published": %d`, len(lines(t, "testdata/events/claims-day.ndjson"))); !strings.Contains(out, want) {
		t.Errorf("publish says %s, want %s", out, want)
	}
	rows := golden(t)
	check := func(base string) {
		t.Helper()
		for claim, want := range rows {
			var a api.Answer
			within(t, time.Minute, "the golden row of a claim", func() bool {
				return get(t, base+"/v1/views/claim-status/"+url.PathEscape(claim), &a) == 200 && sameJSON(t, a.Value, want)
			})
			if a.Because.Count == 0 || len(a.AsOf.Positions) == 0 || a.AsOf.EventTime.IsZero() {
				t.Errorf("answer without because or as_of: %+v", a.AsOf)
			}
		}
	}
	check(base)
	listAll(t, base, len(rows))
	surface(t, base)
	w.terminate()
	w, base = tg.worker(t, dir)
	check(base)
	w.terminate()
	w, base = tg.worker(t, t.TempDir()) // nothing local: from the changelog
	check(base)
	tg.verified(t, base)
	w.terminate()
}

// listAll pages through the view and finds every row once.
func listAll(t *testing.T, base string, atLeast int) {
	t.Helper()
	seen, cursor := map[string]bool{}, ""
	for {
		var page api.Rows
		if code := get(t, base+"/v1/views/claim-status?limit=7&cursor="+cursor, &page); code != 200 {
			t.Fatalf("list: %d", code)
		}
		for _, r := range page.Rows {
			if seen[r.Key] {
				t.Fatal("a row came twice")
			}
			seen[r.Key] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) < atLeast {
		t.Errorf("listed %d rows, want at least %d", len(seen), atLeast)
	}
}

// surface asks for what is not there and what is not legal.
func surface(t *testing.T, base string) {
	t.Helper()
	for path, want := range map[string]int{
		"/v1/views/claim-status/..%2f..%2fx":                  404,
		"/v1/views/claim-status/%2e%2e/x":                     404,
		"/v1/views/claim-status/nobody":                       404,
		"/v1/views/none/x":                                    404,
		"/nothing":                                            404,
		"/v1/views/claim-status?limit=0":                      422,
		"/v1/views/claim-status?limit=1001":                   422,
		"/v1/views/claim-status?cursor=nonsense":              422,
		"/v1/views/claim-status/" + strings.Repeat("k", 2000): 422,
	} {
		var p api.Problem
		if code := get(t, base+path, &p); code != want || p.Code == "" || p.Status != want {
			t.Errorf("%.60s: %d %+v, want a problem with %d", path, code, p, want)
		}
	}
	for _, path := range []string{"/livez", "/v1/views", "/openapi.json"} {
		if code := get(t, base+path, new(any)); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func badRecords(t *testing.T, tg target) {
	w, base := tg.worker(t, t.TempDir())
	client := tg.client(t)
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	now := time.Now()
	good := func(claim string) []byte { return submittedValue(t, tg, claim, now) }
	cases := []struct {
		name   string
		record kgo.Record
		code   string
	}{
		{"wrong magic", kgo.Record{Key: []byte("c"), Value: []byte("canary-body")}, codecs.BadFrame},
		{"unknown schema id", kgo.Record{Key: []byte("c"), Value: append([]byte{0, 0x7f, 0xff, 0xff, 0xff}, good("c")[5:]...)}, codecs.UnknownSchema},
		{"truncated", kgo.Record{Key: []byte("c"), Value: good("c")[:40]}, codecs.BadAvro},
		{"trailing bytes", kgo.Record{Key: []byte("c"), Value: append(good("c"), 0)}, codecs.TrailingBytes},
		{"no value", kgo.Record{Key: []byte("c")}, topology.NullValue},
		{"no key", kgo.Record{Value: good("c")}, topology.InvalidKey},
		{"reserved key", kgo.Record{Key: []byte("__offset"), Value: good("__offset")}, topology.InvalidKey},
		{"key of 10 KB", kgo.Record{Key: []byte(strings.Repeat("k", 10_000)), Value: good("c")}, topology.InvalidKey},
		{"key that is not UTF-8", kgo.Record{Key: []byte{0xff, 0xfe}, Value: good("c")}, topology.InvalidKey},
		{"key of another claim", kgo.Record{Key: []byte("canary-key"), Value: good("c")}, topology.KeyMismatch},
		{"future", kgo.Record{Key: []byte("c"), Value: submittedValue(t, tg, "c", now.AddDate(1, 0, 0))}, topology.TimeOutOfRange},
		{"ancient", kgo.Record{Key: []byte("c"), Value: submittedValue(t, tg, "c", time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC))}, topology.TimeOutOfRange},
	}
	want := map[string]string{} // coordinates -> code
	for _, c := range cases {
		r := c.record
		r.Topic = topic.Name
		if err := client.ProduceSync(ctx(t, 30*time.Second), &r).FirstErr(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = c.code
	}
	hostile := "M2m0dhsd" // its FNV-1a hash is the smallest 32-bit number
	if err := client.ProduceSync(ctx(t, 30*time.Second), &kgo.Record{Topic: topic.Name, Key: []byte(hostile), Value: good(hostile)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the row of the record after the bad ones", func() bool {
		return get(t, base+"/v1/views/claim-status/"+hostile, nil) == 200
	})
	deadLetters(t, tg, topic, want)
	for _, secret := range []string{"canary-key", "canary-body", hostile} {
		if strings.Contains(w.output(), secret) {
			t.Error("a key or a body is in the log")
		}
	}
	tg.verified(t, base)
	w.terminate()
}

// deadLetters waits until every expected record is in the DLQ, at the
// partition where it was read, once.
func deadLetters(t *testing.T, tg target, topic topology.Topic, want map[string]string) {
	t.Helper()
	found := map[string]string{}
	c := ctx(t, 30*time.Second)
	err := kafka.Tail(c, []string{tg.brokers}, topic.DLQ().Name, codecs.OpenRegistry(tg.registry), kafka.TailOptions{FromStart: true, Follow: true}, func(s kafka.Shown) error {
		var d struct {
			Meta struct {
				OriginalTopic     string
				OriginalPartition int32
				OriginalOffset    int64
				ReasonCode        string
				ConsumerGroup     string
				RetryCount        int
				FailedAt          time.Time
			} `json:"dlqMetadata"`
		}
		if err := json.Unmarshal(s.Value, &d); err != nil {
			return err
		}
		at := fmt.Sprintf("%d/%d", d.Meta.OriginalPartition, d.Meta.OriginalOffset)
		if _, ours := want[at]; !ours || d.Meta.ConsumerGroup != topologies.ClaimStatus.Name { // the router parks what it cannot read, too
			return nil
		}
		if _, twice := found[at]; twice {
			t.Errorf("%s is in the DLQ twice", at)
		}
		found[at] = d.Meta.ReasonCode
		if s.Partition != d.Meta.OriginalPartition || d.Meta.OriginalTopic != topic.Name || d.Meta.RetryCount != 0 ||
			d.Meta.ConsumerGroup == "" || d.Meta.FailedAt.IsZero() {
			t.Errorf("metadata of %s: %+v", at, d.Meta)
		}
		if len(found) == len(want) {
			return errDone
		}
		return nil
	}, tg.options(t)...)
	if !errors.Is(err, errDone) {
		t.Fatalf("%d of %d dead letters: %v", len(found), len(want), err)
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("dead letters %v, want %v", found, want)
	}
}

var errDone = errors.New("done")

func submittedValue(t *testing.T, tg target, claim string, at time.Time) []byte {
	t.Helper()
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	body := map[string]any{"eventType": "CLAIM_SUBMITTED", "claimId": claim, "memberId": "m", "providerId": "p", "planId": "pl",
		"claimType": "PROFESSIONAL", "totalBilledAmount": "10.00", "serviceDate": "2026-01-02", "submittedAt": at.UTC().Format(time.RFC3339Nano), "requiresPriorAuth": false}
	v, err := codecs.NewBodies(codecs.OpenRegistry(tg.registry)).Encode(topic, body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// made publishes n made-up events and returns the ids of each claim's events.
func made(t *testing.T, tg target, seed uint64, n int) map[string][]string {
	t.Helper()
	client, err := kafka.Dial(ctx(t, 30*time.Second), []string{tg.brokers}, tg.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := kafka.NewPublisher(client, codecs.OpenRegistry(tg.registry), topologies.TopicFor)
	g, byClaim := traffic.New(seed, 0), map[string][]string{}
	for range n {
		e := g.Next(time.Now())
		var body struct{ EventType, ClaimID string }
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(body.EventType, "PRIOR_AUTH") {
			byClaim[body.ClaimID] = append(byClaim[body.ClaimID], e.ID)
		}
		if err := p.Publish(ctx(t, time.Minute), e.Body, kafka.Envelope{ID: e.ID}, func(_ kafka.Coordinates, err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(ctx(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	return byClaim
}

// complete says whether a claim's row, on whichever worker has it, was made by
// exactly these events.
func complete(t *testing.T, bases []string, claim string, ids []string) bool {
	for _, base := range bases {
		var a api.Answer
		if get(t, base+"/v1/views/claim-status/"+claim, &a) == 200 {
			return a.Because.Count == len(ids)
		}
	}
	return false
}

func twoWorkers(t *testing.T, tg target) {
	w1, base1 := tg.worker(t, t.TempDir())
	w2, base2 := tg.worker(t, t.TempDir())
	claims := made(t, tg, 11, 400)
	bases := []string{base1, base2}
	for claim, ids := range claims {
		within(t, time.Minute, "the row of a claim on either worker", func() bool { return complete(t, bases, claim, ids) })
	}
	for _, base := range bases { // a row may be there before the other worker has its partitions
		within(t, time.Minute, "both workers have their partitions", func() bool { return get(t, base+"/readyz", nil) == 200 })
	}
	for claim := range claims { // whoever is asked answers
		for _, base := range bases {
			if code := get(t, base+"/v1/views/claim-status/"+claim, nil); code != 200 {
				t.Errorf("answer %d", code)
			}
		}
	}
	w1.terminate()
	for claim, ids := range claims {
		within(t, time.Minute, "all rows on the worker that is left", func() bool { return complete(t, []string{base2}, claim, ids) })
	}
	tg.verified(t, base2)
	w2.terminate()
}

func killedWorker(t *testing.T, tg target) {
	dir := t.TempDir()
	all := map[string][]string{}
	for round := range 4 {
		w, base := tg.worker(t, dir)
		for claim, ids := range made(t, tg, uint64(100+round), 300) {
			all[claim] = ids
		}
		within(t, time.Minute, "some row", func() bool {
			var page api.Rows
			return get(t, base+"/v1/views/claim-status?limit=1", &page) == 200 && len(page.Rows) > 0
		})
		w.kill()
	}
	w, base := tg.worker(t, dir)
	for claim, ids := range all {
		within(t, time.Minute, "a row with each event once", func() bool { return complete(t, []string{base}, claim, ids) })
	}
	tg.verified(t, base)
	w.terminate()
}
