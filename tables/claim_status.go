package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ClaimStatus is what is known about one claim, keyed by claimId. History
// holds the facts, sorted by event time, lifecycle and id; every other field
// follows from it, so that the same facts in any order give the same row.
type ClaimStatus struct {
	ClaimID    events.ID  `avro:"claimId" json:"claimId"`
	MemberID   events.ID  `avro:"memberId" json:"memberId"`
	ProviderID events.ID  `avro:"providerId" json:"providerId"`
	PlanID     *events.ID `avro:"planId" json:"planId,omitempty"`

	Status      string         `avro:"status" json:"status"`
	StatusAt    events.Instant `avro:"statusAt" json:"statusAt"`
	ClaimType   *string        `avro:"claimType" json:"claimType,omitempty"`
	ServiceDate *events.Date   `avro:"serviceDate" json:"serviceDate,omitempty"`

	Billed               *events.Money `avro:"billed" json:"billed,omitempty"`
	Allowed              *events.Money `avro:"allowed" json:"allowed,omitempty"`
	Payable              *events.Money `avro:"payable" json:"payable,omitempty"` // what adjudication says the plan pays
	Paid                 *events.Money `avro:"paid" json:"paid,omitempty"`       // what left the plan, all payments together
	PaidProvisional      bool          `avro:"paidProvisional" json:"paidProvisional"`
	MemberResponsibility *events.Money `avro:"memberResponsibility" json:"memberResponsibility,omitempty"`

	DenialCode     *string      `avro:"denialCode" json:"denialCode,omitempty"`
	DenialText     *events.Text `avro:"denialText" json:"denialText,omitempty"`
	AppealDeadline *events.Date `avro:"appealDeadline" json:"appealDeadline,omitempty"`

	Marks   []string    `avro:"marks" json:"marks"` // contradictions, sorted
	History []ClaimFact `avro:"history" json:"history"`
}

// ClaimFact is one event of a claim's life.
type ClaimFact struct {
	ID         string         `avro:"id" json:"id"` // event identity
	Type       events.Type    `avro:"type" json:"type"`
	At         events.Instant `avro:"at" json:"at"`
	MemberID   events.ID      `avro:"memberId" json:"memberId"`
	ProviderID events.ID      `avro:"providerId" json:"providerId"`

	PlanID      *events.ID   `avro:"planId" json:"planId,omitempty"`
	ClaimType   *string      `avro:"claimType" json:"claimType,omitempty"`
	ServiceDate *events.Date `avro:"serviceDate" json:"serviceDate,omitempty"`

	Billed               *events.Money `avro:"billed" json:"billed,omitempty"`
	Allowed              *events.Money `avro:"allowed" json:"allowed,omitempty"`
	Paid                 *events.Money `avro:"paid" json:"paid,omitempty"`
	MemberResponsibility *events.Money `avro:"memberResponsibility" json:"memberResponsibility,omitempty"`
	CostShare            *events.Money `avro:"costShare" json:"costShare,omitempty"` // deductible, copay and coinsurance together

	DenialCode     *string      `avro:"denialCode" json:"denialCode,omitempty"`
	DenialText     *events.Text `avro:"denialText" json:"denialText,omitempty"`
	AppealDeadline *events.Date `avro:"appealDeadline" json:"appealDeadline,omitempty"`
	PaymentID      *events.ID   `avro:"paymentId" json:"paymentId,omitempty"`
	RecordedBy     *string      `avro:"recordedBy" json:"recordedBy,omitempty"`
	AppealID       *events.ID   `avro:"appealId" json:"appealId,omitempty"`
	Outcome        *string      `avro:"outcome" json:"outcome,omitempty"`
}

// Status values of a claim.
const (
	ClaimSubmitted           = "SUBMITTED"
	ClaimApproved            = "APPROVED"
	ClaimDenied              = "DENIED"
	ClaimPaid                = "PAID"
	ClaimOverturned          = "OVERTURNED"
	ClaimPartiallyOverturned = "PARTIALLY_OVERTURNED"
	ClaimUpheld              = "UPHELD"
)

// maxBecause bounds the ids that a row names; the count is of all of them.
const maxBecause = 100

// Because returns the ids of the events that made the row, sorted, the first
// 100 of them, and how many there are.
func (c ClaimStatus) Because() topology.Because {
	ids := make([]string, 0, len(c.History))
	for _, f := range c.History {
		ids = append(ids, f.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the event time of the latest fact.
func (c ClaimStatus) LatestEventAt() time.Time {
	if len(c.History) == 0 {
		return time.Time{}
	}
	return c.History[len(c.History)-1].At.Time()
}

// AppealableOn says whether an appeal may still be filed on a day: the claim
// stands denied and its deadline has not passed.
func (c ClaimStatus) AppealableOn(day events.Date) bool {
	return c.Status == ClaimDenied && c.AppealDeadline != nil && day <= *c.AppealDeadline
}
