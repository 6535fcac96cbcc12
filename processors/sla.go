// This file answers: how long do events take from the door to their delivery,
// tag by tag?

package processors

import (
	"slices"
	"strings"
	"unicode"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldEventDelivered counts an event under one tag.
func FoldEventDelivered(row tables.SLA, rec topology.Record[events.EventDelivered]) (tables.SLA, []topology.Output) {
	return row.With(rec.Key, rec.Body.At, rec.Body.At.Time().Sub(rec.Body.ReceivedAt.Time())), nil
}

// Delivered is what the router emits when it has routed an event at a time:
// one record for each of its tags that its type registers (known), one for all
// its other tags together, one where it has none. Tags are the producers' to
// choose; only registered ones have a row, so that rows are bounded by the
// registry.
func Delivered(e events.Envelope, known []string, at events.Instant) (out []topology.Output) {
	for _, tag := range countedTags(e.Tags, known) {
		out = append(out, topology.Output{Key: tag, Value: events.EventDelivered{Tag: tag, ID: e.ID, Type: e.Type, ReceivedAt: e.ReceivedAt, At: max(at, e.ReceivedAt)}})
	}
	return out
}

func countedTags(tags, known []string) (out []string) {
	if len(tags) == 0 {
		return []string{events.Untagged}
	}
	other := false
	for _, tag := range tags {
		if slices.Contains(known, tag) && countable(tag) {
			out = append(out, tag)
		} else {
			other = true
		}
	}
	if other {
		out = append(out, events.OtherTag)
	}
	return out
}

// maxTagKey bounds a tag that is a key.
const maxTagKey = 256

// countable says whether a tag can be the key of a row.
func countable(tag string) bool {
	return len(tag) > 0 && len(tag) <= maxTagKey && !strings.HasPrefix(tag, "~") && !strings.HasPrefix(tag, "__") && !strings.ContainsFunc(tag, unicode.IsControl)
}
