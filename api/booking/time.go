package booking

import (
	"time"
	_ "time/tzdata" // where the machine has no zones

	"payerflow/events"
)

const (
	schemaVersion = "1.0"
	maxSlot       = 24 * time.Hour
)

// zone reads the name of a time zone.
func zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, fault("UNKNOWN_TIME_ZONE", "body.timeZone", "must be a name of the IANA time zone database, such as America/Chicago")
	}
	return loc, nil
}

// span checks when a slot is, and says on which day of its zone it begins. A
// time is given with its offset, which must be the zone's at that moment: so
// the hour that a change of daylight saving skips is refused, and of the hour
// that comes twice it is said which one is meant. UTC is taken everywhere.
func span(starts, ends, at time.Time, timeZone string) (events.Date, error) {
	loc, err := zone(timeZone)
	if err != nil {
		return 0, err
	}
	switch {
	case !ends.After(starts):
		return 0, fault(events.InvalidValue, "body.endsAt", "must be after startsAt")
	case ends.Sub(starts) > maxSlot:
		return 0, fault(events.InvalidValue, "body.endsAt", "must be within 24 hours of startsAt")
	case !starts.After(at):
		return 0, fault("SLOT_IN_THE_PAST", "body.startsAt", "has passed already")
	case !offsetFits(starts, loc):
		return 0, fault("OFFSET_NOT_OF_ZONE", "body.startsAt", "has another offset than the time zone at that moment; mind the change of daylight saving")
	case !offsetFits(ends, loc):
		return 0, fault("OFFSET_NOT_OF_ZONE", "body.endsAt", "has another offset than the time zone at that moment; mind the change of daylight saving")
	}
	local := starts.In(loc)
	return events.DateOf(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)), nil
}

func offsetFits(t time.Time, loc *time.Location) bool {
	_, said := t.Zone()
	_, is := t.In(loc).Zone()
	return said == 0 || said == is
}
