package tables

import (
	"cmp"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// Slot is one bookable time of a provider and who has it, by availabilityId.
// What the provider says are facts: in any order they give the same row. Who
// has the slot is decided by the order of the log.
type Slot struct {
	AvailabilityID events.ID      `avro:"availabilityId" json:"availabilityId" class:"PUBLIC"`
	State          string         `avro:"state" json:"state" class:"PUBLIC"`
	Passed         bool           `avro:"passed" json:"passed" class:"PUBLIC" from:"startsAt"` // it has begun, by the clock of the log
	ChangedAt      events.Instant `avro:"changedAt" json:"changedAt" class:"PUBLIC"`
	Terms          *SlotTerms     `avro:"terms" json:"terms,omitempty"` // of the newest fact; nil: nobody offered it
	Holder         *SlotHolder    `avro:"holder" json:"holder,omitempty"`
	Facts          []SlotFact     `avro:"facts" json:"facts"`                      // oldest first, the newest 20
	Answers        []SlotAnswer   `avro:"answers" json:"answers"`                  // oldest first, the latest 100
	ForgetAt       events.Instant `avro:"forgetAt" json:"forgetAt" class:"PUBLIC"` // of a slot that nobody offered
}

// SlotTerms are what a provider offers.
type SlotTerms struct {
	ProviderID   events.ID      `avro:"providerId" json:"providerId" class:"PUBLIC"`
	ProviderName events.Text    `avro:"providerName" json:"providerName" class:"PII"`
	Specialty    string         `avro:"specialty" json:"specialty" class:"PUBLIC"`
	Place        string         `avro:"place" json:"place" class:"PUBLIC"`
	Day          events.Date    `avro:"day" json:"day" class:"PUBLIC"` // in TimeZone
	StartsAt     events.Instant `avro:"startsAt" json:"startsAt" class:"PUBLIC"`
	EndsAt       events.Instant `avro:"endsAt" json:"endsAt" class:"PUBLIC"`
	TimeZone     string         `avro:"timeZone" json:"timeZone" class:"PUBLIC"`
	VisitType    string         `avro:"visitType" json:"visitType" class:"PUBLIC"`
	ServiceCodes []string       `avro:"serviceCodes" json:"serviceCodes" class:"PUBLIC"`
}

// SlotHolder is the booking that has a slot.
type SlotHolder struct {
	BookingID   events.ID      `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID    events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	Requester   string         `avro:"requester" json:"requester" class:"PUBLIC"`
	ServiceCode string         `avro:"serviceCode" json:"serviceCode" class:"PHI"`
	At          events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"requestedAt"`
}

// SlotFact is one thing that a provider said.
type SlotFact struct {
	ID   string         `avro:"id" json:"id" class:"PUBLIC"`
	Type events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At   events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"changedAt"`
}

// SlotAnswer is what a request was answered.
type SlotAnswer struct {
	ID          string         `avro:"id" json:"id" class:"PUBLIC"` // of the request
	BookingID   events.ID      `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID    events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	Requester   string         `avro:"requester" json:"requester" class:"PUBLIC"`
	Type        events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"` // of the reply
	Code        string         `avro:"code" json:"code" class:"PHI"`                     // why not
	ServiceCode string         `avro:"serviceCode" json:"serviceCode" class:"PHI"`       // that was confirmed
	At          events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"requestedAt"`
}

// SlotNotOffered is the state of a slot that requests name and nobody offered.
const SlotNotOffered = "NOT_OFFERED"

const (
	maxSlotFacts   = 20
	maxSlotAnswers = 100
	slotKept       = 90 * 24 * time.Hour // after its end
)

// Open says whether the slot can be booked and has not begun. One that was
// over when it was offered was never open.
func (s Slot) Open() bool {
	return s.State == events.SlotOpen && !s.Passed && s.Terms.StartsAt > s.Facts[len(s.Facts)-1].At
}

// Due is when the slot begins, then when it is forgotten.
func (s Slot) Due() time.Time {
	switch {
	case s.Terms == nil:
		return s.ForgetAt.Time()
	case !s.Passed:
		return s.Terms.StartsAt.Time()
	}
	return s.Terms.EndsAt.Time().Add(slotKept)
}

// HasFact says whether the provider's event is known.
func (s Slot) HasFact(id string) bool {
	return slices.ContainsFunc(s.Facts, func(f SlotFact) bool { return f.ID == id })
}

// Answer is what a request was answered, if it was.
func (s Slot) Answer(request string) (SlotAnswer, bool) {
	i := slices.IndexFunc(s.Answers, func(a SlotAnswer) bool { return a.ID == request })
	if i < 0 {
		return SlotAnswer{}, false
	}
	return s.Answers[i], true
}

// WithFact puts a fact in its place; the terms of the newest count. A slot
// that was withdrawn stays so.
func (s Slot) WithFact(f SlotFact, terms SlotTerms) Slot {
	at, _ := slices.BinarySearchFunc(s.Facts, f, SlotFact.Compare)
	if at == len(s.Facts) {
		if s.Terms == nil || s.Terms.StartsAt != terms.StartsAt {
			s.Passed = false
		}
		s.Terms = &terms
	}
	s.Facts = slices.Insert(slices.Clone(s.Facts), at, f)
	s.Facts = s.Facts[max(0, len(s.Facts)-maxSlotFacts):]
	s.ChangedAt, s.ForgetAt = max(s.ChangedAt, f.At), 0
	return s.settled(s.State == events.SlotWithdrawn || f.Type == events.TypeAvailabilityWithdrawn)
}

// WithAnswer remembers an answer.
func (s Slot) WithAnswer(a SlotAnswer) Slot {
	s.Answers = append(slices.Clone(s.Answers), a)
	s.Answers = s.Answers[max(0, len(s.Answers)-maxSlotAnswers):]
	return s
}

// HeldBy gives the slot to a booking, or to none.
func (s Slot) HeldBy(h *SlotHolder, at events.Instant) Slot {
	s.Holder, s.ChangedAt = h, max(at, s.ChangedAt+1) // what is told later is later
	return s.settled(s.State == events.SlotWithdrawn)
}

func (s Slot) settled(withdrawn bool) Slot {
	switch {
	case withdrawn:
		s.State = events.SlotWithdrawn
	case s.Holder != nil:
		s.State = events.SlotBooked
	default:
		s.State = events.SlotOpen
	}
	return s
}

// Compare orders facts by event time, then by id.
func (f SlotFact) Compare(g SlotFact) int {
	return cmp.Or(cmp.Compare(f.At, g.At), cmp.Compare(f.ID, g.ID))
}

// Because names what the provider said and what was answered.
func (s Slot) Because() topology.Because {
	ids := make([]string, 0, len(s.Facts)+len(s.Answers))
	for _, f := range s.Facts {
		ids = append(ids, f.ID)
	}
	for _, a := range s.Answers {
		ids = append(ids, a.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is when the slot last changed.
func (s Slot) LatestEventAt() time.Time {
	last := s.ChangedAt
	for _, a := range s.Answers {
		last = max(last, a.At)
	}
	return last.Time()
}

// Gone is true of a slot that is forgotten.
func (s Slot) Gone() bool { return s.AvailabilityID == "" }
