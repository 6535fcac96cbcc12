package codecs_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// typedEvent reads the JSON body of an event type, and the value of its topic,
// as the Go type that it has.
type typedEvent struct {
	read   func(body []byte) (topology.Event, error)
	decode func(t testing.TB, topic string, memory *codecs.Memory, value []byte) (topology.Event, error)
}

var typedEvents = map[string]typedEvent{
	"CLAIM_SUBMITTED": typedAs[events.ClaimSubmitted](),
	"CLAIM_APPROVED":  typedAs[events.ClaimAdjudicated](),
	"CLAIM_DENIED":    typedAs[events.ClaimAdjudicated](),
	"CLAIM_PAID":      typedAs[events.ClaimPaid](),
	"APPEAL_RESOLVED": typedAs[events.AppealResolved](),

	"RECONSIDERATION_RECEIVED":       typedAs[events.AppealUpdated](),
	"RECONSIDERATION_IN_REVIEW":      typedAs[events.AppealUpdated](),
	"RECONSIDERATION_INFO_REQUESTED": typedAs[events.AppealUpdated](),
	"RECONSIDERATION_DECIDED":        typedAs[events.AppealUpdated](),

	"PRIOR_AUTH_APPROVED": typedAs[events.PriorAuthDecided](),
	"PRIOR_AUTH_DENIED":   typedAs[events.PriorAuthDecided](),
	"EDI_837_RECEIVED":    typedAs[events.EDIInbound](),
	"EDI_834_RECEIVED":    typedAs[events.EDIInbound](),
	"EDI_270_RECEIVED":    typedAs[events.EDIInbound](),
	"EDI_835_GENERATED":   typedAs[events.EDIOutbound](),
	"EDI_834_GENERATED":   typedAs[events.EDIOutbound](),
	"EDI_271_GENERATED":   typedAs[events.EDIOutbound](),

	"AVAILABILITY_OFFERED":           typedAs[events.Availability](),
	"AVAILABILITY_WITHDRAWN":         typedAs[events.Availability](),
	"AVAILABILITY_BOOKED":            typedAs[events.Availability](),
	"AVAILABILITY_RELEASED":          typedAs[events.Availability](),
	"SLOT_BOOKING_REQUESTED":         typedAs[events.SlotRequest](),
	"SLOT_CANCELLATION_REQUESTED":    typedAs[events.SlotRequest](),
	"SLOT_BOOKING_CONFIRMED":         typedAs[events.SlotReply](),
	"SLOT_BOOKING_REJECTED":          typedAs[events.SlotReply](),
	"SLOT_BOOKING_REVOKED":           typedAs[events.SlotReply](),
	"SLOT_CANCELLATION_CONFIRMED":    typedAs[events.SlotReply](),
	"SLOT_CANCELLATION_REJECTED":     typedAs[events.SlotReply](),
	"BOOKING_REQUESTED":              typedAs[events.BookingRequest](),
	"BOOKING_CANCELLATION_REQUESTED": typedAs[events.BookingRequest](),
	"BOOKING_CONFIRMED":              typedAs[events.Booking](),
	"BOOKING_COVERED":                typedAs[events.CoveredBooking](),
	"BOOKING_COVERAGE_WITHDRAWN":     typedAs[events.CoveredBooking](),
	"ONSITE_BOOKING_COVERED":         typedAs[events.OnsiteBooking](),
	"ONSITE_BOOKING_WITHDRAWN":       typedAs[events.OnsiteBooking](),
	"BOOKING_CANCELLED":              typedAs[events.Booking](),
	"PROVIDER_PROFILE_UPDATED":       typedAs[events.ProviderProfile](),
	"PATIENT_PROFILE_UPDATED":        typedAs[events.PatientProfile](),

	"COVERAGE_VERIFIED":       typedAs[events.CoverageVerified](),
	"COVERAGE_NOT_FOUND":      typedAs[events.CoverageVerified](),
	"COVERAGE_TERMINATED":     typedAs[events.CoverageTerminated](),
	"ENROLLMENT_ACTIVATED":    typedAs[events.EnrollmentActivated](),
	"ENROLLMENT_TERMINATED":   typedAs[events.EnrollmentTerminated](),
	"ENROLLMENT_PLAN_CHANGED": typedAs[events.EnrollmentPlanChanged](),
	"CREDENTIALING_APPROVED":  typedAs[events.CredentialingChanged](),
	"CREDENTIALING_DENIED":    typedAs[events.CredentialingChanged](),
	"CREDENTIALING_EXPIRED":   typedAs[events.CredentialingChanged](),
	"CREDENTIALING_SUSPENDED": typedAs[events.CredentialingChanged](),
	"NETWORK_UPDATED":         typedAs[events.NetworkUpdated](),
}

func typedAs[E topology.Event]() typedEvent {
	return typedEvent{
		read: func(body []byte) (topology.Event, error) {
			var e E
			err := json.Unmarshal(body, &e)
			return e, err
		},
		decode: func(t testing.TB, topic string, memory *codecs.Memory, value []byte) (topology.Event, error) {
			return bind[E](t, topic, memory).Decode(value)
		},
	}
}

// Validate, which guards what services write as Avro, requires what the JSON
// Schema requires at the doors: of each field that Avro can leave out or leave
// empty, both refuse the lack, at the same pointer.
func TestValidateAgreesWithTheJSONSchema(t *testing.T) {
	for eventType, typed := range typedEvents {
		x := exampleOf(t, eventType)
		record := filesRecord(t, filesAvro+"/"+topicsByType(t)[eventType]+".avsc")
		for _, f := range record.Fields() {
			if x.full[f.Name()] == nil {
				continue
			}
			required := slices.Contains(x.required, f.Name())
			e, err := typed.read(doc(t, x.full))
			if err != nil {
				t.Fatalf("%s: %v", eventType, err)
			}
			lacking, can := emptied(t, e, f.Name())
			if !can {
				if f.HasDefault() || !required {
					t.Errorf("%s.%s: Avro may leave it out and Go cannot tell", eventType, f.Name())
				}
				continue
			}
			_, faults := codecs.CheckBody(doc(t, without(x.full, f.Name())))
			fault := lacking.Validate()
			if !required {
				if len(faults) != 0 || fault != nil {
					t.Errorf("%s without %s: the door says %+v, Validate %v", eventType, f.Name(), faults, fault)
				}
				continue
			}
			var got *events.Fault
			if !errors.As(fault, &got) || len(faults) != 1 || got.At != faults[0].At || got.At != "/"+f.Name() {
				t.Errorf("%s without %s: the door says %+v, Validate %v", eventType, f.Name(), faults, fault)
			}
		}
		if e, err := typed.read(doc(t, x.least)); err != nil || e.Validate() != nil {
			t.Errorf("%s with what is required only: %v, %v", eventType, err, e.Validate())
		}
	}
}

// emptied is the event with one field nil or empty; can is false for a field
// that has no such value in Go.
func emptied(t *testing.T, e topology.Event, name string) (out topology.Event, can bool) {
	t.Helper()
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag != name {
			continue
		}
		if avroName := v.Type().Field(i).Tag.Get("avro"); avroName != name {
			t.Errorf("%s is %s in Avro", name, avroName)
		}
		if k := v.Field(i).Kind(); k != reflect.Pointer && k != reflect.String && k != reflect.Slice {
			return nil, false
		}
		v.Field(i).SetZero()
		return v.Interface().(topology.Event), true
	}
	t.Fatalf("%T has no field %s", e, name)
	return nil, false
}

// The same body reaches a fold as the same event, by the typed JSON of Go and
// by Avro.
func TestJSONAndAvroAreOneEvent(t *testing.T) {
	sameEvent[events.ClaimSubmitted](t, "CLAIM_SUBMITTED")
	sameEvent[events.ClaimAdjudicated](t, "CLAIM_APPROVED")
	sameEvent[events.ClaimAdjudicated](t, "CLAIM_DENIED")
	sameEvent[events.ClaimPaid](t, "CLAIM_PAID")
	sameEvent[events.AppealResolved](t, "APPEAL_RESOLVED")
	sameEvent[events.AppealUpdated](t, "RECONSIDERATION_RECEIVED")
	sameEvent[events.AppealUpdated](t, "RECONSIDERATION_IN_REVIEW")
	sameEvent[events.AppealUpdated](t, "RECONSIDERATION_INFO_REQUESTED")
	sameEvent[events.AppealUpdated](t, "RECONSIDERATION_DECIDED")
	sameEvent[events.PriorAuthDecided](t, "PRIOR_AUTH_APPROVED")
	sameEvent[events.PriorAuthDecided](t, "PRIOR_AUTH_DENIED")
	sameEvent[events.EDIInbound](t, "EDI_837_RECEIVED")
	sameEvent[events.EDIInbound](t, "EDI_834_RECEIVED")
	sameEvent[events.EDIInbound](t, "EDI_270_RECEIVED")
	sameEvent[events.EDIOutbound](t, "EDI_835_GENERATED")
	sameEvent[events.EDIOutbound](t, "EDI_834_GENERATED")
	sameEvent[events.EDIOutbound](t, "EDI_271_GENERATED")
	sameEvent[events.Availability](t, "AVAILABILITY_OFFERED")
	sameEvent[events.SlotRequest](t, "SLOT_BOOKING_REQUESTED")
	sameEvent[events.SlotReply](t, "SLOT_BOOKING_CONFIRMED")
	sameEvent[events.CoveredBooking](t, "BOOKING_COVERAGE_WITHDRAWN")
	sameEvent[events.OnsiteBooking](t, "ONSITE_BOOKING_WITHDRAWN")
	sameEvent[events.SlotReply](t, "SLOT_BOOKING_REJECTED")
	sameEvent[events.BookingRequest](t, "BOOKING_REQUESTED")
	sameEvent[events.Booking](t, "BOOKING_CANCELLED")
	sameEvent[events.ProviderProfile](t, "PROVIDER_PROFILE_UPDATED")
	sameEvent[events.PatientProfile](t, "PATIENT_PROFILE_UPDATED")
	sameEvent[events.CoverageVerified](t, "COVERAGE_VERIFIED")
	sameEvent[events.CoverageVerified](t, "COVERAGE_NOT_FOUND")
	sameEvent[events.CoverageTerminated](t, "COVERAGE_TERMINATED")
	sameEvent[events.EnrollmentActivated](t, "ENROLLMENT_ACTIVATED")
	sameEvent[events.EnrollmentTerminated](t, "ENROLLMENT_TERMINATED")
	sameEvent[events.EnrollmentPlanChanged](t, "ENROLLMENT_PLAN_CHANGED")
	for _, status := range []string{"APPROVED", "DENIED", "EXPIRED", "SUSPENDED"} {
		sameEvent[events.CredentialingChanged](t, "CREDENTIALING_"+status)
	}
	sameEvent[events.NetworkUpdated](t, "NETWORK_UPDATED")
}

func sameEvent[E topology.Event](t *testing.T, eventType string) {
	t.Helper()
	x, topic := exampleOf(t, eventType), topicsByType(t)[eventType]
	checked, faults := codecs.CheckBody(doc(t, x.full))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	memory := &codecs.Memory{}
	value, err := codecs.NewBodies(memory).Encode(topology.Topic{Name: topic, MaxMessageBytes: 1 << 20}, checked)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bind[E](t, topic, memory).Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	want, err := typedEvents[eventType].read(doc(t, x.full))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(any(got), any(want)) {
		t.Errorf("%s: Avro %#v\nJSON %#v", eventType, got, want)
	}
}
