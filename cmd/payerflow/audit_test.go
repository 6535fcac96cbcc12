package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/topologies"
)

// TestAudit asks a worker for rows, allowed and not, and then asks who did; it
// tampers with copies of the chains in every way, and takes the audit away.
func TestAudit(t *testing.T) {
	tg := servers(t)
	w, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	const canary = "CLM-CANARY-77"
	for range 20 {
		within(t, time.Minute, "an answer", func() bool { return get(t, base+"/v1/views/claim-status/"+canary, nil) == 404 })
	}
	get(t, base+"/v1/views/claim-status/other", nil)
	get(t, base+"/v1/views/claim-status?limit=5", nil)
	query := func(args ...string) (out []events.AuditReceived) {
		t.Helper()
		text, stderr, code := cli(t, "", slices.Concat([]string{"audit", "query", "-o", "json"}, args, tg.flags())...)
		if err := json.Unmarshal([]byte(text), &out); code != 0 || err != nil {
			t.Fatalf("exit %d: %s %v", code, stderr, err)
		}
		if strings.Contains(text, canary) {
			t.Error("the audit holds a key")
		}
		return out
	}
	if n := len(query("--key", canary)); n != 20 {
		t.Errorf("%d reads of one claim, want 20", n)
	}
	if n := len(query("--key", "nobody")); n != 0 {
		t.Errorf("%d reads of a claim that nobody asked for", n)
	}
	if n := len(query("--act", "view.list")); n != 1 {
		t.Errorf("%d lists", n)
	}
	var whole kafka.AuditReport
	within(t, time.Minute, "all chained", func() bool {
		whole = verifyAudit(t, tg, 0)
		return whole.Waiting == 0 && whole.Records == whole.Received && whole.Records >= 22
	})
	t.Run("tampered", func(t *testing.T) { tamperings(t, tg) })
	t.Run("by hand", func(t *testing.T) { byHand(t, tg) })
	t.Run("undecided", func(t *testing.T) { verifyAudit(t, tg, 2, "--chain-topic", "no.such.topic") })
	t.Run("away", func(t *testing.T) { auditAway(t, tg, base, canary) })
	if strings.Contains(w.output(), canary) {
		t.Error("a key is in the log")
	}
	w.terminate()
}

func verifyAudit(t *testing.T, tg target, want int, args ...string) (r kafka.AuditReport) {
	t.Helper()
	out, stderr, code := cli(t, "", slices.Concat([]string{"audit", "verify", "-o", "json"}, args, tg.flags())...)
	if code != want {
		t.Fatalf("verify %v: exit %d, want %d: %s %s", args, code, want, out, stderr)
	}
	if want != 2 {
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// tamperings copy the chains with one thing changed, and want it named.
func tamperings(t *testing.T, tg target) {
	serde, err := topologies.AuditChain.Codec.Bind(codecs.OpenRegistry(tg.registry), topologies.AuditChain.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	chains := map[string][]events.AuditChained{}
	longest := ""
	for _, r := range held(t, tg, topologies.AuditChain.Topic.Name) {
		e, err := serde.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		chains[e.Chain] = append(chains[e.Chain], e)
		if len(chains[e.Chain]) > len(chains[longest]) {
			longest = e.Chain
		}
	}
	if len(chains[longest]) < 4 {
		t.Fatalf("the longest chain has %d records", len(chains[longest]))
	}
	rehashed := func(c []events.AuditChained) []events.AuditChained {
		before := ""
		for i := range c {
			c[i].Number, c[i].Before = int64(i+1), before
			c[i].Hash = processors.AuditHash(before, c[i].Number, []byte(c[i].Entry))
			before = c[i].Hash
		}
		return c
	}
	allowed := func(e events.AuditChained) events.AuditChained {
		e.Entry = strings.Replace(e.Entry, `"actor":"`, `"actor":"x`, 1)
		return e
	}
	for i, c := range []struct {
		name, says string
		change     func([]events.AuditChained) []events.AuditChained
	}{
		{"nothing", "", func(c []events.AuditChained) []events.AuditChained { return c }},
		{"an entry", "record 2 is not what it was", func(c []events.AuditChained) []events.AuditChained { c[1] = allowed(c[1]); return c }},
		{"an entry and its hash", "record 3 is not tied", func(c []events.AuditChained) []events.AuditChained {
			c[1] = allowed(c[1])
			c[1].Hash = processors.AuditHash(c[1].Before, 2, []byte(c[1].Entry))
			return c
		}},
		{"an entry and every hash after it", "is in no chain", func(c []events.AuditChained) []events.AuditChained {
			c[1] = allowed(c[1])
			return rehashed(c)
		}},
		{"one is missing", "record 3 follows record 1", func(c []events.AuditChained) []events.AuditChained { return slices.Delete(c, 1, 2) }},
		{"two in another order", "record 3 follows record 1", func(c []events.AuditChained) []events.AuditChained { c[1], c[2] = c[2], c[1]; return c }},
		{"the last is missing", "is in no chain", func(c []events.AuditChained) []events.AuditChained { return c[:len(c)-1] }},
		{"all are missing", "is in no chain", func([]events.AuditChained) []events.AuditChained { return nil }},
		{"one more", "was never received", func(c []events.AuditChained) []events.AuditChained { return rehashed(append(c, allowed(c[0]))) }},
		{"one twice", "is there twice", func(c []events.AuditChained) []events.AuditChained { return rehashed(append(c, c[0])) }},
	} {
		topic := fmt.Sprint("audit.copy.", i)
		client := tg.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
		for name, chain := range chains {
			if chain = slices.Clone(chain); name == longest {
				chain = c.change(chain)
			}
			for _, e := range chain {
				v, err := serde.Encode(e)
				if err != nil {
					t.Fatal(err)
				}
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(e.Chain), Value: v}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := 1
		if c.says == "" {
			want = 0
		}
		r := verifyAudit(t, tg, want, "--chain-topic", topic)
		text := fmt.Sprint(r.Broken)
		for _, chain := range r.Chains {
			if chain.Broken != "" && chain.Chain != longest {
				t.Errorf("%s: chain %s is said to be broken: %s", c.name, chain.Chain, chain.Broken)
			}
			text += chain.Broken
		}
		if !strings.Contains(text, c.says) {
			t.Errorf("%s: found %q, want %q", c.name, text, c.says)
		}
	}
}

// held are all records of a topic.
func held(t *testing.T, tg target, topic string) (out []*kgo.Record) {
	t.Helper()
	client := tg.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	ends, err := kadm.NewClient(client).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for c := ctx(t, time.Minute); len(left) > 0; {
		fetches := client.PollFetches(c)
		if c.Err() != nil {
			t.Fatal("not read to the end")
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

// byHand does what docs/audit.md says, with the tools that it names.
func byHand(t *testing.T, tg target) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	key, stderr, code := cli(t, "", slices.Concat([]string{"audit", "key"}, tg.flags())...)
	if code != 0 {
		t.Fatal(stderr)
	}
	if out, err := exec.CommandContext(t.Context(), openssl, "pkey", "-pubin", "-in", written(t, "audit.pem", key), "-noout", "-text").CombinedOutput(); err != nil || !strings.Contains(string(out), "ED25519") {
		t.Errorf("%v %s", err, out)
	}
	verifyAudit(t, tg, 0, "--public-key", written(t, "audit.pem", key))
	out, stderr, code := cli(t, "", slices.Concat([]string{"tail", "audit.chain", "--from-start", "--follow=false", "-o", "json"}, tg.flags())...)
	if code != 0 {
		t.Fatal(stderr)
	}
	for line := range strings.Lines(out) {
		var r struct{ Value events.AuditChained }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		before := r.Value.Before
		if before == "" {
			before = strings.Repeat("0", 64)
		}
		head, err := hex.DecodeString(before + fmt.Sprintf("%016x", r.Value.Number))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(append(head, r.Value.Entry...)); hex.EncodeToString(sum[:]) != r.Value.Hash {
			t.Errorf("record %d of chain %s has another sum", r.Value.Number, r.Value.Chain)
		}
	}
}

// auditAway makes audit.received take nothing, and gives it back.
func auditAway(t *testing.T, tg target, base, key string) {
	adm := kadm.NewClient(tg.client(t))
	set := func(value string) {
		t.Helper()
		r, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &value}}, topologies.AuditReceived.Topic.Name)
		if err != nil || r[0].Err != nil {
			t.Fatal(err, r)
		}
	}
	set("1")
	refused := func(path string, want int) {
		t.Helper()
		began := time.Now()
		var p struct{ Code string }
		if status := get(t, base+path, &p); status != want || want == http.StatusServiceUnavailable && p.Code != "AUDIT_UNAVAILABLE" {
			t.Errorf("%s with the audit away: %d %s", path, status, p.Code)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", path, took)
		}
	}
	refused("/v1/views/claim-status/"+key, 503)
	refused("/v1/views/claim-status?limit=1", 503)
	refused("/v1/views", 200)
	refused("/v1/views/mediator-rules?limit=1", 200)
	refused("/v1/engine", 200)
	refused("/v1/event-types?limit=1", 200)
	set("1048576")
	within(t, time.Minute, "reads again", func() bool { return get(t, base+"/v1/views/claim-status/"+key, nil) == 404 })
}
