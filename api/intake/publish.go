package intake

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"payerflow/api/problem"
	"payerflow/events"
)

// Event is what another door makes of a request. It comes in as any event
// does: authorised, checked, stamped and committed to the firehose.
type Event struct {
	Type        events.Type
	Body        any       // marshals as the event type's JSON; faults are told at its places
	At          time.Time // when it happened
	TimeAt      string    // where the request says so, a JSON pointer
	Synthetic   bool
	Key         string // Idempotency-Key, "" for none
	Source      string
	Traceparent string // W3C, "" where a trace begins here
}

// Publish commits one event for the principal of ctx.
func (d *Doors) Publish(ctx context.Context, e Event) (*Committed, *problem.Problem) {
	stay := d.flight.enter(ctx)
	if stay == nil {
		return nil, busy()
	}
	defer stay.leave()
	if reason := textFault(e.Key); reason != "" {
		return nil, problem.New(http.StatusBadRequest, "INVALID_REQUEST", "Idempotency-Key is one text of up to 255 bytes without control characters")
	}
	body, err := json.Marshal(e.Body)
	switch {
	case err != nil:
		return nil, problem.New(http.StatusInternalServerError, "INTERNAL", "the event could not be written")
	case len(body) > MaxBytes:
		return nil, tooLarge()
	case !stay.hold(int64(len(body))):
		return nil, busy()
	}
	c := &candidate{form: &form{}, body: body, key: e.Key}
	c.form.names[attrTime] = e.TimeAt
	c.said[attrType], c.said[attrTime], c.said[attrSourceSystem] = string(e.Type), e.At.UTC().Format(time.RFC3339Nano), e.Source
	if c.said[attrSynthetic] = "false"; e.Synthetic {
		c.said[attrSynthetic] = "true"
	}
	header := http.Header{}
	if e.Traceparent != "" {
		header.Set("traceparent", e.Traceparent)
	}
	out, p := d.take(traced(ctx, header), []*candidate{c})
	switch {
	case p != nil:
		return nil, p
	case out[0].Problem != nil:
		return nil, out[0].Problem
	}
	return out[0].committed(), nil
}
