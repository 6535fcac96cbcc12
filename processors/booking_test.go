package processors_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// plan is a care plan in memory: rows, and what is under way between them. Each
// topic keeps the order of a key, and nothing else is in order.
type plan struct {
	t        *rapid.T
	rules    processors.Bookings
	slots    map[string]tables.Slot
	bookings map[string]tables.Booking
	under    map[string][]func() // by topic and key
	told     map[string][]events.Booking
	number   int
}

func (p *plan) send(topic, key string, deliver func()) {
	p.under[topic+" "+key] = append(p.under[topic+" "+key], deliver)
}

// emit sends what a fold asked for on its way, now and then twice.
func (p *plan) emit(out []topology.Output) {
	for _, o := range out {
		id := ""
		if len(o.Headers) > 0 {
			id = string(o.Headers[0].Value)
		}
		for range 1 + rapid.IntRange(0, 5).Draw(p.t, "twice")/5 {
			switch e := o.Value.(type) {
			case events.SlotRequest:
				p.send("requests", o.Key, func() { p.slot(o.Key, id, e) })
			case events.SlotReply:
				p.send("replies", o.Key, func() {
					row, out := p.rules.FoldReply(p.bookings[o.Key], noted(id, e))
					p.keep(o.Key, row, out)
				})
			case events.Booking:
				if err := e.Validate(); err != nil {
					p.t.Fatal(err)
				}
				if list := p.told[o.Key]; len(list) == 0 || list[len(list)-1].Type != e.Type {
					p.told[o.Key] = append(list, e)
				}
			}
		}
	}
}

func (p *plan) slot(key, id string, e events.SlotRequest) {
	row, out := processors.FoldSlotRequest(p.slots[key], noted(id, e))
	p.slots[key] = row
	p.emit(out)
}

func (p *plan) keep(key string, row tables.Booking, out []topology.Output) {
	if slices.ContainsFunc(out, func(o topology.Output) bool { _, refused := o.Value.(topology.Reject); return refused }) {
		return
	}
	p.bookings[key] = row
	p.emit(out)
}

// wish is what a member asks for.
func (p *plan) wish(t events.Type, booking, slot string) {
	p.number++
	id := fmt.Sprintf("e%d", p.number)
	e := events.BookingRequest{Type: t, BookingID: events.ID(booking), MemberID: events.ID("m-" + booking), RequestedAt: minutes(rapid.IntRange(0, 90).Draw(p.t, "at"))}
	if t == events.TypeBookingRequested {
		e.AvailabilityID = (*events.ID)(&slot)
	}
	p.send("wishes", booking, func() {
		row, out := p.rules.FoldRequest(p.bookings[booking], noted(id, e))
		p.keep(booking, row, out)
	})
}

// step delivers the oldest of something that is under way.
func (p *plan) step() bool {
	var keys []string
	for k, q := range p.under {
		if len(q) > 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return false
	}
	slices.Sort(keys)
	k := rapid.SampledFrom(keys).Draw(p.t, "next")
	deliver := p.under[k][0]
	p.under[k] = p.under[k][1:]
	deliver()
	return true
}

// timeOut wakes the bookings that wait, as a clock does that has passed them all.
func (p *plan) timeOut() {
	for _, k := range slices.Sorted(maps.Keys(p.bookings)) {
		if b := p.bookings[k]; !b.Due().IsZero() && rapid.Bool().Draw(p.t, "late") {
			p.bookings[k], _ = p.rules.TimeOut(b, topology.Waking{})
		}
	}
}

// TestNoSlotIsBookedTwiceAndNoneIsLost: whatever overtakes what between
// bookings and the schedule, whoever cancels, withdraws or waits too long: when
// all has arrived, a slot has the one booking that is confirmed for it, or none,
// and what was told of each booking is a confirmation, a cancellation after it,
// or nothing.
func TestNoSlotIsBookedTwiceAndNoneIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &plan{t: t, rules: processors.Bookings{ReplyWithin: 2 * time.Minute}, slots: map[string]tables.Slot{}, bookings: map[string]tables.Booking{},
			under: map[string][]func(){}, told: map[string][]events.Booking{}}
		for _, slot := range []string{"s1", "s2"} {
			p.offer(events.TypeAvailabilityOffered, slot)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			booking := fmt.Sprintf("b%d", rapid.IntRange(0, 5).Draw(t, "booking"))
			slot := fmt.Sprintf("s%d", rapid.IntRange(1, 2).Draw(t, "slot"))
			switch rapid.SampledFrom([]string{"book", "book", "cancel", "withdraw", "late", "", "", "", ""}).Draw(t, "what") {
			case "book":
				p.wish(events.TypeBookingRequested, booking, slot)
			case "cancel":
				p.wish(events.TypeBookingCancellationRequested, booking, slot)
			case "withdraw":
				if rapid.IntRange(0, 5).Draw(t, "really") == 0 {
					p.offer(events.TypeAvailabilityWithdrawn, slot)
				}
			case "late":
				p.timeOut()
			default:
				p.step()
			}
		}
		for p.step() {
		}
		p.check()
	})
}

func (p *plan) offer(t events.Type, slot string) {
	p.number++
	e, id := offered(t, p.number, 0), fmt.Sprintf("e%d", p.number)
	e.AvailabilityID = events.ID(slot)
	p.send("offers", slot, func() {
		row, out := processors.FoldAvailability(p.slots[slot], noted(id, e))
		p.slots[slot] = row
		p.emit(out)
	})
}

func (p *plan) check() {
	confirmed := map[string]int{}
	for id, b := range p.bookings {
		told := p.told[id]
		switch {
		case b.Status == tables.BookingRequested:
			p.t.Fatalf("%s is undecided though everything has arrived", id)
		case len(told) > 2, len(told) > 0 && told[0].Type != events.TypeBookingConfirmed, len(told) == 2 && (told[1].Type != events.TypeBookingCancelled || told[1].ChangedAt <= told[0].ChangedAt):
			p.t.Fatalf("of %s was told %+v", id, told)
		case b.Status == tables.BookingConfirmed && len(told) != 1, len(told) == 1 && b.Status != tables.BookingConfirmed:
			p.t.Fatalf("%s is %s, and %d events were told", id, b.Status, len(told))
		}
		if b.Status == tables.BookingConfirmed {
			slot := p.slots[string(b.AvailabilityID)]
			if confirmed[string(b.AvailabilityID)]++; slot.Holder == nil || slot.Holder.BookingID != b.BookingID {
				p.t.Fatalf("%s is confirmed, and its slot is held by %+v", id, slot.Holder)
			}
		}
	}
	for id, s := range p.slots {
		if s.Holder != nil && confirmed[id] != 1 {
			p.t.Fatalf("slot %s is lost to %s, which is %s", id, string(s.Holder.BookingID), p.bookings[string(s.Holder.BookingID)].Status)
		}
	}
}
