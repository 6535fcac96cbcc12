package booking

import (
	"errors"
	"testing"
	"time"

	"payerflow/api/problem"
)

// TestSpan: slots at the changes of daylight saving, across midnight, and at
// the ends of the earth.
func TestSpan(t *testing.T) {
	const chicago = "America/Chicago"
	for name, c := range map[string]struct {
		starts, ends, zone string
		day, code          string // the day, or why it is refused
	}{
		"a plain morning":                   {"2026-03-02T09:00:00-06:00", "2026-03-02T09:30:00-06:00", chicago, "2026-03-02", ""},
		"over the hour that is skipped":     {"2026-03-08T01:30:00-06:00", "2026-03-08T03:30:00-05:00", chicago, "2026-03-08", ""},
		"in the hour that is skipped":       {"2026-03-08T02:30:00-06:00", "2026-03-08T04:00:00-05:00", chicago, "", "OFFSET_NOT_OF_ZONE"},
		"ends in the hour that is skipped":  {"2026-03-08T01:30:00-06:00", "2026-03-08T02:30:00-06:00", chicago, "", "OFFSET_NOT_OF_ZONE"},
		"first time of the hour":            {"2026-11-01T01:30:00-05:00", "2026-11-01T01:45:00-05:00", chicago, "2026-11-01", ""},
		"second time of the hour":           {"2026-11-01T01:30:00-06:00", "2026-11-01T01:45:00-06:00", chicago, "2026-11-01", ""},
		"from the first to the second":      {"2026-11-01T01:45:00-05:00", "2026-11-01T01:15:00-06:00", chicago, "2026-11-01", ""},
		"summer's offset in winter":         {"2026-12-01T09:00:00-05:00", "2026-12-01T10:00:00-05:00", chicago, "", "OFFSET_NOT_OF_ZONE"},
		"in UTC, the evening before":        {"2026-03-03T03:00:00Z", "2026-03-03T04:00:00Z", chicago, "2026-03-02", ""},
		"a leap day far in the east":        {"2028-02-28T10:30:00Z", "2028-02-28T11:00:00Z", "Pacific/Kiritimati", "2028-02-29", ""},
		"over midnight":                     {"2026-12-31T23:30:00-06:00", "2027-01-01T00:30:00-06:00", chicago, "2026-12-31", ""},
		"an end before the start":           {"2026-03-02T09:00:00-06:00", "2026-03-02T08:00:00-06:00", chicago, "", "INVALID_VALUE"},
		"no length":                         {"2026-03-02T09:00:00-06:00", "2026-03-02T15:00:00Z", chicago, "", "INVALID_VALUE"},
		"longer than a day":                 {"2026-03-02T09:00:00-06:00", "2026-03-03T09:00:01-06:00", chicago, "", "INVALID_VALUE"},
		"begun when it is offered":          {"2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "UTC", "", "SLOT_IN_THE_PAST"},
		"a zone that is none":               {"2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "Springfield", "", "UNKNOWN_TIME_ZONE"},
		"the machine's own zone":            {"2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "Local", "", "UNKNOWN_TIME_ZONE"},
		"a path to a file that is no zone":  {"2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "../../etc/passwd", "", "UNKNOWN_TIME_ZONE"},
		"a zone that is not said":           {"2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "", "", "UNKNOWN_TIME_ZONE"},
		"a zone with half an hour":          {"2026-03-02T09:00:00+05:30", "2026-03-02T10:00:00+05:30", "Asia/Kolkata", "2026-03-02", ""},
		"an offset that nobody has in zone": {"2026-03-02T09:00:00+01:00", "2026-03-02T10:00:00+01:00", "Asia/Kolkata", "", "OFFSET_NOT_OF_ZONE"},
	} {
		day, err := span(at(t, c.starts), at(t, c.ends), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), c.zone)
		var p *problem.Problem
		switch {
		case c.code == "" && (err != nil || day.String() != c.day):
			t.Errorf("%s: %s, %v, want %s", name, day, err, c.day)
		case c.code != "" && (!errors.As(err, &p) || len(p.Errors) != 1 || p.Errors[0].Code != c.code):
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
