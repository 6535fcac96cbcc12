package events_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
)

// Days and microseconds of the years that RFC 3339 can write.
var (
	firstDay, lastDay       = int32(-719528), int32(2932896) // 0000-01-01, 9999-12-31
	firstMicro, afterMicros = int64(firstDay) * 86400e6, (int64(lastDay) + 1) * 86400e6
)

func TestDateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := events.Date(rapid.Int32Range(firstDay, lastDay).Draw(t, "day"))
		text, err := d.MarshalText()
		if err != nil || string(text) != d.String() || len(text) != len("2026-01-15") {
			t.Fatalf("day %d = %q, %v", int32(d), text, err)
		}
		var back events.Date
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Fatalf("day %d -> %s -> %d, %v", int32(d), text, int32(back), err)
		}
		if events.DateOf(d.Time()) != d || events.DateOf(d.Time().Add(24*time.Hour-1)) != d || events.DateOf(d.Time().Add(-1)) != d-1 {
			t.Fatalf("DateOf around day %d is wrong", int32(d))
		}
	})
}

func TestInstantRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := events.Instant(rapid.Int64Range(firstMicro, afterMicros-1).Draw(t, "micros"))
		text, err := i.MarshalText()
		if err != nil || string(text) != i.String() {
			t.Fatalf("%d = %q, %v", int64(i), text, err)
		}
		var back events.Instant
		if err := back.UnmarshalText(text); err != nil || back != i {
			t.Fatalf("%d -> %s -> %d, %v", int64(i), text, int64(back), err)
		}
		if events.InstantOf(i.Time()) != i {
			t.Fatalf("InstantOf(Time()) of %d is %d", int64(i), int64(events.InstantOf(i.Time())))
		}
	})
}

func TestDateTexts(t *testing.T) {
	for text, want := range map[string]events.Date{"1970-01-01": 0, "1969-12-31": -1, "2024-02-29": 19782, "2026-01-15": 20468} {
		var d events.Date
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want || d.String() != text {
			t.Errorf("%s = %d, %v; want %d", text, int32(d), err, want)
		}
	}
	for _, text := range []string{"", "2026-02-30", "2025-02-29", "2026-1-5", "2026/01/05", "2026-01-15T00:00:00Z", " 2026-01-15", "20260115", "-001-01-01", "canary"} {
		d := events.Date(7)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 7 {
			t.Errorf("%q was read as %s", text, d)
		} else if len(text) > 3 && containsText(err, text) {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}

func TestInstantTexts(t *testing.T) {
	for _, c := range []struct {
		text string
		want events.Instant
		back string
	}{
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
		{"1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z"},
		{"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
		{"1970-01-01T02:00:00+02:00", 0, "1970-01-01T00:00:00Z"},
		{"1970-01-01T00:00:00.0000019Z", 1, "1970-01-01T00:00:00.000001Z"},
		{"2026-01-16T10:00:00.120Z", 1768557600120000, "2026-01-16T10:00:00.12Z"},
	} {
		var i events.Instant
		if err := i.UnmarshalText([]byte(c.text)); err != nil || i != c.want || i.String() != c.back {
			t.Errorf("%s = %d (%s), %v; want %d (%s)", c.text, int64(i), i, err, c.want, c.back)
		}
	}
	for _, text := range []string{"", "2026-01-16", "2026-01-16T10:00:00", "2026-01-16 10:00:00Z", "2026-01-16T24:00:00Z", "2026-02-30T10:00:00Z", "1768557600", "canary"} {
		i := events.Instant(7)
		if err := i.UnmarshalText([]byte(text)); err == nil || i != 7 {
			t.Errorf("%q was read as %s", text, i)
		} else if len(text) > 3 && containsText(err, text) {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}

// Whatever number a producer writes has a text and does not panic.
func TestTimesOfExtremeNumbers(t *testing.T) {
	for _, n := range []int64{math.MinInt64, math.MaxInt64, 0} {
		if text, err := events.Instant(n).MarshalText(); err != nil || len(text) == 0 {
			t.Errorf("instant %d = %q, %v", n, text, err)
		}
	}
	for _, n := range []int32{math.MinInt32, math.MaxInt32} {
		d := events.Date(n)
		if text, err := d.MarshalText(); err != nil || len(text) == 0 || events.DateOf(d.Time()) != d {
			t.Errorf("day %d = %q, %v; back %d", n, text, err, int32(events.DateOf(d.Time())))
		}
	}
}
