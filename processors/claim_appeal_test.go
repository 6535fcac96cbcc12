package processors_test

import (
	"fmt"
	"slices"
	"testing"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

const (
	received = events.TypeReconsiderationReceived
	inReview = events.TypeReconsiderationInReview
	wanted   = events.TypeReconsiderationInfoRequested
	decided  = events.TypeReconsiderationDecided
)

func overturns(e *events.AppealUpdated) { e.Outcome = some(events.OutcomeOverturned) }

func atLevel(level string) func(*events.AppealUpdated) {
	return func(e *events.AppealUpdated) { e.Level = &level }
}

func ofAppeal(id events.ID) func(*events.AppealUpdated) {
	return func(e *events.AppealUpdated) { e.AppealID = id }
}

func dueOn(day events.Date) func(*events.AppealUpdated) {
	return func(e *events.AppealUpdated) { e.InformationDueDate = &day }
}

// said is an appeal as "state by system: outcome, due date, [system state ...]".
func said(a tables.ClaimAppeal) string {
	by, outcome := "the plan", "-"
	if a.SourceSystem != nil {
		by = *a.SourceSystem
	}
	if a.Outcome != nil {
		outcome = *a.Outcome
	}
	var sources []string
	for _, s := range a.Sources {
		sources = append(sources, s.SourceSystem+" "+s.State)
	}
	return fmt.Sprintf("%s by %s: %s, %s, %v", a.State, by, outcome, text(a.InformationDueDate), sources)
}

func TestWhereAnAppealStands(t *testing.T) {
	for name, c := range map[string]struct {
		facts []fact
		want  string
	}{
		"received":                     {[]fact{told(3, "x", received)}, "RECEIVED by x: -, -, [x RECEIVED]"},
		"in review":                    {[]fact{told(3, "x", received), told(4, "x", inReview)}, "IN_REVIEW by x: -, -, [x IN_REVIEW]"},
		"a slower system":              {[]fact{told(3, "x", received), told(4, "x", inReview), told(5, "y", received)}, "IN_REVIEW by x: -, -, [x IN_REVIEW y RECEIVED]"},
		"information wanted":           {[]fact{told(3, "x", received), told(4, "x", wanted)}, "INFO_REQUESTED by x: -, 2026-05-27, [x INFO_REQUESTED]"},
		"wanted, another reviews":      {[]fact{told(4, "x", wanted), told(5, "y", inReview)}, "INFO_REQUESTED by x: -, 2026-05-27, [x INFO_REQUESTED y IN_REVIEW]"},
		"wanted by two":                {[]fact{told(4, "x", wanted), told(5, "y", wanted, dueOn(20610))}, "INFO_REQUESTED by y: -, 2026-05-27, [x INFO_REQUESTED y INFO_REQUESTED]"},
		"information came":             {[]fact{told(4, "x", wanted), told(5, "x", inReview)}, "IN_REVIEW by x: -, -, [x IN_REVIEW]"},
		"decided":                      {[]fact{told(3, "x", received), told(6, "x", decided)}, "DECIDED by x: UPHELD, -, [x DECIDED]"},
		"decided, another wants":       {[]fact{told(4, "y", wanted), told(3, "x", decided)}, "DECIDED by x: UPHELD, -, [x DECIDED y INFO_REQUESTED]"},
		"decided by two":               {[]fact{told(6, "x", decided), told(5, "y", decided, overturns)}, "DECIDED by x: UPHELD, -, [x DECIDED y DECIDED]"},
		"decided by two at once":       {[]fact{told(6, "y", decided, overturns), told(6, "x", decided)}, "DECIDED by x: UPHELD, -, [x DECIDED y DECIDED]"},
		"decided before received":      {[]fact{told(3, "x", decided), told(4, "x", received)}, "DECIDED by x: UPHELD, -, [x DECIDED]"},
		"reopened":                     {[]fact{told(3, "x", decided), told(4, "x", inReview)}, "IN_REVIEW by x: -, -, [x IN_REVIEW]"},
		"corrected":                    {[]fact{told(3, "x", decided), told(4, "x", decided, overturns)}, "DECIDED by x: OVERTURNED, -, [x DECIDED]"},
		"resolved":                     {[]fact{told(3, "x", received), appeal(4, events.OutcomeUpheld)}, "DECIDED by the plan: UPHELD, -, [x RECEIVED]"},
		"resolved against a system":    {[]fact{told(9, "x", decided), appeal(4, events.OutcomeOverturned)}, "DECIDED by the plan: OVERTURNED, -, [x DECIDED]"},
		"resolved, nobody reported":    {[]fact{appeal(4, events.OutcomeOverturned)}, "DECIDED by the plan: OVERTURNED, -, []"},
		"several at one instant":       {[]fact{told(3, "x", decided), told(3, "x", received), told(3, "x", inReview)}, "DECIDED by x: UPHELD, -, [x DECIDED]"},
		"the same state, later":        {[]fact{told(3, "x", inReview), told(9, "y", inReview)}, "IN_REVIEW by y: -, -, [x IN_REVIEW y IN_REVIEW]"},
		"all at one instant, by state": {[]fact{told(3, "x", received), told(3, "y", inReview), told(3, "z", wanted)}, "INFO_REQUESTED by z: -, 2026-05-27, [x RECEIVED y IN_REVIEW z INFO_REQUESTED]"},
	} {
		permute(numbered(append([]fact{denied(1)}, c.facts...)...), func(facts []fact) {
			row := fold(t, facts)
			if len(row.Appeals) != 1 || said(row.Appeals[0]) != c.want || *row.AppealState != row.Appeals[0].State {
				t.Errorf("%s: %s, want %s", name, said(row.Appeals[0]), c.want)
			}
		})
	}
}

// Systems report; the plan decides: they change neither status nor amounts.
func TestReportsDoNotMoveTheClaim(t *testing.T) {
	plain := []fact{submitted(1), denied(2)}
	row := fold(t, numbered(append(plain, told(3, "x", received), told(4, "x", decided, overturns))...))
	if want := fold(t, numbered(plain...)); row.Status != want.Status || row.StatusAt != want.StatusAt || row.Allowed != nil || *row.DenialCode != *want.DenialCode {
		t.Errorf("status %s at %s", row.Status, row.StatusAt)
	}
	if *row.AppealOutcome != events.OutcomeOverturned {
		t.Errorf("outcome %s", *row.AppealOutcome)
	}
}

func TestAnAppealOfAClaimNobodySubmitted(t *testing.T) {
	row := fold(t, numbered(told(3, "x", received), told(4, "x", inReview)))
	if row.Status != tables.ClaimUnknown || row.StatusAt != hour(3) || row.MemberID != "m" || row.ProviderID != "p" {
		t.Errorf("%s at %s", row.Status, row.StatusAt)
	}
	if want := []string{processors.MarkNoSubmission, processors.MarkReconsideredUndecided}; !slices.Equal(row.Marks, want) {
		t.Errorf("marks %v", row.Marks)
	}
}

func TestAppealsAreInTheOrderOfTheirBeginning(t *testing.T) {
	permute(numbered(denied(1), told(5, "x", received), told(6, "x", decided), told(3, "x", received, ofAppeal("b")), told(9, "y", inReview, ofAppeal("b"))), func(facts []fact) {
		row := fold(t, facts)
		if len(row.Appeals) != 2 || row.Appeals[0].AppealID != "b" || row.Appeals[0].FirstAt != hour(3) || *row.AppealState != tables.AppealDecided {
			t.Errorf("%d appeals, %s", len(row.Appeals), *row.AppealState)
		}
	})
}

// An appeal that has been filed spends the deadline; one that was over before
// the denial does not.
func TestAFiledAppealIsNotFiledAgain(t *testing.T) {
	for name, c := range map[string]struct {
		facts []fact
		want  bool
	}{
		"none":               {[]fact{denied(2)}, true},
		"received":           {[]fact{denied(2), told(3, "x", received)}, false},
		"at once":            {[]fact{denied(2), told(2, "x", received)}, false},
		"decided before":     {[]fact{denied(2), told(3, "x", decided, overturns), denied(4)}, true},
		"filed before, open": {[]fact{told(1, "x", received), denied(2)}, true},
	} {
		if got := fold(t, numbered(c.facts...)).AppealableOn(20600); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
