package processors_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// cover is one fact of a member's coverage, with its identity.
type cover struct {
	id   string
	body topology.Event
}

func verified(at int, plan string, from, to int) topology.Event {
	e := events.CoverageVerified{Type: events.TypeCoverageVerified, MemberID: "m", PlanID: some(events.ID(plan)), CoverageType: some("MEDICAL"),
		EffectiveDate: some(events.Date(from)), VerifiedAt: hour(at)}
	if to != openEnd {
		e.TerminationDate = some(events.Date(to))
	}
	return e
}

func ended(at int, plan string, last int) topology.Event {
	return events.CoverageTerminated{Type: events.TypeCoverageTerminated, MemberID: "m", PlanID: events.ID(plan), TerminationDate: events.Date(last), TerminatedAt: hour(at)}
}

func missed(at int) topology.Event {
	return events.CoverageVerified{Type: events.TypeCoverageNotFound, MemberID: "m", VerifiedAt: hour(at)}
}

func enrolled(at int, enrollment, plan string, from int) topology.Event {
	return events.EnrollmentActivated{Type: events.TypeEnrollmentActivated, EnrollmentID: events.ID(enrollment), MemberID: "m", PlanID: events.ID(plan),
		CoverageType: "MEDICAL", EffectiveDate: events.Date(from), ActivatedAt: hour(at)}
}

func disenrolled(at int, enrollment, plan string, last int) topology.Event {
	return events.EnrollmentTerminated{Type: events.TypeEnrollmentTerminated, EnrollmentID: events.ID(enrollment), MemberID: "m", PlanID: events.ID(plan),
		CoverageType: "MEDICAL", TerminationDate: events.Date(last), TerminatedAt: hour(at)}
}

func moved(at int, enrollment, from, to string, day int) topology.Event {
	return events.EnrollmentPlanChanged{Type: events.TypeEnrollmentPlanChanged, EnrollmentID: events.ID(enrollment), MemberID: "m", PlanID: events.ID(to),
		PreviousPlanID: events.ID(from), CoverageType: "MEDICAL", EffectiveDate: events.Date(day), ChangedAt: hour(at)}
}

const openEnd = 1 << 20

// dayOf is the day of an hour, as lookups have it.
func dayOf(at int) int { return int(events.DateOf(hour(at).Time())) }

func coverFold(row tables.MemberCoverage, c cover) tables.MemberCoverage {
	switch e := c.body.(type) {
	case events.CoverageVerified:
		row, _ = processors.FoldCoverageVerified(row, record(c.id, e))
	case events.CoverageTerminated:
		row, _ = processors.FoldCoverageTerminated(row, record(c.id, e))
	case events.EnrollmentActivated:
		row, _ = processors.FoldCoverageEnrolled(row, record(c.id, e))
	case events.EnrollmentTerminated:
		row, _ = processors.FoldCoverageDisenrolled(row, record(c.id, e))
	case events.EnrollmentPlanChanged:
		row, _ = processors.FoldCoverageMoved(row, record(c.id, e))
	}
	return row
}

func coverAll(bodies ...topology.Event) (row tables.MemberCoverage) {
	for n, b := range bodies {
		row = coverFold(row, cover{fmt.Sprintf("e%02d", n), b})
	}
	return row
}

func TestSpansOfCoverage(t *testing.T) {
	today := dayOf(0)
	for name, c := range map[string]struct {
		facts []topology.Event
		want  string // plan first-last, by plan and day, relative to today
		marks []string
	}{
		"open":                              {[]topology.Event{verified(0, "a", today, openEnd)}, "a 0-", nil},
		"the newest word on its end":        {[]topology.Event{verified(0, "a", today, openEnd), verified(1, "a", today, today+9)}, "a 0-9", nil},
		"next year's stays":                 {[]topology.Event{enrolled(0, "n", "a", today+100), verified(1, "a", today, today+99)}, "a 0-99 a 100-", nil},
		"within another":                    {[]topology.Event{verified(0, "a", today, openEnd), verified(1, "a", today+5, today+9)}, "a 0-4 a 5-9", nil},
		"no days":                           {[]topology.Event{verified(0, "a", today, openEnd), verified(1, "a", today, today-1)}, "", []string{"ENDS_BEFORE_START"}},
		"terminated before it starts":       {[]topology.Event{verified(0, "a", today, openEnd), ended(1, "a", today-1)}, "", []string{"TERMINATED_BEFORE_START"}},
		"terminated on its first day":       {[]topology.Event{verified(0, "a", today, openEnd), ended(1, "a", today)}, "a 0-0", nil},
		"another plan's end":                {[]topology.Event{verified(0, "a", today, openEnd), ended(1, "b", today)}, "a 0-", nil},
		"another enrolment's end":           {[]topology.Event{enrolled(0, "n1", "a", today), disenrolled(1, "n2", "a", today+3)}, "a 0-", nil},
		"verified keeps the enrolment":      {[]topology.Event{enrolled(0, "n1", "a", today), verified(1, "a", today, openEnd), disenrolled(2, "n2", "a", today+3)}, "a 0-", nil},
		"its own enrolment's end":           {[]topology.Event{enrolled(0, "n1", "a", today), disenrolled(1, "n1", "a", today+3)}, "a 0-3", nil},
		"told again after its end":          {[]topology.Event{ended(1, "a", today), verified(2, "a", today, openEnd)}, "a 0-", nil},
		"moved":                             {[]topology.Event{enrolled(0, "n", "a", today), moved(1, "n", "a", "b", today+30)}, "a 0-29 b 30-", nil},
		"not found, and what begins later":  {[]topology.Event{verified(0, "a", today-9, openEnd), enrolled(0, "n", "b", today+9), missed(1)}, "a -9--1 b 9-", nil},
		"not found on its first day":        {[]topology.Event{verified(0, "a", today, openEnd), missed(1)}, "", nil},
		"what ends first, then what begins": {[]topology.Event{verified(1, "a", today, openEnd), ended(1, "a", today-1)}, "a 0-", nil},
	} {
		for _, order := range [][]topology.Event{c.facts, reversed(c.facts)} {
			row := coverAll(order...)
			var got string
			for _, s := range row.Spans {
				last := ""
				if s.To != nil {
					last = fmt.Sprint(int(*s.To) - today)
				}
				got += fmt.Sprintf("%s %d-%s ", string(s.PlanID), int(s.From)-today, last)
			}
			if got != c.want+" " && got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			if !slices.Equal(row.Marks, append([]string{}, c.marks...)) {
				t.Errorf("%s: marks %v, want %v", name, row.Marks, c.marks)
			}
		}
	}
}

func reversed[T any](in []T) []T {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

// coveredByHand asks of one day alone what each fact says of it, and knows
// spans only by the day on which the one with this day began. All are of one
// enrolment.
func coveredByHand(bodies []topology.Event, plan string, day int) bool {
	covered, from := false, 0
	begin := func(p string, first, last int) {
		switch {
		case p != plan:
		case last < first:
			covered = covered && from != first
		case first <= day && day <= last:
			covered, from = true, first
		case day > last && covered && from <= last:
			covered = false
		}
	}
	end := func(p string, last int) {
		if p == plan && day > last {
			covered = false
		}
	}
	for _, b := range bodies {
		switch e := b.(type) {
		case events.CoverageVerified:
			if e.Type == events.TypeCoverageNotFound {
				asked := int(events.DateOf(e.VerifiedAt.Time()))
				covered = covered && (from > asked || asked > day)
				continue
			}
			last := openEnd
			if e.TerminationDate != nil {
				last = int(*e.TerminationDate)
			}
			begin(string(*e.PlanID), int(*e.EffectiveDate), last)
		case events.CoverageTerminated:
			end(string(e.PlanID), int(e.TerminationDate))
		case events.EnrollmentActivated:
			begin(string(e.PlanID), int(e.EffectiveDate), openEnd)
		case events.EnrollmentTerminated:
			end(string(e.PlanID), int(e.TerminationDate))
		case events.EnrollmentPlanChanged:
			end(string(e.PreviousPlanID), int(e.EffectiveDate)-1)
			begin(string(e.PlanID), int(e.EffectiveDate), openEnd)
		}
	}
	return covered
}

// Of any facts in any order, each day is covered as it is by hand.
func TestCoverageByDayIsAsByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bodies []topology.Event
		today := dayOf(0)
		for n := range rapid.IntRange(1, 10).Draw(t, "facts") {
			at, plan, enrollment := 12*n, rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "plan"), "n"
			first, last := today+rapid.IntRange(-2, 8).Draw(t, "first"), today+rapid.IntRange(-3, 9).Draw(t, "last")
			switch rapid.IntRange(0, 6).Draw(t, "kind") {
			case 0:
				bodies = append(bodies, verified(at, plan, first, last))
			case 1:
				bodies = append(bodies, verified(at, plan, first, openEnd))
			case 2:
				bodies = append(bodies, ended(at, plan, last))
			case 3:
				bodies = append(bodies, missed(at))
			case 4:
				bodies = append(bodies, disenrolled(at, enrollment, plan, last))
			case 5:
				bodies = append(bodies, moved(at, enrollment, "b", "a", first))
			default:
				bodies = append(bodies, enrolled(at, enrollment, plan, first))
			}
		}
		row := coverAll(reversed(bodies)...)
		for day := today - 5; day < today+15; day++ {
			for _, plan := range []string{"a", "b"} {
				got := slices.Contains(row.CoveredOn(events.Date(day), "MEDICAL"), events.ID(plan))
				if want := coveredByHand(bodies, plan, day); got != want {
					t.Fatalf("plan %s on day %d: covered %v, by hand %v", plan, day-today, got, want)
				}
			}
		}
	})
}

// More facts than are kept: the newest are, in any order, and the row says so.
func TestTheNewestFactsAreKept(t *testing.T) {
	var facts []cover
	for n := range tables.MaxCoverageFacts + 20 {
		facts = append(facts, cover{fmt.Sprintf("e%04d", n), verified(n, "a", n, openEnd)})
	}
	fold := func(facts []cover) (row tables.MemberCoverage) {
		for _, f := range facts {
			row = coverFold(row, f)
		}
		return row
	}
	want := fold(facts)
	if len(want.Facts) != tables.MaxCoverageFacts || want.Facts[0].ID != "e0020" || !slices.Contains(want.Marks, processors.MarkOlderFactsLeftOut) {
		t.Fatalf("%d facts, from %s, marks %v", len(want.Facts), want.Facts[0].ID, want.Marks)
	}
	random := rand.New(rand.NewPCG(1, 2))
	mixed := append(slices.Clone(facts), facts[:30]...)
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	if got := fold(mixed); !reflect.DeepEqual(got, want) {
		t.Error("another order gives another row")
	}
	if got := fold(facts[:tables.MaxCoverageFacts]); len(got.Marks) != 0 {
		t.Errorf("exactly as many as are kept: marks %v", got.Marks)
	}
}

func TestServicesNeedTheirLine(t *testing.T) {
	for code, want := range map[string]string{"99213": "MEDICAL", "D0120": "DENTAL", "d0120": "DENTAL", "D012": "MEDICAL", "V2020": "VISION", "V5008": "MEDICAL",
		"S0620": "VISION", "92015": "VISION", "": "MEDICAL", "DXXXX": "MEDICAL"} {
		row, _ := processors.FoldBooking(tables.BookingCoverage{}, record("e", booked(1, func(e *events.Booking) { e.ServiceCode = code })))
		if row.CoverageType != want {
			t.Errorf("%q needs %s, want %s", code, row.CoverageType, want)
		}
	}
}

func booked(at int, change ...func(*events.Booking)) events.Booking {
	return changed(events.Booking{Type: events.TypeBookingConfirmed, BookingID: "b", AvailabilityID: "s", MemberID: "m", ProviderID: "p", Specialty: "Cardiology",
		Place: "Springfield", ServiceDate: events.Date(dayOf(0) + 3), TimeZone: "UTC", VisitType: events.VisitOnSite, ServiceCode: "99213", ChangedAt: hour(at)}, change)
}

// BenchmarkBooking is a booking with both answers, and one that reconsiders it:
// four folds.
func BenchmarkBooking(b *testing.B) {
	day := dayOf(0)
	member := coverAll(enrolled(0, "n", "a", day), verified(1, "a", day, openEnd), verified(2, "a", day, openEnd))
	var provider tables.ProviderStanding
	provider, _ = processors.FoldCredentialingChanged(provider, record("c", events.CredentialingChanged{Type: events.TypeCredentialingApproved, ProviderID: "p",
		NetworkStatus: events.InNetwork, EffectiveDate: events.Date(day), ApprovedAt: some(hour(0))}))
	out, _ := processors.FoldNetworkUpdated(provider, record("n", events.NetworkUpdated{Type: events.TypeNetworkUpdated, ProviderID: "p", NetworkID: "n",
		NetworkStatus: "OUT_OF_NETWORK", EffectiveDate: events.Date(day), UpdatedAt: hour(3)}))
	coverage, standing, gone := processors.TellCoverage("m", member)[0], processors.TellStanding("p", provider)[0], processors.TellStanding("p", out)[0]
	confirmed := booked(1)
	b.ReportAllocs()
	for b.Loop() {
		row, _ := processors.FoldBooking(tables.BookingCoverage{}, record("e", confirmed))
		row, _ = processors.FoldCoverageAnswer(row, answer("m", &coverage))
		row, told := processors.FoldStandingAnswer(row, answer("p", &standing))
		if !row.Covered() || len(told) != 2 {
			b.Fatal(row.Reasons)
		}
		if row, _ = processors.FoldStandingAnswer(row, answer("p", &gone)); row.Covered() {
			b.Fatal("still covered")
		}
	}
}

func answer[V any](key string, v *V) topology.Record[topology.Answered[V]] {
	return topology.Record[topology.Answered[V]]{Key: "b", Body: topology.Answered[V]{Left: "b", Key: key, Value: v}}
}
