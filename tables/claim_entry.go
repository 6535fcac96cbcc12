package tables

import (
	"math"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ClaimEntry is what a list of claims shows of one claim.
type ClaimEntry struct {
	ClaimID    events.ID `avro:"claimId" json:"claimId" class:"PHI"`
	MemberID   events.ID `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID events.ID `avro:"providerId" json:"providerId" class:"PHI"`

	Status               string         `avro:"status" json:"status" class:"PHI" from:"outcome,status"`
	StatusAt             events.Instant `avro:"statusAt" json:"statusAt" class:"PUBLIC"`
	ServiceDate          *events.Date   `avro:"serviceDate" json:"serviceDate,omitempty" class:"PHI"`
	ClaimType            *string        `avro:"claimType" json:"claimType,omitempty" class:"PUBLIC"`
	PatientControlNumber *events.ID     `avro:"patientControlNumber" json:"patientControlNumber,omitempty" class:"PHI"`
	Billed               *events.Money  `avro:"billed" json:"billed,omitempty" class:"PHI"`
	Payable              *events.Money  `avro:"payable" json:"payable,omitempty" class:"PHI"`
	Paid                 *events.Money  `avro:"paid" json:"paid,omitempty" class:"PHI"`
	MemberResponsibility *events.Money  `avro:"memberResponsibility" json:"memberResponsibility,omitempty" class:"PHI"`
	DenialCode           *string        `avro:"denialCode" json:"denialCode,omitempty" class:"PHI"`
	AppealState          *string        `avro:"appealState" json:"appealState,omitempty" class:"PHI"`
	AppealOutcome        *string        `avro:"appealOutcome" json:"appealOutcome,omitempty" class:"PHI"`
	PriorAuthState       *string        `avro:"priorAuthState" json:"priorAuthState,omitempty" class:"PHI"`
	Marked               bool           `avro:"marked" json:"marked" class:"PHI"` // facts contradict each other
	LatestAt             events.Instant `avro:"latestAt" json:"latestAt" class:"PUBLIC"`

	Over bool `avro:"over" json:"-"` // the entry is no more
}

// EventType names what follows from a row.
func (c ClaimEntry) EventType() string { return "CLAIM_LISTED" }

// OccurredAt is nowhere: the record's time stamp counts.
func (c ClaimEntry) OccurredAt() time.Time { return time.Time{} }

// Stamped says that the record's time stamp is the event time.
func (c ClaimEntry) Stamped() {}

// Validate finds nothing wrong.
func (c ClaimEntry) Validate() error { return nil }

// Because names nothing: the claim's own row does.
func (c ClaimEntry) Because() topology.Because { return topology.Because{IDs: []string{}, Count: 1} }

// LatestEventAt is the event time of the claim's latest fact.
func (c ClaimEntry) LatestEventAt() time.Time { return c.LatestAt.Time() }

// Gone says that the entry is no more.
func (c ClaimEntry) Gone() bool { return c.Over }

// Suffix puts the newest date of service first. A claim whose date nobody has
// told yet comes before them all; once told, the date of the earliest
// submission stays, so that a claim keeps its place in the list.
func (c ClaimEntry) Suffix() string {
	var place uint32
	if c.ServiceDate != nil {
		place = uint32(math.MaxInt32 - int64(*c.ServiceDate))
	}
	return topology.Ordered(place, string(c.ClaimID))
}

// ClaimByMember is a claim in the list of its member.
type ClaimByMember struct{ ClaimEntry }

// Subject is the member.
func (c ClaimByMember) Subject() string { return string(c.MemberID) }

// Removed takes the claim off the list.
func (c ClaimByMember) Removed() ClaimByMember {
	c.Over = true
	return c
}

// ClaimByProvider is a claim in the list of its provider.
type ClaimByProvider struct{ ClaimEntry }

// Subject is the provider.
func (c ClaimByProvider) Subject() string { return string(c.ProviderID) }

// Removed takes the claim off the list.
func (c ClaimByProvider) Removed() ClaimByProvider {
	c.Over = true
	return c
}

// Entry is what lists show of the claim.
func (c ClaimStatus) Entry() ClaimEntry {
	return ClaimEntry{
		ClaimID: c.ClaimID, MemberID: c.MemberID, ProviderID: c.ProviderID, Status: c.Status, StatusAt: c.StatusAt, ServiceDate: c.ServiceDate,
		ClaimType: c.ClaimType, PatientControlNumber: c.PatientControlNumber, Billed: c.Billed, Payable: c.Payable, Paid: c.Paid,
		MemberResponsibility: c.MemberResponsibility, DenialCode: c.DenialCode, AppealState: c.AppealState, AppealOutcome: c.AppealOutcome,
		PriorAuthState: c.PriorAuthState, Marked: len(c.Marks) > 0, LatestAt: events.InstantOf(c.LatestEventAt()),
	}
}
