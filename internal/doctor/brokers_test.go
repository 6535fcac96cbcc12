package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/connectors/kafka"
)

// judged compares a finding with the state and a part of its text. What is
// wrong says what to do.
func judged(t *testing.T, got Finding, want State, says string) {
	t.Helper()
	if got.State != want || !strings.Contains(got.Found, says) {
		t.Errorf("%s: %s %q, want %s %q", got.Check, got.State, got.Found, want, says)
	}
	if (got.State == Fail || got.State == Warn) && got.Do == "" {
		t.Errorf("%s: %s without saying what to do", got.Check, got.State)
	}
}

func telling(settings ...string) (out []kafka.BrokerFacts) {
	for i, s := range settings {
		b := kafka.BrokerFacts{ID: int32(i), Version: "v4.3"}
		if key, value, told := strings.Cut(s, "="); told {
			b.Settings = map[string]string{key: value}
		}
		out = append(out, b)
	}
	return out
}

func TestTransactionTimeout(t *testing.T) {
	const key = "transaction.max.timeout.ms="
	for _, c := range []struct {
		brokers []kafka.BrokerFacts
		state   State
		says    string
	}{
		{telling(key+"900000", key+"900000"), OK, "15m0s"},
		{telling(key + "20000"), OK, "20s"},
		{telling(key+"900000", key+"19999"), Fail, "broker 1"},
		{telling(key+"900000", ""), Skipped, notTold},
		{telling("", key+"1"), Fail, "broker 1"},
		{telling(key + "many"), Skipped, notTold},
		{telling(key + "9223372036854775807"), OK, "876000h"},
	} {
		judged(t, transactionTimeout(c.brokers, 20*time.Second), c.state, c.says)
	}
}

func TestSessionTimeout(t *testing.T) {
	for _, c := range []struct {
		low, high string
		state     State
		says      string
	}{
		{"6000", "1800000", OK, "30m0s"},
		{"10000", "10000", OK, "10s"},
		{"10001", "1800000", Fail, "group.min"},
		{"6000", "9999", Fail, "group.max"},
		{"", "1800000", Skipped, notTold},
		{"10001", "", Fail, "group.min"},
	} {
		b := kafka.BrokerFacts{Settings: map[string]string{"group.min.session.timeout.ms": c.low, "group.max.session.timeout.ms": c.high}}
		judged(t, sessionTimeout([]kafka.BrokerFacts{b}, 10*time.Second), c.state, c.says)
	}
}

func TestOffsetsKept(t *testing.T) {
	const key, day = "offsets.retention.minutes=", 24 * time.Hour
	for _, c := range []struct {
		minutes string
		inputs  time.Duration
		state   State
	}{
		{key + "20160", 14 * day, OK},
		{key + "10080", 14 * day, Warn},
		{key + "1439", day, Fail},
		{key + "1439", 0, Fail},
		{key + "20160", 0, Warn}, // inputs are kept for ever
		{"", 14 * day, Skipped},
	} {
		judged(t, offsetsKept(telling(c.minutes), c.inputs), c.state, "")
	}
}

func TestFeatures(t *testing.T) {
	all := map[kafka.Request]int16{kafka.JoinGroup: 9, kafka.InitProducerID: 5, kafka.AddPartitionsTxn: 5, kafka.AddOffsetsToTxn: 4, kafka.EndTxn: 5, kafka.TxnOffsetCommit: 5}
	find := func(b kafka.BrokerFacts, exactlyOnce bool) map[string]Finding {
		out := map[string]Finding{}
		for _, f := range features([]kafka.BrokerFacts{b}, Setup{ExactlyOnce: exactlyOnce}) {
			out[f.Check] = f
		}
		return out
	}
	judged(t, find(kafka.BrokerFacts{Newest: all}, true)["transactions"], OK, "")
	for _, lost := range []struct {
		request kafka.Request
		left    int16
	}{{kafka.InitProducerID, -1}, {kafka.EndTxn, -1}, {kafka.TxnOffsetCommit, 2}} {
		some := map[kafka.Request]int16{}
		for r, newest := range all {
			if r != lost.request {
				some[r] = newest
			} else if lost.left >= 0 {
				some[r] = lost.left
			}
		}
		judged(t, find(kafka.BrokerFacts{Newest: some}, true)["transactions"], Fail, lost.request.String())
		judged(t, find(kafka.BrokerFacts{Newest: some}, false)["transactions"], Skipped, "at-least-once")
	}
	judged(t, find(kafka.BrokerFacts{}, false)["consumer groups"], Fail, "JoinGroup")
}

func TestClusterSize(t *testing.T) {
	for _, c := range []struct {
		n     int
		dev   bool
		state State
		says  string
	}{
		{3, false, OK, "3 brokers"}, {5, true, OK, "5 brokers"},
		{2, false, Fail, "capped to 2 in place of 3, min.insync.replicas to 1 in place of 2"}, {1, false, Fail, "capped to 1"}, {1, true, Warn, "capped to 1"},
	} {
		judged(t, size(c.n, c.dev), c.state, c.says)
	}
}

func TestVersions(t *testing.T) {
	judged(t, reached(telling("", "")), OK, "2 brokers answer")
	mixed := telling("", "")
	mixed[1].Version = "v3.9"
	judged(t, reached(mixed), Warn, "v4.3, v3.9")
}

func TestIsolation(t *testing.T) {
	good := kafka.Probed{CommittedSeen: true, BothWritten: true, Topic: "payerflow.doctor.x"}
	judged(t, isolated(good), OK, "")
	for says, change := range map[string]func(*kafka.Probed){
		"still open": func(p *kafka.Probed) { p.OpenSeen = true }, "aborted": func(p *kafka.Probed) { p.AbortedSeen = true },
		"do not see": func(p *kafka.Probed) { p.CommittedSeen = false }, "not all": func(p *kafka.Probed) { p.BothWritten = false },
	} {
		p := good
		change(&p)
		judged(t, isolated(p), Fail, says)
	}
	good.Kept = fmt.Errorf("refused")
	judged(t, isolated(good), Warn, "refused")
}
