package events

import (
	"log/slog"
	"slices"
	"time"
)

// Control is a change of the mediator's rules: a row of some kind is written
// or taken away. The topic mediator.control has one partition, so that its
// offset is the version of all rules. Key: kind/name.
type Control struct {
	Kind    string  `avro:"kind" json:"kind"`       // see tables: event-type, routing-rule, subscription, permission, token, approval-policy, proposal, aggregation, grace-policy
	Name    string  `avro:"name" json:"name"`       // of the row within its kind
	Version int32   `avro:"version" json:"version"` // the row's version that this makes: one more than before, or it is refused
	Act     string  `avro:"act" json:"act"`         // one of the acts below
	Row     string  `avro:"row" json:"row"`         // JSON of the row; "" for DELETE and QUARANTINE; who decides, for acts on a proposal
	By      string  `avro:"by" json:"by"`           // token or principal
	Why     string  `avro:"why" json:"why"`
	At      Instant `avro:"at" json:"at"`
}

// Acts of a control event.
const (
	ControlPut        = "PUT"
	ControlDelete     = "DELETE"
	ControlQuarantine = "QUARANTINE" // a rule or subscription that failed at run time: Why says how

	// Acts on a proposal. All changes of the rows that one makes come into
	// force at its offset, or none.
	ControlApprove  = "APPROVE"
	ControlReject   = "REJECT"
	ControlWithdraw = "WITHDRAW"
	ControlApply    = "APPLY"
	ControlExpire   = "EXPIRE" // its until has passed
)

var controlActs = []string{ControlPut, ControlDelete, ControlQuarantine, ControlApprove, ControlReject, ControlWithdraw, ControlApply, ControlExpire}

func (e Control) EventType() string     { return "CONTROL_" + e.Act }
func (e Control) Subject() string       { return e.Kind + "/" + e.Name }
func (e Control) OccurredAt() time.Time { return e.At.Time() }
func (e Control) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e Control) Validate() error {
	if !slices.Contains(controlActs, e.Act) {
		return unknownType()
	}
	return missing(text("kind", e.Kind), text("name", e.Name), field{"at", e.At == 0})
}

// BatchRouted says what one transaction of a router worked with: one snapshot
// of all rules, and the ranges of input that it covered. With the control
// topic, anyone can work out who had to get what. Key: the worker.
type BatchRouted struct {
	Worker        string  `avro:"worker" json:"worker"`               // transactional id
	RoutingHash   string  `avro:"routingHash" json:"routingHash"`     // SHA-256 of what decides routing, hex
	ControlOffset int64   `avro:"controlOffset" json:"controlOffset"` // next offset of mediator.control
	Ranges        []Range `avro:"ranges" json:"ranges"`
	At            Instant `avro:"at" json:"at"` // when the transaction began
}

// Range is a run of records of one input partition.
type Range struct {
	Topic     string `avro:"topic" json:"topic"`
	Partition int32  `avro:"partition" json:"partition"`
	From      int64  `avro:"from" json:"from"`
	To        int64  `avro:"to" json:"to"` // offset after the last
}

func (e BatchRouted) EventType() string     { return "BATCH_ROUTED" }
func (e BatchRouted) Subject() string       { return e.Worker }
func (e BatchRouted) OccurredAt() time.Time { return e.At.Time() }

// Validate returns the first field that is absent.
func (e BatchRouted) Validate() error {
	return missing(text("worker", e.Worker), field{"at", e.At == 0})
}
