package events

import (
	"log/slog"
	"time"
)

// Event types of prior authorizations.
const (
	TypePriorAuthApproved Type = "PRIOR_AUTH_APPROVED"
	TypePriorAuthDenied   Type = "PRIOR_AUTH_DENIED"
)

// PriorAuthDecided says that the plan agreed beforehand that a service is
// necessary, or did not. Topic claims.prior_auth.decision, key priorAuthId.
// Dates and units are set on PRIOR_AUTH_APPROVED, reasons on PRIOR_AUTH_DENIED.
type PriorAuthDecided struct {
	Type             Type    `avro:"eventType" json:"eventType"`
	SchemaVersion    string  `avro:"schemaVersion" json:"schemaVersion"`
	PriorAuthID      ID      `avro:"priorAuthId" json:"priorAuthId"`
	MemberID         ID      `avro:"memberId" json:"memberId"`
	ProviderID       ID      `avro:"providerId" json:"providerId"`
	PlanID           ID      `avro:"planId" json:"planId"`
	DecidedAt        Instant `avro:"decidedAt" json:"decidedAt"`
	ClaimID          *ID     `avro:"claimId" json:"claimId,omitempty"`
	ServiceCode      *string `avro:"serviceCode" json:"serviceCode,omitempty"`
	ApprovedUnits    *int32  `avro:"approvedUnits" json:"approvedUnits,omitempty"`
	EffectiveDate    *Date   `avro:"effectiveDate" json:"effectiveDate,omitempty"`
	ExpirationDate   *Date   `avro:"expirationDate" json:"expirationDate,omitempty"`
	DenialReasonCode *string `avro:"denialReasonCode" json:"denialReasonCode,omitempty"`
	DenialReasonText *Text   `avro:"denialReasonText" json:"denialReasonText,omitempty"`
}

func (e PriorAuthDecided) EventType() string     { return string(e.Type) }
func (e PriorAuthDecided) Subject() string       { return string(e.PriorAuthID) }
func (e PriorAuthDecided) OccurredAt() time.Time { return e.DecidedAt.Time() }
func (e PriorAuthDecided) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e PriorAuthDecided) Validate() error {
	ids := missing(text("priorAuthId", e.PriorAuthID), text("memberId", e.MemberID), text("providerId", e.ProviderID), text("planId", e.PlanID))
	switch {
	case ids != nil:
		return ids
	case e.Type == TypePriorAuthApproved:
		return missing(optional("effectiveDate", e.EffectiveDate))
	case e.Type == TypePriorAuthDenied:
		return missing(optionalText("denialReasonCode", e.DenialReasonCode), optionalText("denialReasonText", e.DenialReasonText))
	}
	return unknownType()
}
