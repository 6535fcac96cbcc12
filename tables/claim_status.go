package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ClaimStatus is what is known about one claim, keyed by claimId. History
// holds the facts, sorted by event time, lifecycle and id; every other field
// follows from it, so that the same facts in any order give the same row.
type ClaimStatus struct {
	ClaimID    events.ID  `avro:"claimId" json:"claimId" class:"PHI"`
	MemberID   events.ID  `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID events.ID  `avro:"providerId" json:"providerId" class:"PHI"`
	PlanID     *events.ID `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`

	Status      string         `avro:"status" json:"status" class:"PHI" from:"outcome,status"`
	StatusAt    events.Instant `avro:"statusAt" json:"statusAt" class:"PUBLIC" from:"submittedAt,adjudicatedAt,paidAt,resolvedAt,updatedAt"`
	ClaimType   *string        `avro:"claimType" json:"claimType,omitempty" class:"PUBLIC"`
	ServiceDate *events.Date   `avro:"serviceDate" json:"serviceDate,omitempty" class:"PHI"`

	Billed               *events.Money `avro:"billed" json:"billed,omitempty" class:"PHI" from:"totalBilledAmount"`
	Allowed              *events.Money `avro:"allowed" json:"allowed,omitempty" class:"PHI" from:"allowedAmount"`
	Payable              *events.Money `avro:"payable" json:"payable,omitempty" class:"PHI" from:"paidAmount"` // what adjudication says the plan pays
	Paid                 *events.Money `avro:"paid" json:"paid,omitempty" class:"PHI" from:"paidAmount"`       // what left the plan, all payments together
	PaidProvisional      bool          `avro:"paidProvisional" json:"paidProvisional" class:"PUBLIC" from:"recordedBy"`
	MemberResponsibility *events.Money `avro:"memberResponsibility" json:"memberResponsibility,omitempty" class:"PHI"`

	DenialCode     *string      `avro:"denialCode" json:"denialCode,omitempty" class:"PHI" from:"denialReasonCode"`
	DenialText     *events.Text `avro:"denialText" json:"denialText,omitempty" class:"PHI" from:"denialReasonText"`
	AppealDeadline *events.Date `avro:"appealDeadline" json:"appealDeadline,omitempty" class:"PHI"`

	AppealState   *string       `avro:"appealState" json:"appealState,omitempty" class:"PHI" from:"eventType"` // of the appeal that began last
	AppealOutcome *string       `avro:"appealOutcome" json:"appealOutcome,omitempty" class:"PHI" from:"outcome"`
	Appeals       []ClaimAppeal `avro:"appeals" json:"appeals"` // in the order in which they began

	Marks   []string    `avro:"marks" json:"marks" class:"PHI" from:"totalBilledAmount,allowedAmount,paidAmount,memberId,providerId"` // contradictions, sorted
	History []ClaimFact `avro:"history" json:"history"`
}

// ClaimFact is one event of a claim's life.
type ClaimFact struct {
	ID         string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Type       events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At         events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"submittedAt,adjudicatedAt,paidAt,resolvedAt,updatedAt"`
	MemberID   events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID events.ID      `avro:"providerId" json:"providerId" class:"PHI"`

	PlanID      *events.ID   `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	ClaimType   *string      `avro:"claimType" json:"claimType,omitempty" class:"PUBLIC"`
	ServiceDate *events.Date `avro:"serviceDate" json:"serviceDate,omitempty" class:"PHI"`

	Billed               *events.Money `avro:"billed" json:"billed,omitempty" class:"PHI" from:"totalBilledAmount"`
	Allowed              *events.Money `avro:"allowed" json:"allowed,omitempty" class:"PHI" from:"allowedAmount"`
	Paid                 *events.Money `avro:"paid" json:"paid,omitempty" class:"PHI" from:"paidAmount"`
	MemberResponsibility *events.Money `avro:"memberResponsibility" json:"memberResponsibility,omitempty" class:"PHI"`
	CostShare            *events.Money `avro:"costShare" json:"costShare,omitempty" class:"PHI" from:"deductibleApplied,copayApplied,coinsuranceApplied"` // deductible, copay and coinsurance together

	DenialCode     *string      `avro:"denialCode" json:"denialCode,omitempty" class:"PHI" from:"denialReasonCode"`
	DenialText     *events.Text `avro:"denialText" json:"denialText,omitempty" class:"PHI" from:"denialReasonText"`
	AppealDeadline *events.Date `avro:"appealDeadline" json:"appealDeadline,omitempty" class:"PHI"`
	PaymentID      *events.ID   `avro:"paymentId" json:"paymentId,omitempty" class:"BANK"`
	RecordedBy     *string      `avro:"recordedBy" json:"recordedBy,omitempty" class:"PUBLIC"`
	AppealID       *events.ID   `avro:"appealId" json:"appealId,omitempty" class:"PHI"`
	Outcome        *string      `avro:"outcome" json:"outcome,omitempty" class:"PHI"`

	SourceSystem       *string      `avro:"sourceSystem" json:"sourceSystem,omitempty" class:"PUBLIC"`
	Level              *string      `avro:"level" json:"level,omitempty" class:"PUBLIC"`
	Text               *events.Text `avro:"text" json:"text,omitempty" class:"PHI" from:"text,reasonText"`
	InformationDueDate *events.Date `avro:"informationDueDate" json:"informationDueDate,omitempty" class:"PHI"`
}

// Status values of a claim. ClaimUnknown is the status of a claim of which only
// what others say about it is known.
const (
	ClaimUnknown             = "UNKNOWN"
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
// stands denied, its deadline has not passed, and none was filed since.
func (c ClaimStatus) AppealableOn(day events.Date) bool {
	filed := slices.ContainsFunc(c.Appeals, func(a ClaimAppeal) bool { return a.FirstAt >= c.StatusAt })
	return c.Status == ClaimDenied && !filed && c.AppealDeadline != nil && day <= *c.AppealDeadline
}
