package verify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"payerflow/events"
	"payerflow/tables"
)

// GraceFacts is what the log says of one member's premiums, as it came.
type GraceFacts struct {
	Bills      map[events.ID][]tables.InvoiceBilled // by invoice
	Payments   []tables.GracePayment
	Activated  map[events.ID][]tables.GraceCoverage // by enrolment
	Terminated map[events.ID][]tables.GraceCoverage
	Said       map[events.ID][]GraceWord // by invoice
	Others     bool                      // Billing said something of missed premiums itself
}

// GraceWord is one event of what is said when a date passes.
type GraceWord struct {
	ID string
	events.PaymentMissed
}

// of is what an event says, or takes back, and which time it is that this
// is said.
func (w GraceWord) of() (said events.Type, back bool, revision int32) {
	said, back = w.Type, false
	if of, takes := w.Type.Retracts(); takes {
		said, back = of, true
	}
	if w.Revision != nil {
		revision = *w.Revision
	}
	return said, back, revision
}

// latestOf is the newest of what was said, by event time and then by id.
func latestOf[F any](all []F, at func(F) (events.Instant, string)) *F {
	if len(all) == 0 {
		return nil
	}
	f := slices.MaxFunc(all, func(a, b F) int {
		x, p := at(a)
		y, q := at(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(p, q))
	})
	return &f
}

func (g *GraceFacts) enrollments() []tables.GraceEnrollment {
	out := []tables.GraceEnrollment{}
	word := func(c tables.GraceCoverage) (events.Instant, string) { return c.At, c.ID }
	ids := slices.AppendSeq(slices.Collect(maps.Keys(g.Activated)), maps.Keys(g.Terminated))
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		out = append(out, tables.GraceEnrollment{EnrollmentID: id, Activated: latestOf(g.Activated[id], word), Terminated: latestOf(g.Terminated[id], word)})
	}
	return out
}

// payments are the latest lines, by payment, invoice and kind.
func (g *GraceFacts) payments() []tables.GracePayment {
	type line struct {
		payment, invoice events.ID
		completed        bool
	}
	byLine := map[line][]tables.GracePayment{}
	for _, p := range g.Payments {
		at := line{p.PaymentID, text(p.InvoiceID), p.Completed}
		byLine[at] = append(byLine[at], p)
	}
	out := []tables.GracePayment{}
	for _, all := range byLine {
		out = append(out, *latestOf(all, func(p tables.GracePayment) (events.Instant, string) { return p.At, p.ID }))
	}
	slices.SortFunc(out, func(a, b tables.GracePayment) int {
		return cmp.Or(cmp.Compare(a.PaymentID, b.PaymentID), cmp.Compare(text(a.InvoiceID), text(b.InvoiceID)), cmp.Compare(number(a.Completed), number(b.Completed)))
	})
	return out
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// said is what was said of an invoice and taken back: of each type the latest.
func said(words []GraceWord) []tables.GraceSaid {
	out := []tables.GraceSaid{}
	for _, t := range []events.Type{events.TypePaymentMissed, events.TypeGracePeriodStarted, events.TypeGracePeriodExpired} {
		one := tables.GraceSaid{Type: t, Revision: -1}
		for _, w := range words {
			switch of, back, revision := w.of(); {
			case of != t:
			case back:
				one.TakenBack = max(one.TakenBack, revision+1)
			case revision > one.Revision:
				one.Revision, one.Through, one.Premium, one.MissedAt = revision, w.GraceEnds, w.PremiumCents.Money(), w.MissedAt
			}
		}
		if one.Revision >= 0 || one.TakenBack > 0 {
			out = append(out, one)
		}
	}
	return out
}

// Add keeps an event of a member, with its identity. What is said by the id
// that is made of member, invoice and type is one fact, whoever says it.
func (g *GraceFacts) Add(id string, e any) {
	switch e := e.(type) {
	case events.InvoiceGenerated:
		bill := tables.InvoiceBilled{ID: id, At: e.GeneratedAt, PlanID: e.PlanID, EnrollmentID: e.EnrollmentID, PeriodStart: e.PeriodStart, PeriodEnd: e.PeriodEnd,
			DueOn: e.DueDate, Premium: e.PremiumCents.Money()}
		if e.APTCCents != nil {
			credit := e.APTCCents.Money()
			bill.Aptc = &credit
		}
		g.Bills = more(g.Bills, e.InvoiceID, bill)
	case events.PaymentReceived:
		g.Payments = append(g.Payments, tables.GracePayment{PaymentID: e.PaymentID, InvoiceID: e.InvoiceID, Amount: e.AmountCents.Money(), At: e.ReceivedAt, ID: id})
	case events.PaymentCompleted:
		g.Payments = append(g.Payments, tables.GracePayment{PaymentID: e.PaymentID, InvoiceID: &e.InvoiceID, Completed: true, Amount: e.AmountCents.Money(), At: e.CompletedAt, ID: id})
	case events.EnrollmentActivated:
		g.Activated = more(g.Activated, e.EnrollmentID, tables.GraceCoverage{ID: id, At: e.ActivatedAt, PlanID: e.PlanID, On: e.EffectiveDate, Aptc: e.APTCAmount})
	case events.EnrollmentTerminated:
		g.Terminated = more(g.Terminated, e.EnrollmentID, tables.GraceCoverage{ID: id, At: e.TerminatedAt, PlanID: e.PlanID, On: e.TerminationDate, Aptc: e.APTCAmount,
			NonPayment: e.TerminationReason != nil && *e.TerminationReason == events.NonPayment})
	case events.PaymentMissed:
		w := GraceWord{ID: id, PaymentMissed: e}
		g.Others = g.Others || id != w.ours()
		g.Said = more(g.Said, e.InvoiceID, w)
	}
}

func more[V any](m map[events.ID][]V, key events.ID, v V) map[events.ID][]V {
	if m == nil {
		m = map[events.ID][]V{}
	}
	m[key] = append(m[key], v)
	return m
}

// missedTopic carries what is said; it is part of the ids of that.
const missedTopic = "billing.payment.missed"

// ours is the id of what is said, from member, invoice, type and from the second
// time on revision.
func (w GraceWord) ours() string {
	value := string(w.InvoiceID) + "\x00" + string(w.Type)
	if w.Revision != nil && *w.Revision > 0 {
		value += "\x00" + strconv.Itoa(int(*w.Revision))
	}
	return identityFrom(missedTopic, []byte(w.MemberID), []byte(value))
}
