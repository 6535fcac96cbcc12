package verify

import (
	"maps"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// appeal is one appeal's facts in order.
type appeal struct {
	all      []tables.ClaimFact
	systems  []string // that reported, by name
	resolved *tables.ClaimFact
}

var reportStates = map[events.Type]string{
	events.TypeReconsiderationReceived:      tables.AppealReceived,
	events.TypeReconsiderationInReview:      tables.AppealInReview,
	events.TypeReconsiderationInfoRequested: tables.AppealInfoRequested,
	events.TypeReconsiderationDecided:       tables.AppealDecided,
}

// of are the reports of one system.
func (a appeal) of(system string) (out []tables.ClaimFact) {
	for _, f := range a.all {
		if f.SourceSystem != nil && *f.SourceSystem == system {
			out = append(out, f)
		}
	}
	return out
}

// dispute works out each appeal, in the order in which they began.
func (l *life) dispute() (out []appeal) {
	byID := map[events.ID]int{}
	for _, f := range l.all {
		if _, report := reportStates[f.Type]; !report && f.Type != events.TypeAppealResolved {
			continue
		}
		i, known := byID[*f.AppealID]
		if !known {
			i = len(out)
			byID[*f.AppealID], out = i, append(out, appeal{})
		}
		a := &out[i]
		a.all = append(a.all, f)
		if f.SourceSystem == nil {
			a.resolved = &f
		} else if !slices.Contains(a.systems, *f.SourceSystem) {
			a.systems = append(a.systems, *f.SourceSystem)
			slices.Sort(a.systems)
		}
	}
	for _, a := range out {
		l.row.Appeals = append(l.row.Appeals, a.row())
	}
	if n := len(l.row.Appeals); n > 0 {
		l.row.AppealState, l.row.AppealOutcome = &l.row.Appeals[n-1].State, l.row.Appeals[n-1].Outcome
	}
	return out
}

// standing is where one system has the appeal: its last report, but that it
// received the appeal counts where it said nothing else.
func (a appeal) standing(system string) tables.AppealSource {
	reports := a.of(system)
	counts := reports[len(reports)-1]
	for _, f := range slices.Backward(reports) {
		if f.Type != events.TypeReconsiderationReceived {
			counts = f
			break
		}
	}
	return tables.AppealSource{SourceSystem: system, State: reportStates[counts.Type], StateAt: counts.At, Text: counts.Text,
		InformationDueDate: counts.InformationDueDate, Outcome: counts.Outcome}
}

func (a appeal) row() tables.ClaimAppeal {
	out := tables.ClaimAppeal{AppealID: *a.all[0].AppealID, FirstAt: a.all[0].At, Sources: []tables.AppealSource{}}
	for _, f := range a.all {
		if f.Level != nil {
			out.Level = f.Level
		}
	}
	for _, system := range a.systems {
		out.Sources = append(out.Sources, a.standing(system))
	}
	if r := a.resolved; r != nil {
		out.State, out.StateAt, out.Text, out.Outcome = tables.AppealDecided, r.At, r.Text, r.Outcome
		return out
	}
	way := []string{tables.AppealReceived, tables.AppealInReview, tables.AppealInfoRequested, tables.AppealDecided}
	lead := &out.Sources[0]
	for i := range out.Sources[1:] {
		s := &out.Sources[i+1]
		if far, best := slices.Index(way, s.State), slices.Index(way, lead.State); far > best || far == best && s.StateAt > lead.StateAt {
			lead = s
		}
	}
	system := lead.SourceSystem
	out.State, out.StateAt, out.Text, out.Outcome, out.SourceSystem = lead.State, lead.StateAt, lead.Text, lead.Outcome, &system
	if lead.State == tables.AppealInfoRequested {
		for _, s := range out.Sources {
			if s.State == tables.AppealInfoRequested && (out.InformationDueDate == nil || *s.InformationDueDate < *out.InformationDueDate) {
				out.InformationDueDate = s.InformationDueDate
			}
		}
	}
	return out
}

// markAppeal notes what contradicts itself within one appeal.
func (l *life) markAppeal(marks map[string]bool, a appeal) {
	reported := len(a.systems) > 0
	decidedBy := func(at events.Instant) bool {
		return l.first(func(f tables.ClaimFact) bool {
			return (is(events.TypeClaimApproved, events.TypeClaimDenied)(f)) && f.At <= at
		}) != nil
	}
	levels, outcomes := map[string]bool{}, map[string]bool{}
	var received *tables.ClaimFact
	early := false
	for i, f := range a.all {
		if f.Level != nil {
			levels[*f.Level] = true
		}
		if f.Type == events.TypeReconsiderationReceived && received == nil {
			received = &a.all[i]
		}
	}
	for _, f := range a.all {
		early = early || received != nil && f.At < received.At && is(events.TypeReconsiderationDecided, events.TypeAppealResolved)(f)
	}
	for _, system := range a.systems {
		marks["APPEAL_REOPENED"] = marks["APPEAL_REOPENED"] || reopenedBy(a.of(system))
		if o := a.standing(system).Outcome; o != nil {
			outcomes[*o] = true
		}
	}
	if a.resolved != nil {
		outcomes[*a.resolved.Outcome] = true
	}
	for name, holds := range map[string]bool{
		"RECONSIDERATION_WITHOUT_DECISION": reported && !decidedBy(a.all[0].At),
		"APPEAL_NOT_RECEIVED":              reported && received == nil,
		"APPEAL_DECIDED_BEFORE_RECEIVED":   early,
		"APPEAL_LEVEL_DIFFERS":             len(levels) > 1,
		"APPEAL_OUTCOME_DIFFERS":           len(outcomes) > 1,
	} {
		marks[name] = marks[name] || holds
	}
	maps.DeleteFunc(marks, func(_ string, holds bool) bool { return !holds })
}

func reopenedBy(reports []tables.ClaimFact) bool {
	at := slices.IndexFunc(reports, is(events.TypeReconsiderationDecided))
	return at >= 0 && slices.ContainsFunc(reports[at:], is(events.TypeReconsiderationInReview, events.TypeReconsiderationInfoRequested))
}
