package kaas

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"payerflow/events"
)

// Event is one event of a topic request, on its way to the door.
type Event struct {
	ID            string // "": the door gives one
	Type          events.Type
	TransactionID string
	Synthetic     bool
	Tags          []string
	Body          map[string]any
}

// parts are the noun, verb, object and subobject of each type.
var parts = map[events.Type][]string{
	events.TypeTopicRequested:   {"KaaS", "Requested", "Topic", "Creation"},
	events.TypeApprovalAsked:    {"Authorizer", "Sent", "Notification-Email", "Approval-Request"},
	events.TypeApprovalAnswered: {"Authorizer", "Received", "Approval-Response", "Email"},
	events.TypeApprovalMissed:   {"Authorizer", "Missed", "Approval-Response", "Email"},
	events.TypeTopicCreated:     {"KaaS-API", "Created", "Topic", "Successfully"},
}

// Document is the event in the noun-verb-object form of the REST door.
func (e Event) Document(now time.Time) map[string]any {
	p := parts[e.Type]
	metadata := map[string]any{"noun": p[0], "verb": p[1], "object": p[2], "subobject": p[3], "synthetic": e.Synthetic, "transactionId": e.TransactionID,
		"timeStamp": now.UTC().Format(time.RFC3339Nano), "sourceSystem": "payerflow-kaas", "transactionType": p[1], "tags": append([]string{}, e.Tags...)}
	if e.ID != "" {
		metadata["eventId"] = e.ID
	}
	return map[string]any{"metadata": metadata, "eventBody": e.Body}
}

// Door is the REST door of a worker.
type Door struct {
	URL   func() string // http://host:port
	Token string
}

// Publish gives an event to the door, and returns when it is committed. The
// error never repeats the answer.
func (d Door) Publish(ctx context.Context, e Event) error {
	doc, err := json.Marshal(e.Document(time.Now()))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL()+"/v1/events", bytes.NewReader(doc))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the door does not answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the door answers %d", resp.StatusCode)
	}
	return nil
}
