package verify

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

const (
	endsBeforeStart       = "ENDS_BEFORE_START"
	terminatedBeforeStart = "TERMINATED_BEFORE_START"
	olderLeftOut          = "OLDER_FACTS_LEFT_OUT"
)

// line is one plan's line of benefits.
type line struct {
	plan events.ID
	kind string
}

// owner is what covers a day: a run that some fact began.
type owner struct {
	from       events.Date
	enrollment *events.ID
	by         string
}

// days is what covers the days of one line. Only at some days can anything
// change: each stands for the days up to the next.
type days struct {
	cuts  []events.Date
	owned []*owner // of the days from each cut on
}

// CoverageRow is what must be known of a member's coverage of which these are
// the facts, in any order; false where there are none.
func CoverageRow(member string, facts []tables.CoverageFact) (tables.MemberCoverage, bool) {
	kept, more := coverageInOrder(facts)
	if len(kept) == 0 {
		return tables.MemberCoverage{}, false
	}
	spans, marks := coverageOf(kept)
	if more {
		marks[olderLeftOut] = true
	}
	return tables.MemberCoverage{MemberID: events.ID(member), Spans: spans, Marks: sortedKeys(marks), Facts: kept}, true
}

func sortedKeys(marks map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(marks))...)
}

// coverageOf asks each day of each line what every fact says of it.
func coverageOf(facts []tables.CoverageFact) ([]tables.CoverageSpan, map[string]bool) {
	lines, marks := benefits(facts), map[string]bool{}
	for _, f := range facts {
		for at, d := range lines {
			switch f.Type {
			case events.TypeCoverageNotFound:
				d.notFound(at, f)
			case events.TypeCoverageTerminated, events.TypeEnrollmentTerminated:
				if about(f.PlanID, at.plan) && about(f.CoverageType, at.kind) && d.end(*f.To, f.EnrollmentID) {
					marks[terminatedBeforeStart] = true
				}
			case events.TypeEnrollmentPlanChanged:
				if *f.PreviousPlanID == at.plan && *f.CoverageType == at.kind {
					d.end(tables.DayBefore(*f.From), f.EnrollmentID)
				}
			}
		}
		if f.From == nil || f.PlanID == nil || f.CoverageType == nil || f.Type == events.TypeCoverageNotFound {
			continue
		}
		if tables.LastDay(f.To) < *f.From {
			marks[endsBeforeStart] = true
		}
		lines[line{*f.PlanID, *f.CoverageType}].begin(*f.From, tables.LastDay(f.To), &owner{*f.From, f.EnrollmentID, f.ID})
	}
	return spansOfLines(lines), marks
}

func about[T comparable](named *T, one T) bool { return named == nil || *named == one }

// benefits has for each line the days at which any fact begins or ends something.
func benefits(facts []tables.CoverageFact) map[line]*days {
	cuts := map[events.Date]bool{}
	lines := map[line]*days{}
	for _, f := range facts {
		if f.From != nil {
			cuts[*f.From] = true
		}
		if f.To != nil && *f.To < math.MaxInt32 {
			cuts[*f.To+1] = true
		}
		cuts[events.DateOf(f.At.Time())] = true
		if f.PlanID != nil && f.CoverageType != nil {
			lines[line{*f.PlanID, *f.CoverageType}] = &days{}
		}
	}
	all := slices.Sorted(maps.Keys(cuts))
	for _, d := range lines {
		d.cuts, d.owned = all, make([]*owner, len(all))
	}
	return lines
}

// begin gives the run's days to it, and takes those behind its last from runs
// that began by then.
func (d *days) begin(first, last events.Date, run *owner) {
	for i, day := range d.cuts {
		switch o := d.owned[i]; {
		case last < first:
			if o != nil && o.from == first {
				d.owned[i] = nil
			}
		case first <= day && day <= last:
			if run.enrollment == nil && o != nil {
				run.enrollment = o.enrollment
			}
			d.owned[i] = run
		case day > last && o != nil && o.from <= last:
			d.owned[i] = nil
		}
	}
}

// end takes away the days behind the last; it says whether a whole run went
// that way.
func (d *days) end(last events.Date, enrollment *events.ID) (never bool) {
	for i, day := range d.cuts {
		o := d.owned[i]
		if o == nil || day <= last || enrollment != nil && o.enrollment != nil && *enrollment != *o.enrollment {
			continue
		}
		never = never || o.from > last
		d.owned[i] = nil
	}
	return never
}

// notFound ends the runs of days in which the question fell.
func (d *days) notFound(at line, f tables.CoverageFact) {
	asked := events.DateOf(f.At.Time())
	if !about(f.PlanID, at.plan) || !about(f.CoverageType, at.kind) {
		return
	}
	for i, day := range d.cuts {
		if o := d.owned[i]; o != nil && day >= asked && o.from <= asked {
			d.owned[i] = nil
		}
	}
}

// without takes days away from the middle of runs; what is behind them is a run
// of its own.
func (d *days) without(first, last events.Date) {
	var behind *owner
	for i, day := range d.cuts {
		switch o := d.owned[i]; {
		case o == nil || day < first || last < first:
		case day <= last:
			d.owned[i] = nil
		case o.from <= last:
			if behind == nil {
				behind = &owner{last + 1, o.enrollment, o.by}
			}
			d.owned[i] = behind
		}
	}
}

// runs calls each for the days of one owner after the other.
func (d *days) runs(each func(tables.DaySpan, *owner)) {
	for i := 0; i < len(d.cuts); i++ {
		o, s := d.owned[i], tables.DaySpan{From: d.cuts[i]}
		if o == nil {
			continue
		}
		for i+1 < len(d.cuts) && d.owned[i+1] == o {
			i++
		}
		if i+1 < len(d.cuts) {
			last := d.cuts[i+1] - 1
			s.To = &last
		}
		each(s, o)
	}
}

func spansOfLines(lines map[line]*days) []tables.CoverageSpan {
	out := []tables.CoverageSpan{}
	for at, d := range lines {
		d.runs(func(s tables.DaySpan, o *owner) {
			out = append(out, tables.CoverageSpan{PlanID: at.plan, CoverageType: at.kind, From: s.From, To: s.To, EnrollmentID: o.enrollment, By: o.by})
		})
	}
	slices.SortFunc(out, func(a, b tables.CoverageSpan) int {
		return cmp.Or(cmp.Compare(a.PlanID, b.PlanID), cmp.Compare(a.CoverageType, b.CoverageType), cmp.Compare(a.From, b.From))
	})
	return out
}
