package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
)

const paidTopic = "claims.claim.paid"

// dlq runs a dlq command against the target.
func (tg target) dlq(t *testing.T, args ...string) (out, stderr string, code int) {
	t.Helper()
	return cli(t, "", append(append([]string{"dlq"}, args...), tg.flags()...)...)
}

// park writes n dead letters of payments, ten of each claim.
func (tg target) park(t *testing.T, n int) {
	t.Helper()
	registry := codecs.OpenRegistry(tg.registry)
	letters, err := codecs.DeadLetters.Bind(registry, paidTopic+".dlq")
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(tg.options(t), kgo.SeedBrokers(strings.Split(tg.brokers, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	bodies := codecs.NewBodies(registry)
	topic := topology.Topic{Name: paidTopic, MaxMessageBytes: 1 << 20}
	var rs []*kgo.Record
	for i := range n {
		key, id := fmt.Sprintf("claim-%d", i/10), fmt.Sprintf("event-%d", i)
		body, faults := codecs.CheckBody(fmt.Appendf(nil, `{"eventType":"CLAIM_PAID","claimId":%q,"memberId":"m1","providerId":"p1","paymentId":%q,"paidAmount":"1.00","paidAt":"2026-03-03T00:00:00Z"}`, key, id))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		payload, err := bodies.Encode(topic, body)
		if err != nil {
			t.Fatal(err)
		}
		p := topology.Partition([]byte(key), 6)
		value, err := letters.Encode(codecs.DeadLetter{OriginalKey: []byte(key), OriginalPayload: payload, Metadata: codecs.DLQMetadata{
			OriginalTopic: paidTopic, OriginalPartition: p, OriginalOffset: int64(i), FailureReason: "made for a test", ReasonCode: "FOLD_PANICKED",
			FailedAt: events.InstantOf(time.Now()), ConsumerGroup: "test", EventID: &id}})
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, &kgo.Record{Topic: paidTopic + ".dlq", Partition: p, Key: []byte(key), Value: value})
	}
	if err := client.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (tg target) waiting(t *testing.T) int {
	t.Helper()
	out, stderr, code := tg.dlq(t, "list", paidTopic, "-o", "json")
	var qs []kafka.DLQ
	if err := json.Unmarshal([]byte(out), &qs); code != 0 || err != nil || len(qs) != 1 {
		t.Fatalf("exit %d, %v: %s", code, err, stderr)
	}
	return qs[0].Count
}

// A redrive of 10,000 that is killed in the middle goes on where it was: none
// is lost, none goes back twice.
func TestARedriveThatIsKilledGoesOn(t *testing.T) {
	tg := servers(t)
	const n = 10_000
	tg.park(t, n)
	killed := spawn(t, append([]string{"dlq", "redrive", paidTopic, "--all"}, tg.flags()...)...)
	client, err := kafka.Dial(t.Context(), strings.Split(tg.brokers, ","), tg.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	within(t, 60*time.Second, "the redrive under way", func() bool {
		k, err := client.Count(t.Context(), paidTopic)
		return err == nil && k > 5000
	})
	killed.kill()
	left := tg.waiting(t)
	if left == 0 || left == n {
		t.Fatalf("killed with %d of %d left: not in the middle", left, n)
	}
	out, stderr, code := tg.dlq(t, "redrive", paidTopic, "--all", "-o", "json")
	var done kafka.Handled
	if err := json.Unmarshal([]byte(out), &done); code != 0 || err != nil || done.Done < left-500 || done.Done > left {
		t.Fatalf("exit %d, %v: %d of %d: %s", code, err, done.Done, left, stderr)
	}
	ids := map[string]int{}
	err = kafka.Tail(t.Context(), strings.Split(tg.brokers, ","), paidTopic, codecs.OpenRegistry(tg.registry), kafka.TailOptions{FromStart: true}, func(s kafka.Shown) error {
		ids[s.Headers[topology.HeaderID]]++
		return nil
	}, tg.options(t)...)
	if err != nil || len(ids) != n {
		t.Fatalf("%d ids came back: %v", len(ids), err)
	}
	for id, k := range ids {
		if k != 1 {
			t.Fatalf("%s came back %d times", id, k)
		}
	}
	if out, _, code = tg.dlq(t, "redrive", paidTopic, "--all", "-o", "json"); code != 0 || !strings.Contains(out, `"done": 0`) || tg.waiting(t) != 0 {
		t.Errorf("a redrive of nothing: exit %d: %s", code, out)
	}
	t.Logf("killed with %d of %d left", left, n)
}

func TestDLQCommands(t *testing.T) {
	tg := servers(t)
	tg.park(t, 30)
	for _, args := range [][]string{
		{"redrive", paidTopic}, {"drop", paidTopic, "--all"}, {"drop", paidTopic, "--all", "--yes"}, {"redrive", paidTopic, "--where", "1 +"},
		{"redrive", paidTopic, "--at", "3"}, {"show", paidTopic, "--since", "soon"}, {"redrive", paidTopic, "--all", "--patch", "no-such-file"},
	} {
		if _, stderr, code := tg.dlq(t, args...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
	if _, _, code := tg.dlq(t, "list", "no.such.topic"); code != exitNotFound {
		t.Errorf("no such topic: exit %d", code)
	}
	out, stderr, code := tg.dlq(t, "show", paidTopic, "--where", `payload.claimId == "claim-1"`, "--limit", "1")
	var shown struct {
		At              kafka.Coordinates
		DLQMetadata     struct{ ReasonCode string }
		OriginalPayload struct{ ClaimID string }
	}
	if err := json.Unmarshal([]byte(out), &shown); code != 0 || err != nil || shown.OriginalPayload.ClaimID != "claim-1" || shown.DLQMetadata.ReasonCode != "FOLD_PANICKED" {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, stderr)
	}

	patch := filepath.Join(t.TempDir(), "patch.json")
	if err := os.WriteFile(patch, []byte(`{"paidAmount":"2.00"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%d/%d", shown.At.Partition, shown.At.Offset)
	if out, stderr, code = tg.dlq(t, "redrive", paidTopic, "--at", at, "--patch", patch, "--why", "amount"); code != 0 || !strings.Contains(out, "1") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	t.Setenv("EDITOR", `sed -i s/1.00/3.00/`)
	t.Setenv("VISUAL", "")
	if out, stderr, code = tg.dlq(t, "redrive", paidTopic, "--where", `payload.paymentId == "event-25"`, "--edit"); code != 0 {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	var amounts []string
	err := kafka.Tail(t.Context(), strings.Split(tg.brokers, ","), paidTopic, codecs.OpenRegistry(tg.registry), kafka.TailOptions{FromStart: true}, func(s kafka.Shown) error {
		var v struct{ PaidAmount string }
		err := json.Unmarshal(s.Value, &v)
		amounts = append(amounts, v.PaidAmount)
		return err
	}, tg.options(t)...)
	if got := strings.Join(amounts, " "); err != nil || got != "2.00 3.00" && got != "3.00 2.00" {
		t.Errorf("%v, %v", amounts, err)
	}
	if _, stderr, code = tg.dlq(t, "drop", paidTopic, "--reason", "FOLD_PANICKED", "--why", "a test", "--yes"); code != 0 || tg.waiting(t) != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	out, _, _ = tg.dlq(t, "show", paidTopic, "--all", "--limit", "0", "-o", "json")
	if n := strings.Count(out, `"state": "DROPPED"`); n != 28 {
		t.Errorf("%d are shown as dropped", n)
	}
}
