package booking

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/events"
)

type patientInput struct {
	Sent
	ID   string `path:"memberId" maxLength:"255" doc:"Member"`
	Body struct {
		GivenName  string    `json:"givenName" minLength:"1" maxLength:"100"`
		FamilyName string    `json:"familyName" minLength:"1" maxLength:"100"`
		TimeZone   string    `json:"timeZone" minLength:"1" maxLength:"64" doc:"IANA time zone that the member lives in" example:"America/Chicago"`
		BirthDate  string    `json:"birthDate,omitempty" format:"date" doc:"yyyy-mm-dd"`
		PlanID     *string   `json:"planId,omitempty" minLength:"1" maxLength:"255" doc:"Plan, by the member's own account"`
		Phone      *string   `json:"phone,omitempty" minLength:"1" maxLength:"64"`
		Email      *string   `json:"email,omitempty" minLength:"1" maxLength:"254"`
		UpdatedAt  time.Time `json:"updatedAt,omitzero" doc:"When the profile became so; now where it is absent"`
	}
}

func (d *Door) registerPatients(api huma.API) {
	huma.Register(api, operation("put-patient", http.MethodPut, "/v1/patients/{memberId}", "Tell who a patient is",
		"The whole profile. The newest one counts."), d.putPatient)
}

func (d *Door) putPatient(ctx context.Context, in *patientInput) (*accepted, error) {
	at, err := d.when(in.Sent, in.Body.UpdatedAt, "body.updatedAt")
	if err != nil {
		return nil, err
	}
	b := in.Body
	if _, err := zone(b.TimeZone); err != nil {
		return nil, err
	}
	e := events.PatientProfile{Type: events.TypePatientProfileUpdated, SchemaVersion: schemaVersion, MemberID: events.ID(in.ID), GivenName: events.Text(b.GivenName),
		FamilyName: events.Text(b.FamilyName), TimeZone: b.TimeZone, UpdatedAt: at, PlanID: (*events.ID)(b.PlanID), Phone: (*events.Text)(b.Phone), Email: (*events.Text)(b.Email)}
	if b.BirthDate != "" {
		var born events.Date
		if born.UnmarshalText([]byte(b.BirthDate)) != nil || born > events.DateOf(at.Time()) {
			return nil, fault(events.InvalidValue, "body.birthDate", "must be a day that has been, yyyy-mm-dd")
		}
		e.BirthDate = &born
	}
	return d.publish(ctx, in.Sent, in.ID, patientPath(in.ID), "body.updatedAt", at, e.Type, e)
}
