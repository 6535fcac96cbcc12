package events

import (
	"log/slog"
	"time"
)

// Event types of the billing domain that are folded.
const (
	TypeInvoiceGenerated   Type = "INVOICE_GENERATED"
	TypePaymentReceived    Type = "PAYMENT_RECEIVED"
	TypePaymentCompleted   Type = "PAYMENT_COMPLETED"
	TypePaymentMissed      Type = "PAYMENT_MISSED"
	TypeGracePeriodStarted Type = "GRACE_PERIOD_STARTED"
	TypeGracePeriodExpired Type = "GRACE_PERIOD_EXPIRED"

	// What was said is taken back: a payment was in time after all.
	TypePaymentMissedRetracted      Type = "PAYMENT_MISSED_RETRACTED"
	TypeGracePeriodStartedRetracted Type = "GRACE_PERIOD_STARTED_RETRACTED"
	TypeGracePeriodExpiredRetracted Type = "GRACE_PERIOD_EXPIRED_RETRACTED"
)

// NonPayment is the reason of a termination that follows from a grace period
// which ran out.
const NonPayment = "NON_PAYMENT"

// retracted are the types that take another back.
var retracted = map[Type]Type{
	TypePaymentMissedRetracted:      TypePaymentMissed,
	TypeGracePeriodStartedRetracted: TypeGracePeriodStarted,
	TypeGracePeriodExpiredRetracted: TypeGracePeriodExpired,
}

// Retracts is the type that this type takes back; false where it takes back
// none.
func (t Type) Retracts() (said Type, ok bool) {
	said, ok = retracted[t]
	return said, ok
}

// Retraction is the type that takes this one back, Unknown where there is none.
func (t Type) Retraction() Type {
	for back, said := range retracted {
		if said == t {
			return back
		}
	}
	return TypeUnknown
}

// InvoiceGenerated says that a member owes a premium for a coverage period.
// Topic billing.invoice.generated, key memberId.
type InvoiceGenerated struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	InvoiceID     ID      `avro:"invoiceId" json:"invoiceId"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	GroupID       *ID     `avro:"groupId" json:"groupId,omitempty"`
	EnrollmentID  *ID     `avro:"enrollmentId" json:"enrollmentId,omitempty"`
	PlanID        ID      `avro:"planId" json:"planId"`
	PeriodStart   Date    `avro:"periodStart" json:"periodStart"`
	PeriodEnd     Date    `avro:"periodEnd" json:"periodEnd"`
	PremiumCents  Cents   `avro:"premiumCents" json:"premiumCents"`
	DueDate       Date    `avro:"dueDate" json:"dueDate"`
	GeneratedAt   Instant `avro:"generatedAt" json:"generatedAt"`
	APTCCents     *Cents  `avro:"aptcCents" json:"aptcCents,omitempty"` // nil: not known
}

func (e InvoiceGenerated) EventType() string     { return string(e.Type) }
func (e InvoiceGenerated) Subject() string       { return string(e.MemberID) }
func (e InvoiceGenerated) OccurredAt() time.Time { return e.GeneratedAt.Time() }
func (e InvoiceGenerated) LogValue() slog.Value  { return logged(e.Type) }

// maxDueFar bounds how far a due date may lie from when its invoice was made:
// further off it is not a date but a mistake.
const maxDueFar = 3660 // days

// Validate returns the first field that is absent or has no meaning.
func (e InvoiceGenerated) Validate() error {
	if e.Type != TypeInvoiceGenerated {
		return unknownType()
	}
	if err := missing(text("invoiceId", e.InvoiceID), text("memberId", e.MemberID), text("planId", e.PlanID)); err != nil {
		return err
	}
	made := DateOf(e.GeneratedAt.Time())
	switch {
	case !e.PremiumCents.owed():
		return amount("premiumCents", "0 or more, and at most 9999999999999")
	case e.APTCCents != nil && !e.APTCCents.owed():
		return amount("aptcCents", "0 or more, and at most 9999999999999")
	case e.PeriodEnd < e.PeriodStart:
		return &Fault{InvalidValue, "/periodEnd", "the period ends before it starts"}
	case e.DueDate < made-maxDueFar || e.DueDate > made+maxDueFar:
		return &Fault{InvalidValue, "/dueDate", "more than ten years from when the invoice was generated"}
	}
	return nil
}

// PaymentReceived says that a premium payment came in. Topic
// billing.payment.received, key memberId.
type PaymentReceived struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	PaymentID     ID      `avro:"paymentId" json:"paymentId"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	InvoiceID     *ID     `avro:"invoiceId" json:"invoiceId,omitempty"` // nil: not applied to one yet
	AmountCents   Cents   `avro:"amountCents" json:"amountCents"`
	PaymentMethod *string `avro:"paymentMethod" json:"paymentMethod,omitempty"`
	ReceivedAt    Instant `avro:"receivedAt" json:"receivedAt"`
}

func (e PaymentReceived) EventType() string     { return string(e.Type) }
func (e PaymentReceived) Subject() string       { return string(e.MemberID) }
func (e PaymentReceived) OccurredAt() time.Time { return e.ReceivedAt.Time() }
func (e PaymentReceived) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that is absent or has no meaning.
func (e PaymentReceived) Validate() error {
	if e.Type != TypePaymentReceived {
		return unknownType()
	}
	if !e.AmountCents.paid() {
		return amount("amountCents", "1 or more, and at most 9999999999999")
	}
	return missing(text("paymentId", e.PaymentID), text("memberId", e.MemberID), field{"invoiceId", e.InvoiceID != nil && *e.InvoiceID == ""})
}

// PaymentCompleted says that a premium payment settled and is applied to an
// invoice. Topic billing.payment.completed, key memberId.
type PaymentCompleted struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	PaymentID     ID      `avro:"paymentId" json:"paymentId"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	InvoiceID     ID      `avro:"invoiceId" json:"invoiceId"`
	AmountCents   Cents   `avro:"amountCents" json:"amountCents"`
	PaymentMethod *string `avro:"paymentMethod" json:"paymentMethod,omitempty"`
	CompletedAt   Instant `avro:"completedAt" json:"completedAt"`
}

func (e PaymentCompleted) EventType() string     { return string(e.Type) }
func (e PaymentCompleted) Subject() string       { return string(e.MemberID) }
func (e PaymentCompleted) OccurredAt() time.Time { return e.CompletedAt.Time() }
func (e PaymentCompleted) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that is absent or has no meaning.
func (e PaymentCompleted) Validate() error {
	if e.Type != TypePaymentCompleted {
		return unknownType()
	}
	if !e.AmountCents.paid() {
		return amount("amountCents", "1 or more, and at most 9999999999999")
	}
	return missing(text("paymentId", e.PaymentID), text("memberId", e.MemberID), text("invoiceId", e.InvoiceID))
}

// PaymentMissed says that a premium was not paid by its due date, what follows
// for the grace period, or that one of these was wrong. Topic
// billing.payment.missed, key memberId.
type PaymentMissed struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	InvoiceID     ID      `avro:"invoiceId" json:"invoiceId"`
	GraceEnds     *Date   `avro:"gracePeriodEndDate" json:"gracePeriodEndDate,omitempty"`
	PremiumCents  Cents   `avro:"premiumCents" json:"premiumCents"`
	MissedAt      Instant `avro:"missedAt" json:"missedAt"`
	// Revision counts how often the same was said and taken back before: what is
	// true again is another event. nil is 0.
	Revision *int32 `avro:"revision" json:"revision,omitempty"`
}

func (e PaymentMissed) EventType() string     { return string(e.Type) }
func (e PaymentMissed) Subject() string       { return string(e.MemberID) }
func (e PaymentMissed) OccurredAt() time.Time { return e.MissedAt.Time() }
func (e PaymentMissed) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that is absent or has no meaning.
func (e PaymentMissed) Validate() error {
	if err := missing(text("memberId", e.MemberID), text("invoiceId", e.InvoiceID)); err != nil {
		return err
	}
	switch e.Type {
	case TypePaymentMissed, TypePaymentMissedRetracted:
	case TypeGracePeriodStarted, TypeGracePeriodExpired, TypeGracePeriodStartedRetracted, TypeGracePeriodExpiredRetracted:
		if e.GraceEnds == nil {
			return missing(optional("gracePeriodEndDate", e.GraceEnds))
		}
	default:
		return unknownType()
	}
	missed := DateOf(e.MissedAt.Time())
	switch {
	case !e.PremiumCents.owed():
		return amount("premiumCents", "0 or more, and at most 9999999999999")
	case e.GraceEnds != nil && (*e.GraceEnds < missed-maxDueFar || *e.GraceEnds > missed+maxDueFar):
		return &Fault{InvalidValue, "/gracePeriodEndDate", "more than ten years from when the payment was missed"}
	case e.Revision != nil && *e.Revision < 0:
		return &Fault{InvalidValue, "/revision", "0 or more"}
	}
	return nil
}

func amount(field, what string) error { return &Fault{InvalidValue, "/" + field, what} }
