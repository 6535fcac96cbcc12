package verify

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/tables"
)

// claim is what the log says of one claim, as it came.
type claim struct {
	facts  []tables.ClaimFact
	graces map[string][]tables.ClaimGraceSpan // by the member that they are about, as said last
	auths  map[string]*tables.PriorAuth       // by authorization, as said last
}

// add keeps a fact, unless an event of the same type and id came before.
func (c *claim) add(f tables.ClaimFact) {
	if !slices.ContainsFunc(c.facts, func(h tables.ClaimFact) bool { return h.ID == f.ID && h.Type == f.Type }) {
		c.facts = append(c.facts, f)
	}
}

// ClaimTopics names what the claim model reads, and who folds it.
type ClaimTopics struct {
	Submitted, Adjudicated, Paid, AppealResolved, AppealUpdated, EDIInbound, EDIOutbound, AuthAnswers, GraceAnswers Follower
}

// claimSources hands what the topics hold over to the claims that want it.
func (l *Log) claimSources(t ClaimTopics) func(taking[claim]) ([]source, error) {
	return func(to taking[claim]) ([]source, error) {
		var all gathered
		all.add(claimFacts(l, t.Submitted, to, func(e events.ClaimSubmitted) tables.ClaimFact {
			return tables.ClaimFact{Type: e.Type, At: e.SubmittedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: &e.PlanID, ClaimType: &e.ClaimType,
				ServiceDate: &e.ServiceDate, Billed: &e.TotalBilledAmount, RequiresPriorAuth: &e.RequiresPriorAuth, PriorAuthID: e.PriorAuthID, ServiceCode: e.ServiceCode}
		}))
		all.add(claimFacts(l, t.Adjudicated, to, func(e events.ClaimAdjudicated) tables.ClaimFact {
			return tables.ClaimFact{Type: e.Type, At: e.AdjudicatedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, Billed: e.TotalBilledAmount,
				Allowed: e.AllowedAmount, Paid: e.PaidAmount, MemberResponsibility: e.MemberResponsibility,
				CostShare: sum(e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied), DenialCode: e.DenialReasonCode, DenialText: e.DenialReasonText,
				AppealDeadline: e.AppealDeadline}
		}))
		all.add(claimFacts(l, t.Paid, to, func(e events.ClaimPaid) tables.ClaimFact {
			return tables.ClaimFact{Type: e.Type, At: e.PaidAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PaymentID: &e.PaymentID, Paid: &e.PaidAmount,
				RecordedBy: &e.RecordedBy}
		}))
		all.add(claimFacts(l, t.AppealResolved, to, func(e events.AppealResolved) tables.ClaimFact {
			return tables.ClaimFact{Type: e.Type, At: e.ResolvedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, AppealID: &e.AppealID, Outcome: &e.Outcome,
				Level: e.Level, Text: e.ReasonText, Allowed: e.AllowedAmount, Paid: e.PaidAmount, MemberResponsibility: e.MemberResponsibility}
		}))
		all.add(claimFacts(l, t.AppealUpdated, to, func(e events.AppealUpdated) tables.ClaimFact {
			return tables.ClaimFact{Type: e.Type, At: e.UpdatedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, AppealID: &e.AppealID,
				SourceSystem: &e.SourceSystem, Level: e.Level, Text: e.Text, InformationDueDate: e.InformationDueDate, Outcome: e.Outcome}
		}))
		all.add(l.inbound(t.EDIInbound, to))
		all.add(l.outbound(t.EDIOutbound, to))
		all.add(answersOf(l, t.AuthAnswers, to, func(c *claim, auth string, a *tables.PriorAuth) { c.auths = with(c.auths, auth, a) }))
		all.add(answersOf(l, t.GraceAnswers, to, func(c *claim, member string, g *tables.MemberGrace) { c.graces = with(c.graces, member, spansOf(g)) }))
		return all.sources, all.err
	}
}

func with[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

func spansOf(g *tables.MemberGrace) []tables.ClaimGraceSpan {
	out := []tables.ClaimGraceSpan{}
	if g != nil {
		for _, s := range g.All() {
			out = append(out, tables.ClaimGraceSpan(s))
		}
	}
	return out
}

func claimFacts[E event](l *Log, f Follower, to taking[claim], fact func(E) tables.ClaimFact) (source, error) {
	return factsOf(l, f, eventBytes, to, func(c *claim, id string, e E) {
		one := fact(e)
		one.ID = id
		c.add(one)
	})
}

// inbound reads 837s that name their claim; those of a test interchange count
// where they are marked as synthetic.
func (l *Log) inbound(f Follower, to taking[claim]) (source, error) {
	return sourceOf(l, f, ediBytes, func(r *kgo.Record, id func() (string, error), e events.EDIInbound) error {
		if e.Type != events.TypeEDI837Received || !aboutClaim(r, e.ClaimID, e.UsageIndicator) {
			return nil
		}
		return item(r, *e.ClaimID, id, to, tables.ClaimFact{Type: e.Type, At: e.ReceivedAt, MemberID: text(e.MemberID), ProviderID: text(e.ProviderID),
			EDITransactionID: &e.EDITransactionID, PatientControlNumber: e.PatientControlNumber})
	})
}

// outbound reads 835s in the same way.
func (l *Log) outbound(f Follower, to taking[claim]) (source, error) {
	return sourceOf(l, f, ediBytes, func(r *kgo.Record, id func() (string, error), e events.EDIOutbound) error {
		if e.Type != events.TypeEDI835Generated || !aboutClaim(r, e.ClaimID, e.UsageIndicator) {
			return nil
		}
		return item(r, *e.ClaimID, id, to, tables.ClaimFact{Type: e.Type, At: e.GeneratedAt, MemberID: text(e.MemberID), ProviderID: text(e.ProviderID),
			EDITransactionID: &e.EDITransactionID, ClaimStatusCode: e.ClaimStatusCode, PaymentID: e.PaymentID, Paid: e.PaidAmount})
	})
}

// item adds an X12 item, which is keyed by itself, to its claim.
func item(r *kgo.Record, claimID events.ID, id func() (string, error), to taking[claim], f tables.ClaimFact) (err error) {
	key := storedKey(r, string(claimID))
	if !to.wants(key) {
		return nil
	}
	if f.ID, err = id(); err == nil {
		to.into().of(key).add(f)
	}
	return err
}

func aboutClaim(r *kgo.Record, claim *events.ID, usage string) bool {
	return claim != nil && *claim != "" && (usage != events.UsageTest || string(header(r, "ce_synthetic")) == "true")
}

func text(id *events.ID) events.ID {
	if id == nil {
		return ""
	}
	return *id
}

// sum adds amounts up; nil where one is not known, or the sum has no text.
func sum(parts ...*events.Money) *events.Money {
	var all events.Money
	for _, p := range parts {
		if p == nil {
			return nil
		}
		next, ok := all.Add(*p)
		if !ok {
			return nil
		}
		all = next
	}
	return &all
}

// stages are the types of a claim's facts in the order of its life, for facts
// of one instant.
var stages = map[events.Type]int{
	events.TypeEDI837Received: 0, events.TypeClaimSubmitted: 1, events.TypeClaimDenied: 2, events.TypeClaimApproved: 3, events.TypeClaimPaid: 4,
	events.TypeEDI835Generated: 5, events.TypeReconsiderationReceived: 6, events.TypeReconsiderationInReview: 7,
	events.TypeReconsiderationInfoRequested: 8, events.TypeReconsiderationDecided: 9, events.TypeAppealResolved: 10,
}

func inOrder(facts []tables.ClaimFact) {
	slices.SortFunc(facts, func(a, b tables.ClaimFact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(stages[a.Type], stages[b.Type]), cmp.Compare(a.ID, b.ID))
	})
}
