package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// eventsWay follows events from the door to their domain topic, a view and two
// teams' topics, while the worker is killed in the middle and the client sends
// everything again, as one does that got no answer.
func eventsWay(t *testing.T, tg target) {
	dir := t.TempDir()
	w, base := tg.worker(t, dir)
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	run := uuid.NewString()[:8]
	sees, blind := "sees-"+run, "blind-"+run
	act := func(args ...string) string {
		t.Helper()
		out, stderr, code := cli(t, "", append(args, "--url", base)...)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		return out
	}
	for _, class := range []string{"PHI", "PII", "BANK"} {
		act("perm", "grant", sees, class)
	}
	for _, team := range []string{sees, blind} {
		act("sub", "apply", "-f", written(t, "sub.yaml", "team: "+team+"\nname: claims\neventTypes: [CLAIM_SUBMITTED]\n"))
	}
	const n = 90
	claim := func(i int) string { return fmt.Sprintf("CANARY-%s-%d", run, i) }
	send := func(from, to int) bool { return published(base, tg.token, run, from, to, claim) }
	if !send(0, n/2) {
		t.Fatal("the door took nothing")
	}
	w.kill()
	w, base = tg.worker(t, dir)
	within(t, time.Minute, "a door that takes all events", func() bool { return send(0, n) })
	for i := range n {
		within(t, time.Minute, "the row of each claim", func() bool { return get(t, base+"/v1/views/claim-status/"+claim(i), nil) == 200 })
	}
	t.Run("domain topic", func(t *testing.T) {
		ids := map[string]int{}
		for _, r := range committed(t, tg, topologies.ClaimSubmitted.Topic.Name, n, run) {
			ids[header(r, topology.HeaderID)]++
			if header(r, processors.HeaderOrigin) == "" || header(r, "ce_transactionid") != "tx-"+run {
				t.Error("a domain record lacks what the router notes")
			}
		}
		onceEach(t, ids, n)
	})
	for team, may := range map[string]bool{sees: true, blind: false} {
		t.Run("copies of a team that may see: "+fmt.Sprint(may), func(t *testing.T) {
			topic := "consumer." + team + ".claims"
			serde, err := topologies.Deliveries.Codec.Bind(codecs.OpenRegistry(tg.registry), topic)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]int{}
			for _, r := range committed(t, tg, topic, n, run) {
				e, err := serde.Decode(r.Value)
				if err != nil {
					t.Fatal(err)
				}
				ids[e.ID]++
				shown := strings.Contains(string(r.Key)+string(r.Value)+fmt.Sprint(r.Headers), "CANARY")
				if shown != may || may && !strings.Contains(string(e.Body), "CANARY") || !may && !strings.Contains(string(e.Body), events.Redacted) {
					t.Error("a copy shows what it must not, or hides what it may show")
				}
			}
			onceEach(t, ids, n)
		})
	}
	if strings.Contains(w.output(), "CANARY") {
		t.Error("a key is in the log")
	}
	w.terminate()
}

// TestBrokerAway takes the broker away for longer than rules may be old: doors
// refuse, nothing is parked, and afterwards everything goes on by itself.
func TestBrokerAway(t *testing.T) {
	if os.Getenv("KAFKA_BROKERS") != "" {
		t.Skip("chaos runs take real brokers away")
	}
	login := newLogin("root")
	t.Setenv("PAYERFLOW_BROKER_SASL_USERNAME", login.Username)
	t.Setenv("PAYERFLOW_BROKER_SASL_PASSWORD", login.Password)
	cfg := embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Superuser: embedded.Login{Username: login.Username, Password: login.Password}}
	start := func() *embedded.Broker {
		broker, err := embedded.StartBroker(ctx(t, time.Minute), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return broker
	}
	broker := start()
	cfg.Addr = broker.Addr()
	tg := target{brokers: broker.Addr(), login: login}
	registry, err := embedded.StartRegistry(ctx(t, time.Minute), embedded.RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{tg.brokers}, Client: tg.options(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	tg.registry = registry.URL()
	tg.prepare(t)
	w, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	run := uuid.NewString()[:8]
	claim := func(i int) string { return fmt.Sprintf("away-%s-%d", run, i) }
	if !published(base, tg.token, run, 0, 10, claim) {
		t.Fatal("the door took nothing")
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "a door that refuses, and a worker that is not ready", func() bool {
		return !published(base, tg.token, run, 10, 20, claim) && get(t, base+"/readyz", nil) == 503
	})
	broker = start()
	t.Cleanup(func() { _ = broker.Close() })
	within(t, time.Minute, "a door that takes events again", func() bool { return published(base, tg.token, run, 0, 20, claim) })
	for i := range 20 {
		within(t, time.Minute, "the row of each claim", func() bool { return get(t, base+"/v1/views/claim-status/"+claim(i), nil) == 200 })
	}
	ids := map[string]int{}
	for _, r := range committed(t, tg, topologies.ClaimSubmitted.Topic.Name, 20, run) {
		ids[header(r, topology.HeaderID)]++
	}
	onceEach(t, ids, 20)
	if ends := endsOf(t, tg.client(t), topologies.Firehose.Topic.DLQ().Name); slices.Max(slices.Collect(maps.Values(ends))) > 0 {
		t.Error("something was parked")
	}
	w.terminate()
}

// published sends claims as one CloudEvents batch; it is false where any of
// them was not taken.
func published(base, token, run string, from, to int, claim func(int) string) bool {
	var batch []map[string]any
	for i := from; i < to; i++ {
		batch = append(batch, map[string]any{"specversion": "1.0", "id": fmt.Sprint(run, "-", i), "type": "CLAIM_SUBMITTED", "source": "/test", "time": time.Now().UTC().Format(time.RFC3339Nano),
			"synthetic": false, "transactionid": "tx-" + run, "datacontenttype": "application/json",
			"data": map[string]any{"eventType": "CLAIM_SUBMITTED", "claimId": claim(i), "memberId": claim(i) + "-m", "providerId": "p1", "planId": "pl1", "claimType": "PROFESSIONAL",
				"totalBilledAmount": "250.00", "serviceDate": "2026-03-01", "submittedAt": "2026-03-10T07:00:00Z", "requiresPriorAuth": false}})
	}
	b, err := json.Marshal(batch)
	if err != nil {
		return false
	}
	r, err := http.NewRequest(http.MethodPost, base+"/v1/events", strings.NewReader(string(b)))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusCreated
}

// committed reads the records of this run that are committed in a topic, once
// there are as many events as asked for.
func committed(t *testing.T, tg target, topic string, events int, run string) (out []*kgo.Record) {
	t.Helper()
	c := tg.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ids, next := map[string]bool{}, map[int32]int64{}
	var ends map[int32]int64 // as they were when all events had been seen
	for until := ctx(t, time.Minute); ends == nil || !reached(next, ends); {
		fetches := c.PollFetches(until)
		if until.Err() != nil {
			t.Fatalf("%d of %d events in %s", len(ids), events, topic)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			if id := header(r, topology.HeaderID); !r.Attrs.IsControl() && strings.HasPrefix(id, run) {
				ids[id] = true
				out = append(out, r)
			}
		})
		if len(ids) == events && ends == nil {
			ends = endsOf(t, c, topic)
		}
	}
	return out
}

func reached(next, ends map[int32]int64) bool {
	for p, end := range ends {
		if next[p] < end {
			return false
		}
	}
	return true
}

func endsOf(t *testing.T, c *kgo.Client, topic string) map[int32]int64 {
	t.Helper()
	listed, err := kadm.NewClient(c).ListCommittedOffsets(ctx(t, time.Minute), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends
}

func header(r *kgo.Record, name string) (value string) {
	for _, h := range r.Headers {
		if h.Key == name {
			value = string(h.Value)
		}
	}
	return value
}

func onceEach(t *testing.T, ids map[string]int, n int) {
	t.Helper()
	if len(ids) != n {
		t.Errorf("%d events, want %d", len(ids), n)
	}
	for id, times := range ids {
		if times != 1 {
			t.Errorf("event %s is there %d times", id, times)
		}
	}
}
