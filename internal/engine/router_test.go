package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// rulebook is a snapshot of rules that a test changes.
type rulebook struct {
	t     testing.TB
	rules atomic.Pointer[processors.Rules]
}

func newRulebook(t testing.TB) *rulebook {
	b := &rulebook{t: t}
	b.rules.Store(processors.NewRules(topologies.DefaultEventTypes(), []byte("0123456789abcdef0123456789abcdef")))
	return b
}

func (b *rulebook) pin() (topology.Pinned, error) {
	return processors.NewInForce(b.rules.Load(), time.Now()), nil
}

func (b *rulebook) put(rows map[string]any, kind string) {
	b.t.Helper()
	r := b.rules.Load()
	var changes []processors.Change
	for name, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			b.t.Fatal(err)
		}
		changes = append(changes, processors.Change{Offset: r.Offset() + int64(len(changes)), Control: events.Control{Kind: kind, Name: name, Act: events.ControlPut,
			Version: r.Version(kind, name) + 1, Row: string(text), At: at}})
	}
	next, outcomes := r.Apply(changes)
	for _, o := range outcomes {
		if !o.Applied {
			b.t.Fatalf("%+v", o.Faults)
		}
	}
	b.rules.Store(next)
}

func subscription(team, name string, types ...string) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, EventTypes: types, Synthetic: tables.Discard, Delivery: tables.DeliverTopic, Partitions: 1, State: tables.StateActive}
}

func (b *rulebook) subscribe(subs ...tables.Subscription) {
	rows := map[string]any{}
	for _, s := range subs {
		rows[s.ID()] = s
	}
	b.put(rows, tables.KindSubscription)
}

// routing creates what the router needs beside the catalogue.
func (c *cluster) routing() []topology.Declared {
	group := topologies.Router.Declare()
	known := map[string]bool{}
	for _, t := range topologies.Topics() {
		known[t.Name] = true
	}
	for _, t := range group.Topics() {
		if !known[t.Name] {
			c.create(t)
		}
	}
	return append(folding(), group)
}

func claimEnvelope(id, claim string) events.Envelope {
	body := fmt.Sprintf(`{"eventType":"CLAIM_SUBMITTED","claimId":%q,"memberId":"m1","providerId":"p1","planId":"pl1","claimType":"PROFESSIONAL",`+
		`"totalBilledAmount":"250.00","serviceDate":"2026-03-01","submittedAt":"2026-03-10T07:00:00Z","requiresPriorAuth":false}`, claim)
	now := events.InstantOf(time.Now())
	return events.Envelope{ID: id, Type: "CLAIM_SUBMITTED", TypeVersion: 1, Key: events.ID(claim), At: now, ReceivedAt: now, Digest: fmt.Sprintf("%064s", id), Body: events.Body(body)}
}

func receivedRecord(c *cluster, e events.Envelope) *kgo.Record {
	r := record(c, topologies.Firehose, e)
	r.Headers = []kgo.RecordHeader{{Key: topology.HeaderID, Value: []byte(e.ID)}}
	return r
}

// TestRouterOnTheBroker sends events in by both ways while one consumer topic
// is missing, and reads what came of them.
func TestRouterOnTheBroker(t *testing.T) {
	c := newCluster(t)
	groups := c.routing()
	book := newRulebook(t)
	present, missing := subscription("billing", "claims", "CLAIM_*"), subscription("audit", "claims", "CLAIM_SUBMITTED")
	book.subscribe(present, missing)
	c.create(topologies.ConsumerTopic(present))
	cfg := c.config(t.TempDir())
	cfg.Pins = map[string]func() (topology.Pinned, error){topologies.Router.Name: book.pin}
	e, _ := c.startWith(cfg, groups)
	const n = 25
	for i := range n {
		in := receivedRecord(c, claimEnvelope(fmt.Sprint("e", i), fmt.Sprint("claim-", i)))
		again := *in
		c.produce(in, &again, record(c, topologies.ClaimPaid, paid(events.ID(fmt.Sprint("claim-", i)))))
	}
	for i := range n {
		eventually(t, "the row of an event that came through the firehose, and of a foreign one", func() bool {
			a, err := e.Get("claim-status", fmt.Sprint("claim-", i), false)
			return err == nil && a.Row.Because().Count == 2
		})
	}
	envelopes, err := topologies.Deliveries.Codec.Bind(c.schemas, present.Topic())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	eventually(t, "all copies", func() bool { return len(c.read(present.Topic(), 1)) >= 2*n })
	for _, r := range c.read(present.Topic(), 2*n) {
		copied, err := envelopes.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		seen[copied.ID]++
	}
	if len(seen) != 2*n {
		t.Errorf("%d events were delivered, want %d", len(seen), 2*n)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("event %s was delivered %d times", id, times)
		}
	}
	letters, err := codecs.DeadLetters.Bind(c.schemas, topologies.Firehose.Topic.DLQ().Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.read(topologies.Firehose.Topic.DLQ().Name, n) {
		letter, err := letters.Decode(r.Value)
		if err != nil || letter.Metadata.ReasonCode != topology.NoSuchOutput ||
			!slices.ContainsFunc(letter.OriginalHeaders, func(h codecs.DLQHeader) bool {
				return h.Key == topology.HeaderOutput && string(h.Value) == missing.Topic()
			}) {
			t.Errorf("dead letter %s, %v", letter.Metadata.ReasonCode, err)
		}
	}
}

// BenchmarkRouter routes b.N events, already in the firehose, to their domain
// topic and to the same ten consumer topics, however many subscriptions and
// rules there are; beside it, a loop that does nothing but consume a record
// and produce eleven. CPU seconds are of the process, the broker's included.
func BenchmarkRouter(b *testing.B) {
	for _, n := range []struct{ subscriptions, rules int }{{10, 1}, {1000, 100}} {
		b.Run(fmt.Sprintf("subscriptions=%d/rules=%d", n.subscriptions, n.rules), func(b *testing.B) { benchRouter(b, n.subscriptions, n.rules) })
	}
	b.Run("raw", benchRaw)
}

const benchCopies = 10

func benchRouter(b *testing.B, subscriptions, rules int) {
	c := newCluster(b)
	groups := c.routing()
	groups = groups[len(groups)-1:]
	book := newRulebook(b)
	subs, conditions := []tables.Subscription{}, map[string]any{}
	for i := range subscriptions {
		s := subscription(fmt.Sprint("team-", i%50), fmt.Sprint("sub-", i))
		for r := range rules {
			rule := tables.RoutingRule{Team: s.Team, Name: fmt.Sprintf("rule-%d-%d", i, r), EventTypes: []string{"CLAIM_SUBMITTED"}, State: tables.StateActive,
				Condition: fmt.Sprintf(`body.planId == "plan-%d-%d"`, i, r), Destination: s.ID()}
			if i < benchCopies && r == 0 {
				rule.Condition = `body.planId == "pl1"`
			}
			conditions[rule.ID()] = rule
		}
		if i < benchCopies {
			c.create(topologies.ConsumerTopic(s))
		}
		subs = append(subs, s)
	}
	for team := range 50 {
		p := tables.Permission{Team: fmt.Sprint("team-", team), Class: tables.ClassPHI}
		book.put(map[string]any{p.ID(): p}, tables.KindPermission)
	}
	book.subscribe(subs...)
	book.put(conditions, tables.KindRoutingRule)
	book.rules.Load().Warm()
	c.fill(b)
	cfg := c.config(b.TempDir())
	cfg.BatchInterval = 100 * time.Millisecond
	cfg.Pins = map[string]func() (topology.Pinned, error){topologies.Router.Name: book.pin}
	b.ResetTimer()
	began, cpu := time.Now(), cpuSeconds()
	e, _ := c.startWith(cfg, groups)
	deadline := time.NewTimer(5 * time.Minute)
	defer deadline.Stop()
	for tick := time.NewTicker(10 * time.Millisecond); e.Ready() != nil; { // the worker commits by itself
		select {
		case <-deadline.C:
			b.Fatal("not routed within 5 minutes")
		case <-tick.C:
		}
	}
	n := float64(b.N)
	b.ReportMetric(n/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/n*1e6, "CPU-s/M")
	b.ReportMetric(float64(len(c.read(topologies.Routed.Topic.Name, 1)))/n*1e6, "marks/M")
}

// fill puts b.N events into the firehose.
func (c *cluster) fill(b *testing.B) {
	for i := range b.N {
		c.client.Produce(context.Background(), receivedRecord(c, claimEnvelope(fmt.Sprint("e", i), fmt.Sprint("claim-", i%1000))), func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := c.client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func benchRaw(b *testing.B) {
	c := newCluster(b)
	var to []string
	for i := range benchCopies + 1 {
		s := subscription("raw", fmt.Sprint("sub-", i))
		c.create(topologies.ConsumerTopic(s))
		to = append(to, s.Topic())
	}
	c.fill(b)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topologies.Firehose.Topic.Name), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerBatchMaxBytes(2<<20), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.ResetTimer()
	began, cpu := time.Now(), cpuSeconds()
	for n := 0; n < b.N; {
		client.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
			n++
			for _, topic := range to {
				client.Produce(context.Background(), &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: r.Headers}, nil)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	n := float64(b.N)
	b.ReportMetric(n/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/n*1e6, "CPU-s/M")
}
