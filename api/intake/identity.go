package intake

import (
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// identitySpace names ids that come from an Idempotency-Key.
const identitySpace = "Idempotency-Key"

// identify gives the envelope its key, digest and id. The key is the value of
// the type's key field, else the subject, else the transaction id. The id is
// the producer's; else it follows from the team and its Idempotency-Key, so
// that doors need no shared state; else from the event itself.
func (c *candidate) identify(e *events.Envelope) {
	if e.Key == "" {
		e.Key = events.ID(c.said[attrSubject])
	}
	if e.Key == "" {
		e.Key = events.ID(e.TransactionID)
	}
	if reason := topology.KeyFault([]byte(e.Key)); reason != "" && len(c.faults) == 0 {
		c.fault(events.InvalidValue, c.where(attrTransactionID), "neither key field, subject nor transaction id can be the record's key: "+reason)
	}
	if len(c.faults) > 0 {
		return
	}
	digest, err := codecs.Digest(e.Type, e.Key, e.Body)
	if err != nil {
		c.fault(events.InvalidValue, c.inBody(""), "the body has no canonical form")
		return
	}
	e.Digest = digest
	switch {
	case c.said[attrID] != "":
		e.ID = c.said[attrID]
	case c.key != "":
		e.ID = topology.UUIDv5(identitySpace, e.Publisher, []byte(c.key))
	default:
		e.ID = topology.UUIDv5(topologies.Firehose.Topic.Name, string(e.Key), valueDigest(e))
	}
	if topology.KeyFault([]byte(e.ID)) != "" {
		c.fault(events.InvalidValue, c.where(attrID), "must not begin with two underscores")
	}
}

// valueDigest is what makes the same event again, and nothing else, the same:
// its digest, and when, in which transaction and whether really it happened.
func valueDigest(e *events.Envelope) []byte {
	h := sha256.New()
	for _, part := range []string{e.Digest, e.TransactionID, e.At.String(), strconv.FormatBool(e.Synthetic)} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return h.Sum(nil)
}

// keyIn is the value of the key field: "" where the body has none.
func (c *candidate) keyIn(body map[string]any, field string) string {
	if field == "" {
		return ""
	}
	value, found := at(body, field)
	if !found || value == nil {
		return ""
	}
	key := ""
	switch v := value.(type) {
	case string:
		key = v
	case json.Number:
		key = v.String()
	}
	if reason := topology.KeyFault([]byte(key)); reason != "" {
		c.fault(events.InvalidValue, c.inBody(field), "is the key of the event type: text or a number, of up to 1024 bytes, without control characters, not beginning with two underscores")
	}
	return key
}

// at follows an RFC 6901 pointer.
func at(v any, pointer string) (any, bool) {
	for _, step := range strings.Split(pointer, "/")[1:] {
		if strings.Contains(step, "~") {
			step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		}
		switch node := v.(type) {
		case map[string]any:
			child, ok := node[step]
			if !ok {
				return nil, false
			}
			v = child
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}
