package codecs_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
)

func TestFrame(t *testing.T) {
	b := codecs.Frame(0x01020304, []byte("body"))
	if !bytes.Equal(b, []byte("\x00\x01\x02\x03\x04body")) {
		t.Errorf("% x", b)
	}
	if id, body, err := codecs.Unframe(b); id != 0x01020304 || string(body) != "body" || err != nil {
		t.Errorf("%d, %q, %v", id, body, err)
	}
	for _, b := range []string{"", "\x00", "\x00\x00\x00\x00", "\x01\x00\x00\x00\x01body", "{\"a\":1}"} {
		_, _, err := codecs.Unframe([]byte(b))
		wantFault(t, fmt.Sprintf("%q", b), err, codecs.BadFrame)
	}
}

// A valid value that ends early, at whichever byte, is refused, and so is one
// that goes on.
func TestEveryTruncationIsRefused(t *testing.T) {
	for _, c := range wireCases() {
		golden := c.golden(t)
		known := &registry{texts: map[int]string{c.version: published(t, c.subject(), c.version)}}
		generic := codecs.NewGeneric(known)
		if _, err := generic.Decode(golden); err != nil {
			t.Fatalf("%s: %v", c.subject(), err)
		}
		for n := range len(golden) {
			what := fmt.Sprintf("%s cut to %d of %d bytes", c.subject(), n, len(golden))
			_, err := c.codec.decode(t, known, c.topic, golden[:n])
			wantFault(t, what, err, codecs.BadFrame, codecs.BadAvro)
			_, err = generic.Decode(golden[:n])
			wantFault(t, what+", to JSON", err, codecs.BadFrame, codecs.BadAvro)
		}
		for _, more := range []string{"\x00", "\xff", canary, string(golden)} {
			what := fmt.Sprintf("%s and %d bytes", c.subject(), len(more))
			longer := append(bytes.Clone(golden), more...)
			_, err := c.codec.decode(t, known, c.topic, longer)
			wantFault(t, what, err, codecs.TrailingBytes)
			_, err = generic.Decode(longer)
			wantFault(t, what+", to JSON", err, codecs.TrailingBytes)
		}
		_, err := c.codec.decode(t, known, c.topic, append([]byte{1}, golden[1:]...))
		wantFault(t, "another magic byte", err, codecs.BadFrame)
		_, err = c.codec.decode(t, known, c.topic, codecs.Frame(99, golden[5:]))
		wantFault(t, "an unknown schema id", err, codecs.UnknownSchema)
	}
}

// What a decoder returns beside an error is nothing of what it read.
func TestRefusedValuesAreEmpty(t *testing.T) {
	for _, c := range wireCases() {
		golden := c.golden(t)
		known := &registry{texts: map[int]string{c.version: published(t, c.subject(), c.version)}}
		got, err := c.codec.decode(t, known, c.topic, golden[:len(golden)-1])
		if err == nil || !reflect.ValueOf(got).IsZero() {
			t.Errorf("%s: %v beside %v", c.subject(), got, err)
		}
	}
}

// An array that the reader's schema has not is stepped over by what is in it,
// not by the size that its block claims.
func TestFieldsThatAreStepped(t *testing.T) {
	text := published(t, "claims.claim.paid-value", 2)
	extended := strings.Replace(text, `"fields": [`, `"fields": [{"name":"more","type":{"type":"array","items":"string"},"default":[]},`, 1)
	serde := bind[events.ClaimPaid](t, "claims.claim.paid", &registry{texts: map[int]string{7: extended}})
	golden := wireCases()[4].golden(t)[5:]
	for name, c := range map[string]struct {
		more string
		ok   bool
	}{
		"empty":               {varint(0), true},
		"two":                 {varint(2) + "\x02a\x02b" + varint(0), true},
		"two with their size": {varint(-2) + varint(4) + "\x02a\x02b" + varint(0), true},
		"a size too large":    {varint(-2) + varint(5) + "\x02a\x02b" + varint(0), false},
		"a size too small":    {varint(-2) + varint(2) + "\x02a\x02b" + varint(0), false},
		// Stepped over by its size, the text ends where another value begins.
		"a value in a text":     {varint(-1) + varint(2) + varint(int64(len(golden)+1)) + varint(0) + string(golden) + varint(0), false},
		"a size beyond the end": {varint(-2) + varint(1<<40) + "\x02a\x02b" + varint(0), false},
	} {
		got, err := serde.Decode(codecs.Frame(7, append([]byte(c.more), golden...)))
		if c.ok {
			if err != nil || !reflect.DeepEqual(got, wirePaid()) {
				t.Errorf("%s: %#v, %v", name, got, err)
			}
			continue
		}
		wantFault(t, name, err, codecs.BadAvro, codecs.TrailingBytes)
	}
}

func TestAmountsThatAreNone(t *testing.T) {
	memory := &codecs.Memory{}
	serde := bind[events.ClaimPaid](t, "claims.claim.paid", memory)
	value, err := serde.Encode(wirePaid())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"-144.5", canary, "1e3", "", "10000000000000000.00"} {
		bad := bytes.Replace(value, []byte(varint(7)+"-144.05"), []byte(varint(int64(len(text)))+text), 1)
		if bytes.Equal(bad, value) {
			t.Fatal("nothing changed")
		}
		_, err := serde.Decode(bad)
		wantFault(t, text, err, codecs.BadAvro)
	}
	beyond := wirePaid()
	beyond.PaidAmount = events.MaxMoney + 1
	_, err = serde.Encode(beyond)
	wantFault(t, "an amount that no reader takes", err, codecs.BadAvro)
	unknown := wirePaid()
	unknown.RecordedBy = canary
	_, err = serde.Encode(unknown)
	wantFault(t, "a symbol that the schema has not", err, codecs.BadAvro)
}

// A value of the limit passes both ways; one byte more passes neither.
func TestLimits(t *testing.T) {
	memory := &codecs.Memory{}
	e := wireSubmitted()
	value, err := bind[events.ClaimSubmitted](t, "claims.claim.submitted", memory).Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	for limit, ok := range map[int]bool{len(value): true, len(value) - 1: false} {
		serde, err := codecs.NewAvro[events.ClaimSubmitted]("claims.claim.submitted", limit).Bind(memory, "claims.claim.submitted")
		if err != nil {
			t.Fatal(err)
		}
		_, errEncode := serde.Encode(e)
		_, errDecode := serde.Decode(value)
		if ok {
			if errEncode != nil || errDecode != nil {
				t.Errorf("at the limit: %v, %v", errEncode, errDecode)
			}
			continue
		}
		wantFault(t, "to write", errEncode, codecs.TooLarge)
		wantFault(t, "to read", errDecode, codecs.TooLarge)
	}
}

// The largest EDI record passes through its dead letter.
func TestDeadLettersOfLargeRecords(t *testing.T) {
	serde, err := codecs.DeadLetters.Bind(&codecs.Memory{}, "edi.inbound.received.dlq")
	if err != nil {
		t.Fatal(err)
	}
	d := wireDeadLetter()
	d.OriginalPayload = bytes.Repeat([]byte("ISA*00*"), 10<<20/7)
	value, err := serde.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := serde.Decode(value); err != nil || !reflect.DeepEqual(back, d) {
		t.Errorf("%d bytes back, %v", len(back.OriginalPayload), err)
	}
	d.OriginalPayload = make([]byte, 21<<20)
	_, err = serde.Encode(d)
	wantFault(t, "a dead letter beyond every limit", err, codecs.TooLarge)
}

// Null and empty are two things in a dead letter: a tombstone is not a record
// of no bytes.
func TestDeadLettersKeepNullApartFromEmpty(t *testing.T) {
	serde, err := codecs.DeadLetters.Bind(&codecs.Memory{}, "a.dlq")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []codecs.DeadLetter{
		{OriginalKey: nil, OriginalPayload: []byte{}, OriginalHeaders: []codecs.DLQHeader{{Key: "null"}}},
		{OriginalKey: []byte{}, OriginalPayload: nil, OriginalHeaders: []codecs.DLQHeader{{Key: "empty", Value: []byte{}}}},
	} {
		value, err := serde.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := serde.Decode(value); err != nil || !reflect.DeepEqual(back, d) {
			t.Errorf("%#v came back as %#v, %v", d, back, err)
		}
	}
}
