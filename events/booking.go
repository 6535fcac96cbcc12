package events

import (
	"log/slog"
	"time"
)

// Event types of the managed care plan: bookings and profiles.
const (
	TypeBookingRequested             Type = "BOOKING_REQUESTED"
	TypeBookingCancellationRequested Type = "BOOKING_CANCELLATION_REQUESTED"
	TypeBookingConfirmed             Type = "BOOKING_CONFIRMED"
	TypeBookingCancelled             Type = "BOOKING_CANCELLED"

	TypeProviderProfileUpdated Type = "PROVIDER_PROFILE_UPDATED"
	TypePatientProfileUpdated  Type = "PATIENT_PROFILE_UPDATED"
)

// BookingRequest says that a member wants to book a slot, or to cancel a
// booking. Topic careplan.booking.requested, key bookingId.
type BookingRequest struct {
	Type           Type    `avro:"eventType" json:"eventType"`
	SchemaVersion  string  `avro:"schemaVersion" json:"schemaVersion"`
	BookingID      ID      `avro:"bookingId" json:"bookingId"`
	MemberID       ID      `avro:"memberId" json:"memberId"`
	RequestedAt    Instant `avro:"requestedAt" json:"requestedAt"`
	AvailabilityID *ID     `avro:"availabilityId" json:"availabilityId,omitempty"`
	PlanID         *ID     `avro:"planId" json:"planId,omitempty"`
	ServiceCode    *string `avro:"serviceCode" json:"serviceCode,omitempty"`
	ReasonText     *Text   `avro:"reasonText" json:"reasonText,omitempty"`
}

func (e BookingRequest) EventType() string     { return string(e.Type) }
func (e BookingRequest) Subject() string       { return string(e.BookingID) }
func (e BookingRequest) OccurredAt() time.Time { return e.RequestedAt.Time() }
func (e BookingRequest) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e BookingRequest) Validate() error {
	ids := missing(text("bookingId", e.BookingID), text("memberId", e.MemberID))
	switch {
	case ids != nil:
		return ids
	case e.Type == TypeBookingRequested:
		return missing(optionalText("availabilityId", e.AvailabilityID))
	case e.Type == TypeBookingCancellationRequested:
		return nil
	}
	return unknownType()
}

// Booking says that a booking was confirmed, or that a confirmed one was
// cancelled, for good. Topic careplan.bookings, key bookingId.
type Booking struct {
	Type           Type    `avro:"eventType" json:"eventType"`
	SchemaVersion  string  `avro:"schemaVersion" json:"schemaVersion"`
	BookingID      ID      `avro:"bookingId" json:"bookingId"`
	AvailabilityID ID      `avro:"availabilityId" json:"availabilityId"`
	MemberID       ID      `avro:"memberId" json:"memberId"`
	ProviderID     ID      `avro:"providerId" json:"providerId"`
	Specialty      string  `avro:"specialty" json:"specialty"`
	Place          string  `avro:"place" json:"place"`
	ServiceDate    Date    `avro:"serviceDate" json:"serviceDate"`
	StartsAt       Instant `avro:"startsAt" json:"startsAt"`
	EndsAt         Instant `avro:"endsAt" json:"endsAt"`
	TimeZone       string  `avro:"timeZone" json:"timeZone"`
	VisitType      string  `avro:"visitType" json:"visitType"`
	ServiceCode    string  `avro:"serviceCode" json:"serviceCode"`
	ChangedAt      Instant `avro:"changedAt" json:"changedAt"`
	PlanID         *ID     `avro:"planId" json:"planId,omitempty"`
	ReasonCode     *string `avro:"reasonCode" json:"reasonCode,omitempty"`
	ReasonText     *Text   `avro:"reasonText" json:"reasonText,omitempty"`
}

func (e Booking) EventType() string     { return string(e.Type) }
func (e Booking) Subject() string       { return string(e.BookingID) }
func (e Booking) OccurredAt() time.Time { return e.ChangedAt.Time() }
func (e Booking) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e Booking) Validate() error {
	if e.Type != TypeBookingConfirmed && e.Type != TypeBookingCancelled {
		return unknownType()
	}
	if err := missing(text("bookingId", e.BookingID), text("availabilityId", e.AvailabilityID), text("memberId", e.MemberID), text("providerId", e.ProviderID),
		text("specialty", e.Specialty), text("place", e.Place), text("timeZone", e.TimeZone), text("visitType", e.VisitType), text("serviceCode", e.ServiceCode)); err != nil {
		return err
	}
	if e.Type == TypeBookingCancelled {
		if err := missing(optionalText("reasonCode", e.ReasonCode)); err != nil {
			return err
		}
	}
	return visit(&e.VisitType)
}

// ProviderProfile is who and where a provider is, whole.
// Topic provider.profile.updated, key providerId.
type ProviderProfile struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	ProviderID    ID      `avro:"providerId" json:"providerId"`
	ProviderName  Text    `avro:"providerName" json:"providerName"`
	Specialty     string  `avro:"specialty" json:"specialty"`
	Place         string  `avro:"place" json:"place"`
	TimeZone      string  `avro:"timeZone" json:"timeZone"`
	UpdatedAt     Instant `avro:"updatedAt" json:"updatedAt"`
	NPI           *string `avro:"npi" json:"npi,omitempty"`
	Phone         *Text   `avro:"phone" json:"phone,omitempty"`
	Email         *Text   `avro:"email" json:"email,omitempty"`
}

func (e ProviderProfile) EventType() string     { return string(e.Type) }
func (e ProviderProfile) Subject() string       { return string(e.ProviderID) }
func (e ProviderProfile) OccurredAt() time.Time { return e.UpdatedAt.Time() }
func (e ProviderProfile) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e ProviderProfile) Validate() error {
	if e.Type != TypeProviderProfileUpdated {
		return unknownType()
	}
	return missing(text("providerId", e.ProviderID), text("providerName", e.ProviderName), text("specialty", e.Specialty), text("place", e.Place), text("timeZone", e.TimeZone))
}

// PatientProfile is who a patient is, whole.
// Topic careplan.patient.updated, key memberId.
type PatientProfile struct {
	Type          Type    `avro:"eventType" json:"eventType"`
	SchemaVersion string  `avro:"schemaVersion" json:"schemaVersion"`
	MemberID      ID      `avro:"memberId" json:"memberId"`
	GivenName     Text    `avro:"givenName" json:"givenName"`
	FamilyName    Text    `avro:"familyName" json:"familyName"`
	TimeZone      string  `avro:"timeZone" json:"timeZone"`
	UpdatedAt     Instant `avro:"updatedAt" json:"updatedAt"`
	BirthDate     *Date   `avro:"birthDate" json:"birthDate,omitempty"`
	PlanID        *ID     `avro:"planId" json:"planId,omitempty"`
	Phone         *Text   `avro:"phone" json:"phone,omitempty"`
	Email         *Text   `avro:"email" json:"email,omitempty"`
}

func (e PatientProfile) EventType() string     { return string(e.Type) }
func (e PatientProfile) Subject() string       { return string(e.MemberID) }
func (e PatientProfile) OccurredAt() time.Time { return e.UpdatedAt.Time() }
func (e PatientProfile) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e PatientProfile) Validate() error {
	if e.Type != TypePatientProfileUpdated {
		return unknownType()
	}
	return missing(text("memberId", e.MemberID), text("givenName", e.GivenName), text("familyName", e.FamilyName), text("timeZone", e.TimeZone))
}
