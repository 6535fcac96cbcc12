// This file answers: by which plans is this member covered, and when.

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldCoverageVerified records that coverage was found, or was not.
func FoldCoverageVerified(row tables.MemberCoverage, rec topology.Record[events.CoverageVerified]) (tables.MemberCoverage, []topology.Output) {
	e := rec.Body
	f := coverageFact(rec, e.CoverageType)
	f.PlanID, f.From, f.To = e.PlanID, e.EffectiveDate, e.TerminationDate
	return addCoverageFact(row, rec.Key, f), nil
}

// FoldCoverageTerminated records the last day of a coverage.
func FoldCoverageTerminated(row tables.MemberCoverage, rec topology.Record[events.CoverageTerminated]) (tables.MemberCoverage, []topology.Output) {
	e := rec.Body
	f := coverageFact(rec, e.CoverageType)
	f.PlanID, f.To = &e.PlanID, &e.TerminationDate
	return addCoverageFact(row, rec.Key, f), nil
}

// FoldCoverageEnrolled records the first day of an enrolment.
func FoldCoverageEnrolled(row tables.MemberCoverage, rec topology.Record[events.EnrollmentActivated]) (tables.MemberCoverage, []topology.Output) {
	e := rec.Body
	f := coverageFact(rec, &e.CoverageType)
	f.PlanID, f.From, f.EnrollmentID = &e.PlanID, &e.EffectiveDate, &e.EnrollmentID
	return addCoverageFact(row, rec.Key, f), nil
}

// FoldCoverageDisenrolled records the last day of an enrolment.
func FoldCoverageDisenrolled(row tables.MemberCoverage, rec topology.Record[events.EnrollmentTerminated]) (tables.MemberCoverage, []topology.Output) {
	e := rec.Body
	f := coverageFact(rec, &e.CoverageType)
	f.PlanID, f.To, f.EnrollmentID = &e.PlanID, &e.TerminationDate, &e.EnrollmentID
	return addCoverageFact(row, rec.Key, f), nil
}

// FoldCoverageMoved records that an enrolment moves to another plan.
func FoldCoverageMoved(row tables.MemberCoverage, rec topology.Record[events.EnrollmentPlanChanged]) (tables.MemberCoverage, []topology.Output) {
	e := rec.Body
	f := coverageFact(rec, &e.CoverageType)
	f.PlanID, f.PreviousPlanID, f.From, f.EnrollmentID = &e.PlanID, &e.PreviousPlanID, &e.EffectiveDate, &e.EnrollmentID
	return addCoverageFact(row, rec.Key, f), nil
}

func coverageFact[E topology.Event](rec topology.Record[E], line *string) tables.CoverageFact {
	return tables.CoverageFact{ID: rec.ID(), Type: events.Type(rec.Body.EventType()), At: events.InstantOf(rec.At), CoverageType: line}
}

// addCoverageFact puts a fact in its place and lets everything follow anew. Of
// too many the newest are kept: a termination is never refused.
func addCoverageFact(row tables.MemberCoverage, key string, f tables.CoverageFact) tables.MemberCoverage {
	facts, leftOut := addNewest(row.Facts, f, tables.MaxCoverageFacts, compareCoverageFacts,
		func(a, b tables.CoverageFact) bool { return a.ID == b.ID && a.Type == b.Type })
	return settleCoverage(key, facts, leftOut || slices.Contains(row.Marks, MarkOlderFactsLeftOut))
}

func settleCoverage(key string, facts []tables.CoverageFact, leftOut bool) tables.MemberCoverage {
	var days coverageDays
	for _, f := range facts {
		days.tell(f)
	}
	row := tables.MemberCoverage{MemberID: events.ID(key), Spans: days.spans, Facts: facts, Marks: marked(days.marks, leftOut)}
	if row.Spans == nil {
		row.Spans = []tables.CoverageSpan{}
	}
	return row
}

// marked sorts marks, each once.
func marked(marks []string, leftOut bool) []string {
	out := append([]string{}, marks...)
	if leftOut {
		out = append(out, MarkOlderFactsLeftOut)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TellCoverage is what those who hang on a member's coverage are told of it.
func TellCoverage(key string, row tables.MemberCoverage) []tables.ToldCoverage {
	return []tables.ToldCoverage{{MemberID: events.ID(key), Facts: row.Facts}}
}
