package topologies_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// insuring are the groups from a booking to its verdict, with joins that tell
// few at once, so that the loop goes on.
func insuring(chunk int) []topology.Declared {
	member, provider := topologies.BookingMember, topologies.BookingProvider
	member.Chunk, provider.Chunk = chunk, chunk
	return []topology.Declared{topologies.MemberCoverage.Declare(), topologies.ProviderStanding.Declare(), member.Declare(), provider.Declare(),
		topologies.BookingCoverage.Declare(), topologies.CoverageByMember.Declare(), topologies.CoverageByProvider.Declare()}
}

// insurance is a driver with those groups.
type insurance struct {
	t      interface{ Fatalf(string, ...any) }
	memory *codecs.Memory
	driver *topology.Driver
	out    []topology.Written // what was told to others
}

func insure(t interface{ Fatalf(string, ...any) }, chunk int) *insurance {
	memory := &codecs.Memory{}
	driver, err := topology.NewDriver(insuring(chunk), memory, opened.AddDate(3, 0, 0))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &insurance{t: t, memory: memory, driver: driver}
}

var opened = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

// told is an event on its way.
type telling struct {
	topic topology.Topic
	id    string
	body  map[string]any
}

func (i *insurance) tell(facts ...telling) *insurance {
	for _, f := range facts {
		text, _ := json.Marshal(f.body)
		checked, faults := codecs.CheckBody(text)
		if len(faults) > 0 {
			i.t.Fatalf("%s: %+v", text, faults)
		}
		value, err := codecs.NewBodies(i.memory).Encode(f.topic, checked)
		if err != nil {
			i.t.Fatalf("%v", err)
		}
		rec := topology.Raw{Topic: f.topic.Name, Key: []byte(fmt.Sprint(f.body[f.topic.KeyField])), Value: value,
			Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte(f.id)}}}
		if err := i.driver.Pipe(rec); err != nil {
			i.t.Fatalf("%v", err)
		}
		for _, w := range i.driver.Took() {
			if w.Parked != nil {
				i.t.Fatalf("%s parked %s: %+v", w.Group, f.body["eventType"], w.Parked)
			}
			if w.Topic == topologies.CoveredBookings.Topic.Name || w.Topic == topologies.OnsiteBookings.Topic.Name {
				i.out = append(i.out, w)
			}
		}
	}
	return i
}

// rows are all rows that the groups made, as JSON, by table and key. The
// bookkeeping of the joins is not among them: it counts what came.
func (i *insurance) rows() map[string]string {
	rows := map[string]string{}
	for _, g := range insuring(1) {
		if strings.HasPrefix(g.Name, "booking-member") || strings.HasPrefix(g.Name, "booking-provider") {
			continue
		}
		for key, value := range i.driver.Rows(g.Table.Name) {
			doc, err := codecs.NewGeneric(i.memory).Decode(value)
			if err != nil {
				i.t.Fatalf("%v", err)
			}
			rows[g.Name+" "+key] = string(doc)
		}
	}
	return rows
}

func (i *insurance) booking(id string) tables.BookingCoverage {
	table := topologies.BookingCoverage.TableOf()
	serde, err := table.Codec.Bind(i.memory, table.Topic.Name)
	if err != nil {
		i.t.Fatalf("%v", err)
	}
	row, err := serde.Decode(i.driver.Rows(table.Topic.Name)[id])
	if err != nil {
		i.t.Fatalf("booking: %v", err)
	}
	return row
}

func stamp(at int) string { return opened.Add(time.Duration(at) * time.Hour).Format(time.RFC3339) }
func date(day int) string { return events.DateOf(opened.AddDate(0, 0, day)).String() }

func bookedBody(id, member, provider string, day, at int) map[string]any {
	starts := opened.AddDate(0, 0, day)
	return map[string]any{"eventType": "BOOKING_CONFIRMED", "bookingId": id, "availabilityId": "s-" + id, "memberId": member, "providerId": provider,
		"specialty": "Cardiology", "place": "Springfield", "serviceDate": date(day), "startsAt": starts.Format(time.RFC3339), "endsAt": starts.Add(time.Hour).Format(time.RFC3339),
		"timeZone": "UTC", "visitType": "ON_SITE", "serviceCode": "99213", "changedAt": stamp(at)}
}

func fact(topic topology.Topic, id string, body map[string]any) telling {
	return telling{topic, id, body}
}

// anyTelling draws an event of few members, providers, bookings, plans, days and
// times, so that they meet often.
func anyTelling(t *rapid.T, n int) telling {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	at, day, last := rapid.IntRange(0, 8).Draw(t, "at"), rapid.IntRange(-2, 6).Draw(t, "day"), rapid.IntRange(-3, 7).Draw(t, "last")
	id, member, provider := fmt.Sprintf("e%03d", n), pick("member", "m1", "m1", "m2"), pick("provider", "p1", "p2")
	plan, line, enrollment := pick("plan", "gold", "silver"), pick("line", "MEDICAL", "MEDICAL", "DENTAL"), pick("enrollment", "n1", "n2")
	open := rapid.Bool().Draw(t, "open")
	ends := func(body map[string]any) map[string]any {
		if !open {
			body["terminationDate"] = date(last)
		}
		return body
	}
	switch pick("kind", "book", "book", "book", "cancel", "verify", "verify", "miss", "end", "activate", "terminate", "change", "credential", "credential", "network", "network") {
	case "book":
		body := bookedBody(pick("booking", "b1", "b2", "b3", "b4"), member, provider, max(0, day), at)
		body["visitType"], body["serviceCode"] = pick("visit", "ON_SITE", "REMOTE"), pick("code", "99213", "99213", "D0120", "V2020")
		if rapid.Bool().Draw(t, "names a plan") {
			body["planId"] = plan
		}
		return fact(topologies.Bookings.Topic, id, body)
	case "cancel":
		body := bookedBody(pick("booking", "b1", "b2", "b3", "b4"), member, provider, max(0, day), at)
		body["eventType"], body["reasonCode"] = "BOOKING_CANCELLED", "CANCELLED_BY_MEMBER"
		return fact(topologies.Bookings.Topic, id, body)
	case "verify":
		return fact(topologies.CoverageVerified.Topic, id, ends(map[string]any{"eventType": "COVERAGE_VERIFIED", "memberId": member, "planId": plan, "effectiveDate": date(day),
			"coverageType": line, "verifiedAt": stamp(at)}))
	case "miss":
		body := map[string]any{"eventType": "COVERAGE_NOT_FOUND", "memberId": member, "verifiedAt": stamp(24 * max(0, day))}
		if open {
			body["planId"], body["coverageType"] = plan, line
		}
		return fact(topologies.CoverageVerified.Topic, id, body)
	case "end":
		body := map[string]any{"eventType": "COVERAGE_TERMINATED", "memberId": member, "planId": plan, "terminationDate": date(last), "terminatedAt": stamp(at)}
		if open {
			body["coverageType"] = line
		}
		return fact(topologies.CoverageTerminated.Topic, id, body)
	case "activate":
		return fact(topologies.EnrollmentActivated.Topic, id, map[string]any{"eventType": "ENROLLMENT_ACTIVATED", "enrollmentId": enrollment, "memberId": member, "planId": plan,
			"coverageType": line, "effectiveDate": date(day), "activatedAt": stamp(at)})
	case "terminate":
		return fact(topologies.EnrollmentTerminated.Topic, id, map[string]any{"eventType": "ENROLLMENT_TERMINATED", "enrollmentId": enrollment, "memberId": member, "planId": plan,
			"coverageType": line, "terminationDate": date(last), "terminatedAt": stamp(at)})
	case "change":
		return fact(topologies.EnrollmentPlanChanged.Topic, id, map[string]any{"eventType": "ENROLLMENT_PLAN_CHANGED", "enrollmentId": enrollment, "memberId": member, "planId": "gold",
			"previousPlanId": "silver", "coverageType": line, "effectiveDate": date(day), "changedAt": stamp(at)})
	case "credential":
		status := pick("status", "APPROVED", "APPROVED", "DENIED", "EXPIRED", "SUSPENDED")
		return fact(topologies.CredentialingChanged.Topic, id, map[string]any{"eventType": "CREDENTIALING_" + status, "providerId": provider, "npi": "1999999984", "providerName": "n",
			"credentialingStatus": status, "networkStatus": pick("network", "IN_NETWORK", "OUT_OF_NETWORK"), "effectiveDate": date(day), strings.ToLower(status) + "At": stamp(at)})
	default:
		body := ends(map[string]any{"eventType": "NETWORK_UPDATED", "providerId": provider, "networkId": pick("in", "north", "south"),
			"networkStatus": pick("network", "IN_NETWORK", "IN_NETWORK", "OUT_OF_NETWORK"), "effectiveDate": date(day), "updatedAt": stamp(at)})
		if rapid.Bool().Draw(t, "for a plan") {
			body["planId"] = plan
		}
		return fact(topologies.NetworkUpdated.Topic, id, body)
	}
}

// Whatever order all facts come in, and however often, on both sides of both
// joins, the rows are the same; and what was told last of a booking is what its
// row says.
func TestAnyOrderOfAllFactsGivesTheSameBookings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var facts []telling
		for n := range rapid.IntRange(1, 25).Draw(t, "facts") {
			facts = append(facts, anyTelling(t, n))
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		again := slices.Clone(facts)
		for range random.IntN(len(facts) + 1) {
			again = append(again, facts[random.IntN(len(facts))])
		}
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		one, other := insure(t, 1).tell(facts...), insure(t, 2).tell(again...)
		if want, got := one.rows(), other.rows(); !maps.Equal(want, got) {
			t.Fatalf("rows\n%v\nin another order\n%v", want, got)
		}
		for _, i := range []*insurance{one, other} {
			i.toldIsInForce()
		}
	})
}

// toldIsInForce holds what was told of bookings to their rows: it begins with
// covered, never says the same twice in a row, no id comes twice, and the last
// word is the verdict in force.
func (i *insurance) toldIsInForce() {
	ids, last := map[string]bool{}, map[string]string{}
	for _, w := range i.out {
		doc, err := codecs.NewGeneric(i.memory).Decode(w.Value)
		if err != nil {
			i.t.Fatalf("%v", err)
		}
		var id string
		for _, h := range w.Headers {
			if h.Key == topology.HeaderID {
				id = string(h.Value)
			}
		}
		var e struct{ EventType string }
		if err := json.Unmarshal(doc, &e); err != nil || id == "" || ids[id] {
			i.t.Fatalf("told with id %q, twice %v, %v", id, ids[id], err)
		}
		ids[id] = true
		key := w.Topic + " " + w.Key
		if withdrawn := strings.HasSuffix(e.EventType, "WITHDRAWN"); withdrawn && (last[key] == "" || strings.HasSuffix(last[key], "WITHDRAWN")) {
			i.t.Fatalf("%s: %s after %q", key, e.EventType, last[key])
		}
		last[key] = e.EventType
	}
	for id := range i.driver.Rows(topologies.BookingCoverage.TableOf().Topic.Name) {
		row := i.booking(id)
		if got := last[topologies.CoveredBookings.Topic.Name+" "+id] == "BOOKING_COVERED"; got != row.Covered() {
			i.t.Fatalf("booking %s is %s, told covered: %v", id, row.Verdict, got)
		}
		if got := last[topologies.OnsiteBookings.Topic.Name+" "+id] == "ONSITE_BOOKING_COVERED"; got != (row.Covered() && row.VisitType == events.VisitOnSite) {
			i.t.Fatalf("booking %s is %s, %s, told on site: %v", id, row.Verdict, row.VisitType, got)
		}
	}
}
