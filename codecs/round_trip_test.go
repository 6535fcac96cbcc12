package codecs_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// drawn fills a value with whatever its Go type can hold and its schema can write.
func drawn[T any](t *rapid.T) T {
	var v T
	draw(t, reflect.ValueOf(&v).Elem(), "value")
	return v
}

var symbols = map[string][]string{
	"RecordedBy": {events.RecordedByBilling, events.RecordedByClaims, events.RecordedByUnknown},
}

func draw(t *rapid.T, v reflect.Value, name string) {
	switch v.Interface().(type) {
	case events.Money:
		v.SetInt(rapid.Int64Range(-int64(events.MaxMoney), int64(events.MaxMoney)).Draw(t, name))
		return
	case []byte:
		if rapid.Bool().Draw(t, name+" is null") {
			return
		}
		v.SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, name))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(-1, 40, -1).Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int32:
		v.SetInt(int64(rapid.Int32().Draw(t, name)))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name+" is null") {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		draw(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, name+" length"), 3))
		for i := range v.Len() {
			draw(t, v.Index(i), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("no way to draw a %s", v.Type())
	}
}

// enums gives the enum fields of a drawn event one of their symbols.
func enums[T any](t *rapid.T, v T, types ...events.Type) T {
	s := reflect.ValueOf(&v).Elem()
	if f := s.FieldByName("Type"); f.IsValid() {
		f.SetString(string(rapid.SampledFrom(append(types, events.TypeUnknown)).Draw(t, "type")))
	}
	if f := s.FieldByName("RecordedBy"); f.IsValid() {
		f.SetString(rapid.SampledFrom(symbols["RecordedBy"]).Draw(t, "by"))
	}
	return v
}

func roundTrip[T any](t *testing.T, topic string, change func(*rapid.T, T) T) {
	t.Helper()
	memory := &codecs.Memory{}
	serde, generic := bind[T](t, topic, memory), codecs.NewGeneric(memory)
	rapid.Check(t, func(t *rapid.T) {
		v := change(t, drawn[T](t))
		b, err := serde.Encode(v)
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		back, err := serde.Decode(b)
		if err != nil || !reflect.DeepEqual(back, v) {
			t.Fatalf("%#v\ncame back as\n%#v, %v", v, back, err)
		}
		shown, err := generic.Decode(b)
		if err != nil || !json.Valid(shown) {
			t.Fatalf("shown as %s, %v", shown, err)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if _, err := serde.Decode(b[:cut]); err == nil {
			t.Fatalf("cut to %d of %d bytes it is read", cut, len(b))
		}
	})
}

func TestRoundTrips(t *testing.T) {
	t.Run("submitted", func(t *testing.T) {
		roundTrip(t, "claims.claim.submitted", func(t *rapid.T, e events.ClaimSubmitted) events.ClaimSubmitted {
			return enums(t, e, events.TypeClaimSubmitted)
		})
	})
	t.Run("adjudicated", func(t *testing.T) {
		roundTrip(t, "claims.claim.adjudicated", func(t *rapid.T, e events.ClaimAdjudicated) events.ClaimAdjudicated {
			return enums(t, e, events.TypeClaimApproved, events.TypeClaimDenied)
		})
	})
	t.Run("paid", func(t *testing.T) {
		roundTrip(t, "claims.claim.paid", func(t *rapid.T, e events.ClaimPaid) events.ClaimPaid { return enums(t, e, events.TypeClaimPaid) })
	})
	t.Run("appeal", func(t *testing.T) {
		roundTrip(t, "claims.appeal.resolved", func(t *rapid.T, e events.AppealResolved) events.AppealResolved {
			return enums(t, e, events.TypeAppealResolved)
		})
	})
	t.Run("reconsideration", func(t *testing.T) {
		roundTrip(t, "claims.appeal.updated", func(t *rapid.T, e events.AppealUpdated) events.AppealUpdated {
			return enums(t, e, events.TypeReconsiderationReceived, events.TypeReconsiderationDecided)
		})
	})
	t.Run("prior authorization", func(t *testing.T) {
		roundTrip(t, "claims.prior_auth.decision", func(t *rapid.T, e events.PriorAuthDecided) events.PriorAuthDecided {
			return enums(t, e, events.TypePriorAuthApproved, events.TypePriorAuthDenied)
		})
	})
	t.Run("item", func(t *testing.T) {
		roundTrip(t, "edi.inbound.received", func(t *rapid.T, e events.EDIInbound) events.EDIInbound { return enums(t, e, events.TypeEDI837Received) })
	})
	t.Run("listed", func(t *testing.T) {
		roundTrip(t, "claims-by-member.v1-claims-consumer-table", func(_ *rapid.T, e tables.ClaimByMember) tables.ClaimByMember { return e })
	})
	t.Run("row", func(t *testing.T) {
		roundTrip(t, tableTopic, func(_ *rapid.T, r tables.ClaimStatus) tables.ClaimStatus { return r })
	})
	t.Run("dead letter", func(t *testing.T) {
		roundTrip(t, "dlq", func(_ *rapid.T, d codecs.DeadLetter) codecs.DeadLetter { return d })
	})
}

// Equal events have equal digests and equal bytes, others have others.
func TestDigestsAreCanonical(t *testing.T) {
	serde := bind[events.ClaimAdjudicated](t, "claims.claim.adjudicated", &codecs.Memory{})
	rapid.Check(t, func(t *rapid.T) {
		a := enums(t, drawn[events.ClaimAdjudicated](t), events.TypeClaimApproved)
		b := a
		if rapid.Bool().Draw(t, "another") {
			b = enums(t, drawn[events.ClaimAdjudicated](t), events.TypeClaimDenied)
		}
		equal := reflect.DeepEqual(a, b)
		if same := digestOf(t, serde, a) == digestOf(t, serde, b); same != equal {
			t.Fatalf("equal: %v, same digest: %v\n%#v\n%#v", equal, same, a, b)
		}
	})
}

func digestOf[T any](t *rapid.T, serde topology.Serde[T], v T) string {
	d, err := serde.Digest(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(d)
}
