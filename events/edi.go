package events

import (
	"log/slog"
	"time"
)

// Event types of X12 items.
const (
	TypeEDI837Received  Type = "EDI_837_RECEIVED"
	TypeEDI834Received  Type = "EDI_834_RECEIVED"
	TypeEDI270Received  Type = "EDI_270_RECEIVED"
	TypeEDI835Generated Type = "EDI_835_GENERATED"
	TypeEDI834Generated Type = "EDI_834_GENERATED"
	TypeEDI271Generated Type = "EDI_271_GENERATED"
)

// UsageTest is the usage indicator, ISA15, of an interchange that is a test.
const UsageTest = "T"

// EDIInbound says that an X12 item came in: a claim, a change of an enrolment,
// an inquiry. Topic edi.inbound.received, key ediTransactionId.
type EDIInbound struct {
	Type                        Type    `avro:"eventType" json:"eventType"`
	SchemaVersion               string  `avro:"schemaVersion" json:"schemaVersion"`
	EDITransactionID            ID      `avro:"ediTransactionId" json:"ediTransactionId"`
	TradingPartnerID            string  `avro:"tradingPartnerId" json:"tradingPartnerId"`
	SenderID                    *string `avro:"senderId" json:"senderId,omitempty"`
	ReceiverID                  *string `avro:"receiverId" json:"receiverId,omitempty"`
	InterchangeControlNumber    string  `avro:"interchangeControlNumber" json:"interchangeControlNumber"`
	GroupControlNumber          string  `avro:"groupControlNumber" json:"groupControlNumber"`
	TransactionSetControlNumber string  `avro:"transactionSetControlNumber" json:"transactionSetControlNumber"`
	ImplementationGuide         *string `avro:"implementationGuide" json:"implementationGuide,omitempty"`
	UsageIndicator              string  `avro:"usageIndicator" json:"usageIndicator"`
	ReceivedAt                  Instant `avro:"receivedAt" json:"receivedAt"`
	ClaimID                     *ID     `avro:"claimId" json:"claimId,omitempty"`
	PatientControlNumber        *ID     `avro:"patientControlNumber" json:"patientControlNumber,omitempty"`
	MemberID                    *ID     `avro:"memberId" json:"memberId,omitempty"`
	ProviderID                  *ID     `avro:"providerId" json:"providerId,omitempty"`
	EnrollmentID                *ID     `avro:"enrollmentId" json:"enrollmentId,omitempty"`
	GroupID                     *ID     `avro:"groupId" json:"groupId,omitempty"`
	MaintenanceTypeCode         *string `avro:"maintenanceTypeCode" json:"maintenanceTypeCode,omitempty"`
	TraceNumber                 *ID     `avro:"traceNumber" json:"traceNumber,omitempty"`
	RawS3Key                    *Text   `avro:"rawS3Key" json:"rawS3Key,omitempty"`
	RawPayload                  *Text   `avro:"rawPayload" json:"rawPayload,omitempty"`
}

func (e EDIInbound) EventType() string     { return string(e.Type) }
func (e EDIInbound) Subject() string       { return string(e.EDITransactionID) }
func (e EDIInbound) OccurredAt() time.Time { return e.ReceivedAt.Time() }
func (e EDIInbound) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e EDIInbound) Validate() error {
	switch e.Type {
	case TypeEDI837Received, TypeEDI834Received, TypeEDI270Received:
	default:
		return unknownType()
	}
	return missing(text("ediTransactionId", e.EDITransactionID), text("tradingPartnerId", e.TradingPartnerID),
		text("interchangeControlNumber", e.InterchangeControlNumber), text("groupControlNumber", e.GroupControlNumber),
		text("transactionSetControlNumber", e.TransactionSetControlNumber), text("usageIndicator", e.UsageIndicator))
}

// EDIOutbound says that an X12 item was made for a trading partner: a
// remittance, a change of an enrolment, an answer. Topic
// edi.outbound.generated, key ediTransactionId.
type EDIOutbound struct {
	Type                        Type    `avro:"eventType" json:"eventType"`
	SchemaVersion               string  `avro:"schemaVersion" json:"schemaVersion"`
	EDITransactionID            ID      `avro:"ediTransactionId" json:"ediTransactionId"`
	TradingPartnerID            string  `avro:"tradingPartnerId" json:"tradingPartnerId"`
	SenderID                    *string `avro:"senderId" json:"senderId,omitempty"`
	ReceiverID                  *string `avro:"receiverId" json:"receiverId,omitempty"`
	InterchangeControlNumber    string  `avro:"interchangeControlNumber" json:"interchangeControlNumber"`
	GroupControlNumber          string  `avro:"groupControlNumber" json:"groupControlNumber"`
	TransactionSetControlNumber string  `avro:"transactionSetControlNumber" json:"transactionSetControlNumber"`
	ImplementationGuide         *string `avro:"implementationGuide" json:"implementationGuide,omitempty"`
	UsageIndicator              string  `avro:"usageIndicator" json:"usageIndicator"`
	GeneratedAt                 Instant `avro:"generatedAt" json:"generatedAt"`
	ClaimID                     *ID     `avro:"claimId" json:"claimId,omitempty"`
	PaymentID                   *ID     `avro:"paymentId" json:"paymentId,omitempty"`
	RemittanceID                *ID     `avro:"remittanceId" json:"remittanceId,omitempty"`
	ClaimStatusCode             *string `avro:"claimStatusCode" json:"claimStatusCode,omitempty"`
	PaidAmount                  *Money  `avro:"paidAmount" json:"paidAmount,omitempty"`
	MemberID                    *ID     `avro:"memberId" json:"memberId,omitempty"`
	ProviderID                  *ID     `avro:"providerId" json:"providerId,omitempty"`
	EnrollmentID                *ID     `avro:"enrollmentId" json:"enrollmentId,omitempty"`
	GroupID                     *ID     `avro:"groupId" json:"groupId,omitempty"`
	MaintenanceTypeCode         *string `avro:"maintenanceTypeCode" json:"maintenanceTypeCode,omitempty"`
	TraceNumber                 *ID     `avro:"traceNumber" json:"traceNumber,omitempty"`
	InReplyTo                   *ID     `avro:"inReplyTo" json:"inReplyTo,omitempty"`
	RawS3Key                    *Text   `avro:"rawS3Key" json:"rawS3Key,omitempty"`
	RawPayload                  *Text   `avro:"rawPayload" json:"rawPayload,omitempty"`
}

func (e EDIOutbound) EventType() string     { return string(e.Type) }
func (e EDIOutbound) Subject() string       { return string(e.EDITransactionID) }
func (e EDIOutbound) OccurredAt() time.Time { return e.GeneratedAt.Time() }
func (e EDIOutbound) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e EDIOutbound) Validate() error {
	absent := missing(text("ediTransactionId", e.EDITransactionID), text("tradingPartnerId", e.TradingPartnerID),
		text("interchangeControlNumber", e.InterchangeControlNumber), text("groupControlNumber", e.GroupControlNumber),
		text("transactionSetControlNumber", e.TransactionSetControlNumber), text("usageIndicator", e.UsageIndicator))
	switch {
	case absent != nil:
		return absent
	case e.Type == TypeEDI835Generated:
		return missing(optionalText("claimId", e.ClaimID), optionalText("claimStatusCode", e.ClaimStatusCode), optional("paidAmount", e.PaidAmount))
	case e.Type == TypeEDI834Generated:
		return missing(optionalText("memberId", e.MemberID))
	case e.Type == TypeEDI271Generated:
		return nil
	}
	return unknownType()
}

// ClaimEDI is an X12 item as a claim knows it: a claim that came in as an 837,
// or was explained in an 835. It has the identity of the event that it was.
type ClaimEDI struct {
	Type                 Type    `avro:"eventType" json:"eventType"`
	ClaimID              ID      `avro:"claimId" json:"claimId"`
	EDITransactionID     ID      `avro:"ediTransactionId" json:"ediTransactionId"`
	At                   Instant `avro:"at" json:"at"`
	MemberID             *ID     `avro:"memberId" json:"memberId,omitempty"`
	ProviderID           *ID     `avro:"providerId" json:"providerId,omitempty"`
	PatientControlNumber *ID     `avro:"patientControlNumber" json:"patientControlNumber,omitempty"`
	ClaimStatusCode      *string `avro:"claimStatusCode" json:"claimStatusCode,omitempty"`
	PaymentID            *ID     `avro:"paymentId" json:"paymentId,omitempty"`
	PaidAmount           *Money  `avro:"paidAmount" json:"paidAmount,omitempty"`
}

func (e ClaimEDI) EventType() string     { return string(e.Type) }
func (e ClaimEDI) Subject() string       { return string(e.ClaimID) }
func (e ClaimEDI) OccurredAt() time.Time { return e.At.Time() }
func (e ClaimEDI) LogValue() slog.Value  { return logged(e.Type) }

// Validate finds nothing wrong that the item itself had not.
func (e ClaimEDI) Validate() error { return missing(text("claimId", e.ClaimID)) }
