package codecs_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// A registry that is away holds a value up, and is asked again for the next.
func TestUnavailableIsNotKept(t *testing.T) {
	away := fmt.Errorf("registry: %w", topology.ErrUnavailable)
	known := &registry{texts: map[int]string{2: published(t, "claims.claim.paid-value", 2)}, err: away}
	serde, value := bind[events.ClaimPaid](t, "claims.claim.paid", known), wireCases()[4].golden(t)
	for n := range 3 {
		_, err := serde.Decode(value)
		var f topology.Fault
		if !errors.Is(err, topology.ErrUnavailable) || errors.As(err, &f) {
			t.Fatalf("reading: %v", err)
		}
		if _, err := serde.Encode(wirePaid()); !errors.Is(err, topology.ErrUnavailable) {
			t.Fatalf("writing: %v", err)
		}
		if known.calls != 2*n+2 {
			t.Fatalf("asked %d times", known.calls)
		}
	}
	known.err = nil
	if e, err := serde.Decode(value); err != nil || e.PaymentID != "payment-1" {
		t.Errorf("once it is back: %v", err)
	}
	if _, err := serde.Encode(wirePaid()); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}

// What the registry said stays, also where it goes away later.
func TestAnswersAreKept(t *testing.T) {
	known := &registry{texts: map[int]string{2: published(t, "claims.claim.paid-value", 2), 3: `{"type":"record","name":"Other","fields":[]}`}}
	serde, value := bind[events.ClaimPaid](t, "claims.claim.paid", known), wireCases()[4].golden(t)
	for range 3 {
		if _, err := serde.Decode(value); err != nil {
			t.Fatal(err)
		}
		if _, err := serde.Encode(wirePaid()); err != nil {
			t.Fatal(err)
		}
		_, err := serde.Decode(codecs.Frame(3, value[5:]))
		wantFault(t, "an incompatible schema", err, codecs.IncompatibleSchema)
		known.err = topology.ErrUnavailable
	}
	if known.calls != 3 { // two schemas to read with, one id to write under
		t.Errorf("asked %d times", known.calls)
	}
}

// A flood of records with an id that nobody knows costs one request in five
// seconds; then the registry may have learnt it.
func TestUnknownIdsAreAskedForRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := &registry{texts: map[int]string{}}
		serde, value := bind[events.ClaimPaid](t, "claims.claim.paid", known), wireCases()[4].golden(t)
		for range 100 {
			_, err := serde.Decode(value)
			wantFault(t, "an unknown id", err, codecs.UnknownSchema)
		}
		if known.calls != 1 {
			t.Fatalf("asked %d times", known.calls)
		}
		known.texts[2] = published(t, "claims.claim.paid-value", 2)
		after(t, 4900*time.Millisecond)
		_, err := serde.Decode(value)
		wantFault(t, "an unknown id", err, codecs.UnknownSchema)
		after(t, 200*time.Millisecond)
		if _, err := serde.Decode(value); err != nil || known.calls != 2 {
			t.Errorf("once it is known: %v, asked %d times", err, known.calls)
		}
	})
}

// after waits on the bubble's clock, which stands still while others run.
func after(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

// Many goroutines that meet a new schema ask once.
func TestOneAnswerForAll(t *testing.T) {
	known := &registry{texts: map[int]string{2: published(t, "claims.claim.paid-value", 2)}}
	serde, value := bind[events.ClaimPaid](t, "claims.claim.paid", known), wireCases()[4].golden(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if e, err := serde.Decode(value); err != nil || e.PaymentID != "payment-1" {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if known.calls != 1 {
		t.Errorf("asked %d times", known.calls)
	}
}

func TestMemory(t *testing.T) {
	var m codecs.Memory
	a, _ := m.ID("s", "A")
	b, _ := m.ID("s", "B")
	again, _ := m.ID("another", "A")
	if a == b || a != again {
		t.Errorf("ids %d %d %d", a, b, again)
	}
	if text, err := m.Schema(b); text != "B" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for _, id := range []int{-1, 0, 3} {
		if _, err := m.Schema(id); err == nil || errors.Is(err, topology.ErrUnavailable) {
			t.Errorf("id %d: %v", id, err)
		}
	}
}

// What the registry refuses is an answer; everything else that goes wrong is
// its absence.
func TestRegistryTellsAbsenceFromAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		away   bool
	}{
		"unknown":        {404, `{"error_code":40403,"message":"Schema not found"}`, false},
		"a plain 404":    {404, `{"error_code":404,"message":"HTTP 404 Not Found"}`, false},
		"broken":         {500, `{"error_code":50001,"message":"Error in the backend"}`, true},
		"not the leader": {500, `{"error_code":50003,"message":"Error forwarding"}`, true},
		"behind a proxy": {502, `<html>`, true},
		"forbidden":      {403, `{"error_code":403,"message":"Forbidden"}`, true},
		"nonsense":       {200, `<html>`, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			wantAway(t, codecs.OpenRegistry(server.URL), c.away)
		})
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	gone := codecs.OpenRegistry(server.URL)
	wantAway(t, gone, true)
	if err := gone.Ping(); !errors.Is(err, topology.ErrUnavailable) {
		t.Errorf("ping: %v", err)
	}
}

func wantAway(t *testing.T, r *codecs.Registry, away bool) {
	t.Helper()
	_, errID := r.ID("a-value", `"string"`)
	_, errSchema := r.Schema(7)
	for what, err := range map[string]error{"id": errID, "schema": errSchema} {
		if err == nil || errors.Is(err, topology.ErrUnavailable) != away {
			t.Errorf("%s: %v", what, err)
		}
	}
	if errors.Is(errID, codecs.ErrNotRegistered) == away {
		t.Errorf("id: %v", errID)
	}
}

func TestSchemasOfWhatThereIsNot(t *testing.T) {
	if _, err := codecs.AvroSchema("no.such.topic"); err == nil {
		t.Error("an unknown topic has an Avro schema")
	}
	for _, eventType := range []string{"", ".", "UNKNOWN", canary, "../avro/dlq", "x/CLAIM_PAID"} {
		if _, err := codecs.JSONSchema(eventType); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", eventType, err)
		}
	}
	one, err := codecs.AvroSchema("claims.claim.paid.dlq")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := codecs.AvroSchema("edi.inbound.received.dlq"); err != nil || one != other || one != codecs.DeadLetters.Schema() {
		t.Errorf("dead letters have several schemas: %v", err)
	}
}
