package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// premiums are facts about members of five kinds, by when they are told.
type premiums struct{ early, first, late []*kgo.Record }

// kinds of members, by number modulo 5.
const (
	neverPays = iota
	paysInTime
	hasCredits
	paidAndToldLate
	billingSaysFirst
)

func premiumsOf(c *cluster, members int, today events.Date) (p premiums) {
	at := func(d events.Date) events.Instant { return events.InstantOf(d.Time()) }
	one, cents := events.ID("i1"), events.Cents(100)
	for n := range members {
		m, due := events.ID(fmt.Sprintf("member-%d", n)), today-100
		bill := events.InvoiceGenerated{Type: events.TypeInvoiceGenerated, SchemaVersion: "1.0", InvoiceID: one, MemberID: m, PlanID: "plan", PeriodStart: due + 1, PeriodEnd: due + 30,
			PremiumCents: cents, DueDate: due, GeneratedAt: at(due - 20)}
		paid := events.PaymentReceived{Type: events.TypePaymentReceived, SchemaVersion: "1.0", PaymentID: "p", MemberID: m, InvoiceID: &one, AmountCents: cents, ReceivedAt: at(due - 1)}
		switch n % 5 {
		case paysInTime:
			p.early = append(p.early, record(c, topologies.PaymentReceived, paid))
		case hasCredits:
			bill.APTCCents, bill.DueDate = &cents, today-60
		case paidAndToldLate:
			p.late = append(p.late, record(c, topologies.PaymentReceived, paid))
		case billingSaysFirst:
			p.early = append(p.early, record(c, topologies.PaymentMissed, events.PaymentMissed{Type: events.TypePaymentMissed, SchemaVersion: "1.0", MemberID: m, InvoiceID: one, PremiumCents: cents, MissedAt: at(due)}))
		}
		p.first = append(p.first, record(c, topologies.InvoiceGenerated, bill))
	}
	return p
}

// TestGracePeriodsOnTheBroker stops the worker while it says what is due, goes
// on with the same rows, and once more with rows from the changelog: all is said
// once, and it is what the driver says of the same records.
func TestGracePeriodsOnTheBroker(t *testing.T) {
	const members = 60
	c := newCluster(t)
	group := topologies.GracePeriods.Declare()
	today := events.DateOf(time.Now())
	p := premiumsOf(c, members, today)
	start := func(dir string) (e interface {
		Get(view, key string, synthetic bool) (topology.Answer, error)
	}, stop func()) {
		cfg := c.config(dir)
		cfg.BatchRecords = 16
		cfg.Pins = map[string]func() (topology.Pinned, error){group.Name: func() (topology.Pinned, error) { return processors.NewGracePolicies(nil, 0), nil }}
		return c.startWith(cfg, []topology.Declared{group})
	}
	standing := func(e interface {
		Get(view, key string, synthetic bool) (topology.Answer, error)
	}, n int) (words int) {
		a, err := e.Get("grace-periods", fmt.Sprintf("member-%d", n), false)
		if err != nil {
			return -1
		}
		for _, i := range a.Row.(tables.GracePeriods).Invoices {
			for _, s := range i.Said {
				if s.Stands() {
					words++
				}
			}
		}
		return words
	}
	dir := t.TempDir()
	e, stop := start(dir)
	c.produce(p.early...)
	for n := range members {
		if n%5 == paysInTime || n%5 == billingSaysFirst {
			eventually(t, "the rows of those of whom something is known before", func() bool { return standing(e, n) >= 0 })
		}
	}
	half := len(p.first) / 2
	c.produce(p.first[:half]...)
	eventually(t, "the first words", func() bool { return standing(e, 0) == 3 })
	c.produce(p.first[half:]...)
	stop() // with a half of it said, or less

	e, stop = start(dir)
	for n := range members {
		want := map[int]int{neverPays: 3, paysInTime: 0, hasCredits: 2, paidAndToldLate: 3, billingSaysFirst: 3}[n%5]
		eventually(t, "what is due of everybody", func() bool { return standing(e, n) == want })
	}
	c.produce(p.late...)
	for n := range members {
		if n%5 == paidAndToldLate {
			eventually(t, "what was wrong is taken back", func() bool { return standing(e, n) == 0 })
		}
	}
	stop()

	e, stop = start(t.TempDir())
	marker := events.InvoiceGenerated{Type: events.TypeInvoiceGenerated, SchemaVersion: "1.0", InvoiceID: "i1", MemberID: "marker", PlanID: "plan", PeriodStart: today, PeriodEnd: today,
		PremiumCents: 1, DueDate: today - 100, GeneratedAt: events.InstantOf(time.Now())}
	c.produce(record(c, topologies.InvoiceGenerated, marker))
	eventually(t, "the word of the third life", func() bool {
		a, err := e.Get("grace-periods", "marker", false)
		return err == nil && a.Row.(tables.GracePeriods).Due().IsZero()
	})
	stop()

	said := map[string]int{}
	for _, r := range c.whole(topologies.PaymentMissed.Topic) {
		if id := headerOf(r, topology.HeaderID); id != "" && string(r.Key) != "marker" {
			said[id]++
		}
	}
	want := wordsOfDriver(t, c, group, p)
	for id, n := range said {
		if n != 1 {
			t.Errorf("%s is said %d times", id, n)
		}
	}
	if got := slices.Sorted(maps.Keys(said)); !slices.Equal(got, want) {
		t.Errorf("%d words on the broker, %d in the driver", len(got), len(want))
	}
}

// wordsOfDriver are the identities of what the driver says of the same records,
// sorted; it reads each record twice.
func wordsOfDriver(t *testing.T, c *cluster, group topology.Declared, p premiums) (ids []string) {
	t.Helper()
	d, err := topology.NewDriver([]topology.Declared{group}, c.schemas, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d.Pins = map[string]func() (topology.Pinned, error){group.Name: func() (topology.Pinned, error) { return processors.NewGracePolicies(nil, 0), nil }}
	for _, records := range [][]*kgo.Record{p.early, p.first, p.late} {
		for _, r := range slices.Concat(records, records) {
			if err := d.Pipe(topology.Raw{Topic: r.Topic, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Advance(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range d.Took() {
		if w.Topic != topologies.PaymentMissed.Topic.Name {
			continue
		}
		for _, h := range w.Headers {
			if h.Key == topology.HeaderID {
				ids = append(ids, string(h.Value))
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// whole is all that a topic holds now.
func (c *cluster) whole(topic topology.Topic) (rs []*kgo.Record) {
	c.t.Helper()
	end := &kgo.Record{Topic: topic.Name, Key: []byte("the end")}
	var ends []*kgo.Record
	for n := range int32(topic.Partitions) {
		last := *end
		last.Partition = n
		ends = append(ends, &last)
	}
	c.produce(ends...)
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topic.Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for left := topic.Partitions; left > 0; {
		f := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			c.t.Fatalf("%s: no end", topic.Name)
		}
		f.EachRecord(func(r *kgo.Record) {
			if string(r.Key) == "the end" {
				left--
				return
			}
			rs = append(rs, r)
		})
	}
	return rs
}
