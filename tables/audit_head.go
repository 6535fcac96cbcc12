package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// AuditHead is the end of one chain of audit records, keyed by the chain.
type AuditHead struct {
	Number int64          `avro:"number" json:"number"` // of the last record
	Hash   string         `avro:"hash" json:"hash"`     // of the last record, hex
	At     events.Instant `avro:"at" json:"at"`         // when its act was
	Signed int64          `avro:"signed" json:"signed"` // number of the last record that a signed head covers
	Day    events.Date    `avro:"day" json:"day"`       // at whose end the next head is signed
}

// Due is when the next head is signed: at the end of the day (UTC) of the
// first record after the last signed one.
func (h AuditHead) Due() time.Time {
	if h.Number == h.Signed {
		return time.Time{}
	}
	return h.Day.Time().AddDate(0, 0, 1)
}

// Because names nothing: the row stands for all records of its chain.
func (h AuditHead) Because() topology.Because {
	return topology.Because{IDs: []string{}, Count: int(h.Number)}
}

// LatestEventAt is the time of the last act.
func (h AuditHead) LatestEventAt() time.Time { return h.At.Time() }
