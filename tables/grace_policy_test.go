package tables_test

import (
	"testing"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// on reads a day.
func on(t testing.TB, text string) (d events.Date) {
	t.Helper()
	if err := d.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMonthsAfter(t *testing.T) {
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-02-01", 1, "2026-03-01"}, {"2026-02-01", 3, "2026-05-01"}, {"2026-12-01", 3, "2027-03-01"},
		{"2026-01-31", 1, "2026-03-01"}, {"2024-01-31", 1, "2024-03-01"}, {"2024-01-29", 1, "2024-02-29"}, {"2026-01-29", 1, "2026-03-01"},
		{"2026-01-31", 2, "2026-03-31"}, {"2026-01-31", 3, "2026-05-01"}, {"2024-02-29", 12, "2025-03-01"}, {"2026-11-30", 3, "2027-03-01"},
	} {
		if got := tables.MonthsAfter(on(t, c.from), c.months); got != on(t, c.want) {
			t.Errorf("%d months after %s is %s, want %s", c.months, c.from, got, c.want)
		}
	}
}

// The event catalogue's sample: due on 28 February, grace ends on 30 March.
func TestDefaultGrace(t *testing.T) {
	p := tables.DefaultGracePolicy
	if through, pays := p.Grace(on(t, "2026-03-01"), false); through != on(t, "2026-03-30") || pays != nil {
		t.Errorf("without credits through %s", through)
	}
	through, pays := p.Grace(on(t, "2026-03-01"), true)
	if through != on(t, "2026-05-31") || *pays != on(t, "2026-03-31") {
		t.Errorf("with credits through %s, pays through %s", through, pays)
	}
}

func TestDaysOfAZone(t *testing.T) {
	zone := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, c := range []struct{ zone, day, want string }{
		{"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"}, // clocks go forward at 2
		{"America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"}, // that day has 23 hours
		{"America/New_York", "2026-11-01", "2026-11-01T04:00:00Z"}, // clocks go back at 2
		{"America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"}, // that day has 25 hours
		{"America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"},   // has no midnight
		{"Pacific/Honolulu", "2026-03-01", "2026-03-01T10:00:00Z"},
	} {
		at := tables.FirstMoment(on(t, c.day), zone(c.zone))
		if at.String() != c.want {
			t.Errorf("%s begins in %s at %s, want %s", c.day, c.zone, at, c.want)
		}
		if got := tables.DayIn(at, zone(c.zone)); got != on(t, c.day) {
			t.Errorf("%s in %s is on %s", at, c.zone, got)
		}
		if got := tables.DayIn(at-1, zone(c.zone)); got != on(t, c.day)-1 {
			t.Errorf("before %s in %s is on %s", at, c.zone, got)
		}
	}
}
