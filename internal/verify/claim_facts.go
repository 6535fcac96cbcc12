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

// claims are the facts of all claims of one pass, by stored key.
type claims map[string]*claim

func (c claims) of(key string) *claim {
	if c[key] == nil {
		c[key] = &claim{}
	}
	return c[key]
}

// add keeps a fact, unless an event of the same type and id came before.
func (c claims) add(key string, f tables.ClaimFact) {
	one := c.of(key)
	if !slices.ContainsFunc(one.facts, func(h tables.ClaimFact) bool { return h.ID == f.ID && h.Type == f.Type }) {
		one.facts = append(one.facts, f)
	}
}

// answered is what a join tells a claim: the value at a key of another group.
type answered[V any] struct {
	Left  string `avro:"left"`
	Key   string `avro:"key"`
	Value *V     `avro:"value"`
}

func (a answered[V]) Subject() string { return a.Left }
func (a answered[V]) Validate() error { return nil }

// ClaimTopics names what the claim model reads, and who folds it.
type ClaimTopics struct {
	Submitted, Adjudicated, Paid, AppealResolved, AppealUpdated, EDIInbound, EDIOutbound, AuthAnswers, GraceAnswers Follower
}

const eventBytes, ediBytes = 1 << 20, 10 << 20

// claimSources hands what the topics hold over to the claims that want it.
func (l *Log) claimSources(t ClaimTopics, wants func(key string) bool, into func() claims) (out []source, err error) {
	keep := func(s source, bad error) {
		if out = append(out, s); err == nil {
			err = bad
		}
	}
	keep(factsOf(l, t.Submitted, eventBytes, wants, into, func(e events.ClaimSubmitted) tables.ClaimFact {
		return tables.ClaimFact{Type: e.Type, At: e.SubmittedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: &e.PlanID, ClaimType: &e.ClaimType,
			ServiceDate: &e.ServiceDate, Billed: &e.TotalBilledAmount, RequiresPriorAuth: &e.RequiresPriorAuth, PriorAuthID: e.PriorAuthID, ServiceCode: e.ServiceCode}
	}))
	keep(factsOf(l, t.Adjudicated, eventBytes, wants, into, func(e events.ClaimAdjudicated) tables.ClaimFact {
		return tables.ClaimFact{Type: e.Type, At: e.AdjudicatedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, Billed: e.TotalBilledAmount,
			Allowed: e.AllowedAmount, Paid: e.PaidAmount, MemberResponsibility: e.MemberResponsibility,
			CostShare: sum(e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied), DenialCode: e.DenialReasonCode, DenialText: e.DenialReasonText,
			AppealDeadline: e.AppealDeadline}
	}))
	keep(factsOf(l, t.Paid, eventBytes, wants, into, func(e events.ClaimPaid) tables.ClaimFact {
		return tables.ClaimFact{Type: e.Type, At: e.PaidAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PaymentID: &e.PaymentID, Paid: &e.PaidAmount,
			RecordedBy: &e.RecordedBy}
	}))
	keep(factsOf(l, t.AppealResolved, eventBytes, wants, into, func(e events.AppealResolved) tables.ClaimFact {
		return tables.ClaimFact{Type: e.Type, At: e.ResolvedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, AppealID: &e.AppealID, Outcome: &e.Outcome,
			Level: e.Level, Text: e.ReasonText, Allowed: e.AllowedAmount, Paid: e.PaidAmount, MemberResponsibility: e.MemberResponsibility}
	}))
	keep(factsOf(l, t.AppealUpdated, eventBytes, wants, into, func(e events.AppealUpdated) tables.ClaimFact {
		return tables.ClaimFact{Type: e.Type, At: e.UpdatedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, AppealID: &e.AppealID,
			SourceSystem: &e.SourceSystem, Level: e.Level, Text: e.Text, InformationDueDate: e.InformationDueDate, Outcome: e.Outcome}
	}))
	keep(l.inbound(t.EDIInbound, wants, into))
	keep(l.outbound(t.EDIOutbound, wants, into))
	keep(sourceOf(l, t.AuthAnswers, eventBytes, func(r *kgo.Record, _ func() (string, error), a answered[tables.PriorAuth]) error {
		if key := storedKey(r, a.Left); wants(key) {
			one := into().of(key)
			one.auths = with(one.auths, a.Key, a.Value)
		}
		return nil
	}))
	keep(sourceOf(l, t.GraceAnswers, eventBytes, func(r *kgo.Record, _ func() (string, error), a answered[tables.MemberGrace]) error {
		if key := storedKey(r, a.Left); wants(key) {
			one := into().of(key)
			one.graces = with(one.graces, a.Key, spansOf(a.Value))
		}
		return nil
	}))
	return out, err
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

// factsOf reads events that are keyed by their claim.
func factsOf[E event](l *Log, f Follower, limit int, wants func(string) bool, into func() claims, fact func(E) tables.ClaimFact) (source, error) {
	return sourceOf(l, f, limit, func(r *kgo.Record, id func() (string, error), e E) error {
		return addFact(r, storedKey(r, string(r.Key)), id, fact(e), wants, into)
	})
}

func addFact(r *kgo.Record, key string, id func() (string, error), f tables.ClaimFact, wants func(string) bool, into func() claims) (err error) {
	if !wants(key) {
		return nil
	}
	if f.ID, err = id(); err == nil {
		into().add(key, f)
	}
	return err
}

// inbound reads 837s that name their claim; those of a test interchange count
// where they are marked as synthetic.
func (l *Log) inbound(f Follower, wants func(string) bool, into func() claims) (source, error) {
	return sourceOf(l, f, ediBytes, func(r *kgo.Record, id func() (string, error), e events.EDIInbound) error {
		if e.Type != events.TypeEDI837Received || !aboutClaim(r, e.ClaimID, e.UsageIndicator) {
			return nil
		}
		return addFact(r, storedKey(r, string(*e.ClaimID)), id, tables.ClaimFact{Type: e.Type, At: e.ReceivedAt, MemberID: text(e.MemberID), ProviderID: text(e.ProviderID),
			EDITransactionID: &e.EDITransactionID, PatientControlNumber: e.PatientControlNumber}, wants, into)
	})
}

// outbound reads 835s in the same way.
func (l *Log) outbound(f Follower, wants func(string) bool, into func() claims) (source, error) {
	return sourceOf(l, f, ediBytes, func(r *kgo.Record, id func() (string, error), e events.EDIOutbound) error {
		if e.Type != events.TypeEDI835Generated || !aboutClaim(r, e.ClaimID, e.UsageIndicator) {
			return nil
		}
		return addFact(r, storedKey(r, string(*e.ClaimID)), id, tables.ClaimFact{Type: e.Type, At: e.GeneratedAt, MemberID: text(e.MemberID), ProviderID: text(e.ProviderID),
			EDITransactionID: &e.EDITransactionID, ClaimStatusCode: e.ClaimStatusCode, PaymentID: e.PaymentID, Paid: e.PaidAmount}, wants, into)
	})
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
