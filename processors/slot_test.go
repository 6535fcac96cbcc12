package processors_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// morning is when everything about slots begins; the slot starts a day later.
var morning = time.Date(2026, 3, 8, 6, 0, 0, 0, time.UTC)

func minutes(n int) events.Instant {
	return events.InstantOf(morning.Add(time.Duration(n) * time.Minute))
}

func noted[E topology.Event](id string, body E) topology.Record[E] {
	return topology.Record[E]{Key: body.Subject(), At: body.OccurredAt(), Body: body, ID: func() string { return id }}
}

// offered is what provider p says of slot s at a minute; variant makes the
// terms differ.
func offered(t events.Type, at, variant int) events.Availability {
	e := events.Availability{Type: t, SchemaVersion: "1.0", AvailabilityID: "s", ProviderID: "p", ProviderName: "Jane Doe MD", Specialty: "Cardiology",
		Place: fmt.Sprintf("Room %d", variant), Day: events.DateOf(morning) + 1, StartsAt: minutes(24 * 60), EndsAt: minutes(24*60 + 30), TimeZone: "America/Chicago",
		VisitType: events.VisitOnSite, ServiceCodes: []string{"99213", "99214"}, State: events.SlotOpen, ChangedAt: minutes(at)}
	if t == events.TypeAvailabilityWithdrawn {
		e.State = events.SlotWithdrawn
	}
	return e
}

func asking(t events.Type, booking, member string, at int) events.SlotRequest {
	return events.SlotRequest{Type: t, AvailabilityID: "s", BookingID: events.ID(booking), MemberID: events.ID(member), Requester: processors.CarePlanRequester, RequestedAt: minutes(at)}
}

// TestOffersInAnyOrderGiveTheSameSlot: as long as nobody books, what a provider
// says are facts, however many, however often and in whatever order.
func TestOffersInAnyOrderGiveTheSameSlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "facts")
		var facts []topology.Record[events.Availability]
		for i := range n {
			kind := rapid.SampledFrom([]events.Type{events.TypeAvailabilityOffered, events.TypeAvailabilityOffered, events.TypeAvailabilityOffered, events.TypeAvailabilityWithdrawn}).Draw(t, "type")
			facts = append(facts, noted(fmt.Sprintf("e%02d", i), offered(kind, rapid.IntRange(0, 40).Draw(t, "at"), i)))
		}
		foldAll := func(order []topology.Record[events.Availability]) (row tables.Slot) {
			for _, f := range order {
				row, _ = processors.FoldAvailability(row, f)
			}
			return row
		}
		want := foldAll(facts)
		again := append(append([]topology.Record[events.Availability]{}, facts...), facts[:rapid.IntRange(0, n).Draw(t, "twice")]...)
		seed := rapid.Uint64().Draw(t, "order")
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := foldAll(again); !reflect.DeepEqual(got, want) {
			t.Fatalf("another row\n%+v\nwant\n%+v", got, want)
		}
	})
}

// TestASlotHasOneBooking: for any order of offers, withdrawals, requests and
// cancellations, with any of them twice, the replies never give the slot to two
// bookings, the same request gets the same answer, and only who has the slot
// gives it back.
func TestASlotHasOneBooking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.Slot
		holder := events.ID("")
		answers := map[string][]topology.Output{}
		requests := map[string]topology.Record[events.SlotRequest]{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := fmt.Sprintf("e%d", i)
			var out []topology.Output
			switch kind := rapid.SampledFrom([]string{"offer", "book", "book", "book", "cancel", "again", "again", "withdraw"}).Draw(t, "step"); kind {
			case "offer":
				row, out = processors.FoldAvailability(row, noted(id, offered(events.TypeAvailabilityOffered, rapid.IntRange(0, 60).Draw(t, "at"), i)))
			case "withdraw":
				if rapid.IntRange(0, 4).Draw(t, "really") == 0 {
					row, out = processors.FoldAvailability(row, noted(id, offered(events.TypeAvailabilityWithdrawn, i, i)))
				}
			case "again":
				for again, rec := range requests { // any of them
					if row, out = processors.FoldSlotRequest(row, rec); !reflect.DeepEqual(out[0].Value.(events.SlotReply).Type, answers[again][0].Value.(events.SlotReply).Type) || len(out) != 1 || string(out[0].Headers[0].Value) != string(answers[again][0].Headers[0].Value) {
						t.Fatalf("the same request got %+v, and before %+v", out, answers[again])
					}
					out = nil
					break
				}
			default:
				booking := fmt.Sprintf("b%d", rapid.IntRange(0, 4).Draw(t, "booking"))
				e := asking(events.TypeSlotBookingRequested, booking, "m"+booking, rapid.IntRange(0, 25*60).Draw(t, "at"))
				if kind == "cancel" {
					e.Type = events.TypeSlotCancellationRequested
				}
				rec := noted(id, e)
				row, out = processors.FoldSlotRequest(row, rec)
				requests[id], answers[id] = rec, out
			}
			for _, o := range out {
				reply, ok := o.Value.(events.SlotReply)
				switch {
				case !ok:
				case reply.Type == events.TypeSlotBookingConfirmed && holder != "" && holder != reply.BookingID:
					t.Fatal("two bookings have the slot")
				case reply.Type == events.TypeSlotBookingConfirmed:
					holder = reply.BookingID
				case (reply.Type == events.TypeSlotBookingRevoked || reply.Type == events.TypeSlotCancellationConfirmed) && holder != reply.BookingID:
					t.Fatal("a booking gave back what it did not have")
				case reply.Type == events.TypeSlotBookingRevoked || reply.Type == events.TypeSlotCancellationConfirmed:
					holder = ""
				}
				if ok && reply.Validate() != nil {
					t.Fatalf("%v: %v", reply.Type, reply.Validate())
				}
				if a, state := o.Value.(events.Availability); state && a.Validate() != nil {
					t.Fatalf("%v: %v", a.Type, a.Validate())
				}
			}
			if row.Holder == nil && holder != "" || row.Holder != nil && row.Holder.BookingID != holder || (row.State == events.SlotBooked) != (holder != "") {
				t.Fatalf("the row has %+v in state %s, replies say otherwise", row.Holder, row.State)
			}
			if (len(row.Entries()) > 0) != (row.State == events.SlotOpen && row.Open()) {
				t.Fatal("the search shows what cannot be booked, or does not show what can")
			}
		}
	})
}

// TestWhyABookingDoesNotGetASlot: each reason has its code.
func TestWhyABookingDoesNotGetASlot(t *testing.T) {
	offer := noted("o", offered(events.TypeAvailabilityOffered, 0, 0))
	withdrawal := noted("w", offered(events.TypeAvailabilityWithdrawn, 1, 0))
	odd := "99999"
	unoffered := asking(events.TypeSlotBookingRequested, "b1", "m1", 5)
	unoffered.ServiceCode = &odd
	book := asking(events.TypeSlotBookingRequested, "b1", "m1", 5)
	for name, c := range map[string]struct {
		before []any
		ask    events.SlotRequest
		code   string
	}{
		"nobody offered it":        {nil, book, processors.SlotUnknown},
		"it was taken back":        {[]any{offer, withdrawal}, book, processors.SlotWithdrawn},
		"another has it":           {[]any{offer, noted("x", asking(events.TypeSlotBookingRequested, "b0", "m0", 1))}, book, processors.SlotTaken},
		"it has begun":             {[]any{offer}, asking(events.TypeSlotBookingRequested, "b1", "m1", 24*60), processors.SlotInThePast},
		"the service is another":   {[]any{offer}, unoffered, processors.ServiceNotOffered},
		"the booking gave it back": {[]any{offer, noted("x", book), noted("y", asking(events.TypeSlotCancellationRequested, "b1", "m1", 6))}, book, processors.BookingClosed},
		"it is not the booking's":  {[]any{offer, noted("x", asking(events.TypeSlotBookingRequested, "b0", "m0", 1))}, asking(events.TypeSlotCancellationRequested, "b1", "m1", 5), processors.NotBooked},
	} {
		var row tables.Slot
		for _, b := range c.before {
			switch rec := b.(type) {
			case topology.Record[events.Availability]:
				row, _ = processors.FoldAvailability(row, rec)
			case topology.Record[events.SlotRequest]:
				row, _ = processors.FoldSlotRequest(row, rec)
			}
		}
		_, out := processors.FoldSlotRequest(row, noted("z", c.ask))
		reply, ok := out[0].Value.(events.SlotReply)
		if len(out) != 1 || !ok || reply.ReasonCode == nil || *reply.ReasonCode != c.code || reply.ReasonText == nil || *reply.ReasonText == "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

// TestSlotsPassAndAreForgotten: by the clock alone.
func TestSlotsPassAndAreForgotten(t *testing.T) {
	row, _ := processors.FoldAvailability(tables.Slot{}, noted("o", offered(events.TypeAvailabilityOffered, 0, 0)))
	if due := row.Due(); !due.Equal(minutes(24*60).Time()) || !row.Open() {
		t.Fatalf("due %v", due)
	}
	row, _ = processors.PassSlot(row, topology.Waking{})
	if row.Open() || row.Gone() || !row.Due().Equal(minutes(24*60+30).Time().Add(90*24*time.Hour)) {
		t.Fatalf("after its start the slot is %+v, due %v", row, row.Due())
	}
	if row, _ = processors.PassSlot(row, topology.Waking{}); !row.Gone() {
		t.Fatal("the slot is kept for ever")
	}
	row, _ = processors.FoldSlotRequest(tables.Slot{}, noted("r", asking(events.TypeSlotBookingRequested, "b", "m", 0)))
	if !row.Due().Equal(morning.Add(7 * 24 * time.Hour)) {
		t.Fatalf("a slot that nobody offered is due %v", row.Due())
	}
	if row, _ = processors.PassSlot(row, topology.Waking{}); !row.Gone() {
		t.Fatal("a slot that nobody offered is kept for ever")
	}
}
