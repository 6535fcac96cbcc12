// This file answers: on which days does which plan cover a member, after one
// fact more.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// Contradictions between the facts of one member or provider. They are kept and
// marked, never dropped.
const (
	MarkEndsBeforeStart       = "ENDS_BEFORE_START"       // a run of days that has none
	MarkTerminatedBeforeStart = "TERMINATED_BEFORE_START" // coverage that is ended before its first day
	MarkOlderFactsLeftOut     = "OLDER_FACTS_LEFT_OUT"    // more than tables.MaxCoverageFacts
)

// coverageDays is what facts have said so far, told in the order of event time.
// The newest word counts, for the days that it is about.
type coverageDays struct {
	spans []tables.CoverageSpan
	marks []string
	told  bool
}

func (c *coverageDays) tell(f tables.CoverageFact) {
	c.told = true
	switch f.Type {
	case events.TypeCoverageVerified, events.TypeEnrollmentActivated:
		c.cover(tables.CoverageSpan{PlanID: *f.PlanID, CoverageType: *f.CoverageType, From: *f.From, To: f.To, EnrollmentID: f.EnrollmentID, By: f.ID})
	case events.TypeEnrollmentPlanChanged:
		leaves := f
		leaves.PlanID = f.PreviousPlanID
		c.end(leaves, tables.DayBefore(*f.From))
		c.cover(tables.CoverageSpan{PlanID: *f.PlanID, CoverageType: *f.CoverageType, From: *f.From, EnrollmentID: f.EnrollmentID, By: f.ID})
	case events.TypeCoverageTerminated, events.TypeEnrollmentTerminated:
		if c.end(f, *f.To) {
			c.marks = append(c.marks, MarkTerminatedBeforeStart)
		}
	case events.TypeCoverageNotFound:
		c.missed(f, events.DateOf(f.At.Time()))
	}
}

// cover puts a span in the place of what was told of its days for its plan and
// line, see tellDays. It keeps the enrolment that was known of them.
func (c *coverageDays) cover(s tables.CoverageSpan) {
	none := tables.LastDay(s.To) < s.From
	if none {
		c.marks = append(c.marks, MarkEndsBeforeStart)
	}
	out := make([]tables.CoverageSpan, 0, len(c.spans)+1)
	for _, old := range c.spans {
		apart := old.PlanID != s.PlanID || old.CoverageType != s.CoverageType
		switch {
		case !apart && none && old.From == s.From:
		case apart, none, old.From > tables.LastDay(s.To), tables.LastDay(old.To) < s.From:
			out = append(out, old)
		default:
			s.EnrollmentID = cmp.Or(s.EnrollmentID, old.EnrollmentID)
			if old.From < s.From {
				old.To = until(tables.DayBefore(s.From))
				out = append(out, old)
			}
		}
	}
	if !none {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b tables.CoverageSpan) int {
		return cmp.Or(cmp.Compare(a.PlanID, b.PlanID), cmp.Compare(a.CoverageType, b.CoverageType), cmp.Compare(a.From, b.From))
	})
	c.spans = out
}

// end leaves no day after the last one to the spans that a fact is about, and
// says whether there was one that begins later.
func (c *coverageDays) end(f tables.CoverageFact, last events.Date) (before bool) {
	c.spans = slices.DeleteFunc(c.spans, func(s tables.CoverageSpan) bool { return about(f, s) && s.From > last && also(&before) })
	for i, s := range c.spans {
		if about(f, s) && tables.LastDay(s.To) > last {
			c.spans[i].To = &last
		}
	}
	return before
}

// missed ends the spans in which a lookup found nothing, on the day before it.
// What begins later was not asked about.
func (c *coverageDays) missed(f tables.CoverageFact, day events.Date) {
	c.spans = slices.DeleteFunc(c.spans, func(s tables.CoverageSpan) bool { return about(f, s) && s.From == day && s.Days().Has(day) })
	for i, s := range c.spans {
		if about(f, s) && s.Days().Has(day) {
			c.spans[i].To = until(tables.DayBefore(day))
		}
	}
}

// about says whether a fact is about a span: of its plan, line and enrolment,
// as far as both name them.
func about(f tables.CoverageFact, s tables.CoverageSpan) bool {
	return (f.PlanID == nil || *f.PlanID == s.PlanID) && (f.CoverageType == nil || *f.CoverageType == s.CoverageType) &&
		(f.EnrollmentID == nil || s.EnrollmentID == nil || *f.EnrollmentID == *s.EnrollmentID)
}

func also(b *bool) bool { *b = true; return true }

// coverageRank orders facts of one instant: what ends comes before what begins.
func coverageRank(t events.Type) int {
	return slices.Index([]events.Type{events.TypeCoverageNotFound, events.TypeCoverageTerminated, events.TypeEnrollmentTerminated,
		events.TypeEnrollmentActivated, events.TypeEnrollmentPlanChanged, events.TypeCoverageVerified}, t)
}

func compareCoverageFacts(a, b tables.CoverageFact) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(coverageRank(a.Type), coverageRank(b.Type)), cmp.Compare(a.ID, b.ID))
}

// addNewest puts a fact in its place among sorted ones, unless it is there, and
// keeps the newest most. It says whether an older one had to be left out.
func addNewest[F any](facts []F, f F, most int, compare func(a, b F) int, same func(a, b F) bool) (out []F, leftOut bool) {
	if slices.ContainsFunc(facts, func(g F) bool { return same(f, g) }) {
		return facts, false
	}
	at, _ := slices.BinarySearchFunc(facts, f, compare)
	out = slices.Insert(slices.Clone(facts), at, f)
	return out[max(0, len(out)-most):], len(out) > most
}
