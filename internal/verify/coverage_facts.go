package verify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// CoverageTopics names what says who is covered, and who folds it.
type CoverageTopics struct{ Verified, Terminated, Activated, EnrollmentTerminated, PlanChanged Follower }

// covering is what the log says of one member's coverage.
type covering struct{ facts []tables.CoverageFact }

// MemberCoverage checks member-coverage.
func (l *Log) MemberCoverage(ctx context.Context, v View, t CoverageTopics, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, l.coverageSources(t), func(key string, c *covering) (tables.MemberCoverage, bool) { return CoverageRow(key, c.facts) })
}

func (l *Log) coverageSources(t CoverageTopics) func(taking[covering]) ([]source, error) {
	return func(to taking[covering]) ([]source, error) {
		var all gathered
		all.add(coverageFacts(l, t.Verified, to, func(e events.CoverageVerified) tables.CoverageFact {
			return tables.CoverageFact{Type: e.Type, At: e.VerifiedAt, PlanID: e.PlanID, CoverageType: e.CoverageType, From: e.EffectiveDate, To: e.TerminationDate}
		}))
		all.add(coverageFacts(l, t.Terminated, to, func(e events.CoverageTerminated) tables.CoverageFact {
			return tables.CoverageFact{Type: e.Type, At: e.TerminatedAt, PlanID: &e.PlanID, CoverageType: e.CoverageType, To: &e.TerminationDate}
		}))
		all.add(coverageFacts(l, t.Activated, to, func(e events.EnrollmentActivated) tables.CoverageFact {
			return tables.CoverageFact{Type: e.Type, At: e.ActivatedAt, PlanID: &e.PlanID, CoverageType: &e.CoverageType, From: &e.EffectiveDate, EnrollmentID: &e.EnrollmentID}
		}))
		all.add(coverageFacts(l, t.EnrollmentTerminated, to, func(e events.EnrollmentTerminated) tables.CoverageFact {
			return tables.CoverageFact{Type: e.Type, At: e.TerminatedAt, PlanID: &e.PlanID, CoverageType: &e.CoverageType, To: &e.TerminationDate, EnrollmentID: &e.EnrollmentID}
		}))
		all.add(coverageFacts(l, t.PlanChanged, to, func(e events.EnrollmentPlanChanged) tables.CoverageFact {
			return tables.CoverageFact{Type: e.Type, At: e.ChangedAt, PlanID: &e.PlanID, PreviousPlanID: &e.PreviousPlanID, CoverageType: &e.CoverageType,
				From: &e.EffectiveDate, EnrollmentID: &e.EnrollmentID}
		}))
		return all.sources, all.err
	}
}

func coverageFacts[E event](l *Log, f Follower, to taking[covering], fact func(E) tables.CoverageFact) (source, error) {
	return factsOf(l, f, eventBytes, to, func(c *covering, id string, e E) {
		one := fact(e)
		one.ID = id
		c.facts = append(c.facts, one)
	})
}

// coverageOrder puts what ends coverage before what begins it, at one instant.
var coverageOrder = map[events.Type]int{events.TypeCoverageNotFound: 1, events.TypeCoverageTerminated: 2, events.TypeEnrollmentTerminated: 3,
	events.TypeEnrollmentActivated: 4, events.TypeEnrollmentPlanChanged: 5, events.TypeCoverageVerified: 6}

// newest sorts facts and keeps each once, and of too many the newest; it says
// whether some were left out.
func newest[F any](facts []F, most int, compare func(a, b F) int) (kept []F, more bool) {
	kept = slices.Clone(facts)
	slices.SortStableFunc(kept, compare)
	kept = slices.CompactFunc(kept, func(a, b F) bool { return compare(a, b) == 0 })
	if len(kept) > most {
		return kept[len(kept)-most:], true
	}
	return kept, false
}

func coverageInOrder(facts []tables.CoverageFact) ([]tables.CoverageFact, bool) {
	return newest(facts, tables.MaxCoverageFacts, func(a, b tables.CoverageFact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(coverageOrder[a.Type], coverageOrder[b.Type]), cmp.Compare(a.ID, b.ID))
	})
}
