// This file answers: how far has each appeal against a claim come, when several
// systems report on it, each at its own pace.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldAppealUpdated records what one source system says about an appeal.
func FoldAppealUpdated(row tables.ClaimStatus, rec topology.Record[events.AppealUpdated]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, e.MemberID, e.ProviderID)
	f.AppealID, f.SourceSystem, f.Level, f.Text = &e.AppealID, &e.SourceSystem, e.Level, e.Text
	f.InformationDueDate, f.Outcome = e.InformationDueDate, e.Outcome
	return addClaimFact(row, rec.Key, f)
}

var appealStates = map[events.Type]string{
	events.TypeReconsiderationReceived:      tables.AppealReceived,
	events.TypeReconsiderationInReview:      tables.AppealInReview,
	events.TypeReconsiderationInfoRequested: tables.AppealInfoRequested,
	events.TypeReconsiderationDecided:       tables.AppealDecided,
	events.TypeAppealResolved:               tables.AppealDecided,
}

// furthest orders states across systems: a request for information stays open
// until the system that made it says otherwise.
var furthest = []string{tables.AppealReceived, tables.AppealInReview, tables.AppealInfoRequested, tables.AppealDecided}

// appealFacts are the facts of one appeal in event-time order.
type appealFacts struct {
	id       events.ID
	all      []tables.ClaimFact
	reports  map[string][]tables.ClaimFact // by source system
	resolved []tables.ClaimFact
}

// appealsOf sorts facts by appeal, in the order of each one's earliest.
func appealsOf(history []tables.ClaimFact) (appeals []*appealFacts) {
	var byID map[events.ID]*appealFacts // most claims have none
	for _, h := range history {
		if appealStates[h.Type] == "" {
			continue
		}
		a := byID[*h.AppealID]
		if a == nil {
			if byID == nil {
				byID = map[events.ID]*appealFacts{}
			}
			a = &appealFacts{id: *h.AppealID, reports: map[string][]tables.ClaimFact{}}
			byID[a.id], appeals = a, append(appeals, a)
		}
		a.all = append(a.all, h)
		if h.SourceSystem == nil {
			a.resolved = append(a.resolved, h)
		} else {
			a.reports[*h.SourceSystem] = append(a.reports[*h.SourceSystem], h)
		}
	}
	return appeals
}

func settleAppeals(row *tables.ClaimStatus, f claimFacts) {
	for _, a := range f.disputes {
		row.Appeals = append(row.Appeals, a.settle())
	}
	if n := len(row.Appeals); n > 0 {
		last := row.Appeals[n-1]
		row.AppealState, row.AppealOutcome = &last.State, last.Outcome
	}
}

// settle takes the state of the system that is furthest, the latest of those
// that are equally far. The plan's own resolution counts before them all.
func (a *appealFacts) settle() tables.ClaimAppeal {
	appeal := tables.ClaimAppeal{AppealID: a.id, FirstAt: a.all[0].At, Sources: []tables.AppealSource{}}
	for _, h := range a.all {
		if h.Level != nil {
			appeal.Level = h.Level
		}
	}
	for system, reports := range a.reports {
		appeal.Sources = append(appeal.Sources, sourceOf(system, reports))
	}
	slices.SortFunc(appeal.Sources, func(x, y tables.AppealSource) int { return cmp.Compare(x.SourceSystem, y.SourceSystem) })
	if n := len(a.resolved); n > 0 {
		r := a.resolved[n-1]
		appeal.State, appeal.StateAt, appeal.Text, appeal.Outcome = tables.AppealDecided, r.At, r.Text, r.Outcome
		return appeal
	}
	leads := slices.MaxFunc(appeal.Sources, func(x, y tables.AppealSource) int {
		return cmp.Or(cmp.Compare(slices.Index(furthest, x.State), slices.Index(furthest, y.State)), cmp.Compare(x.StateAt, y.StateAt))
	})
	appeal.State, appeal.StateAt, appeal.SourceSystem = leads.State, leads.StateAt, &leads.SourceSystem
	appeal.Text, appeal.Outcome = leads.Text, leads.Outcome
	if leads.State == tables.AppealInfoRequested {
		appeal.InformationDueDate = firstDue(appeal.Sources)
	}
	return appeal
}

// sourceOf takes a system's latest report. That it received the appeal opens
// its work and cannot undo what came of it.
func sourceOf(system string, reports []tables.ClaimFact) tables.AppealSource {
	at := reports[0]
	for _, h := range reports[1:] {
		if h.Type != events.TypeReconsiderationReceived || at.Type == events.TypeReconsiderationReceived {
			at = h
		}
	}
	return tables.AppealSource{SourceSystem: system, State: appealStates[at.Type], StateAt: at.At, Text: at.Text,
		InformationDueDate: at.InformationDueDate, Outcome: at.Outcome}
}

func firstDue(sources []tables.AppealSource) (due *events.Date) {
	for _, s := range sources {
		if s.State == tables.AppealInfoRequested && (due == nil || *s.InformationDueDate < *due) {
			due = s.InformationDueDate
		}
	}
	return due
}

func markAppeals(mark func(bool, string), f claimFacts) {
	for _, a := range f.disputes {
		mark(len(a.reports) > 0 && !before(f.approved, a.all[0].At+1) && !before(f.denied, a.all[0].At+1), MarkReconsideredUndecided)
		var received, decided []tables.ClaimFact
		levels, outcomes := map[string]bool{}, map[string]bool{}
		for _, h := range a.all {
			switch h.Type {
			case events.TypeReconsiderationReceived:
				received = append(received, h)
			case events.TypeReconsiderationDecided, events.TypeAppealResolved:
				decided = append(decided, h)
			}
			if h.Level != nil {
				levels[*h.Level] = true
			}
		}
		mark(len(a.reports) > 0 && len(received) == 0, MarkAppealNotReceived)
		mark(len(received) > 0 && before(decided, received[0].At), MarkAppealDecidedEarly)
		mark(len(levels) > 1, MarkAppealLevelDiffers)
		for _, reports := range a.reports {
			mark(reopened(reports), MarkAppealReopened)
			if s := sourceOf("", reports); s.Outcome != nil {
				outcomes[*s.Outcome] = true
			}
		}
		if n := len(a.resolved); n > 0 {
			outcomes[*a.resolved[n-1].Outcome] = true
		}
		mark(len(outcomes) > 1, MarkAppealOutcomeDiffers)
	}
}

// reopened says whether a system went on after its own decision, otherwise than
// by deciding anew.
func reopened(reports []tables.ClaimFact) bool {
	decided := false
	for _, h := range reports {
		if decided && (h.Type == events.TypeReconsiderationInReview || h.Type == events.TypeReconsiderationInfoRequested) {
			return true
		}
		decided = decided || h.Type == events.TypeReconsiderationDecided
	}
	return false
}
