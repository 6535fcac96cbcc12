package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"payerflow/events"
)

const canary = "canary-4711"

func containsText(err error, text string) bool { return strings.Contains(err.Error(), text) }

func TestProtectedValuesPrintAsRedacted(t *testing.T) {
	id, text := events.ID(canary), events.Text(canary)
	type holder struct {
		ID   events.ID
		Text events.Text
		IDs  []events.ID
		By   map[events.ID]events.Text
		Any  any
	}
	h := holder{id, text, []events.ID{id}, map[events.ID]events.Text{id: text}, id}
	for _, v := range []any{id, text, &id, &text, h, &h, []any{id, text}, map[string]any{"a": id}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#q", "%d", "%t", "%e", "%c", "%U", "%20s", "%.3s", "%!"} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(strings.ToLower(got), canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) || strings.Contains(got, fmt.Sprintf("%X", canary)) {
				t.Errorf("%s of a %T shows the value: %s", verb, v, got)
			}
		}
	}
	for _, v := range []any{id, text} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, v); got != events.Redacted {
				t.Errorf("%s of a %T = %s", verb, v, got)
			}
		}
		if got := fmt.Sprint(v); got != events.Redacted {
			t.Errorf("Sprint of a %T = %s", v, got)
		}
	}
	if got := fmt.Sprintf("%+v", h); strings.Count(got, events.Redacted) != 6 {
		t.Errorf("%%+v of a struct = %s", got)
	}
}

func TestProtectedValuesInErrors(t *testing.T) {
	base := errors.New("base")
	err := fmt.Errorf("claim %s of %v (%q): %w", events.ID(canary), events.Text(canary), events.ID(canary), base)
	if containsText(err, canary) || !errors.Is(err, base) {
		t.Errorf("error = %v", err)
	}
}

func TestProtectedValuesInLogs(t *testing.T) {
	id, text := events.ID(canary), events.Text(canary)
	event := events.ClaimSubmitted{ClaimID: id, MemberID: id, ProviderID: id, PlanID: id, PriorAuthID: &id}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(handler(&b))
		log.Info("claim", "id", id, "text", text, slog.Group("g", "id", id))
		log.With("id", id).Info("claim", "err", fmt.Errorf("claim %s", id))
		if strings.Contains(b.String(), canary) || strings.Count(b.String(), events.Redacted) < 5 {
			t.Errorf("%s log: %s", name, b.String())
		}
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("claim", "event", event)
	if strings.Contains(b.String(), canary) {
		t.Errorf("text log of an event: %s", b.String())
	}
}

func TestEncodersSeeProtectedValues(t *testing.T) {
	id := events.ID(canary)
	in := events.ClaimSubmitted{ClaimID: id, PriorAuthID: &id}
	doc, err := json.Marshal(in)
	if err != nil || strings.Count(string(doc), canary) != 2 {
		t.Fatalf("JSON = %s, %v", doc, err)
	}
	var out events.ClaimSubmitted
	if err := json.Unmarshal(doc, &out); err != nil || out.ClaimID != id || *out.PriorAuthID != id {
		t.Errorf("back = %q, %v", string(out.ClaimID), err)
	}
	if got := string(id); got != canary {
		t.Errorf("string(id) = %s", got)
	}
}
