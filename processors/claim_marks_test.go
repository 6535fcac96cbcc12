package processors_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/processors"
)

// markCases provoke each mark with as little as it takes; also lists the marks
// that cannot but come with it.
var markCases = map[string]struct {
	facts []fact
	also  []string
}{
	processors.MarkNoSubmission:        {[]fact{approved(1)}, nil},
	processors.MarkDecidedBeforeSubmit: {[]fact{submitted(2), denied(1)}, nil},
	processors.MarkPaidBeforeSubmit: {[]fact{submitted(2), approved(2), paid(1, "y", 144, billing)},
		[]string{processors.MarkPaidBeforeApproval}},
	processors.MarkPaidWithoutApproval:   {[]fact{submitted(1), denied(2), paid(3, "y", 144, billing)}, nil},
	processors.MarkPaidBeforeApproval:    {[]fact{submitted(1), paid(2, "y", 144, billing), approved(3)}, nil},
	processors.MarkAmountsDoNotAddUp:     {[]fact{submitted(1), approved(2, pays(180, 144, 35))}, nil},
	processors.MarkCostShareDoesNotAddUp: {[]fact{submitted(1), approved(2, shares(10, 10, 10))}, nil},
	processors.MarkAllowedExceedsBilled:  {[]fact{submitted(1), approved(2, pays(251, 250, 1))}, nil},
	processors.MarkBilledDiffers:         {[]fact{submitted(1, bills(240)), approved(2)}, nil},
	processors.MarkPaidExceedsPayable:    {[]fact{submitted(1), approved(2), paid(3, "y", 145, billing)}, nil},
	processors.MarkPaymentDisagrees:      {[]fact{submitted(1), approved(2), paid(3, "y", 144, billing), paid(4, "y", 143, mirror)}, nil},
	processors.MarkMemberDiffers:         {[]fact{submitted(1), approved(2, func(e *events.ClaimAdjudicated) { e.MemberID = "m2" })}, nil},
	processors.MarkProviderDiffers:       {[]fact{submitted(1), approved(2, func(e *events.ClaimAdjudicated) { e.ProviderID = "p2" })}, nil},
	processors.MarkAppealWithoutDenial:   {[]fact{submitted(1), appeal(2, events.OutcomeUpheld)}, nil},
	processors.MarkSubmittedTwice:        {[]fact{submitted(1), submitted(2)}, nil},
	processors.MarkReconsideredUndecided: {[]fact{submitted(1), told(2, "x", received), denied(3)}, nil},
	processors.MarkAppealNotReceived:     {[]fact{submitted(1), denied(2), told(3, "x", inReview)}, nil},
	processors.MarkAppealDecidedEarly:    {[]fact{submitted(1), denied(2), told(3, "x", decided), told(4, "x", received)}, nil},
	processors.MarkAppealReopened:        {[]fact{submitted(1), denied(2), told(3, "x", received), told(4, "x", decided), told(5, "x", inReview)}, nil},
	processors.MarkAppealOutcomeDiffers:  {[]fact{submitted(1), denied(2), told(3, "x", received), told(4, "x", decided), told(5, "y", decided, overturns)}, nil},
	processors.MarkAppealLevelDiffers:    {[]fact{submitted(1), denied(2), told(3, "x", received, atLevel("FIRST")), told(4, "y", received, atLevel("SECOND"))}, nil},
	processors.MarkAuthReversed:          {[]fact{submitted(1, named)}, nil},
	processors.MarkAuthOtherMember:       {[]fact{submitted(1, named)}, nil},
	processors.MarkApprovedUnauthorized:  {[]fact{submitted(1, wanting), approved(2)}, nil},
	processors.MarkRemittanceDiffers:     {[]fact{submitted(1), approved(2), paid(3, "y", 144, billing), sent(4, "y", 140, "1")}, nil},
	processors.MarkApprovedAfterGrace:    {[]fact{submitted(1), approved(2)}, nil},
}

// answersOf provoke marks by what a claim is told last.
var answersOf = map[string][]fact{
	processors.MarkAuthReversed:       {authTold(granted(1), refused(2))},
	processors.MarkAuthOtherMember:    {authTold(granted(1, func(e *events.PriorAuthDecided) { e.MemberID = "m2" }))},
	processors.MarkApprovedAfterGrace: {graceTold("m", "2026-02-01/2026-02-28/EXPIRED")},
}

func shares(deductible, copay, coinsurance int) func(*events.ClaimAdjudicated) {
	return func(e *events.ClaimAdjudicated) {
		e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied = dollars(deductible), dollars(copay), dollars(coinsurance)
	}
}

func TestEachMarkIsProvoked(t *testing.T) {
	for mark, c := range markCases {
		want := append([]string{mark}, c.also...)
		slices.Sort(want)
		permute(numbered(c.facts...), func(facts []fact) {
			if got := fold(t, slices.Concat(facts, answersOf[mark])).Marks; !slices.Equal(got, want) {
				t.Errorf("%s: marks %v", mark, got)
			}
		})
	}
}

// The cases are all there are: every Mark constant of the package has one.
func TestEveryMarkConstantHasACase(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "claim_settle.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var marks []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "Mark") {
			mark, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			marks = append(marks, mark)
		}
		return true
	})
	slices.Sort(marks)
	if cases := slices.Sorted(maps.Keys(markCases)); !slices.Equal(marks, cases) || len(marks) == 0 {
		t.Errorf("marks  %v\nhave cases %v", marks, cases)
	}
}

func TestNoMarks(t *testing.T) {
	for name, facts := range map[string][]fact{
		"submitted":               {submitted(1)},
		"paid and mirrored":       {submitted(1), approved(2, shares(0, 36, 0)), paid(3, "y", 144, billing), paid(4, "y", 144, mirror)},
		"all at one instant":      {submitted(1), approved(1), paid(1, "y", 144, billing)},
		"paid in two":             {submitted(1), approved(2), paid(3, "y", 100, billing), paid(4, "z", 44, billing)},
		"denied":                  {submitted(1), denied(2)},
		"overturned, paid":        {submitted(1), denied(2), appeal(3, events.OutcomeOverturned, withAmounts), paid(4, "y", 170, billing)},
		"denied, upheld at once":  {submitted(1), denied(2), appeal(2, events.OutcomeUpheld)},
		"two levels":              {submitted(1), denied(2), appeal(3, events.OutcomeUpheld), appeal(4, events.OutcomeOverturned, withAmounts), paid(5, "y", 170, billing)},
		"came and went as X12":    {came(1), submitted(2), approved(3), paid(4, "y", 144, billing), sent(5, "y", 144, "1")},
		"a remittance taken back": {submitted(1), approved(2), paid(3, "y", 144, billing), sent(4, "y", -144, "22")},
		"a remittance for none":   {submitted(1), approved(2), sent(3, "y", 144, "1")},
		"no authorization yet":    {submitted(1, named), approved(2)},
		"reconsidered":            {submitted(1), denied(2), told(3, "x", received), told(4, "x", inReview), told(5, "y", received), told(6, "x", decided), appeal(7, events.OutcomeUpheld)},
		"an approval disputed":    {submitted(1), approved(2), told(3, "x", received), told(3, "x", decided)},
		"a system corrects":       {submitted(1), denied(2), told(3, "x", received), told(4, "x", decided), told(5, "x", decided, overturns)},
		"two appeals":             {submitted(1), denied(2), told(3, "x", received, atLevel("FIRST")), told(4, "x", received, atLevel("SECOND"), ofAppeal("b"))},
		"corrected":               {submitted(1), approved(2), approved(3, pays(100, 80, 20)), paid(4, "y", 80, billing)},
		"nothing to pay":          {submitted(1), approved(2, pays(180, 0, 180), shares(180, 0, 0)), paid(3, "y", 0, billing)},
		"paid and taken back":     {submitted(1), approved(2), paid(3, "y", 144, billing), paid(4, "z", -144, billing)},
		"shares not told in full": {submitted(1), approved(2, func(e *events.ClaimAdjudicated) { e.CopayApplied = dollars(1) })},
	} {
		if marks := fold(t, numbered(facts...)).Marks; marks == nil || len(marks) != 0 {
			t.Errorf("%s: marks %v", name, marks)
		}
	}
}

// An appeal before any denial is marked although another follows one.
func TestEachAppealNeedsADenialBefore(t *testing.T) {
	row := fold(t, numbered(submitted(1), appeal(2, events.OutcomeUpheld), denied(3), appeal(4, events.OutcomeUpheld)))
	if !slices.Equal(row.Marks, []string{processors.MarkAppealWithoutDenial}) {
		t.Errorf("marks %v", row.Marks)
	}
}
