package events

import (
	"log/slog"
	"time"
)

// Event types of what insurance says of bookings.
const (
	TypeBookingCovered           Type = "BOOKING_COVERED"
	TypeBookingCoverageWithdrawn Type = "BOOKING_COVERAGE_WITHDRAWN"
	TypeOnsiteBookingCovered     Type = "ONSITE_BOOKING_COVERED"
	TypeOnsiteBookingWithdrawn   Type = "ONSITE_BOOKING_WITHDRAWN"
)

// CoveredBooking says that insurance covers a booking, or covers it no more
// and why. Topic careplan.bookings.covered, key bookingId.
type CoveredBooking struct {
	Type          Type     `avro:"eventType" json:"eventType"`
	SchemaVersion string   `avro:"schemaVersion" json:"schemaVersion"`
	BookingID     ID       `avro:"bookingId" json:"bookingId"`
	MemberID      ID       `avro:"memberId" json:"memberId"`
	ProviderID    ID       `avro:"providerId" json:"providerId"`
	PlanID        ID       `avro:"planId" json:"planId"` // that covers, or covered, it
	CoverageType  string   `avro:"coverageType" json:"coverageType"`
	Specialty     string   `avro:"specialty" json:"specialty"`
	Place         string   `avro:"place" json:"place"`
	ServiceDate   Date     `avro:"serviceDate" json:"serviceDate"`
	StartsAt      Instant  `avro:"startsAt" json:"startsAt"`
	EndsAt        Instant  `avro:"endsAt" json:"endsAt"`
	TimeZone      string   `avro:"timeZone" json:"timeZone"`
	VisitType     string   `avro:"visitType" json:"visitType"`
	ServiceCode   string   `avro:"serviceCode" json:"serviceCode"`
	ReasonCodes   []string `avro:"reasonCodes" json:"reasonCodes"` // why no more, sorted
	DecidedAt     Instant  `avro:"decidedAt" json:"decidedAt"`     // event time of what decided it
}

func (e CoveredBooking) EventType() string     { return string(e.Type) }
func (e CoveredBooking) Subject() string       { return string(e.BookingID) }
func (e CoveredBooking) OccurredAt() time.Time { return e.DecidedAt.Time() }
func (e CoveredBooking) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e CoveredBooking) Validate() error {
	if e.Type != TypeBookingCovered && e.Type != TypeBookingCoverageWithdrawn {
		return unknownType()
	}
	if err := missing(text("bookingId", e.BookingID), text("memberId", e.MemberID), text("providerId", e.ProviderID), text("planId", e.PlanID),
		text("coverageType", e.CoverageType), text("specialty", e.Specialty), text("place", e.Place), text("timeZone", e.TimeZone),
		text("visitType", e.VisitType), text("serviceCode", e.ServiceCode),
		field{"reasonCodes", e.Type == TypeBookingCoverageWithdrawn && len(e.ReasonCodes) == 0}); err != nil {
		return err
	}
	return visit(&e.VisitType)
}

// OnsiteBooking tells those who receive members at a place that a covered
// booking is held there, or is not any more and why. It says nothing of plans.
// Topic careplan.bookings.onsite, key bookingId.
type OnsiteBooking struct {
	Type          Type     `avro:"eventType" json:"eventType"`
	SchemaVersion string   `avro:"schemaVersion" json:"schemaVersion"`
	BookingID     ID       `avro:"bookingId" json:"bookingId"`
	MemberID      ID       `avro:"memberId" json:"memberId"`
	ProviderID    ID       `avro:"providerId" json:"providerId"`
	Specialty     string   `avro:"specialty" json:"specialty"`
	Place         string   `avro:"place" json:"place"`
	ServiceDate   Date     `avro:"serviceDate" json:"serviceDate"`
	StartsAt      Instant  `avro:"startsAt" json:"startsAt"`
	EndsAt        Instant  `avro:"endsAt" json:"endsAt"`
	TimeZone      string   `avro:"timeZone" json:"timeZone"`
	ServiceCode   string   `avro:"serviceCode" json:"serviceCode"`
	ReasonCodes   []string `avro:"reasonCodes" json:"reasonCodes"` // why no more, sorted
	DecidedAt     Instant  `avro:"decidedAt" json:"decidedAt"`     // event time of what decided it
}

func (e OnsiteBooking) EventType() string     { return string(e.Type) }
func (e OnsiteBooking) Subject() string       { return string(e.BookingID) }
func (e OnsiteBooking) OccurredAt() time.Time { return e.DecidedAt.Time() }
func (e OnsiteBooking) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e OnsiteBooking) Validate() error {
	if e.Type != TypeOnsiteBookingCovered && e.Type != TypeOnsiteBookingWithdrawn {
		return unknownType()
	}
	return missing(text("bookingId", e.BookingID), text("memberId", e.MemberID), text("providerId", e.ProviderID),
		text("specialty", e.Specialty), text("place", e.Place), text("timeZone", e.TimeZone), text("serviceCode", e.ServiceCode),
		field{"reasonCodes", e.Type == TypeOnsiteBookingWithdrawn && len(e.ReasonCodes) == 0})
}
