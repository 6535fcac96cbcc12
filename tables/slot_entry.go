package tables

import (
	"net/url"
	"strings"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// SlotEntry is a slot in a list: of what can be booked, or of a provider.
// Slots under one key are in the order in which they start.
type SlotEntry struct {
	Under          string         `avro:"under" json:"under" class:"PUBLIC"` // SearchKey, or a providerId
	AvailabilityID events.ID      `avro:"availabilityId" json:"availabilityId" class:"PUBLIC"`
	State          string         `avro:"state" json:"state" class:"PUBLIC"`
	ChangedAt      events.Instant `avro:"changedAt" json:"changedAt" class:"PUBLIC"`
	Terms          SlotTerms      `avro:"terms" json:"terms"`
	Over           bool           `avro:"over" json:"over" class:"PUBLIC"` // no more in this list: never stored
}

func (e SlotEntry) EventType() string     { return "SLOT_LISTED" }
func (e SlotEntry) Subject() string       { return e.Under }
func (e SlotEntry) OccurredAt() time.Time { return e.ChangedAt.Time() }

// Validate finds nothing: what is listed follows from a row.
func (e SlotEntry) Validate() error { return nil }

// Stamped says that the record's time stamp is the event time: an entry is told
// when its row changes.
func (e SlotEntry) Stamped() {}

// Because names nothing: a list has no facts of its own.
func (e SlotEntry) Because() topology.Because { return topology.Because{IDs: []string{}, Count: 1} }

// LatestEventAt is when what is listed last changed.
func (e SlotEntry) LatestEventAt() time.Time { return e.OccurredAt() }

// Gone says that it is no more in this list.
func (e SlotEntry) Gone() bool { return e.Over }

// Suffix orders by start.
func (e SlotEntry) Suffix() string { return startsInOrder(e.Terms.StartsAt, e.AvailabilityID) }

// Removed takes the slot out of the list.
func (e SlotEntry) Removed() SlotEntry {
	e.Over = true
	return e
}

// startsInOrder is a suffix that orders by start, to the minute.
func startsInOrder(at events.Instant, id events.ID) string {
	return topology.Ordered(uint32(max(0, at.Time().Unix()/60)), string(id))
}

// AnyPlace is the place of a search that names none.
const AnyPlace = "*"

// SearchKey is the key under which open slots are found: specialty, place and
// day, as they are compared: in lower case, with one space between words.
func SearchKey(specialty, place string, day events.Date) string {
	if place != AnyPlace {
		place = searched(place)
	}
	return searched(specialty) + "|" + place + "|" + day.String()
}

func searched(s string) string {
	return url.QueryEscape(strings.ToLower(strings.Join(strings.Fields(s), " ")))
}

// Entries are the slot's places in the search: of its place and of any.
func (s Slot) Entries() []SlotEntry {
	if !s.Open() {
		return nil
	}
	e := SlotEntry{AvailabilityID: s.AvailabilityID, State: s.State, ChangedAt: s.ChangedAt, Terms: *s.Terms}
	at, anywhere := e, e
	at.Under, anywhere.Under = SearchKey(e.Terms.Specialty, e.Terms.Place, e.Terms.Day), SearchKey(e.Terms.Specialty, AnyPlace, e.Terms.Day)
	return []SlotEntry{at, anywhere}
}

// OfProvider is the slot in the list of its provider, in any state.
func (s Slot) OfProvider() []SlotEntry {
	if s.Terms == nil {
		return nil
	}
	return []SlotEntry{{Under: string(s.Terms.ProviderID), AvailabilityID: s.AvailabilityID, State: s.State, ChangedAt: s.ChangedAt, Terms: *s.Terms}}
}
