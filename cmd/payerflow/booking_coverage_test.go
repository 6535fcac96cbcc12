package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/topologies"
)

// insured is one made-up event about a booking, a member's coverage or a
// provider's standing: of so many minutes after the first, about days from a
// day on. Without yes it takes away.
type insured struct {
	id, kind, key, booking, provider, plan string
	minute, day                            int
	yes                                    bool
}

var firstInsured = time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC)

func (e insured) at() string {
	return firstInsured.Add(time.Duration(e.minute) * time.Minute).Format(time.RFC3339)
}
func onDay(n int) string { return events.DateOf(firstInsured.AddDate(0, 0, n)).String() }

func (e insured) body() map[string]any {
	switch {
	case e.kind == "booking":
		starts := firstInsured.AddDate(0, 0, e.day)
		return map[string]any{"eventType": "BOOKING_CONFIRMED", "bookingId": e.booking, "availabilityId": "slot", "memberId": e.key, "providerId": e.provider,
			"specialty": "Cardiology", "place": "Springfield", "serviceDate": onDay(e.day), "startsAt": starts.Format(time.RFC3339),
			"endsAt": starts.Add(time.Hour).Format(time.RFC3339), "timeZone": "UTC", "visitType": "ON_SITE", "serviceCode": "99213", "changedAt": e.at()}
	case e.kind == "coverage" && e.yes:
		return map[string]any{"eventType": "COVERAGE_VERIFIED", "memberId": e.key, "planId": e.plan, "coverageType": "MEDICAL", "effectiveDate": onDay(e.day), "verifiedAt": e.at()}
	case e.kind == "coverage":
		return map[string]any{"eventType": "COVERAGE_TERMINATED", "memberId": e.key, "planId": e.plan, "terminationDate": onDay(e.day - 1), "terminatedAt": e.at()}
	case e.kind == "network":
		return map[string]any{"eventType": "NETWORK_UPDATED", "providerId": e.key, "networkId": "north", "planId": e.plan, "effectiveDate": onDay(e.day), "updatedAt": e.at(),
			"networkStatus": map[bool]string{true: "IN_NETWORK", false: "OUT_OF_NETWORK"}[e.yes]}
	case e.yes:
		return map[string]any{"eventType": "CREDENTIALING_APPROVED", "credentialingStatus": "APPROVED", "providerId": e.key, "npi": "1999999984", "providerName": "n",
			"networkStatus": "IN_NETWORK", "effectiveDate": onDay(e.day), "approvedAt": e.at()}
	default:
		return map[string]any{"eventType": "CREDENTIALING_SUSPENDED", "credentialingStatus": "SUSPENDED", "providerId": e.key, "npi": "1999999984", "providerName": "n",
			"networkStatus": "IN_NETWORK", "effectiveDate": onDay(e.day), "suspendedAt": e.at()}
	}
}

// insuring makes up bookings, each with one event, and what is said of their
// members and providers, in a random order.
func insuring(seed uint64, bookings, facts int) (out []insured) {
	r := rand.New(rand.NewPCG(seed, 0))
	plans := []string{"gold", "silver"}
	for n := range bookings {
		out = append(out, insured{kind: "booking", key: fmt.Sprint("im", r.IntN(12)), booking: fmt.Sprint("ib", n), provider: fmt.Sprint("ip", r.IntN(4)), day: r.IntN(20)})
	}
	for range facts {
		e := insured{kind: []string{"coverage", "coverage", "network", "credentials"}[r.IntN(4)], plan: plans[r.IntN(2)], day: r.IntN(20) - 5, yes: r.IntN(4) > 0}
		if e.key = fmt.Sprint("ip", r.IntN(4)); e.kind == "coverage" {
			e.key = fmt.Sprint("im", r.IntN(12))
		}
		out = append(out, e)
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for n, minute := range r.Perm(len(out)) {
		out[n].id, out[n].minute = fmt.Sprint("insured-", n), minute
	}
	return out
}

// verdictOf works out by hand whether a booking is covered, day by day and with
// nothing of the product's: of each thing that is said of the day of service,
// the newest word counts.
func verdictOf(b insured, all []insured) (plan string, reasons []string, facts int) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b insured) int { return a.minute - b.minute })
	covered, network, approved := map[string]bool{}, map[string]bool{}, false
	told := map[string]bool{}
	for _, e := range all {
		mine := e.kind == "coverage" && e.key == b.key || e.key == b.provider || e.booking == b.booking && e.kind == "booking"
		if !mine {
			continue
		}
		facts++
		told[e.kind] = true
		switch {
		case e.day > b.day:
		case e.kind == "coverage":
			covered[e.plan] = e.yes
		case e.kind == "network":
			network[e.plan] = e.yes
		case e.kind == "credentials":
			approved = e.yes
		}
	}
	because := func(when bool, reason string) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	any, in := false, false
	for _, p := range []string{"gold", "silver"} {
		any = any || covered[p]
		// without a word of any network, what goes with the credentials counts: always in
		if reached := network[p] || !told["network"] && told["credentials"] && slices.ContainsFunc(all, func(e insured) bool { return e.kind == "credentials" && e.key == b.provider && e.day <= b.day }); covered[p] && reached && !in {
			in, plan = true, p
		}
	}
	because(!told["coverage"], "COVERAGE_UNKNOWN")
	because(!told["credentials"], "CREDENTIALING_UNKNOWN")
	because(!told["network"] && !told["credentials"], "NETWORK_UNKNOWN")
	because(told["credentials"] && !approved, "NOT_CREDENTIALED")
	because(told["coverage"] && !any, "NO_COVERAGE_ON_DATE")
	because((told["network"] || told["credentials"]) && any && !in, "OUT_OF_NETWORK")
	slices.Sort(reasons)
	if len(reasons) > 0 {
		plan = ""
	}
	return plan, reasons, facts
}

// TestBookingsAreCoveredEndToEnd: two workers fold bookings, coverage and
// standing from a real broker; one is killed in the middle and comes again. The
// rows are those that were worked out by hand.
func TestBookingsAreCoveredEndToEnd(t *testing.T) {
	tg := servers(t)
	dir := t.TempDir()
	w1, base1 := tg.worker(t, dir)
	w2, base2 := tg.worker(t, t.TempDir())
	all := insuring(7, 60, 160)
	insure(t, tg, all[:120])
	within(t, 90*time.Second, "some verdict", func() bool {
		for _, base := range []string{base1, base2} {
			var page api.Rows
			if get(t, base+"/v1/views/booking-coverage?limit=1", &page) == 200 && len(page.Rows) > 0 {
				return true
			}
		}
		return false
	})
	insure(t, tg, all[120:180])
	w1.kill()
	insure(t, tg, all[180:])
	w1, base1 = tg.worker(t, dir)
	var last string
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(last)
		}
	})
	for _, b := range all {
		if b.kind != "booking" {
			continue
		}
		plan, reasons, facts := verdictOf(b, all)
		within(t, 120*time.Second, "the verdict that was worked out by hand", func() bool {
			for _, base := range []string{base1, base2} {
				var a api.Answer
				if get(t, base+"/v1/views/booking-coverage/"+b.booking, &a) != 200 {
					continue
				}
				var row struct {
					PlanID  string
					Reasons []string
				}
				raw, err := json.Marshal(a.Value)
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(raw, &row); err != nil {
					t.Fatal(err)
				}
				last = fmt.Sprintf("%s %v of %d facts, want %s %v of %d", row.PlanID, row.Reasons, a.Because.Count, plan, reasons, facts)
				return row.PlanID == plan && slices.Equal(row.Reasons, reasons) && a.Because.Count == facts
			}
			return false
		})
	}
	tg.verified(t, base2)
	w1.terminate()
	w2.terminate()
}

// insure publishes made-up events, each with its id.
func insure(t *testing.T, tg target, all []insured) {
	t.Helper()
	client, err := kafka.Dial(ctx(t, 30*time.Second), []string{tg.brokers}, tg.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := kafka.NewPublisher(client, codecs.OpenRegistry(tg.registry), topologies.TopicFor)
	for _, e := range all {
		body, err := json.Marshal(e.body())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(ctx(t, time.Minute), body, kafka.Envelope{ID: e.id}, func(_ kafka.Coordinates, err error) {
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
}
