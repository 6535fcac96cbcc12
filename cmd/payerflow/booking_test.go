package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// careRun is a demonstration that providers and patients use.
type careRun struct {
	t     *testing.T
	dir   string
	flags []string
}

func startCare(t *testing.T) *careRun {
	t.Helper()
	dir := t.TempDir()
	_, addr, _ := demo(t, dir, "--traffic=false")
	return &careRun{t, dir, []string{"--url", "http://" + addr, "--data-dir", dir, "-o", "json"}}
}

// do runs a command and reads its answer.
func (r *careRun) do(into any, args ...string) {
	r.t.Helper()
	out, stderr, code := cli(r.t, "", append(args, r.flags...)...)
	if code != exitOK {
		r.t.Fatalf("%v: exit %d: %s", args, code, stderr)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		r.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// refused runs a command that fails, and wants a code in what it says.
func (r *careRun) refused(says string, args ...string) {
	r.t.Helper()
	if _, stderr, code := cli(r.t, "", append(args, r.flags...)...); code == exitOK || !strings.Contains(stderr, says) {
		r.t.Errorf("%v: exit %d, says %q, want %s", args, code, stderr, says)
	}
}

type listedSlots struct {
	Rows []struct{ Value slotShown }
}

func (l listedSlots) states() (out []string) {
	for _, r := range l.Rows {
		out = append(out, r.Value.AvailabilityID+" "+r.Value.State)
	}
	return out
}

// until runs a command that lists slots until it shows these.
func (r *careRun) until(want string, args ...string) {
	r.t.Helper()
	var got string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%v shows %q", args, got)
		}
	}()
	within(r.t, time.Minute, strings.Join(args, " ")+" shows "+want, func() bool {
		var l listedSlots
		r.do(&l, args...)
		got = strings.Join(l.states(), ", ")
		return got == want
	})
}

// TestBookingFromProfileToCancellation goes the whole way over the doors: who
// provider and patient are, two times, a search, a booking, one too many, and
// the end of both.
func TestBookingFromProfileToCancellation(t *testing.T) {
	r := startCare(t)
	r.refused("PROFILE_MISSING", "provider", "offer", "p-1", "--starts", "2035-03-05T09:00:00-06:00", "--service", "99213")
	r.do(nil, "provider", "profile", "p-1", "--name", "Jane Doe MD", "--specialty", "Cardiology", "--place", "Springfield", "--time-zone", "America/Chicago")
	r.do(nil, "patient", "profile", "m-1", "--given-name", "Sam", "--family-name", "Roe", "--time-zone", "America/Chicago", "--plan", "plan-1")
	within(t, time.Minute, "the profile is known", func() bool {
		_, _, code := cli(t, "", append([]string{"provider", "offer", "p-1", "--id", "s-2", "--starts", "2035-03-05T10:00:00-06:00", "--service", "99213"}, r.flags...)...)
		return code == exitOK
	})
	r.do(nil, "provider", "offer", "p-1", "--id", "s-1", "--starts", "2035-03-05T15:00:00Z", "--length", "45m", "--service", "99214", "--visit", "REMOTE")
	search := []string{"booking", "search", "--specialty", "CARDIOLOGY", "--day", "2035-03-05"}
	r.until("s-1 OPEN, s-2 OPEN", append(search, "--place", " springfield")...)
	r.until("s-1 OPEN, s-2 OPEN", search...)
	r.until("", append(search, "--place", "Shelbyville")...)

	var first, second struct{ Value bookingShown }
	r.do(&first, "booking", "request", "s-1", "--member", "m-1", "--id", "b-1", "--wait", "30s")
	if v := first.Value; v.Status != "CONFIRMED" || v.Slot == nil || v.Slot.ProviderID != "p-1" || v.Slot.VisitType != "REMOTE" {
		t.Fatalf("the first booking is %+v", v)
	}
	r.do(&second, "booking", "request", "s-1", "--member", "m-2", "--id", "b-2", "--wait", "30s")
	if v := second.Value; v.Status != "REJECTED" || v.Code != "SLOT_TAKEN" {
		t.Fatalf("the second booking of one slot is %+v", v)
	}
	r.until("s-2 OPEN", search...)
	r.until("s-1 BOOKED, s-2 OPEN", "provider", "schedule", "p-1")
	r.refused("BOOKING_OF_ANOTHER", "booking", "cancel", "b-1", "--member", "m-2", "--token", adminToken(t, r.dir))
	r.refused("BOOKING_UNKNOWN", "booking", "cancel", "b-9", "--member", "m-2", "--token", adminToken(t, r.dir))

	r.do(nil, "booking", "cancel", "b-1", "--member", "m-1", "--reason", "feeling better")
	r.until("s-1 OPEN, s-2 OPEN", search...)
	r.refused("ALREADY_CLOSED", "booking", "cancel", "b-1", "--member", "m-1", "--token", adminToken(t, r.dir))
	r.do(nil, "provider", "withdraw", "p-1", "s-2")
	r.until("s-1 OPEN, s-2 WITHDRAWN", "provider", "schedule", "p-1")
	var list struct {
		Rows []struct{ Value bookingShown }
	}
	within(t, time.Minute, "the member's list", func() bool {
		r.do(&list, "booking", "list", "--member", "m-1")
		return len(list.Rows) == 1 && list.Rows[0].Value.Status == "CANCELLED"
	})
}

func adminToken(t *testing.T, dir string) string {
	t.Helper()
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c.Tokens[roleAdmin]
}

// TestBookingDoorRefuses: what can be seen to be wrong is refused before it is
// an event, and each refusal names its place.
func TestBookingDoorRefuses(t *testing.T) {
	r := startCare(t)
	c, err := readCredentials(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	offer := func(starts, ends, zone string) string {
		return `{"startsAt":"` + starts + `","endsAt":"` + ends + `","timeZone":"` + zone + `","providerName":"x","specialty":"x","place":"x","serviceCodes":["99213"]}`
	}
	const day, slots = "2035-03-05T", "/v1/providers/p-1/availability?synthetic=false"
	for name, ask := range map[string]struct {
		method, path, body string
		header             string
		status             int
		says               string
	}{
		"an end before the start":        {"POST", slots, offer(day+"10:00:00Z", day+"09:00:00Z", "UTC"), "", 422, "body.endsAt"},
		"a day that has passed":          {"POST", slots, offer("2020-03-05T09:00:00Z", "2020-03-05T10:00:00Z", "UTC"), "", 422, "SLOT_IN_THE_PAST"},
		"a zone that is none":            {"POST", slots, offer(day+"09:00:00Z", day+"10:00:00Z", "Springfield"), "", 422, "UNKNOWN_TIME_ZONE"},
		"a time that is skipped":         {"POST", slots, offer("2035-03-11T02:30:00-06:00", "2035-03-11T04:00:00-05:00", "America/Chicago"), "", 422, "OFFSET_NOT_OF_ZONE"},
		"a time without its offset":      {"POST", slots, offer(day+"09:00:00", day+"10:00:00Z", "UTC"), "", 422, "startsAt"},
		"no word on being fictitious":    {"POST", "/v1/providers/p-1/availability", offer(day+"09:00:00Z", day+"10:00:00Z", "UTC"), "", 422, "synthetic"},
		"a key without a time":           {"POST", "/v1/bookings?synthetic=false", `{"availabilityId":"s","memberId":"m"}`, "k", 422, "body.requestedAt"},
		"a clock a day and more ahead":   {"POST", "/v1/bookings?synthetic=false", `{"availabilityId":"s","memberId":"m","requestedAt":"2095-01-01T00:00:00Z"}`, "", 422, "body.requestedAt"},
		"nobody's bookings":              {"GET", "/v1/bookings", "", "", 422, "query.memberId"},
		"a search for nothing":           {"GET", "/v1/availability?day=2035-03-05", "", "", 422, "query.specialty"},
		"a search on no day":             {"GET", "/v1/availability?specialty=x&day=tomorrow", "", "", 422, "query.day"},
		"a slot that never was":          {"DELETE", "/v1/providers/p-1/availability/s-9?synthetic=false", "", "", 404, "ROW_NOT_FOUND"},
		"a path that leads up":           {"GET", "/v1/bookings?memberId=..", "", "", 404, "ROW_NOT_FOUND"},
		"a patient that was not born":    {"PUT", "/v1/patients/m?synthetic=false", `{"givenName":"x","familyName":"x","timeZone":"UTC","birthDate":"2095-01-01"}`, "", 422, "body.birthDate"},
		"a field that nobody knows":      {"POST", "/v1/bookings?synthetic=false", `{"availabilityId":"s","memberId":"m","price":1}`, "", 422, "price"},
		"a key that is longer than keys": {"POST", "/v1/bookings?synthetic=false", `{"availabilityId":"s","memberId":"m","bookingId":"` + strings.Repeat("x", 256) + `"}`, "", 422, "bookingId"},
	} {
		req, err := http.NewRequest(ask.method, r.flags[1]+ask.path, strings.NewReader(ask.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.Tokens[roleAdmin])
		req.Header.Set("Content-Type", "application/json")
		if ask.header != "" {
			req.Header.Set("Idempotency-Key", ask.header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Code   string
			Errors []struct{ Code, Pointer string }
		}
		err = json.NewDecoder(resp.Body).Decode(&p)
		_ = resp.Body.Close()
		said := p.Code
		for _, e := range p.Errors {
			said += " " + e.Code + " " + e.Pointer
		}
		if err != nil || resp.StatusCode != ask.status || !strings.Contains(said, ask.says) {
			t.Errorf("%s: %d %s, want %d %s", name, resp.StatusCode, said, ask.status, ask.says)
		}
	}
	req, _ := http.NewRequest("POST", r.flags[1]+"/v1/bookings?synthetic=false", strings.NewReader(`{"availabilityId":"s","memberId":"m"}`))
	req.Header.Set("Authorization", "Bearer "+c.Tokens[roleReader])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a token that may not publish: %d", resp.StatusCode)
	}
}
