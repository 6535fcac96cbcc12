package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// MemberCoverage is by which plans a member is covered, and when, keyed by
// memberId. Facts are sorted by event time; all else follows from them, so that
// the same facts in any order give the same row.
type MemberCoverage struct {
	MemberID events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	Spans    []CoverageSpan `avro:"spans" json:"spans"`                                                  // by plan, line, first day
	Marks    []string       `avro:"marks" json:"marks" class:"PHI" from:"effectiveDate,terminationDate"` // contradictions, sorted
	Facts    []CoverageFact `avro:"facts" json:"facts"`
}

// CoverageSpan is a run of days on which a plan covers a line of benefits.
type CoverageSpan struct {
	PlanID       events.ID    `avro:"planId" json:"planId" class:"PUBLIC"`
	CoverageType string       `avro:"coverageType" json:"coverageType" class:"PUBLIC"`
	From         events.Date  `avro:"from" json:"from" class:"PHI" from:"effectiveDate"`
	To           *events.Date `avro:"to" json:"to,omitempty" class:"PHI" from:"terminationDate"` // last day, nil while open
	EnrollmentID *events.ID   `avro:"enrollmentId" json:"enrollmentId,omitempty" class:"PHI"`
	By           string       `avro:"by" json:"by" class:"PUBLIC"` // id of the fact that began it
}

// CoverageFact is one event about a member's coverage. Without a plan or a
// line it is about every one of them.
type CoverageFact struct {
	ID             string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Type           events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At             events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"verifiedAt,terminatedAt,activatedAt,changedAt"`
	PlanID         *events.ID     `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	PreviousPlanID *events.ID     `avro:"previousPlanId" json:"previousPlanId,omitempty" class:"PUBLIC"`
	CoverageType   *string        `avro:"coverageType" json:"coverageType,omitempty" class:"PUBLIC"`
	From           *events.Date   `avro:"from" json:"from,omitempty" class:"PHI" from:"effectiveDate"`
	To             *events.Date   `avro:"to" json:"to,omitempty" class:"PHI" from:"terminationDate"` // last day
	EnrollmentID   *events.ID     `avro:"enrollmentId" json:"enrollmentId,omitempty" class:"PHI"`
}

// MaxCoverageFacts bounds what a row of a member or a provider keeps: the
// newest by event time, whatever order they come in.
const MaxCoverageFacts = 500

// Because returns the ids of the events that made the row.
func (c MemberCoverage) Because() topology.Because {
	ids := make([]string, 0, len(c.Facts))
	for _, f := range c.Facts {
		ids = append(ids, f.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the event time of the latest fact.
func (c MemberCoverage) LatestEventAt() time.Time {
	if len(c.Facts) == 0 {
		return time.Time{}
	}
	return c.Facts[len(c.Facts)-1].At.Time()
}

// CoveredOn are the plans that cover a line of benefits on a day, sorted.
func (c MemberCoverage) CoveredOn(day events.Date, coverageType string) []events.ID {
	return PlansOn(c.Spans, day, coverageType)
}

// PlansOn are the plans of the spans that cover a line on a day, "" for any
// line, sorted, each once.
func PlansOn(spans []CoverageSpan, day events.Date, coverageType string) (plans []events.ID) {
	for _, s := range spans {
		if (coverageType == "" || s.CoverageType == coverageType) && s.Days().Has(day) {
			plans = append(plans, s.PlanID)
		}
	}
	slices.Sort(plans)
	return slices.Compact(plans)
}

// Days are the days of the span.
func (s CoverageSpan) Days() DaySpan { return DaySpan{s.From, s.To} }

// ToldCoverage is what a member's row tells those who hang on it: its facts.
type ToldCoverage struct {
	MemberID events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	Facts    []CoverageFact `avro:"facts" json:"facts"`
	Over     bool           `avro:"over" json:"over" class:"PUBLIC"` // there is no such row any more
}

// EventType names what follows from a row.
func (t ToldCoverage) EventType() string { return "COVERAGE_TOLD" }

// Subject is whose row it is.
func (t ToldCoverage) Subject() string { return string(t.MemberID) }

// OccurredAt is nowhere: the record's time stamp counts.
func (t ToldCoverage) OccurredAt() time.Time { return time.Time{} }

// Validate finds nothing wrong.
func (t ToldCoverage) Validate() error { return nil }

// Suffix is none: there is one for each row.
func (t ToldCoverage) Suffix() string { return "" }

// Stamped says that the record's time stamp is the event time.
func (t ToldCoverage) Stamped() {}

// Removed says that there is no such row any more.
func (t ToldCoverage) Removed() ToldCoverage {
	return ToldCoverage{MemberID: t.MemberID, Facts: []CoverageFact{}, Over: true}
}
