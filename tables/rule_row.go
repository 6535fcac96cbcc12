package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// RuleRow is one row of the mediator's rules as the control log left it, for
// queries. Key: kind/name. A row that was taken away stays, with act DELETE.
type RuleRow struct {
	Kind    string         `avro:"kind" json:"kind" class:"PUBLIC"`
	Name    string         `avro:"name" json:"name" class:"PUBLIC"`
	Version int32          `avro:"version" json:"version" class:"PUBLIC"`
	Act     string         `avro:"act" json:"act" class:"PUBLIC"` // PUT, DELETE or QUARANTINE
	Row     string         `avro:"row" json:"row" class:"PUBLIC"` // JSON of the row as it was last PUT, "" after DELETE; a token's without its hash
	By      string         `avro:"by" json:"by" class:"PUBLIC"`
	Why     string         `avro:"why" json:"why" class:"PUBLIC"`
	At      events.Instant `avro:"at" json:"at" class:"PUBLIC"`
	History []RuleChange   `avro:"history" json:"history"` // oldest first, the last MaxRuleChanges
}

// RuleChange is one change of a row.
type RuleChange struct {
	ID      string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Version int32          `avro:"version" json:"version" class:"PUBLIC"`
	Act     string         `avro:"act" json:"act" class:"PUBLIC"`
	By      string         `avro:"by" json:"by" class:"PUBLIC"`
	Why     string         `avro:"why" json:"why" class:"PUBLIC"`
	At      events.Instant `avro:"at" json:"at" class:"PUBLIC"`
}

// MaxRuleChanges bounds a row's history. The control log has it all.
const MaxRuleChanges = 50

// Next is the version that the next change of the row must name.
func (r RuleRow) Next() int32 {
	if r.Act == events.ControlDelete {
		return 1
	}
	return r.Version + 1
}

// With is the row after a change that was taken.
func (r RuleRow) With(id string, c events.Control, text string) RuleRow {
	changes := append(slices.Clip(r.History), RuleChange{ID: id, Version: c.Version, Act: c.Act, By: c.By, Why: c.Why, At: c.At})
	return RuleRow{Kind: c.Kind, Name: c.Name, Version: c.Version, Act: c.Act, Row: text, By: c.By, Why: c.Why, At: c.At,
		History: changes[max(0, len(changes)-MaxRuleChanges):]}
}

// Because returns the ids of the changes in the history.
func (r RuleRow) Because() topology.Because {
	ids := make([]string, 0, len(r.History))
	for _, c := range r.History {
		ids = append(ids, c.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the time of the last change.
func (r RuleRow) LatestEventAt() time.Time { return r.At.Time() }

// Gone says that no change of the row was ever taken.
func (r RuleRow) Gone() bool { return r.Version == 0 }
