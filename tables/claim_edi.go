package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// EDIPassed is the row of an X12 item that was passed on to its claim: none is
// ever kept.
type EDIPassed struct {
	EDITransactionID events.ID `avro:"ediTransactionId" json:"ediTransactionId" class:"PHI"`
}

// Because names nothing.
func (EDIPassed) Because() topology.Because { return topology.Because{IDs: []string{}} }

// LatestEventAt is never.
func (EDIPassed) LatestEventAt() time.Time { return time.Time{} }

// Gone says that nothing is kept.
func (EDIPassed) Gone() bool { return true }
