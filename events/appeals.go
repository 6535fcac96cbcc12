package events

import (
	"log/slog"
	"regexp"
	"time"
)

// Event types by which source systems report on a reconsideration.
const (
	TypeReconsiderationReceived      Type = "RECONSIDERATION_RECEIVED"
	TypeReconsiderationInReview      Type = "RECONSIDERATION_IN_REVIEW"
	TypeReconsiderationInfoRequested Type = "RECONSIDERATION_INFO_REQUESTED"
	TypeReconsiderationDecided       Type = "RECONSIDERATION_DECIDED"
)

// AppealUpdated says how far one source system has come with a reconsideration.
// Topic claims.appeal.updated, key claimId. Several systems report on one
// appeal, each at its own pace. The due date is set on
// RECONSIDERATION_INFO_REQUESTED, the outcome on RECONSIDERATION_DECIDED.
type AppealUpdated struct {
	Type               Type    `avro:"eventType" json:"eventType"`
	SchemaVersion      string  `avro:"schemaVersion" json:"schemaVersion"`
	AppealID           ID      `avro:"appealId" json:"appealId"`
	ClaimID            ID      `avro:"claimId" json:"claimId"`
	MemberID           ID      `avro:"memberId" json:"memberId"`
	ProviderID         ID      `avro:"providerId" json:"providerId"`
	SourceSystem       string  `avro:"sourceSystem" json:"sourceSystem"`
	UpdatedAt          Instant `avro:"updatedAt" json:"updatedAt"`
	Level              *string `avro:"level" json:"level,omitempty"`
	Text               *Text   `avro:"text" json:"text,omitempty"`
	InformationDueDate *Date   `avro:"informationDueDate" json:"informationDueDate,omitempty"`
	Outcome            *string `avro:"outcome" json:"outcome,omitempty"`
	ReasonCode         *string `avro:"reasonCode" json:"reasonCode,omitempty"`
}

func (e AppealUpdated) EventType() string     { return string(e.Type) }
func (e AppealUpdated) Subject() string       { return string(e.ClaimID) }
func (e AppealUpdated) OccurredAt() time.Time { return e.UpdatedAt.Time() }
func (e AppealUpdated) LogValue() slog.Value  { return logged(e.Type) }

var systemName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate returns the first field that the event type requires and is absent,
// a source system whose name cannot be shown, or an outcome that the catalogue
// does not know.
func (e AppealUpdated) Validate() error {
	absent := missing(text("appealId", e.AppealID), text("claimId", e.ClaimID), text("memberId", e.MemberID),
		text("providerId", e.ProviderID), text("sourceSystem", e.SourceSystem))
	switch {
	case absent != nil:
	case e.Type == TypeReconsiderationInfoRequested:
		absent = missing(optional("informationDueDate", e.InformationDueDate))
	case e.Type == TypeReconsiderationDecided:
		absent = missing(optionalText("outcome", e.Outcome))
	case e.Type != TypeReconsiderationReceived && e.Type != TypeReconsiderationInReview:
		return unknownType()
	}
	switch {
	case absent != nil:
		return absent
	case !systemName.MatchString(e.SourceSystem):
		return &Fault{InvalidValue, "/sourceSystem", "1 to 64 letters, digits, dots, underscores and hyphens"}
	case e.Outcome != nil:
		return knownOutcome(*e.Outcome)
	}
	return nil
}

func knownOutcome(outcome string) error {
	switch outcome {
	case OutcomeOverturned, OutcomePartiallyOverturned, OutcomeUpheld:
		return nil
	}
	return &Fault{InvalidValue, "/outcome", "one of OVERTURNED, PARTIALLY_OVERTURNED, UPHELD"}
}
