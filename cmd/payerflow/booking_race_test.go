package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/tables"
	"payerflow/topologies"
)

// TestRacingBookings: many members want a few slots at once, at the doors of
// two workers, one of which is killed in the middle. Each slot has one booking;
// every other one knows why it has none.
func TestRacingBookings(t *testing.T) {
	const slots, each = 4, 6
	tg := servers(t)
	_, base1 := tg.worker(t, t.TempDir())
	w2, base2 := tg.worker(t, t.TempDir())
	for _, base := range []string{base1, base2} {
		within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	}
	now := time.Now().UTC()
	for s := range slots {
		body := map[string]any{"availabilityId": fmt.Sprintf("race-%d", s), "startsAt": now.Add(48 * time.Hour), "endsAt": now.Add(49 * time.Hour), "timeZone": "UTC",
			"providerName": "Jane Doe MD", "specialty": "Cardiology", "place": "Springfield", "serviceCodes": []string{"99213"}}
		if code := tell(t, tg, base1+"/v1/providers/p/availability?synthetic=false", "", body); code != http.StatusAccepted {
			t.Fatalf("offer: %d", code)
		}
	}
	for s := range slots {
		within(t, time.Minute, "the slot is offered", func() bool {
			path := fmt.Sprintf("/v1/availability/race-%d", s)
			return get(t, base1+path, nil) == 200 || get(t, base2+path, nil) == 200
		})
	}
	var wg sync.WaitGroup
	var taken atomic.Int32
	killed := make(chan struct{})
	for s := range slots {
		for m := range each {
			wg.Go(func() {
				id := fmt.Sprintf("b-%d-%d", s, m)
				body := map[string]any{"bookingId": id, "availabilityId": fmt.Sprintf("race-%d", s), "memberId": "m-" + id, "requestedAt": now}
				code := tell(t, tg, []string{base1, base2}[m%2]+"/v1/bookings?synthetic=false", "race-"+id, body)
				if taken.Add(1) == slots*each/2 {
					w2.kill()
					close(killed)
				}
				if <-killed; code == http.StatusAccepted && m%3 > 0 {
					return
				} // the others ask again: the same request is the same event
				if code := tell(t, tg, base1+"/v1/bookings?synthetic=false", "race-"+id, body); code != http.StatusAccepted {
					t.Errorf("booking: %d", code)
				}
			})
		}
	}
	wg.Wait()
	for s := range slots {
		confirmed := ""
		for m := range each {
			id := fmt.Sprintf("b-%d-%d", s, m)
			var a struct{ Value bookingShown }
			within(t, 110*time.Second, "the booking is decided", func() bool {
				return get(t, base1+"/v1/bookings/"+id, &a) == 200 && a.Value.Status != tables.BookingRequested
			})
			switch {
			case a.Value.Status == tables.BookingConfirmed && confirmed == "":
				confirmed = id
			case a.Value.Status != tables.BookingRejected || a.Value.Code != "SLOT_TAKEN":
				t.Errorf("booking %s is %s %s, and %q is confirmed", id, a.Value.Status, a.Value.Code, confirmed)
			}
		}
		var slot struct {
			Value struct {
				Holder *struct{ BookingID string }
			}
		}
		if code := get(t, fmt.Sprintf("%s/v1/availability/race-%d", base1, s), &slot); code != 200 || slot.Value.Holder == nil || slot.Value.Holder.BookingID != confirmed || confirmed == "" {
			t.Errorf("slot %d is held by %+v, %q is confirmed", s, slot.Value.Holder, confirmed)
		}
	}
	if told := toldConfirmed(t, tg); len(told) != slots {
		t.Errorf("confirmations by slot: %v", told)
	}
}

// tell sends JSON to a door, and returns the status, 0 where nobody answers.
func tell(t *testing.T, tg target, url, key string, body any) int {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Error(err)
		return 0
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+tg.token)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// toldConfirmed reads careplan.bookings to its end: how often each slot was
// confirmed. Nothing else may be told of these bookings.
func toldConfirmed(t *testing.T, tg target) map[events.ID]int {
	t.Helper()
	told := map[events.ID]int{}
	topic := topologies.Bookings.Topic.Name
	err := kafka.Tail(t.Context(), []string{tg.brokers}, topic, codecs.OpenRegistry(tg.registry), kafka.TailOptions{FromStart: true}, func(s kafka.Shown) error {
		var e events.Booking
		if err := json.Unmarshal(s.Value, &e); err != nil {
			return err
		}
		if told[e.AvailabilityID]++; e.Type != events.TypeBookingConfirmed || told[e.AvailabilityID] > 1 {
			t.Errorf("of a slot is told %s, as number %d", e.Type, told[e.AvailabilityID])
		}
		return nil
	}, tg.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	return told
}
