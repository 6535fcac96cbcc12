package processors_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

func envelope(body string) events.Envelope {
	subject := events.ID("p1")
	return events.Envelope{
		ID: "e1", Type: "Clinic-Recorded-Visit", TypeVersion: 1, Key: "p1", EventSubject: &subject, TransactionID: "t1", UserID: "u1", At: 4711,
		TransactionType: "UPDATE", SourceSystem: "ehr", Synthetic: true, Tags: []string{"a", "b"}, Publisher: "clinic", ReceivedAt: 4712, Digest: "d",
		Extensions: map[string]string{"region": "west", "clerk": "Ann", "m4711": "x", "publisher": "m4711"}, Body: events.Body(body),
	}
}

func TestEnvelopes(t *testing.T) {
	in := envelope(`{"kind":"k"}`)
	out, err := mask().Envelope(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Key) != 64 || out.Key != *out.EventSubject || out.UserID != events.Redacted || out.Digest != "" || out.ID != "e1" || out.At != 4711 || !out.Synthetic || out.TransactionID != "t1" {
		t.Errorf("%#v", out)
	}
	if want := map[string]string{"region": "west", "clerk": events.Redacted, "redacted": events.Redacted, "redacted2": events.Redacted}; !maps.Equal(out.Extensions, want) {
		t.Errorf("extensions %v", out.Extensions)
	}
	if in.Extensions["clerk"] != "Ann" || *in.EventSubject != "p1" || in.Digest != "d" {
		t.Error("the event itself was changed")
	}
	out.Tags[0] = "changed"
	if in.Tags[0] != "a" {
		t.Error("the copy shares its tags with the event")
	}
	if out, err = mask("PHI", "PII").Envelope(in); err != nil || out.Key != "p1" || *out.EventSubject != "p1" || out.UserID != "u1" || out.Extensions["clerk"] != "Ann" || out.Digest != "" {
		t.Errorf("%#v, %v", out, err)
	}
	if out.Validate() != nil {
		t.Error(out.Validate())
	}
}

// One entity has one hashed key: for every reader and every type of one space
// whose key has the same class; another deployment has another.
func TestHashedKeysJoin(t *testing.T) {
	other := tables.EventType{Name: "other", Version: 1, KeyField: "/id", Fields: []tables.Field{{Pointer: "/id", Class: tables.ClassPHI}}}
	key := func(m *processors.Mask) events.ID {
		out, err := m.Envelope(envelope(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		return out.Key
	}
	if key(mask()) != key(mask("BANK")) || key(mask()) != key(maskOf(other)) {
		t.Error("the same entity has two keys")
	}
	other.Fields[0].Class = tables.ClassPII
	if key(mask()) == key(maskOf(other)) || key(mask()) == key(processors.NewMask(visit(), nil, []byte("another"))) {
		t.Error("keys join where they must not")
	}
	if _, err := processors.NewMask(visit(), nil, nil).Envelope(envelope(`{}`)); err == nil {
		t.Error("a key leaves that was hashed without a secret")
	}
}

// A team that publishes guesses as keys of a type of its own does not find
// their hashes among those of events that it may not see.
func TestHashedKeysCannotBeGuessed(t *testing.T) {
	hidden := tables.EventType{Name: "hidden", Version: 1, Owner: "claims-service", Topic: "claims.claim.submitted", KeyField: "/id", Fields: []tables.Field{{Pointer: "/id", Class: tables.ClassPHI}}}
	guess := hidden
	guess.Name, guess.Owner, guess.Topic = "guess", "attackers", ""
	other := hidden
	other.Owner, other.Topic = "members", ""
	ids, keys := map[string]bool{}, map[events.ID]bool{}
	for _, typ := range []tables.EventType{hidden, guess, other} {
		m := maskOf(typ)
		out, err := m.Envelope(envelope(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		ids[m.ID()], keys[out.Key] = true, true
	}
	if len(keys) != 3 || len(ids) != 3 {
		t.Errorf("%d hashes by %d masks of one key in three spaces", len(keys), len(ids))
	}
	own := guess
	own.Name = "guess-too"
	a, _ := maskOf(guess).Envelope(envelope(`{}`))
	if b, err := maskOf(own).Envelope(envelope(`{}`)); err != nil || a.Key != b.Key {
		t.Errorf("a team's own types do not join: %v", err)
	}
}

func TestKeysOfTypesWithoutKeyField(t *testing.T) {
	free := tables.EventType{Name: "free", Version: 1}
	e := envelope(`{}`)
	if out, err := maskOf(free).Envelope(e); err != nil || out.Key == "p1" || *out.EventSubject == "p1" {
		t.Errorf("a subject that nobody classified is seen: %#v, %v", out, err)
	}
	e.EventSubject, e.Key = nil, "t1"
	if out, err := maskOf(free).Envelope(e); err != nil || out.Key != "t1" || out.EventSubject != nil {
		t.Errorf("the transaction id is hashed: %#v, %v", out, err)
	}
	e.Key = "from somewhere"
	if out, err := maskOf(free).Envelope(e); err != nil || out.Key == e.Key {
		t.Errorf("a key of no known origin is seen: %#v, %v", out, err)
	}
	free.Metadata = []tables.Field{{Pointer: "subject", Class: tables.ClassPublic}}
	if out, err := maskOf(free).Envelope(envelope(`{}`)); err != nil || out.Key != "p1" || *out.EventSubject != "p1" {
		t.Errorf("%#v, %v", out, err)
	}
}

// A public key field does not give away what other metadata withhold.
func TestAKeyThatIsOtherMetadataToo(t *testing.T) {
	open := tables.EventType{Name: "open", Version: 1, KeyField: "/id", Fields: []tables.Field{{Pointer: "/id", Class: tables.ClassPublic}}}
	for _, name := range []string{"subject", "transactionId", "userId"} {
		e := envelope(`{}`)
		e.TransactionID, e.UserID = "p1", "p1"
		if name != "userId" {
			e.UserID = "u1"
		}
		if name != "transactionId" {
			e.TransactionID = "t1"
		}
		with := open
		with.Metadata = []tables.Field{{Pointer: name, Class: tables.ClassPII}}
		if out, err := maskOf(with).Envelope(e); err != nil || out.Key == "p1" {
			t.Errorf("%s: %#v, %v", name, out, err)
		}
	}
}

func TestMetadataByClass(t *testing.T) {
	strict := visit()
	for _, name := range slices.Sorted(maps.Keys(tables.MetadataClasses)) {
		strict.Metadata = append(strict.Metadata, tables.Field{Pointer: name, Class: tables.ClassPHI})
	}
	out, err := maskOf(strict).Envelope(envelope(`{}`))
	if err != nil || len(out.ID) != 64 || out.Type != events.Redacted || out.TransactionID != events.Redacted || out.TransactionType != events.Redacted ||
		out.SourceSystem != events.Redacted || out.Publisher != events.Redacted || !slices.Equal(out.Tags, []string{events.Redacted}) || out.At == 4711 || out.ReceivedAt == 4712 {
		t.Errorf("%#v, %v", out, err)
	}
	if out.Validate() != nil {
		t.Error(out.Validate())
	}
	if out, err = maskOf(strict, "PHI").Envelope(envelope(`{}`)); err != nil || out.ID != "e1" || out.At != 4711 || len(out.Tags) != 2 {
		t.Errorf("%#v, %v", out, err)
	}
}

func TestMasksThatShowTheSameAreOne(t *testing.T) {
	if mask().ID() != mask("SALARY").ID() || mask("PHI").ID() != mask("PHI", "PUBLIC", "").ID() {
		t.Error("a class that the type does not use makes another mask")
	}
	later := visit()
	later.Fields[0].Class = tables.ClassPHI
	if ids := []string{mask().ID(), mask("PHI").ID(), maskOf(later).ID(), processors.NewMask(visit(), nil, []byte("another")).ID()}; len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 4 {
		t.Error("masks that show different things have one id")
	}
}

// A copy that is redacted again, as for an application that may see less,
// keeps the hashes that it has.
func TestCopiesAreRedactedAgain(t *testing.T) {
	strict := visit()
	strict.Metadata = append(strict.Metadata, tables.Field{Pointer: "id", Class: tables.ClassPHI}, tables.Field{Pointer: "tags", Class: tables.ClassPHI}, tables.Field{Pointer: "time", Class: tables.ClassPHI})
	for name, m := range map[string]*processors.Mask{"nothing": maskOf(strict), "all": maskOf(strict, "PHI", "PII", "BANK"), "some": mask("PII")} {
		once, err := m.Envelope(envelope(`{"kind":"k","patient":{"id":"1"},"x":1}`))
		if err != nil {
			t.Fatal(err)
		}
		twice, err := m.Envelope(once)
		if err != nil || !reflect.DeepEqual(once, twice) {
			t.Errorf("%s: %#v\nbecame %#v, %v", name, once, twice, err)
		}
	}
	forged := envelope(`{}`)
	forged.Key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	if out, err := mask().Envelope(forged); err != nil || out.Key == forged.Key {
		t.Errorf("a key that looks hashed is seen: %v", err)
	}
}
