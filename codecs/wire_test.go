package codecs_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

const wireFolder = "../testdata/wire"

// wireCase is one golden file: a value as a version of its schema writes it,
// framed with the version as schema id, and what it is read as today.
type wireCase struct {
	topic   string
	version int
	name    string // of the file, after the version
	value   any
	codec   anyCodec
}

// anyCodec is a codec without its type.
type anyCodec interface {
	decode(t testing.TB, s topology.Schemas, topic string, b []byte) (any, error)
	encode(t testing.TB, s topology.Schemas, topic string, v any) ([]byte, error)
}

type typed[T any] struct{}

func (typed[T]) serde(t testing.TB, s topology.Schemas, topic string) topology.Serde[T] {
	t.Helper()
	return bind[T](t, topic, s)
}

func (c typed[T]) decode(t testing.TB, s topology.Schemas, topic string, b []byte) (any, error) {
	return c.serde(t, s, topic).Decode(b)
}

func (c typed[T]) encode(t testing.TB, s topology.Schemas, topic string, v any) ([]byte, error) {
	return c.serde(t, s, topic).Encode(v.(T))
}

func wireCases() []wireCase {
	claims := []wireCase{
		{"claims.claim.submitted", 1, "", wireSubmittedFirst(), typed[events.ClaimSubmitted]{}},
		{"claims.claim.adjudicated", 1, "-approved", wireApproved(), typed[events.ClaimAdjudicated]{}},
		{"claims.claim.adjudicated", 1, "-denied", wireDenied(), typed[events.ClaimAdjudicated]{}},
		{"claims.claim.paid", 1, "", wirePaidFirst(), typed[events.ClaimPaid]{}},
		{"claims.claim.paid", 2, "", wirePaid(), typed[events.ClaimPaid]{}},
		{"claims.appeal.resolved", 1, "", wireAppeal(), typed[events.AppealResolved]{}},
		{"claims.appeal.updated", 1, "", wireReconsideration(), typed[events.AppealUpdated]{}},
		{tableTopic, 1, "", wireRowFirst(), typed[tables.ClaimStatus]{}},
		{"claims.claim.submitted", 2, "", wireSubmitted(), typed[events.ClaimSubmitted]{}},
		{"claims.prior_auth.decision", 1, "-approved", wirePriorAuthApproved(), typed[events.PriorAuthDecided]{}},
		{"claims.prior_auth.decision", 1, "-denied", wirePriorAuthDenied(), typed[events.PriorAuthDecided]{}},
		{"edi.inbound.received", 1, "", wire837(), typed[events.EDIInbound]{}},
		{"edi.outbound.generated", 1, "", wire835(), typed[events.EDIOutbound]{}},
		{"claim-edi.v1-claims-consumer-by-claim", 1, "", wireItem(), typed[events.ClaimEDI]{}},
		{"prior-auths.v1-claims-consumer-table", 1, "", wireAuth(), typed[tables.PriorAuth]{}},
		{"claims-by-provider.v1-claims-consumer-table", 1, "", wireListed(), typed[tables.ClaimByProvider]{}},
		{tableTopic, 2, "", wireRowSecond(), typed[tables.ClaimStatus]{}},
		{tableTopic, 3, "", wireRow(), typed[tables.ClaimStatus]{}},
		{"dlq", 1, "", wireDeadLetter(), typed[codecs.DeadLetter]{}},
	}
	return append(append(claims, wireBooking()...), wireCoverage()...)
}

func (c wireCase) subject() string { return c.topic + "-value" }
func (c wireCase) newest(t testing.TB) bool {
	_, err := os.Stat(filesVersionPath(c.subject(), c.version+1))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err != nil
}

// golden reads the file. UPDATE=1 writes one that is missing, by the published
// schema; it never changes one that is there, for those bytes lie in topics.
func (c wireCase) golden(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(wireFolder, c.subject(), string(rune('0'+c.version))+c.name+".hex")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("UPDATE") == "1" {
		schema, err := avro.ParseWithCache(published(t, c.subject(), c.version), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := avro.Marshal(schema, c.value)
		if err != nil {
			t.Fatal(err)
		}
		text = dump(codecs.Frame(c.version, body))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatalf("%v (UPDATE=1 writes a file that is missing)", err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

// dump writes hex, 32 bytes a line.
func dump(b []byte) []byte {
	var out bytes.Buffer
	for len(b) > 0 {
		n := min(32, len(b))
		out.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	return out.Bytes()
}

func TestGoldenBytesOfEveryVersion(t *testing.T) {
	for _, c := range wireCases() {
		t.Run(c.subject()+"/"+string(rune('0'+c.version))+c.name, func(t *testing.T) {
			golden := c.golden(t)
			known := &registry{texts: map[int]string{c.version: published(t, c.subject(), c.version)}}
			got, err := c.codec.decode(t, known, c.topic, golden)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.value) {
				t.Errorf("decoded %#v\nwant %#v", got, c.value)
			}
			if !c.newest(t) {
				return
			}
			b, err := c.codec.encode(t, &registry{}, c.topic, c.value)
			if err != nil {
				t.Fatal(err)
			}
			if _, body, _ := codecs.Unframe(b); !bytes.Equal(body, golden[5:]) {
				t.Errorf("encoded\n%s\nwant\n%s", dump(body), dump(golden[5:]))
			}
		})
	}
}

// Each published version of a subject that has a Go type has its golden file.
func TestEveryTypedVersionHasGoldenBytes(t *testing.T) {
	have := map[string]map[int]bool{}
	for _, c := range wireCases() {
		if have[c.subject()] == nil {
			have[c.subject()] = map[int]bool{}
		}
		have[c.subject()][c.version] = true
	}
	for subject, versions := range have {
		for _, version := range filesVersions(t, subject) {
			if !versions[version] {
				t.Errorf("%s: version %d has no golden bytes", subject, version)
			}
		}
	}
}

// Each optional field of the golden values is set somewhere, so that no field
// can change its place or its form unseen.
func TestGoldenValuesSetEveryField(t *testing.T) {
	set := map[reflect.Type]map[string]bool{}
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case reflect.Struct:
			if set[v.Type()] == nil {
				set[v.Type()] = map[string]bool{}
			}
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				set[v.Type()][name] = set[v.Type()][name] || !v.Field(i).IsZero()
				visit(v.Field(i))
			}
		}
	}
	for _, c := range wireCases() {
		visit(reflect.ValueOf(c.value))
	}
	for typ, fields := range set {
		for name, ok := range fields {
			if !ok {
				t.Errorf("no golden value sets %s.%s", typ, name)
			}
		}
	}
}
