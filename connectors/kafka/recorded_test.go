package kafka_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// record publishes events of the firehose, numbered from 0; every tenth is vip.
func record(t testing.TB, broker string, schemas topology.Schemas, from, to int) {
	t.Helper()
	f := openFirehose(t, broker, schemas)
	batch := make([]events.Envelope, 0, 1000)
	for i := from; i < to; i++ {
		e := received(fmt.Sprintf("m%d", i))
		e.Type, e.Synthetic, e.Tags, e.Body = "CLAIM_SUBMITTED", false, nil, events.Body(fmt.Sprintf(`{"eventType":"CLAIM_SUBMITTED","claimId":"c%d","memberId":"CANARY","claimType":"PROFESSIONAL","providerId":"p%d"}`, i, i%7))
		if i%10 == 0 {
			e.Tags = []string{"vip"}
		}
		if batch = append(batch, e); len(batch) == cap(batch) || i == to-1 {
			for _, p := range f.Publish(t.Context(), batch) {
				stage.Must(t, p.Err)
			}
			batch = batch[:0]
		}
	}
}

func dryRules(t testing.TB, rows ...any) *processors.Rules {
	t.Helper()
	r := processors.NewRules(topologies.DefaultEventTypes(), []byte(strings.Repeat("s", 32)))
	for _, row := range rows {
		c := events.Control{Version: 1, Act: events.ControlPut}
		switch row := row.(type) {
		case tables.Subscription:
			c.Kind, c.Name = tables.KindSubscription, row.ID()
		case tables.RoutingRule:
			c.Kind, c.Name = tables.KindRoutingRule, row.ID()
		case tables.Permission:
			c.Kind, c.Name = tables.KindPermission, row.ID()
		}
		text, err := json.Marshal(row)
		stage.Must(t, err)
		c.Row = string(text)
		next, out := r.Apply([]processors.Change{{Offset: r.Offset(), Control: c}})
		if !out[0].Applied {
			t.Fatal(out[0].Faults)
		}
		r = next
	}
	return r
}

func claimsOf(team, name string, tags ...string) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, EventTypes: []string{"CLAIM_*"}, Tags: tables.TagFilter{AllOf: tags}, Synthetic: tables.Discard, Delivery: tables.DeliverTopic, Partitions: 1, State: tables.StateActive}
}

func TestDryRunOnRecordedEvents(t *testing.T) {
	broker, schemas := stage.Cluster(t)
	record(t, broker.Addr(), schemas, 0, 1000)
	record(t, broker.Addr(), schemas, 0, 100) // sent again: they count once
	rec := kafka.Recorded{Brokers: []string{broker.Addr()}, Schemas: schemas}
	before := dryRules(t, claimsOf("care", "all"), claimsOf("care", "vip", "vip"), claimsOf("desk", "all"))
	changed := claimsOf("care", "all", "vip")
	second := claimsOf("care", "vip")
	after := dryRules(t, changed, second, claimsOf("desk", "all"), tables.Permission{Team: "desk", Class: "PII"}, claimsOf("desk", "new", "vip"))
	progress := []int64{}
	try := func(last int, since time.Time, v processors.Viewer) processors.Compared {
		t.Helper()
		run, err := rec.Try(t.Context(), last, since, func() *processors.DryRun { return processors.NewDryRun(before, after) }, func(done, total int64) { progress = append(progress, done, total) })
		stage.Must(t, err)
		return run.Compare(last, v)
	}
	admin := processors.Viewer{Team: "platform", Acts: func(string) bool { return true }}
	got := try(0, time.Time{}, admin)
	counts := func(c processors.Compared) (s string) {
		for _, s1 := range c.Subscriptions {
			s += fmt.Sprintf("%s %d-%d +%d -%d ~%d\n", s1.Name, s1.Before, s1.After, s1.Gained, s1.Lost, s1.Changed)
		}
		return s
	}
	if want := "care/all 1000-100 +0 -900 ~0\ncare/vip 100-1000 +900 -0 ~0\ndesk/all 1000-1000 +0 -0 ~1000\ndesk/new 0-100 +100 -0 ~0\n"; got.Events != 1000 || counts(got) != want {
		t.Errorf("%d events\n%swant\n%s", got.Events, counts(got), want)
	}
	if n := len(progress); n < 4 || progress[n-2] != progress[n-1] || progress[n-1] < 1100 {
		t.Errorf("progress %v", progress)
	}
	text, err := json.Marshal(got)
	stage.Must(t, err)
	if strings.Contains(string(text), "CANARY") || !strings.Contains(string(text), events.Redacted) || len(got.Subscriptions[0].Samples) != 3 {
		t.Error("samples show what the team may not see, or are not there")
	}
	mine := try(0, time.Time{}, processors.Viewer{Team: "desk", Acts: func(team string) bool { return team == "desk" }})
	if len(mine.Subscriptions) != 2 || mine.Others == nil || mine.Others.Lost != 900 || mine.Others.Name != "" {
		t.Errorf("%+v", mine)
	}
	if last := try(50, time.Time{}, admin); last.Events < 50 || last.Events > 1000 {
		t.Errorf("%d events of the last 50", last.Events)
	}
	if none := try(0, time.Now().Add(time.Hour), admin); none.Events != 0 || len(none.Subscriptions) != 4 {
		t.Errorf("%+v", none)
	}
}

// BenchmarkDryRun reads and routes events of the firehose both ways. RECORDED
// says how many; 100,000 unless said.
func BenchmarkDryRun(b *testing.B) {
	n := 100_000
	if text := os.Getenv("RECORDED"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		stage.Must(b, err)
	}
	broker, schemas := stage.Cluster(b)
	record(b, broker.Addr(), schemas, 0, n)
	before := dryRules(b, claimsOf("care", "all"))
	after := dryRules(b, claimsOf("care", "all"), claimsOf("care", "new"), tables.RoutingRule{Team: "care", Name: "r", EventTypes: []string{"CLAIM_*"}, Condition: `event.sourceSystem == "PORTAL" || "vip" in tags`, Destination: "care/all", State: tables.StateActive})
	rec := kafka.Recorded{Brokers: []string{broker.Addr()}, Schemas: schemas}
	for b.Loop() {
		run, err := rec.Try(b.Context(), n, time.Time{}, func() *processors.DryRun { return processors.NewDryRun(before, after) }, func(int64, int64) {})
		stage.Must(b, err)
		if c := run.Compare(n, processors.Viewer{Team: "care", Acts: func(string) bool { return true }}); c.Events != n {
			b.Fatal(c.Events)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
