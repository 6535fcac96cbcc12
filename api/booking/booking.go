package booking

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

type bookInput struct {
	Sent
	Body struct {
		BookingID      string    `json:"bookingId,omitempty" maxLength:"255" doc:"Id of the booking; made where it is absent"`
		AvailabilityID string    `json:"availabilityId" minLength:"1" maxLength:"255" doc:"Slot that is wanted"`
		MemberID       string    `json:"memberId" minLength:"1" maxLength:"255" doc:"Member the booking is for"`
		PlanID         *string   `json:"planId,omitempty" minLength:"1" maxLength:"255" doc:"Plan that the member wants to use"`
		ServiceCode    *string   `json:"serviceCode,omitempty" minLength:"1" maxLength:"32" doc:"Service that is wanted; the slot's first where it is absent"`
		RequestedAt    time.Time `json:"requestedAt,omitzero" doc:"When it was asked for; now where it is absent"`
	}
}

type cancelInput struct {
	Sent
	ID   string `path:"bookingId" maxLength:"255" doc:"Booking"`
	Body struct {
		MemberID    string    `json:"memberId" minLength:"1" maxLength:"255" doc:"Member the booking is for"`
		Reason      string    `json:"reason,omitempty" maxLength:"1000" doc:"Why, in words"`
		RequestedAt time.Time `json:"requestedAt,omitzero" doc:"When it was asked for; now where it is absent"`
	}
}

func (d *Door) registerBookings(api huma.API) {
	huma.Register(api, operation("request-booking", http.MethodPost, "/v1/bookings", "Ask for a slot",
		"The answer says that the wish is known. Whether the member has the slot is seen at location: REQUESTED, then CONFIRMED, REJECTED with a reason, or TIMED_OUT."), d.book)
	huma.Register(api, operation("cancel-booking", http.MethodPost, "/v1/bookings/{bookingId}/cancellation", "Cancel a booking",
		"For good. The slot is open again."), d.cancel)
}

func (d *Door) book(ctx context.Context, in *bookInput) (*accepted, error) {
	at, err := d.when(in.Sent, in.Body.RequestedAt, "body.requestedAt")
	if err != nil {
		return nil, err
	}
	b := in.Body
	id := newID(ctx, in.Sent, b.BookingID, "booking")
	slot := events.ID(b.AvailabilityID)
	e := events.BookingRequest{Type: events.TypeBookingRequested, SchemaVersion: schemaVersion, BookingID: events.ID(id), MemberID: events.ID(b.MemberID), RequestedAt: at,
		AvailabilityID: &slot, PlanID: (*events.ID)(b.PlanID), ServiceCode: b.ServiceCode}
	return d.publish(ctx, in.Sent, id, bookingPath(id), "body.requestedAt", at, e.Type, e)
}

func (d *Door) cancel(ctx context.Context, in *cancelInput) (*accepted, error) {
	if err := mayPublish(ctx, events.TypeBookingCancellationRequested); err != nil {
		return nil, err
	}
	at, err := d.when(in.Sent, in.Body.RequestedAt, "body.requestedAt")
	if err != nil {
		return nil, err
	}
	if err := d.cancellable(ctx, in); err != nil {
		return nil, err
	}
	e := events.BookingRequest{Type: events.TypeBookingCancellationRequested, SchemaVersion: schemaVersion, BookingID: events.ID(in.ID), MemberID: events.ID(in.Body.MemberID), RequestedAt: at}
	if in.Body.Reason != "" {
		e.ReasonText = (*events.Text)(&in.Body.Reason)
	}
	return d.publish(ctx, in.Sent, in.ID, bookingPath(in.ID), "body.requestedAt", at, e.Type, e)
}

// cancellable tells who may see bookings at once what the topology would say.
// What it does not know here and now, the topology decides.
func (d *Door) cancellable(ctx context.Context, in *cancelInput) error {
	if p, ok := access.From(ctx); !ok || !p.MayRead(topologies.MemberBookings.View.Name) {
		return nil
	}
	row, unread := read[tables.Booking](ctx, d, topologies.MemberBookings.View.Name, in.ID, in.Synthetic)
	switch {
	case unread != nil && unread.Status == http.StatusNotFound:
		return problem.New(http.StatusNotFound, processors.BookingUnknown, "nobody has made this booking")
	case unread != nil:
		return nil //nolint:nilerr // the topology decides
	case row.MemberID != events.ID(in.Body.MemberID):
		return problem.New(http.StatusForbidden, processors.BookingOfAnother, "the booking is another member's")
	case row.Closed() && in.Key == "":
		return problem.New(http.StatusConflict, processors.AlreadyClosed, "the booking is over already")
	}
	return nil
}
