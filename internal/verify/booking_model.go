package verify

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// booking is what the log says of one booking, and what it was told last of
// members and providers, by their ids.
type booking struct {
	facts     []tables.BookingFact
	coverage  map[string]*tables.ToldCoverage
	standings map[string]*tables.ToldStanding
}

// known is what was known of a booking at an event time.
type known struct {
	booked    []tables.BookingFact
	coverage  []tables.CoverageFact
	standing  []tables.StandingFact
	wantsPlan *events.ID
	line      string
	day       events.Date
}

// BookingRow is what must be known of a booking of which these are the facts,
// in any order, and what it was told last of each member and provider; false
// where there are no facts.
func BookingRow(id string, facts []tables.BookingFact, coverage map[string]*tables.ToldCoverage, standings map[string]*tables.ToldStanding) (tables.BookingCoverage, bool) {
	kept, _ := newest(facts, tables.MaxBookingFacts, func(a, b tables.BookingFact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(cancels(a), cancels(b)), cmp.Compare(a.ID, b.ID))
	})
	if len(kept) == 0 {
		return tables.BookingCoverage{}, false // answers alone make no row
	}
	terms := termsOf(kept)
	row := tables.BookingCoverage{BookingID: events.ID(id), MemberID: kept[0].MemberID, ProviderID: kept[0].ProviderID, Bookings: kept,
		CoverageType: lineOf(terms.ServiceCode), WantedPlanID: terms.PlanID, ServiceDate: terms.ServiceDate, ServiceCode: terms.ServiceCode, VisitType: terms.VisitType,
		Coverage: coverage[string(kept[0].MemberID)], Standing: standings[string(kept[0].ProviderID)]}
	row.History = historyOf(row)
	last := row.History[len(row.History)-1]
	row.Verdict, row.VerdictAt, row.PlanID, row.Reasons = last.Verdict, last.At, last.PlanID, last.Reasons
	row.Marks = bookingMarks(row)
	return row, true
}

func cancels(f tables.BookingFact) int {
	if f.Type == events.TypeBookingCancelled {
		return 1
	}
	return 0
}

// termsOf is the fact whose terms hold: the latest confirmation, else the first
// that was heard.
func termsOf(facts []tables.BookingFact) tables.BookingFact {
	for _, f := range slices.Backward(facts) {
		if f.Type == events.TypeBookingConfirmed {
			return f
		}
	}
	return facts[0]
}

// historyOf asks at the time of each fact what could be known then.
func historyOf(row tables.BookingCoverage) (out []tables.BookingVerdict) {
	by := map[events.Instant][]string{}
	for _, f := range row.Bookings {
		by[f.At] = append(by[f.At], f.ID)
	}
	if row.Coverage != nil {
		for _, f := range row.Coverage.Facts {
			by[f.At] = append(by[f.At], f.ID)
		}
	}
	if row.Standing != nil {
		for _, f := range row.Standing.Facts {
			by[f.At] = append(by[f.At], f.ID)
		}
	}
	var times []events.Instant
	for at := range by {
		if at >= row.Bookings[0].At {
			times = append(times, at)
		}
	}
	slices.Sort(times)
	for _, at := range times {
		v := knownAt(row, at).verdict()
		v.At, v.By = at, by[at]
		slices.Sort(v.By)
		if n := len(out); n == 0 || out[n-1].Verdict != v.Verdict || !slices.Equal(out[n-1].Reasons, v.Reasons) || text(out[n-1].PlanID) != text(v.PlanID) {
			out = append(out, v)
		}
	}
	return out
}

func knownAt(row tables.BookingCoverage, at events.Instant) (k known) {
	for _, f := range row.Bookings {
		if f.At <= at {
			k.booked = append(k.booked, f)
		}
	}
	if row.Coverage != nil {
		for _, f := range row.Coverage.Facts {
			if f.At <= at {
				k.coverage = append(k.coverage, f)
			}
		}
	}
	if row.Standing != nil {
		for _, f := range row.Standing.Facts {
			if f.At <= at {
				k.standing = append(k.standing, f)
			}
		}
	}
	terms := termsOf(k.booked)
	k.wantsPlan, k.line, k.day = terms.PlanID, lineOf(terms.ServiceCode), terms.ServiceDate
	return k
}

// verdict says whether the booking is covered, by what is known.
func (k known) verdict() tables.BookingVerdict {
	if slices.ContainsFunc(k.booked, func(f tables.BookingFact) bool { return f.Type == events.TypeBookingCancelled }) {
		return tables.BookingVerdict{Verdict: tables.BookingIsCancelled, Reasons: []string{"BOOKING_CANCELLED"}}
	}
	plans, against, open := k.plans()
	no, unknown := k.provider(plans)
	against, open = append(against, no...), append(open, unknown...)
	for _, f := range k.booked {
		if f.MemberID != k.booked[0].MemberID {
			against = append(against, "MEMBER_DIFFERS")
		}
		if f.ProviderID != k.booked[0].ProviderID {
			against = append(against, "PROVIDER_DIFFERS")
		}
	}
	v := tables.BookingVerdict{Verdict: tables.BookingIsCovered, Reasons: append(append([]string{}, against...), open...)}
	slices.Sort(v.Reasons)
	v.Reasons = slices.Compact(v.Reasons)
	switch {
	case len(against) > 0:
		v.Verdict = tables.BookingNotCovered
	case len(open) > 0:
		v.Verdict = tables.BookingUndecided
	default:
		for _, p := range plans {
			if tables.NetworkOn(networks(k.standing), k.day, p) {
				v.PlanID = &p
				break
			}
		}
	}
	return v
}

// plans are those that cover the service, sorted, or the one that the booking
// names, and what speaks against it.
func (k known) plans() (plans []events.ID, against, open []string) {
	if len(k.coverage) == 0 {
		return k.wanted(nil), nil, []string{"COVERAGE_UNKNOWN"}
	}
	spans, _ := coverageOf(k.coverage)
	may := func(kind string) []events.ID {
		return slices.DeleteFunc(tables.PlansOn(spans, k.day, kind), func(p events.ID) bool { return !about(k.wantsPlan, p) })
	}
	plans = may(k.line)
	switch {
	case len(may("")) == 0:
		against = []string{"NO_COVERAGE_ON_DATE"}
	case len(plans) == 0:
		against = []string{"SERVICE_NOT_COVERED"}
	}
	return k.wanted(plans), against, nil
}

func (k known) wanted(plans []events.ID) []events.ID {
	if k.wantsPlan != nil {
		return []events.ID{*k.wantsPlan}
	}
	return plans
}

// provider says what is against the provider, and what of them is not known.
func (k known) provider(plans []events.ID) (against, open []string) {
	spans, all := credentialing(k.standing), networks(k.standing)
	switch {
	case len(spans) == 0:
		open = append(open, "CREDENTIALING_UNKNOWN")
	case !tables.ApprovedOn(spans, k.day):
		against = append(against, "NOT_CREDENTIALED")
	}
	switch {
	case len(all) == 0:
		open = append(open, "NETWORK_UNKNOWN")
	case len(plans) > 0 && !slices.ContainsFunc(plans, func(p events.ID) bool { return tables.NetworkOn(all, k.day, p) }):
		against = append(against, "OUT_OF_NETWORK")
	}
	return against, open
}

// bookingMarks are contradictions of the booking, and those of what it was told.
func bookingMarks(row tables.BookingCoverage) []string {
	marks := map[string]bool{}
	cancelled := false
	for _, f := range row.Bookings {
		if f.MemberID != row.MemberID {
			marks["MEMBER_DIFFERS"] = true
		}
		if f.ProviderID != row.ProviderID {
			marks["PROVIDER_DIFFERS"] = true
		}
		if cancelled && f.Type == events.TypeBookingConfirmed {
			marks["CONFIRMED_AFTER_CANCELLED"] = true
		}
		cancelled = cancelled || f.Type == events.TypeBookingCancelled
	}
	var told []string
	if row.Coverage != nil {
		c, _ := CoverageRow("", row.Coverage.Facts)
		told = append(told, c.Marks...)
	}
	if row.Standing != nil {
		s, _ := StandingRow("", row.Standing.Facts)
		told = append(told, s.Marks...)
	}
	for _, mark := range told {
		marks[mark] = true
	}
	return sortedKeys(marks)
}

// lineOf is the line of benefits that a procedure code needs: CDT codes are
// dental, the vision section of HCPCS and eye examinations vision.
func lineOf(code string) string {
	digits := func(s string) bool {
		return len(s) == 4 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
	}
	if code == "" {
		return "MEDICAL"
	}
	section, number := code[0]&^0x20, code[1:]
	switch {
	case section == 'D' && digits(number):
		return "DENTAL"
	case section == 'V' && digits(number) && number <= "2999", section == 'S' && (number == "0620" || number == "0621"), code == "92015":
		return "VISION"
	}
	return "MEDICAL"
}
