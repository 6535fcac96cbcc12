package events

import (
	"log/slog"
	"time"
)

// AuditReceived is one act, or one answer to somebody who wanted to see
// something: who, what, when, why, and whether it was allowed. It holds no key
// and no value that is protected. Topic audit.received; key: ID.
type AuditReceived struct {
	ID       string  `avro:"id" json:"id"`
	At       Instant `avro:"at" json:"at"`             // when it was asked
	Actor    string  `avro:"actor" json:"actor"`       // id of the token, or the principal
	Team     string  `avro:"team" json:"team"`         // of the actor
	Act      string  `avro:"act" json:"act"`           // for example view.read, rule.put, event.pull, token.revoke
	Object   string  `avro:"object" json:"object"`     // what kind of thing: a view, a kind of row, a topic
	Name     string  `avro:"name" json:"name"`         // which one: a view's name, a row's name
	KeyHash  string  `avro:"keyHash" json:"keyHash"`   // keyed hash of the entity's key, "" where the act is about no entity
	Decision string  `avro:"decision" json:"decision"` // ALLOW or DENY
	Code     string  `avro:"code" json:"code"`         // why it was denied
	Why      string  `avro:"why" json:"why"`           // what the actor said
	Classes  string  `avro:"classes" json:"classes"`   // of what was shown, sorted, with commas
	Count    int64   `avro:"count" json:"count"`       // rows or events that were shown
	Before   string  `avro:"before" json:"before"`     // JSON, values redacted
	After    string  `avro:"after" json:"after"`       // JSON, values redacted
	Breaking bool    `avro:"breakGlass" json:"breakGlass"`
	Trace    string  `avro:"trace" json:"trace"` // trace id
}

// Decisions of an audit record.
const (
	AuditAllow = "ALLOW"
	AuditDeny  = "DENY"
)

func (e AuditReceived) EventType() string     { return "AUDIT_RECEIVED" }
func (e AuditReceived) Subject() string       { return e.ID }
func (e AuditReceived) OccurredAt() time.Time { return e.At.Time() }
func (e AuditReceived) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e AuditReceived) Validate() error {
	if e.Decision != AuditAllow && e.Decision != AuditDeny {
		return &Fault{InvalidValue, "/decision", "must be ALLOW or DENY"}
	}
	return missing(text("id", e.ID), text("act", e.Act), field{"at", e.At == 0})
}

// AuditChained is an audit record in its place: Hash is SHA-256 over the hash
// before it (32 bytes, zeros for the first), the number (8 bytes, big endian)
// and the entry's bytes. Topic audit.chain; key: Chain.
type AuditChained struct {
	Chain  string  `avro:"chain" json:"chain"` // one for each partition of audit.received
	Number int64   `avro:"number" json:"number"`
	Before string  `avro:"before" json:"before"` // hash of the record before, hex
	Hash   string  `avro:"hash" json:"hash"`     // hex
	Entry  string  `avro:"entry" json:"entry"`   // the AuditReceived as JSON
	At     Instant `avro:"at" json:"at"`
}

func (e AuditChained) EventType() string     { return "AUDIT_CHAINED" }
func (e AuditChained) Subject() string       { return e.Chain }
func (e AuditChained) OccurredAt() time.Time { return e.At.Time() }
func (e AuditChained) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e AuditChained) Validate() error {
	return missing(text("chain", e.Chain), text("hash", e.Hash), text("entry", e.Entry), field{"at", e.At == 0})
}

// AuditSigned is the signed head of a chain at the end of a day. Signature is
// Ed25519 over the text chain, number, hash and day, with line feeds between.
// Topic audit.head; key: Chain.
type AuditSigned struct {
	Chain     string  `avro:"chain" json:"chain"`
	Number    int64   `avro:"number" json:"number"`
	Hash      string  `avro:"hash" json:"hash"`
	Day       Date    `avro:"day" json:"day"`
	Key       string  `avro:"key" json:"key"`             // public key, base64
	Signature string  `avro:"signature" json:"signature"` // base64
	At        Instant `avro:"at" json:"at"`
}

func (e AuditSigned) EventType() string     { return "AUDIT_SIGNED" }
func (e AuditSigned) Subject() string       { return e.Chain }
func (e AuditSigned) OccurredAt() time.Time { return e.At.Time() }

// Validate returns the first field that is absent.
func (e AuditSigned) Validate() error {
	return missing(text("chain", e.Chain), text("hash", e.Hash), text("signature", e.Signature), field{"at", e.At == 0})
}
