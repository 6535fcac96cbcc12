package processors_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/internal/verify"
	"payerflow/tables"
)

// someCover draws what Eligibility or Enrollment says of member m.
func someCover(t *rapid.T) topology.Event {
	today := dayOf(0)
	at, plan := 6*rapid.IntRange(0, 20).Draw(t, "at"), events.ID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "plan"))
	line := rapid.SampledFrom([]string{"MEDICAL", "DENTAL"}).Draw(t, "line")
	enrollment := events.ID(rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "enrolment"))
	first, last := events.Date(today+rapid.IntRange(-2, 8).Draw(t, "first")), events.Date(today+rapid.IntRange(-3, 9).Draw(t, "last"))
	asked := rapid.Bool().Draw(t, "names it")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		e := events.CoverageVerified{Type: events.TypeCoverageVerified, MemberID: "m", PlanID: &plan, CoverageType: &line, EffectiveDate: &first, VerifiedAt: hour(at)}
		if rapid.Bool().Draw(t, "ends") {
			e.TerminationDate = &last
		}
		return e
	case 1:
		e := events.CoverageTerminated{Type: events.TypeCoverageTerminated, MemberID: "m", PlanID: plan, TerminationDate: last, TerminatedAt: hour(at)}
		if asked {
			e.CoverageType = &line
		}
		return e
	case 2:
		e := events.CoverageVerified{Type: events.TypeCoverageNotFound, MemberID: "m", VerifiedAt: hour(at)}
		if asked {
			e.PlanID, e.CoverageType = &plan, rapid.SampledFrom([]*string{nil, &line}).Draw(t, "of")
		}
		return e
	case 3:
		return events.EnrollmentTerminated{Type: events.TypeEnrollmentTerminated, EnrollmentID: enrollment, MemberID: "m", PlanID: plan, CoverageType: line, TerminationDate: last, TerminatedAt: hour(at)}
	case 4:
		return events.EnrollmentPlanChanged{Type: events.TypeEnrollmentPlanChanged, EnrollmentID: enrollment, MemberID: "m", PlanID: plan,
			PreviousPlanID: events.ID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "from")), CoverageType: line, EffectiveDate: first, ChangedAt: hour(at)}
	}
	return events.EnrollmentActivated{Type: events.TypeEnrollmentActivated, EnrollmentID: enrollment, MemberID: "m", PlanID: plan, CoverageType: line, EffectiveDate: first, ActivatedAt: hour(at)}
}

func someCoverage(t *rapid.T) (row tables.MemberCoverage) {
	for n := range rapid.IntRange(1, 12).Draw(t, "facts") {
		row = coverFold(row, cover{fmt.Sprintf("e%02d", n), someCover(t)})
	}
	return row
}

// TestTheAuditorAgreesOnCoverage holds folds to the auditor's models.
func TestTheAuditorAgreesOnCoverage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := someCoverage(t)
		want, made := verify.CoverageRow("m", rapid.Permutation(slices.Clone(row.Facts)).Draw(t, "order"))
		if fields := verify.Differ(want, row); !made || len(fields) > 0 {
			t.Fatalf("they differ in %v\nfold  %s\nmodel %s", fields, asJSON(row), asJSON(want))
		}
	})
}

// asJSON is a row with its values; they are made up.
func asJSON(row any) string {
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}
