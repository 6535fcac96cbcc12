package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ClaimStatus is what is known about one claim, keyed by claimId. History
// holds the claim's own facts, sorted by event time, lifecycle and id; PriorAuth
// and GraceSpans are what others say, as they said it last. Every other field
// follows from these, so that the same facts in any order give the same row.
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

	PatientControlNumber *events.ID `avro:"patientControlNumber" json:"patientControlNumber,omitempty" class:"PHI"`
	ServiceCode          *string    `avro:"serviceCode" json:"serviceCode,omitempty" class:"PHI"`
	RequiresPriorAuth    *bool      `avro:"requiresPriorAuth" json:"requiresPriorAuth,omitempty" class:"PUBLIC"`
	PriorAuthID          *events.ID `avro:"priorAuthId" json:"priorAuthId,omitempty" class:"PHI"`
	PriorAuthState       *string    `avro:"priorAuthState" json:"priorAuthState,omitempty" class:"PHI" from:"eventType"`
	// PriorAuth is what was decided about it, a fact. It is not shown: it may be
	// somebody else's, whose id the claim names by mistake or to find out.
	PriorAuth *PriorAuth `avro:"priorAuth" json:"-"`

	Grace      *string          `avro:"grace" json:"grace,omitempty" class:"PHI"` // ClaimsPaid, ClaimsPendable or ClaimsExpired
	GraceSpans []ClaimGraceSpan `avro:"graceSpans" json:"graceSpans"`             // fact: what the member's grace periods say

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

	RequiresPriorAuth    *bool      `avro:"requiresPriorAuth" json:"requiresPriorAuth,omitempty" class:"PUBLIC"`
	PriorAuthID          *events.ID `avro:"priorAuthId" json:"priorAuthId,omitempty" class:"PHI"`
	ServiceCode          *string    `avro:"serviceCode" json:"serviceCode,omitempty" class:"PHI"`
	EDITransactionID     *events.ID `avro:"ediTransactionId" json:"ediTransactionId,omitempty" class:"PHI"`
	PatientControlNumber *events.ID `avro:"patientControlNumber" json:"patientControlNumber,omitempty" class:"PHI"`
	ClaimStatusCode      *string    `avro:"claimStatusCode" json:"claimStatusCode,omitempty" class:"PHI"`
}

// ClaimGraceSpan is a run of days of service for which a grace period of the
// member says what becomes of claims.
type ClaimGraceSpan struct {
	From   events.Date `avro:"from" json:"from" class:"PHI"`
	To     events.Date `avro:"to" json:"to" class:"PHI"`
	Claims string      `avro:"claims" json:"claims" class:"PHI"`
}

// Status values of a claim. ClaimUnknown is the status of a claim of which only
// what others say about it is known, ClaimReceived of one that came in as an
// X12 837 and is not submitted yet.
const (
	ClaimUnknown             = "UNKNOWN"
	ClaimReceived            = "RECEIVED"
	ClaimSubmitted           = "SUBMITTED"
	ClaimPended              = "PENDED" // not decided, and may be held back until premiums are paid
	ClaimApproved            = "APPROVED"
	ClaimDenied              = "DENIED"
	ClaimPaid                = "PAID"
	ClaimOverturned          = "OVERTURNED"
	ClaimPartiallyOverturned = "PARTIALLY_OVERTURNED"
	ClaimUpheld              = "UPHELD"
)

// States of the prior authorization of a claim.
const (
	AuthMissing      = "MISSING"       // one is wanted, the claim names none
	AuthUndecided    = "UNDECIDED"     // nobody has decided the one it names
	AuthApproved     = "APPROVED"      // for this claim, as far as is known
	AuthDenied       = "DENIED"        // by the latest decision
	AuthOtherMember  = "OTHER_MEMBER"  // decided for somebody else
	AuthOtherClaim   = "OTHER_CLAIM"   // approved for another claim
	AuthOtherService = "OTHER_SERVICE" // approved for another procedure code
	AuthNotYet       = "NOT_YET_EFFECTIVE"
	AuthExpired      = "EXPIRED" // before the date of service
)

// maxBecause bounds the ids that a row names; the count is of all of them.
const maxBecause = 100

// Because returns the ids of the claim's own events, sorted, the first 100 of
// them, and how many there are. What it is joined with has rows of its own.
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

// PendedOn says whether the claim was held back on a day because of a grace
// period, as things stand: it was submitted and not decided, and its date of
// service is one for which claims may be.
func (c ClaimStatus) PendedOn(day events.Date) bool {
	if c.Grace == nil || *c.Grace != ClaimsPendable {
		return false
	}
	submitted := false
	for _, f := range c.History {
		if events.DateOf(f.At.Time()) > day {
			continue
		}
		switch f.Type {
		case events.TypeClaimSubmitted:
			submitted = true
		case events.TypeClaimApproved, events.TypeClaimDenied, events.TypeClaimPaid, events.TypeAppealResolved:
			return false
		}
	}
	return submitted
}

// AppealableOn says whether an appeal may still be filed on a day: the claim
// stands denied, its deadline has not passed, and none was filed since.
func (c ClaimStatus) AppealableOn(day events.Date) bool {
	filed := slices.ContainsFunc(c.Appeals, func(a ClaimAppeal) bool { return a.FirstAt >= c.StatusAt })
	return c.Status == ClaimDenied && !filed && c.AppealDeadline != nil && day <= *c.AppealDeadline
}

// PriorAuthLinks is which prior authorization the claim wants to know about.
func (c ClaimStatus) PriorAuthLinks(claim string) []topology.Link {
	if c.PriorAuthID == nil {
		return nil
	}
	return []topology.Link{{Key: string(*c.PriorAuthID), Left: claim}}
}
