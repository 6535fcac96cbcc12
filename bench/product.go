package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// The product's own claim-status: its folds, its rows, its schemas and the
// partition counts of the catalogue, so that payments and appeals go through
// repartition topics. Only the names of topics are the bench's, and they keep
// events for ever, for these are old.

func own[E topology.Event](s topology.Stream[E]) topology.Stream[E] {
	s.Topic.Name, s.Topic.Retention = prefix+s.Topic.Name, 0
	return s
}

var (
	ownSubmitted   = own(topologies.ClaimSubmitted)
	ownAdjudicated = own(topologies.ClaimAdjudicated)
	ownPaid        = own(topologies.ClaimPaid)
	ownResolved    = own(topologies.AppealResolved)

	ownFeeds = []feed{
		{ownSubmitted.Topic, feeds[0].events, nil, ownEvents(0, ownSubmitted, asSubmitted)},
		{ownAdjudicated.Topic, feeds[1].events, nil, ownEvents(1, ownAdjudicated, asAdjudicated)},
		{ownPaid.Topic, feeds[2].events, nil, ownEvents(2, ownPaid, asPaid)},
		{ownResolved.Topic, feeds[3].events, nil, ownEvents(3, ownResolved, asResolved)},
	}
)

// registry gives the schemas the same ids in every process.
func registry() *codecs.Memory {
	m := &codecs.Memory{}
	for _, t := range []topology.Topic{topologies.ClaimSubmitted.Topic, topologies.ClaimAdjudicated.Topic, topologies.ClaimPaid.Topic,
		topologies.AppealResolved.Topic, topologies.ClaimStatus.TableOf().Topic} {
		text, err := codecs.AvroSchema(t.Name)
		must(err)
		_, err = m.ID("", text)
		must(err)
	}
	return m
}

// ownEvents makes the records of a feed.
func ownEvents[E topology.Event](feed int, s topology.Stream[E], body func(told) E) func(n int) (*kgo.Record, error) {
	serde, err := s.Codec.Bind(registry(), s.Topic.Name)
	must(err)
	return func(n int) (*kgo.Record, error) {
		t := telling(feed, n)
		value, err := serde.Encode(body(t))
		return &kgo.Record{Topic: s.Topic.Name, Partition: topology.Partition([]byte(t.claim), s.Topic.Partitions), Key: []byte(t.claim),
			Value: value, Timestamp: t.at, Headers: []kgo.RecordHeader{{Key: topology.HeaderID, Value: []byte(t.id)}}}, err
	}
}

func (t told) who() (claim, member, provider events.ID) {
	return events.ID(t.claim), events.ID(t.member), events.ID(uuid(11, t.c%5000))
}

// Amounts add up, as the product checks: four fifths of what is billed are
// allowed, and a fifth of that is the member's.
func (t told) billed() events.Money  { return events.Money(100*(50+t.c*7%9000) + t.c%100) }
func (t told) allowed() events.Money { return t.billed() * 4 / 5 }
func (t told) member5() events.Money { return t.allowed() / 5 }
func (t told) payable() events.Money { return t.allowed() - t.member5() }

func ref[T any](v T) *T { return &v }

func asSubmitted(t told) events.ClaimSubmitted {
	claim, member, provider := t.who()
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: claim, MemberID: member, ProviderID: provider,
		PlanID: events.ID(uuid(17, t.n%50)), ClaimType: "PROFESSIONAL", TotalBilledAmount: t.billed(),
		ServiceDate: events.DateOf(t.at), SubmittedAt: events.InstantOf(t.at)}
}

func asAdjudicated(t told) events.ClaimAdjudicated {
	claim, member, provider := t.who()
	e := events.ClaimAdjudicated{Type: events.TypeClaimApproved, SchemaVersion: "1.0", ClaimID: claim, MemberID: member, ProviderID: provider,
		AdjudicatedAt: events.InstantOf(t.at)}
	if t.denied() {
		e.Type = events.TypeClaimDenied
		e.DenialReasonCode, e.DenialReasonText = ref("CO-50"), ref(events.Text("Not deemed a medical necessity by the payer"))
		e.AppealDeadline = ref(events.DateOf(t.at.Add(180 * 24 * time.Hour)))
		return e
	}
	e.Status, e.TotalBilledAmount, e.AllowedAmount = ref("APPROVED"), ref(t.billed()), ref(t.allowed())
	e.PaidAmount, e.MemberResponsibility = ref(t.payable()), ref(t.member5())
	e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied = ref(events.Money(0)), ref(t.member5()), ref(events.Money(0))
	return e
}

func asPaid(t told) events.ClaimPaid {
	claim, member, provider := t.who()
	return events.ClaimPaid{Type: events.TypeClaimPaid, SchemaVersion: "1.0", ClaimID: claim, MemberID: member, ProviderID: provider,
		PaymentID: events.ID(uuid(13, t.n)), PaidAmount: t.payable(), PaidAt: events.InstantOf(t.at), PaymentMethod: ref("EFT"),
		RemittanceID: ref(events.ID(uuid(14, t.n/50))), RecordedBy: events.RecordedByBilling}
}

func asResolved(t told) events.AppealResolved {
	claim, member, provider := t.who()
	return events.AppealResolved{Type: events.TypeAppealResolved, SchemaVersion: "1.0", AppealID: events.ID(uuid(15, t.n)), ClaimID: claim,
		MemberID: member, ProviderID: provider, Outcome: events.OutcomeUpheld, ResolvedAt: events.InstantOf(t.at), Level: ref("FIRST"),
		ReasonText: ref(events.Text("The denial stands"))}
}

// ownClaims is topologies.ClaimStatus, but for the names.
func ownClaims(id string) topology.Declared {
	return topology.Group[tables.ClaimStatus]{
		Name: job{id: id}.group(),
		Rows: topologies.ClaimStatus.Rows,
		Inputs: topology.Inputs[tables.ClaimStatus]{
			topology.Fold(ownSubmitted, watched(processors.FoldClaimSubmitted)),
			topology.Fold(ownAdjudicated, watched(processors.FoldClaimAdjudicated)),
			topology.Fold(ownPaid, watched(processors.FoldClaimPaid)),
			topology.Fold(ownResolved, watched(processors.FoldAppealResolved)),
		},
		View: topologies.ClaimStatus.View,
	}.Declare()
}

type claimFold[E topology.Event] func(tables.ClaimStatus, topology.Record[E]) (tables.ClaimStatus, []topology.Output)

func watched[E topology.Event](fold claimFold[E]) claimFold[E] {
	return func(row tables.ClaimStatus, rec topology.Record[E]) (tables.ClaimStatus, []topology.Output) {
		seen()
		return fold(row, rec)
	}
}

func ownTopics(id string) []topology.Topic { return topicsOf(ownClaims(id)) }

// ownReads are what the groups of a run read: inputs of another partition count
// go by the feeding group to their repartition topics.
func ownReads(id string) (rs []reading) {
	d := ownClaims(id)
	for _, in := range d.Inputs {
		if !in.Whole {
			rs = append(rs, reading{d.Name, in.Topic.Name, 0})
			continue
		}
		rs = append(rs, reading{topology.FeedingGroup(d.Name, in.Topic.Partitions), in.Topic.Name, 0}, reading{d.Name, in.Via.Name, 1})
	}
	return rs
}

func runOwn(ctx context.Context, j job) error {
	return runEngine(ctx, j, ownClaims(j.id), registry(), false)
}

// ownRow is what is digested of a row: its one encoding, without the frame.
func ownRow(value []byte) ([16]byte, error) {
	h := sha256.Sum256(value[frameBytes:])
	return [16]byte(h[:]), nil
}

// ownModel folds all events of each claim without an engine, and digests the
// rows as those of the changelog are.
func ownModel() (keys int, sum string) {
	rows, err := topologies.ClaimStatus.Rows.Bind(registry(), topologies.ClaimStatus.TableOf().Topic.Name)
	must(err)
	var all digested
	for c := range ownFeeds[0].events {
		row := foldOwn(tables.ClaimStatus{}, telling(0, c), asSubmitted, processors.FoldClaimSubmitted)
		if c < ownFeeds[1].events {
			row = foldOwn(row, telling(1, c), asAdjudicated, processors.FoldClaimAdjudicated)
		}
		if c < ownFeeds[2].events {
			row = foldOwn(row, telling(2, c), asPaid, processors.FoldClaimPaid)
		}
		if c%appealed == 0 && c/appealed < ownFeeds[3].events {
			row = foldOwn(row, telling(3, c/appealed), asResolved, processors.FoldAppealResolved)
		}
		value, err := rows.Encode(row)
		must(err)
		h, err := ownRow(value)
		must(err)
		all.add(h)
	}
	return ownFeeds[0].events, all.String()
}

func foldOwn[E topology.Event](row tables.ClaimStatus, t told, body func(told) E, fold claimFold[E]) tables.ClaimStatus {
	row, out := fold(row, topology.Record[E]{Key: t.claim, At: t.at, Body: body(t), ID: func() string { return t.id }})
	if len(out) > 0 {
		must(fmt.Errorf("event %d of the model is refused", t.n))
	}
	return row
}
