package events

import (
	"log/slog"
	"time"
)

// Type is an event type of the catalogue, for example CLAIM_SUBMITTED.
type Type string

// Event types of the claims domain that are folded today. Unknown is what a
// reader sees for a type that is younger than its schema.
const (
	TypeUnknown        Type = "UNKNOWN"
	TypeClaimSubmitted Type = "CLAIM_SUBMITTED"
	TypeClaimApproved  Type = "CLAIM_APPROVED"
	TypeClaimDenied    Type = "CLAIM_DENIED"
	TypeClaimPaid      Type = "CLAIM_PAID"
	TypeAppealResolved Type = "APPEAL_RESOLVED"
)

// ClaimSubmitted says that a provider's claim reached the plan.
// Topic claims.claim.submitted, key claimId.
type ClaimSubmitted struct {
	Type              Type    `avro:"eventType" json:"eventType"`
	SchemaVersion     string  `avro:"schemaVersion" json:"schemaVersion"`
	ClaimID           ID      `avro:"claimId" json:"claimId"`
	MemberID          ID      `avro:"memberId" json:"memberId"`
	ProviderID        ID      `avro:"providerId" json:"providerId"`
	PlanID            ID      `avro:"planId" json:"planId"`
	ClaimType         string  `avro:"claimType" json:"claimType"`
	TotalBilledAmount Money   `avro:"totalBilledAmount" json:"totalBilledAmount"`
	ServiceDate       Date    `avro:"serviceDate" json:"serviceDate"`
	SubmittedAt       Instant `avro:"submittedAt" json:"submittedAt"`
	RequiresPriorAuth bool    `avro:"requiresPriorAuth" json:"requiresPriorAuth"`
	PriorAuthID       *ID     `avro:"priorAuthId" json:"priorAuthId,omitempty"`
	ServiceCode       *string `avro:"serviceCode" json:"serviceCode,omitempty"`
}

func (e ClaimSubmitted) EventType() string     { return string(e.Type) }
func (e ClaimSubmitted) Subject() string       { return string(e.ClaimID) }
func (e ClaimSubmitted) OccurredAt() time.Time { return e.SubmittedAt.Time() }
func (e ClaimSubmitted) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e ClaimSubmitted) Validate() error {
	if e.Type != TypeClaimSubmitted {
		return unknownType()
	}
	return missing(text("claimId", e.ClaimID), text("memberId", e.MemberID), text("providerId", e.ProviderID),
		text("planId", e.PlanID), text("claimType", e.ClaimType))
}

// ClaimAdjudicated says that the plan approved or denied a claim.
// Topic claims.claim.adjudicated, key claimId. Amounts are set on
// CLAIM_APPROVED, reason and deadline on CLAIM_DENIED.
type ClaimAdjudicated struct {
	Type                 Type    `avro:"eventType" json:"eventType"`
	SchemaVersion        string  `avro:"schemaVersion" json:"schemaVersion"`
	ClaimID              ID      `avro:"claimId" json:"claimId"`
	MemberID             ID      `avro:"memberId" json:"memberId"`
	ProviderID           ID      `avro:"providerId" json:"providerId"`
	AdjudicatedAt        Instant `avro:"adjudicatedAt" json:"adjudicatedAt"`
	Status               *string `avro:"status" json:"status,omitempty"`
	TotalBilledAmount    *Money  `avro:"totalBilledAmount" json:"totalBilledAmount,omitempty"`
	AllowedAmount        *Money  `avro:"allowedAmount" json:"allowedAmount,omitempty"`
	PaidAmount           *Money  `avro:"paidAmount" json:"paidAmount,omitempty"`
	MemberResponsibility *Money  `avro:"memberResponsibility" json:"memberResponsibility,omitempty"`
	DeductibleApplied    *Money  `avro:"deductibleApplied" json:"deductibleApplied,omitempty"`
	CopayApplied         *Money  `avro:"copayApplied" json:"copayApplied,omitempty"`
	CoinsuranceApplied   *Money  `avro:"coinsuranceApplied" json:"coinsuranceApplied,omitempty"`
	EOBS3Key             *Text   `avro:"eobS3Key" json:"eobS3Key,omitempty"`
	DenialReasonCode     *string `avro:"denialReasonCode" json:"denialReasonCode,omitempty"`
	DenialReasonText     *Text   `avro:"denialReasonText" json:"denialReasonText,omitempty"`
	AppealDeadline       *Date   `avro:"appealDeadline" json:"appealDeadline,omitempty"`
}

func (e ClaimAdjudicated) EventType() string     { return string(e.Type) }
func (e ClaimAdjudicated) Subject() string       { return string(e.ClaimID) }
func (e ClaimAdjudicated) OccurredAt() time.Time { return e.AdjudicatedAt.Time() }
func (e ClaimAdjudicated) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e ClaimAdjudicated) Validate() error {
	ids := missing(text("claimId", e.ClaimID), text("memberId", e.MemberID), text("providerId", e.ProviderID))
	switch {
	case ids != nil:
		return ids
	case e.Type == TypeClaimApproved:
		return missing(optionalText("status", e.Status), optional("totalBilledAmount", e.TotalBilledAmount),
			optional("allowedAmount", e.AllowedAmount), optional("paidAmount", e.PaidAmount),
			optional("memberResponsibility", e.MemberResponsibility))
	case e.Type == TypeClaimDenied:
		return missing(optionalText("denialReasonCode", e.DenialReasonCode),
			optionalText("denialReasonText", e.DenialReasonText), optional("appealDeadline", e.AppealDeadline))
	}
	return unknownType()
}

// Who recorded a payment. One payment is one (claimId, paymentId): Billing is
// its primary source, Claims mirrors it for audit.
const (
	RecordedByUnknown = "UNKNOWN"
	RecordedByBilling = "BILLING"
	RecordedByClaims  = "CLAIMS"
)

// ClaimPaid says that a payment for a claim left the plan.
// Topic claims.claim.paid, key claimId.
type ClaimPaid struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	ClaimID       ID      `avro:"claimId" json:"claimId"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	ProviderID    ID      `avro:"providerId" json:"providerId"`
	PaymentID     ID      `avro:"paymentId" json:"paymentId"`
	PaidAmount    Money   `avro:"paidAmount" json:"paidAmount"`
	PaidAt        Instant `avro:"paidAt" json:"paidAt"`
	PaymentMethod *string `avro:"paymentMethod" json:"paymentMethod,omitempty"`
	RemittanceID  *ID     `avro:"remittanceId" json:"remittanceId,omitempty"`
	RecordedBy    string  `avro:"recordedBy" json:"recordedBy"`
}

func (e ClaimPaid) EventType() string     { return string(e.Type) }
func (e ClaimPaid) Subject() string       { return string(e.ClaimID) }
func (e ClaimPaid) OccurredAt() time.Time { return e.PaidAt.Time() }
func (e ClaimPaid) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e ClaimPaid) Validate() error {
	if e.Type != TypeClaimPaid {
		return unknownType()
	}
	return missing(text("claimId", e.ClaimID), text("memberId", e.MemberID), text("providerId", e.ProviderID),
		text("paymentId", e.PaymentID))
}

// Outcomes of an appeal.
const (
	OutcomeOverturned          = "OVERTURNED"
	OutcomePartiallyOverturned = "PARTIALLY_OVERTURNED"
	OutcomeUpheld              = "UPHELD"
)

// AppealResolved says how an appeal against a denial ended. Amounts, where
// set, are the claim's amounts as they stand after the appeal.
// Topic claims.appeal.resolved, key claimId.
type AppealResolved struct {
	Type                 Type    `avro:"eventType" json:"eventType"`
	SchemaVersion        string  `avro:"schemaVersion" json:"schemaVersion"`
	AppealID             ID      `avro:"appealId" json:"appealId"`
	ClaimID              ID      `avro:"claimId" json:"claimId"`
	MemberID             ID      `avro:"memberId" json:"memberId"`
	ProviderID           ID      `avro:"providerId" json:"providerId"`
	Outcome              string  `avro:"outcome" json:"outcome"`
	ResolvedAt           Instant `avro:"resolvedAt" json:"resolvedAt"`
	Level                *string `avro:"level" json:"level,omitempty"`
	ReasonCode           *string `avro:"reasonCode" json:"reasonCode,omitempty"`
	ReasonText           *Text   `avro:"reasonText" json:"reasonText,omitempty"`
	AllowedAmount        *Money  `avro:"allowedAmount" json:"allowedAmount,omitempty"`
	PaidAmount           *Money  `avro:"paidAmount" json:"paidAmount,omitempty"`
	MemberResponsibility *Money  `avro:"memberResponsibility" json:"memberResponsibility,omitempty"`
}

func (e AppealResolved) EventType() string     { return string(e.Type) }
func (e AppealResolved) Subject() string       { return string(e.ClaimID) }
func (e AppealResolved) OccurredAt() time.Time { return e.ResolvedAt.Time() }
func (e AppealResolved) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent,
// or an outcome that the catalogue does not know.
func (e AppealResolved) Validate() error {
	if e.Type != TypeAppealResolved {
		return unknownType()
	}
	if err := knownOutcome(e.Outcome); err != nil {
		return err
	}
	return missing(text("appealId", e.AppealID), text("claimId", e.ClaimID), text("memberId", e.MemberID),
		text("providerId", e.ProviderID))
}
