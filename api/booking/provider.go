package booking

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/events"
	"payerflow/tables"
	"payerflow/topologies"
)

type profileInput struct {
	Sent
	ID   string `path:"providerId" maxLength:"255" doc:"Provider"`
	Body struct {
		ProviderName string    `json:"providerName" minLength:"1" maxLength:"200" doc:"Name, as people look for it"`
		Specialty    string    `json:"specialty" minLength:"1" maxLength:"100" doc:"What the provider is specialized in" example:"Cardiology"`
		Place        string    `json:"place" minLength:"1" maxLength:"100" doc:"Where it works, such as a town" example:"Springfield"`
		TimeZone     string    `json:"timeZone" minLength:"1" maxLength:"64" doc:"IANA time zone of the place" example:"America/Chicago"`
		NPI          *string   `json:"npi,omitempty" pattern:"^[0-9]{10}$" doc:"National Provider Identifier"`
		Phone        *string   `json:"phone,omitempty" minLength:"1" maxLength:"64"`
		Email        *string   `json:"email,omitempty" minLength:"1" maxLength:"254"`
		UpdatedAt    time.Time `json:"updatedAt,omitzero" doc:"When the profile became so; now where it is absent"`
	}
}

type offerInput struct {
	Sent
	ID   string `path:"providerId" maxLength:"255" doc:"Provider"`
	Body struct {
		AvailabilityID string    `json:"availabilityId,omitempty" maxLength:"255" doc:"Id of the slot; made where it is absent"`
		StartsAt       time.Time `json:"startsAt" doc:"When the slot begins, with the offset that the time zone has then" example:"2026-03-02T08:00:00-06:00"`
		EndsAt         time.Time `json:"endsAt" doc:"When it ends: within 24 hours"`
		ServiceCodes   []string  `json:"serviceCodes" minItems:"1" maxItems:"50" doc:"Services that can be booked, CPT or HCPCS"`
		VisitType      string    `json:"visitType,omitempty" enum:"ON_SITE,REMOTE" default:"ON_SITE"`
		ProviderName   string    `json:"providerName,omitempty" maxLength:"200" doc:"As in the profile where it is absent"`
		Specialty      string    `json:"specialty,omitempty" maxLength:"100" doc:"As in the profile where it is absent"`
		Place          string    `json:"place,omitempty" maxLength:"100" doc:"As in the profile where it is absent"`
		TimeZone       string    `json:"timeZone,omitempty" maxLength:"64" doc:"As in the profile where it is absent"`
		ChangedAt      time.Time `json:"changedAt,omitzero" doc:"When it was offered; now where it is absent"`
	}
}

type withdrawInput struct {
	Sent
	ID        string    `path:"providerId" maxLength:"255" doc:"Provider"`
	Slot      string    `path:"availabilityId" maxLength:"255" doc:"Slot"`
	ChangedAt time.Time `query:"changedAt" doc:"When it was withdrawn; now where it is absent"`
}

func (d *Door) registerProviders(api huma.API) {
	huma.Register(api, operation("put-provider", http.MethodPut, "/v1/providers/{providerId}", "Tell who a provider is",
		"The whole profile. The newest one counts."), d.putProvider)
	huma.Register(api, operation("offer-availability", http.MethodPost, "/v1/providers/{providerId}/availability", "Offer a time, or change one that is not booked",
		"Name, specialty, place and time zone are those of the profile where they are absent. Times of one provider may overlap: each is booked by itself."), d.offer)
	huma.Register(api, operation("withdraw-availability", http.MethodDelete, "/v1/providers/{providerId}/availability/{availabilityId}", "Take a time back, for good",
		"A booking that has it is cancelled."), d.withdraw)
}

func (d *Door) putProvider(ctx context.Context, in *profileInput) (*accepted, error) {
	at, err := d.when(in.Sent, in.Body.UpdatedAt, "body.updatedAt")
	if err != nil {
		return nil, err
	}
	b := in.Body
	if _, err := zone(b.TimeZone); err != nil {
		return nil, err
	}
	e := events.ProviderProfile{Type: events.TypeProviderProfileUpdated, SchemaVersion: schemaVersion, ProviderID: events.ID(in.ID), ProviderName: events.Text(b.ProviderName),
		Specialty: b.Specialty, Place: b.Place, TimeZone: b.TimeZone, UpdatedAt: at, NPI: b.NPI, Phone: (*events.Text)(b.Phone), Email: (*events.Text)(b.Email)}
	return d.publish(ctx, in.Sent, in.ID, providerPath(in.ID), "body.updatedAt", at, e.Type, e)
}

func (d *Door) offer(ctx context.Context, in *offerInput) (*accepted, error) {
	if err := mayPublish(ctx, events.TypeAvailabilityOffered); err != nil {
		return nil, err
	}
	at, err := d.when(in.Sent, in.Body.ChangedAt, "body.changedAt")
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.ProviderName == "" || b.Specialty == "" || b.Place == "" || b.TimeZone == "" {
		profile, err := d.profile(ctx, in.ID, in.Synthetic)
		if err != nil {
			return nil, err
		}
		b.ProviderName, b.Specialty = cmp.Or(b.ProviderName, string(profile.ProviderName)), cmp.Or(b.Specialty, profile.Specialty)
		b.Place, b.TimeZone = cmp.Or(b.Place, profile.Place), cmp.Or(b.TimeZone, profile.TimeZone)
	}
	day, err := span(b.StartsAt, b.EndsAt, at.Time(), b.TimeZone)
	if err != nil {
		return nil, err
	}
	id := newID(ctx, in.Sent, b.AvailabilityID, "availability")
	e := events.Availability{Type: events.TypeAvailabilityOffered, SchemaVersion: schemaVersion, AvailabilityID: events.ID(id), ProviderID: events.ID(in.ID),
		ProviderName: events.Text(b.ProviderName), Specialty: b.Specialty, Place: b.Place, Day: day, StartsAt: events.InstantOf(b.StartsAt), EndsAt: events.InstantOf(b.EndsAt),
		TimeZone: b.TimeZone, VisitType: b.VisitType, ServiceCodes: b.ServiceCodes, State: events.SlotOpen, ChangedAt: at}
	return d.publish(ctx, in.Sent, id, slotPath(id), "body.changedAt", at, e.Type, e)
}

func (d *Door) withdraw(ctx context.Context, in *withdrawInput) (*accepted, error) {
	if err := mayPublish(ctx, events.TypeAvailabilityWithdrawn); err != nil {
		return nil, err
	}
	at, err := d.when(in.Sent, in.ChangedAt, "query.changedAt")
	if err != nil {
		return nil, err
	}
	slot, p := read[tables.Slot](ctx, d, topologies.ProviderSchedule.View.Name, in.Slot, in.Synthetic)
	if p != nil {
		return nil, p
	}
	if slot.Terms == nil || slot.Terms.ProviderID != events.ID(in.ID) {
		return nil, notFound("the provider has no such time")
	}
	t := slot.Terms
	e := events.Availability{Type: events.TypeAvailabilityWithdrawn, SchemaVersion: schemaVersion, AvailabilityID: slot.AvailabilityID, ProviderID: t.ProviderID,
		ProviderName: t.ProviderName, Specialty: t.Specialty, Place: t.Place, Day: t.Day, StartsAt: t.StartsAt, EndsAt: t.EndsAt, TimeZone: t.TimeZone,
		VisitType: t.VisitType, ServiceCodes: t.ServiceCodes, State: events.SlotWithdrawn, ChangedAt: at}
	return d.publish(ctx, in.Sent, in.Slot, slotPath(in.Slot), "query.changedAt", at, e.Type, e)
}
