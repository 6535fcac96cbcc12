package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api/access"
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// TestNoEventIsRoutedByAMixture changes a subscription under load, with two
// workers that route. Afterwards everything is worked out anew: for each event
// the transaction that covered it, the rules at the control offset that this
// one was pinned to, and whether they give the event to the team.
func TestNoEventIsRoutedByAMixture(t *testing.T) {
	tg := servers(t)
	workers := map[string]bool{}
	var bases []string
	for range 2 {
		w, base := tg.worker(t, t.TempDir())
		bases = append(bases, base)
		defer w.terminate()
	}
	for _, base := range bases {
		within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	}
	run := "mix" + uuid.NewString()[:8]
	const rounds, each = 12, 40
	for round := range rounds {
		sub := fmt.Sprintf("team: %s\nname: half\neventTypes: [CLAIM_SUBMITTED]\ntags: {anyOf: [%s]}\n", run, []string{"even", "odd"}[round%2])
		if _, stderr, code := cli(t, "", "sub", "apply", "-f", written(t, "sub.yaml", sub), "--url", bases[round%2]); code != 0 {
			t.Fatalf("sub apply: exit %d: %s", code, stderr)
		}
		from := round * each
		within(t, time.Minute, "a door that takes events", func() bool { return tagged(bases[(round+1)%2], tg.token, run, from, from+each) })
	}
	within(t, time.Minute, "everything folded", func() bool {
		return get(t, bases[0]+"/readyz", nil) == 200 && get(t, bases[1]+"/readyz", nil) == 200
	})

	schemas := codecs.OpenRegistry(tg.registry)
	received := committed(t, tg, topologies.Firehose.Topic.Name, rounds*each, run)
	marks := marksOver(t, tg, schemas, received)
	rules := rulebookOf(t, tg, schemas)
	want, offsets := map[string]bool{}, map[int64]bool{}
	serde := bound(t, schemas, topologies.Firehose)
	for _, r := range received {
		e, err := serde.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		m, ok := marks.of(r)
		if !ok {
			t.Fatalf("no transaction covers %d/%d", r.Partition, r.Offset)
		}
		workers[m.Worker], offsets[m.ControlOffset] = true, true
		at := rules.at(m.ControlOffset)
		if m.RoutingHash != at.RoutingHash() {
			t.Errorf("at control offset %d the rules have another hash than was marked", m.ControlOffset)
		}
		for _, d := range at.Route(e).Deliveries {
			if d.Subscription.Team == run {
				want[e.ID] = true
			}
		}
	}
	got := map[string]int{}
	for _, r := range committed(t, tg, "consumer."+run+".half", len(want), run) {
		got[header(r, topology.HeaderID)]++
	}
	onceEach(t, got, len(want))
	for id := range want {
		if got[id] == 0 {
			t.Errorf("event %s was not delivered by the rules that its transaction was pinned to", id)
		}
	}
	if len(workers) < 2 || len(offsets) < 3 || len(want) == 0 || len(want) == rounds*each {
		t.Errorf("%d workers, %d versions of the rules, %d of %d events delivered: too little happened to show anything", len(workers), len(offsets), len(want), rounds*each)
	}
	tg.verified(t, "", deliveriesAlone...)
	t.Logf("%d events by %d versions of the rules on %d workers, %d delivered", rounds*each, len(offsets), len(workers), len(want))
}

// tagged publishes claims, every other one with the tag even.
func tagged(base, token, run string, from, to int) bool {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","type":"CLAIM_SUBMITTED","source":"/test","synthetic":false,"tags":"%s","datacontenttype":"application/json",`+
			`"data":{"eventType":"CLAIM_SUBMITTED","claimId":"%s-%d","memberId":"m1","providerId":"p1","planId":"pl1","claimType":"PROFESSIONAL","totalBilledAmount":"250.00",`+
			`"serviceDate":"2026-03-01","submittedAt":"2026-03-10T07:00:00Z","requiresPriorAuth":false}}`, run, i, []string{"even", "odd"}[i%2], run, i))
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

func bound[E topology.Event](t *testing.T, schemas topology.Schemas, s topology.Stream[E]) topology.Serde[E] {
	t.Helper()
	serde, err := s.Codec.Bind(schemas, s.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	return serde
}

// wholeOf is what a topic holds now.
func wholeOf(t *testing.T, tg target, topic string) (out []*kgo.Record) {
	t.Helper()
	c := tg.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, next, until := endsOf(t, c, topic), map[int32]int64{}, ctx(t, time.Minute)
	for !reached(next, ends) {
		c.PollFetches(until).EachRecord(func(r *kgo.Record) {
			if next[r.Partition] = r.Offset + 1; !r.Attrs.IsControl() {
				out = append(out, r)
			}
		})
		if until.Err() != nil {
			t.Fatalf("%s was not read to its end", topic)
		}
	}
	return out
}

// marks are what transactions of routers worked with.
type marks []events.BatchRouted

func (ms marks) of(r *kgo.Record) (events.BatchRouted, bool) {
	for _, m := range ms {
		for _, x := range m.Ranges {
			if x.Topic == r.Topic && x.Partition == r.Partition && x.From <= r.Offset && r.Offset < x.To {
				return m, true
			}
		}
	}
	return events.BatchRouted{}, false
}

// marksOver waits until marks cover all records.
func marksOver(t *testing.T, tg target, schemas topology.Schemas, all []*kgo.Record) (ms marks) {
	t.Helper()
	serde := bound(t, schemas, topologies.Routed)
	within(t, time.Minute, "marks of all events", func() bool {
		ms = nil
		for _, r := range wholeOf(t, tg, topologies.Routed.Topic.Name) {
			m, err := serde.Decode(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, m)
		}
		for _, r := range all {
			if _, ok := ms.of(r); !ok {
				return false
			}
		}
		return true
	})
	return ms
}

// rulebook is the log of the rules, for the rules at any offset of it.
type rulebook struct {
	base *processors.Rules
	log  []processors.Change
	made map[int64]*processors.Rules
}

func rulebookOf(t *testing.T, tg target, schemas topology.Schemas) *rulebook {
	t.Helper()
	secret, err := access.ReadSecret(os.Getenv("PAYERFLOW_SECURITY_SECRET_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	b := &rulebook{base: processors.NewRules(topologies.DefaultEventTypes(), secret), made: map[int64]*processors.Rules{}}
	serde := bound(t, schemas, topologies.Control)
	for _, r := range wholeOf(t, tg, topologies.Control.Topic.Name) {
		e, err := serde.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		b.log = append(b.log, processors.Change{Offset: r.Offset, Control: e})
	}
	return b
}

func (b *rulebook) at(offset int64) *processors.Rules {
	if b.made[offset] == nil {
		var upTo []processors.Change
		for _, c := range b.log {
			if c.Offset < offset {
				upTo = append(upTo, c)
			}
		}
		b.made[offset], _ = b.base.Apply(upTo)
	}
	return b.made[offset]
}
