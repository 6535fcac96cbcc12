// This file answers: where does an event go, and in which form?

package processors

import (
	"crypto/sha256"
	"encoding/hex"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// HeaderOrigin marks what the router wrote to a domain topic: it is not routed
// again.
const HeaderOrigin = "pf_origin"

// HeaderMask is the header of a copy with the id of the mask that made it: who
// hands it on to somebody with that mask need not mask it again.
const HeaderMask = "pf_mask"

const origin = "router"

// Reason codes of the router.
const (
	Duplicate           = "DUPLICATE"            // dropped: the same event came before
	IdempotencyMismatch = "IDEMPOTENCY_MISMATCH" // parked: another event with the same identity
	RedactionFailed     = "REDACTION_FAILED"     // parked: a copy could not be made
)

// RouteReceived routes an event of the firehose: to its domain topic, and to
// the consumer topic of every subscription that matches.
func RouteReceived(row tables.Processed, rec topology.Record[events.Envelope], f InForce) (tables.Processed, []topology.Output) {
	e := rec.Body
	if v := rec.Source.Header(HeaderAggregation); v != nil && !f.Rules.emits(string(v), e) {
		return row, []topology.Output{{Value: topology.Dropped{Code: StaleAggregation}}}
	}
	t, ok := f.Rules.EventType(string(e.Type))
	if !ok {
		return row, rejected(events.UnknownEventType, "/eventType", "the event type is not registered any more")
	}
	var typed []topology.Output
	if t.Topic != "" {
		typed = []topology.Output{{Key: string(e.Key), Topic: t.Topic, Value: events.Typed{Type: e.Type, Key: e.Key, Body: e.Body},
			Headers: append(headersOf(e), topology.Header{Key: HeaderOrigin, Value: []byte(origin)})}}
	}
	return route(row, rec.Source, e, t, typed, f)
}

// RouteForeign routes an event that a service wrote to its domain topic.
func RouteForeign(row tables.Processed, rec topology.Record[events.Typed], f InForce) (tables.Processed, []topology.Output) {
	t, ok := f.Rules.EventType(string(rec.Body.Type))
	if !ok {
		return row, []topology.Output{{Value: topology.Dropped{Code: events.UnknownEventType}}}
	}
	return route(row, rec.Source, Received(rec), t, nil, f)
}

func route(row tables.Processed, rec *topology.Raw, e events.Envelope, t tables.EventType, typed []topology.Output, f InForce) (tables.Processed, []topology.Output) {
	if only := rec.Header(topology.HeaderOutput); only != nil {
		return redo(row, rec, e, f, string(only))
	}
	if row.Seen() && !row.From(rec) {
		if !row.Same(e.Digest) {
			return row, rejected(IdempotencyMismatch, "/id", "another event came before with the same identity")
		}
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	}
	routed := f.Rules.Route(e)
	f.shadows.note(f.Rules, routed.Shadows)
	copies, err := copiesOf(e, routed.Deliveries)
	if err != nil {
		return row, rejected(RedactionFailed, "", "a redacted copy could not be made")
	}
	facts, err := matchedOf(e, routed.Matches, f.At)
	if err != nil {
		return row, rejected(RedactionFailed, "", "a redacted copy could not be made")
	}
	f.counts.note(&e, t.Tags, f.At, &routed)
	out := append(append(typed, copies...), facts...)
	out = append(out, Delivered(e, t.Tags, f.At)...)
	return tables.Process(rec, e.Digest), append(out, quarantines(routed.Failed, f)...)
}

// redo writes the one copy that was missing when the event was routed.
func redo(row tables.Processed, rec *topology.Raw, e events.Envelope, f InForce, topic string) (tables.Processed, []topology.Output) {
	if !row.Seen() {
		row = tables.Process(rec, e.Digest)
	}
	next, first := row.Redo(topic)
	if !first {
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	}
	var only []Delivery
	for _, d := range f.Rules.Route(e).Deliveries {
		if d.Subscription.Topic() == topic {
			only = append(only, d)
		}
	}
	copies, err := copiesOf(e, only)
	if err != nil {
		return row, rejected(RedactionFailed, "", "a redacted copy could not be made")
	}
	return next, copies
}

// copiesOf makes one copy for each mask, for all subscriptions that share it.
func copiesOf(e events.Envelope, deliveries []Delivery) (out []topology.Output, err error) {
	at := map[string]int{}
	for _, d := range deliveries {
		topic := d.Subscription.Topic()
		if i, made := at[d.Mask.ID()]; made {
			out[i].Also = append(out[i].Also, topic)
			continue
		}
		c, err := d.Mask.Envelope(e)
		if err != nil {
			return nil, err
		}
		at[d.Mask.ID()] = len(out)
		out = append(out, topology.Output{Key: string(c.Key), Topic: topic, Value: c,
			Headers: append(headersOf(c), topology.Header{Key: HeaderMask, Value: []byte(d.Mask.ID())})})
	}
	return out, nil
}

func quarantines(failed []Quarantine, f InForce) (out []topology.Output) {
	for _, q := range failed {
		if !f.first(q) {
			continue
		}
		c := events.Control{Kind: q.Kind, Name: q.Name, Version: f.Rules.Version(q.Kind, q.Name) + 1, Act: events.ControlQuarantine, By: origin, Why: q.Reason, At: f.At}
		out = append(out, topology.Output{Key: c.Subject(), Value: c})
	}
	return out
}

// Received is the envelope of an event that came with headers at most: they
// count where they are there, and nothing is made up where they are not.
func Received(rec topology.Record[events.Typed]) events.Envelope {
	header := func(name string) string { return string(rec.Source.Header(name)) }
	tags, _ := events.ParseTags(header("ce_tags"))
	sum := sha256.Sum256([]byte(string(rec.Body.Type) + "\x00" + rec.Key + "\x00" + rec.Body.Digest))
	e := events.Envelope{
		ID: rec.ID(), Type: rec.Body.Type, Key: rec.Body.Key, TransactionID: header("ce_transactionid"), UserID: events.ID(header("ce_userid")),
		At: events.InstantOf(rec.At), TransactionType: header("ce_transactiontype"), SourceSystem: header("ce_source"),
		Synthetic: rec.Synthetic, Tags: tags, ReceivedAt: events.InstantOf(rec.Source.Timestamp), Digest: hex.EncodeToString(sum[:]), Body: rec.Body.Body,
	}
	var at events.Instant
	if at.UnmarshalText([]byte(header("ce_time"))) == nil && at != 0 {
		e.At = at
	}
	return e
}

func headersOf(e events.Envelope) []topology.Header {
	attributes := e.Attributes()
	out := make([]topology.Header, 0, len(attributes)+1)
	for _, a := range attributes {
		out = append(out, topology.Header{Key: "ce_" + a.Name, Value: []byte(a.Value)})
	}
	return out
}

func rejected(code, at, reason string) []topology.Output {
	return []topology.Output{{Value: topology.Reject{ReasonCode: code, At: at, Reason: reason}}}
}
