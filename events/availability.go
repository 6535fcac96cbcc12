package events

import (
	"log/slog"
	"time"
)

// Event types of a provider's times and of who they are booked by.
const (
	TypeAvailabilityOffered   Type = "AVAILABILITY_OFFERED"
	TypeAvailabilityWithdrawn Type = "AVAILABILITY_WITHDRAWN"
	TypeAvailabilityBooked    Type = "AVAILABILITY_BOOKED"
	TypeAvailabilityReleased  Type = "AVAILABILITY_RELEASED"

	TypeSlotBookingRequested      Type = "SLOT_BOOKING_REQUESTED"
	TypeSlotCancellationRequested Type = "SLOT_CANCELLATION_REQUESTED"

	TypeSlotBookingConfirmed      Type = "SLOT_BOOKING_CONFIRMED"
	TypeSlotBookingRejected       Type = "SLOT_BOOKING_REJECTED"
	TypeSlotBookingRevoked        Type = "SLOT_BOOKING_REVOKED"
	TypeSlotCancellationConfirmed Type = "SLOT_CANCELLATION_CONFIRMED"
	TypeSlotCancellationRejected  Type = "SLOT_CANCELLATION_REJECTED"
)

// How a visit takes place.
const (
	VisitOnSite = "ON_SITE"
	VisitRemote = "REMOTE"
)

// States of a slot.
const (
	SlotOpen      = "OPEN"
	SlotBooked    = "BOOKED"
	SlotWithdrawn = "WITHDRAWN"
)

// maxSlot bounds a slot, and maxZone is how far a day may be from UTC's.
const (
	maxSlot = 24 * time.Hour
	maxZone = 14 * time.Hour
)

// Availability is the state of a slot, one bookable time of a provider, with
// all that it takes to find and to book it. Providers offer and withdraw; the
// schedule says what is booked and released.
// Topic provider.availability, key availabilityId.
type Availability struct {
	Type           Type     `avro:"eventType" json:"eventType"`
	SchemaVersion  string   `avro:"schemaVersion" json:"schemaVersion"`
	AvailabilityID ID       `avro:"availabilityId" json:"availabilityId"`
	ProviderID     ID       `avro:"providerId" json:"providerId"`
	ProviderName   Text     `avro:"providerName" json:"providerName"`
	Specialty      string   `avro:"specialty" json:"specialty"`
	Place          string   `avro:"place" json:"place"`
	Day            Date     `avro:"day" json:"day"`
	StartsAt       Instant  `avro:"startsAt" json:"startsAt"`
	EndsAt         Instant  `avro:"endsAt" json:"endsAt"`
	TimeZone       string   `avro:"timeZone" json:"timeZone"`
	VisitType      string   `avro:"visitType" json:"visitType"`
	ServiceCodes   []string `avro:"serviceCodes" json:"serviceCodes"`
	State          string   `avro:"state" json:"state"`
	ChangedAt      Instant  `avro:"changedAt" json:"changedAt"`
}

func (e Availability) EventType() string     { return string(e.Type) }
func (e Availability) Subject() string       { return string(e.AvailabilityID) }
func (e Availability) OccurredAt() time.Time { return e.ChangedAt.Time() }
func (e Availability) LogValue() slog.Value  { return logged(e.Type) }

// stateOf is the state that each event type leaves a slot in.
var stateOf = map[Type]string{
	TypeAvailabilityOffered: SlotOpen, TypeAvailabilityWithdrawn: SlotWithdrawn,
	TypeAvailabilityBooked: SlotBooked, TypeAvailabilityReleased: SlotOpen,
}

// Validate returns the first field that is absent or contradicts another: a
// slot ends after it starts and within 24 hours, and its day is one on which
// it starts somewhere on earth.
func (e Availability) Validate() error {
	state, ok := stateOf[e.Type]
	if !ok {
		return unknownType()
	}
	if err := missing(text("availabilityId", e.AvailabilityID), text("providerId", e.ProviderID), text("providerName", e.ProviderName),
		text("specialty", e.Specialty), text("place", e.Place), text("timeZone", e.TimeZone), text("visitType", e.VisitType),
		field{"serviceCodes", len(e.ServiceCodes) == 0}, text("state", e.State)); err != nil {
		return err
	}
	starts, ends := e.StartsAt.Time(), e.EndsAt.Time()
	switch {
	case e.State != state:
		return &Fault{InvalidValue, "/state", "must be the state that the event type leaves the slot in"}
	case !ends.After(starts):
		return &Fault{InvalidValue, "/endsAt", "must be after startsAt"}
	case ends.Sub(starts) > maxSlot:
		return &Fault{InvalidValue, "/endsAt", "must be within 24 hours of startsAt"}
	case e.Day < DateOf(starts.Add(-maxZone)) || e.Day > DateOf(starts.Add(maxZone)):
		return &Fault{InvalidValue, "/day", "must be the day of startsAt in the slot's time zone"}
	}
	return visit(&e.VisitType)
}

func visit(v *string) error {
	if v != nil && *v != VisitOnSite && *v != VisitRemote {
		return &Fault{InvalidValue, "/visitType", "one of ON_SITE, REMOTE"}
	}
	return nil
}

// SlotRequest says that a booking wants a slot, or gives it back.
// Topic provider.availability.booking.requests, key availabilityId.
type SlotRequest struct {
	Type           Type    `avro:"eventType" json:"eventType"`
	SchemaVersion  string  `avro:"schemaVersion" json:"schemaVersion"`
	AvailabilityID ID      `avro:"availabilityId" json:"availabilityId"`
	BookingID      ID      `avro:"bookingId" json:"bookingId"`
	MemberID       ID      `avro:"memberId" json:"memberId"`
	Requester      string  `avro:"requester" json:"requester"`
	RequestedAt    Instant `avro:"requestedAt" json:"requestedAt"`
	ServiceCode    *string `avro:"serviceCode" json:"serviceCode,omitempty"`
}

func (e SlotRequest) EventType() string     { return string(e.Type) }
func (e SlotRequest) Subject() string       { return string(e.AvailabilityID) }
func (e SlotRequest) OccurredAt() time.Time { return e.RequestedAt.Time() }
func (e SlotRequest) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that is absent.
func (e SlotRequest) Validate() error {
	if e.Type != TypeSlotBookingRequested && e.Type != TypeSlotCancellationRequested {
		return unknownType()
	}
	return missing(text("availabilityId", e.AvailabilityID), text("bookingId", e.BookingID), text("memberId", e.MemberID), text("requester", e.Requester))
}

// SlotReply is what the schedule answers to a SlotRequest. What the slot is
// stands on SLOT_BOOKING_CONFIRMED, and why not on refusals.
// Topic provider.availability.booking.replies, key bookingId.
type SlotReply struct {
	Type           Type     `avro:"eventType" json:"eventType"`
	SchemaVersion  string   `avro:"schemaVersion" json:"schemaVersion"`
	BookingID      ID       `avro:"bookingId" json:"bookingId"`
	AvailabilityID ID       `avro:"availabilityId" json:"availabilityId"`
	MemberID       ID       `avro:"memberId" json:"memberId"`
	Requester      string   `avro:"requester" json:"requester"`
	RepliedAt      Instant  `avro:"repliedAt" json:"repliedAt"`
	ReasonCode     *string  `avro:"reasonCode" json:"reasonCode,omitempty"`
	ReasonText     *Text    `avro:"reasonText" json:"reasonText,omitempty"`
	ProviderID     *ID      `avro:"providerId" json:"providerId,omitempty"`
	ProviderName   *Text    `avro:"providerName" json:"providerName,omitempty"`
	Specialty      *string  `avro:"specialty" json:"specialty,omitempty"`
	Place          *string  `avro:"place" json:"place,omitempty"`
	Day            *Date    `avro:"day" json:"day,omitempty"`
	StartsAt       *Instant `avro:"startsAt" json:"startsAt,omitempty"`
	EndsAt         *Instant `avro:"endsAt" json:"endsAt,omitempty"`
	TimeZone       *string  `avro:"timeZone" json:"timeZone,omitempty"`
	VisitType      *string  `avro:"visitType" json:"visitType,omitempty"`
	ServiceCode    *string  `avro:"serviceCode" json:"serviceCode,omitempty"`
}

func (e SlotReply) EventType() string     { return string(e.Type) }
func (e SlotReply) Subject() string       { return string(e.BookingID) }
func (e SlotReply) OccurredAt() time.Time { return e.RepliedAt.Time() }
func (e SlotReply) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e SlotReply) Validate() error {
	if err := missing(text("bookingId", e.BookingID), text("availabilityId", e.AvailabilityID), text("memberId", e.MemberID), text("requester", e.Requester)); err != nil {
		return err
	}
	switch e.Type {
	case TypeSlotCancellationConfirmed:
		return nil
	case TypeSlotBookingRejected, TypeSlotBookingRevoked, TypeSlotCancellationRejected:
		return missing(optionalText("reasonCode", e.ReasonCode), optionalText("reasonText", e.ReasonText))
	case TypeSlotBookingConfirmed:
		if err := missing(optionalText("providerId", e.ProviderID), optionalText("providerName", e.ProviderName), optionalText("specialty", e.Specialty),
			optionalText("place", e.Place), optional("day", e.Day), optional("startsAt", e.StartsAt), optional("endsAt", e.EndsAt),
			optionalText("timeZone", e.TimeZone), optionalText("visitType", e.VisitType), optionalText("serviceCode", e.ServiceCode)); err != nil {
			return err
		}
		return visit(e.VisitType)
	}
	return unknownType()
}
