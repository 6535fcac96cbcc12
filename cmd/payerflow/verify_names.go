package main

import (
	"context"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/internal/verify"
	"payerflow/topologies"
)

// What the auditor is told of the declarations: names, and nothing that decides.

// verifying checks one view.
type verifying func(context.Context, *verify.Log, *verify.Answers, time.Duration) (*verify.Check, error)

// checked ties a model to the names of what a group reads.
func checked[T any](model func(*verify.Log, context.Context, verify.View, T, *verify.Answers, time.Duration) (*verify.Check, error), topics T, g topology.Declared, before ...topology.Declared) verifying {
	return func(ctx context.Context, l *verify.Log, http *verify.Answers, wait time.Duration) (*verify.Check, error) {
		return model(l, ctx, viewToVerify(g, before...), topics, http, wait)
	}
}

// verifiable are the views of which there is a model.
func verifiable() map[string]verifying {
	status, edi, bookings := topologies.ClaimStatus.Declare(), topologies.ClaimEDI.Declare(), topologies.BookingCoverage.Declare()
	auths, members, providers := topologies.PriorAuths.Declare(), topologies.MemberCoverage.Declare(), topologies.ProviderStanding.Declare()
	graces := topologies.GracePeriods.Declare()
	who, whom := topologies.ProviderProfiles.Declare(), topologies.PatientProfiles.Declare()
	return map[string]verifying{
		"claim-status":                 checked((*verify.Log).Claims, claimTopics(), status, edi),
		"claims-by-member":             checked((*verify.Log).ClaimsByMember, claimTopics(), topologies.ClaimsByMember.Declare(), edi, status),
		"claims-by-provider":           checked((*verify.Log).ClaimsByProvider, claimTopics(), topologies.ClaimsByProvider.Declare(), edi, status),
		"grace-periods":                checked((*verify.Log).GracePeriods, graceTopics(graces), graces),
		"prior-auths":                  checked((*verify.Log).PriorAuths, followedBy(auths)(topologies.PriorAuthDecided.Topic), auths),
		"member-coverage":              checked((*verify.Log).MemberCoverage, coverageTopics(members), members),
		"provider-standing":            checked((*verify.Log).ProviderStanding, standingTopics(providers), providers),
		"booking-coverage":             checked((*verify.Log).BookingCoverage, bookingTopics(bookings), bookings),
		"booking-coverage-by-member":   checked((*verify.Log).CoverageByMember, bookingTopics(bookings), topologies.CoverageByMember.Declare(), bookings),
		"booking-coverage-by-provider": checked((*verify.Log).CoverageByProvider, bookingTopics(bookings), topologies.CoverageByProvider.Declare(), bookings),
		"provider-profiles":            checked((*verify.Log).ProviderProfiles, followedBy(who)(topologies.ProviderProfile.Topic), who),
		"patient-profiles":             checked((*verify.Log).PatientProfiles, followedBy(whom)(topologies.PatientProfile.Topic), whom),
	}
}

func graceTopics(g topology.Declared) verify.GraceTopics {
	by := followedBy(g)
	return verify.GraceTopics{Invoices: by(topologies.InvoiceGenerated.Topic), Received: by(topologies.PaymentReceived.Topic), Completed: by(topologies.PaymentCompleted.Topic),
		Missed: by(topologies.PaymentMissed.Topic), Activated: by(topologies.EnrollmentActivated.Topic), Terminated: by(topologies.EnrollmentTerminated.Topic),
		Ticks: g.Ticks.Name, Control: topologies.Control.Topic.Name}
}

func coverageTopics(g topology.Declared) verify.CoverageTopics {
	by := followedBy(g)
	return verify.CoverageTopics{Verified: by(topologies.CoverageVerified.Topic), Terminated: by(topologies.CoverageTerminated.Topic),
		Activated: by(topologies.EnrollmentActivated.Topic), EnrollmentTerminated: by(topologies.EnrollmentTerminated.Topic),
		PlanChanged: by(topologies.EnrollmentPlanChanged.Topic)}
}

func standingTopics(g topology.Declared) verify.StandingTopics {
	by := followedBy(g)
	return verify.StandingTopics{Credentialing: by(topologies.CredentialingChanged.Topic), Network: by(topologies.NetworkUpdated.Topic)}
}

func bookingTopics(g topology.Declared) verify.BookingTopics {
	by := followedBy(g)
	return verify.BookingTopics{Bookings: by(topologies.Bookings.Topic), CoverageAnswers: by(topologies.BookingMember.Answers().Topic),
		StandingAnswers: by(topologies.BookingProvider.Answers().Topic)}
}

func claimTopics() verify.ClaimTopics {
	status, edi := followedBy(topologies.ClaimStatus.Declare()), followedBy(topologies.ClaimEDI.Declare())
	return verify.ClaimTopics{
		Submitted: status(topologies.ClaimSubmitted.Topic), Adjudicated: status(topologies.ClaimAdjudicated.Topic), Paid: status(topologies.ClaimPaid.Topic),
		AppealResolved: status(topologies.AppealResolved.Topic), AppealUpdated: status(topologies.AppealUpdated.Topic),
		EDIInbound: edi(topologies.EDIInbound.Topic), EDIOutbound: edi(topologies.EDIOutbound.Topic),
		AuthAnswers: status(topologies.ClaimPriorAuth.Answers().Topic), GraceAnswers: status(topologies.ClaimGrace.Answers().Topic),
	}
}

// followedBy says which consumer group of a group takes an input.
func followedBy(g topology.Declared) func(topology.Topic) verify.Follower {
	return func(t topology.Topic) verify.Follower {
		for _, in := range g.Inputs {
			if in.Topic.Name == t.Name && in.Whole {
				return verify.Follower{Group: topology.FeedingGroup(g.Name, t.Partitions), Topic: t.Name}
			}
		}
		return verify.Follower{Group: g.Name, Topic: t.Name}
	}
}

// viewToVerify names the table of a group and, of it and the groups before it,
// what carries records on their way and where dead letters go.
func viewToVerify(g topology.Declared, before ...topology.Declared) verify.View {
	v := verify.View{Name: g.View.Name, Table: g.Table.Name}
	own := map[string]bool{}
	for _, one := range append(before, g) {
		for _, via := range one.Vias() {
			v.Between = append(v.Between, verify.Follower{Group: one.Name, Topic: via.Name})
		}
		for _, in := range one.Inputs {
			v.Letters = append(v.Letters, in.Topic.DLQ().Name)
			if own[in.Topic.Name] {
				v.Between = append(v.Between, followedBy(one)(in.Topic))
			}
			v.Groups = append(v.Groups, followedBy(one)(in.Topic).Group)
		}
		for _, out := range one.Emits() {
			own[out.Topic.Name] = true
		}
		v.Groups = append(v.Groups, one.Name)
	}
	return v
}

// flowToVerify names what the router reads and writes. Values of domain topics
// are read by their codecs alone.
func (a *app) flowToVerify() verify.Flow {
	router := topologies.Router.Declare()
	f := verify.Flow{Router: router.Name, Partitions: router.Table.Partitions, Via: router.Vias()[0].Name, Firehose: topologies.Firehose.Topic.Name,
		Control: topologies.Control.Topic.Name, Routed: topologies.Routed.Topic.Name, Consumers: topologies.Deliveries.Topic.Name,
		Types: topologies.DefaultEventTypes(), Domain: map[string]func([]byte) (events.Typed, error){}}
	schemas := a.schemas()
	for _, t := range topologies.Catalogue {
		serde, _ := codecs.NewOpen(t).Bind(schemas, t.Name) // it does no I/O, and never fails
		f.Domain[t.Name] = serde.Decode
	}
	return f
}

// allFollowers are the readings of all groups.
func allFollowers() (out []verify.Follower) {
	for _, g := range topologies.All {
		for _, in := range g.Inputs {
			out = append(out, followedBy(g)(in.Topic))
		}
		for _, via := range g.Vias() {
			out = append(out, verify.Follower{Group: g.Name, Topic: via.Name})
		}
	}
	return out
}

func auditToVerify() verify.Audit {
	names := verify.AuditNames{Received: topologies.AuditReceived.Topic.Name, Chain: topologies.AuditChain.Topic.Name, Head: topologies.AuditHead.Topic.Name}
	return verify.Audit{Group: topologies.Audit.Name, Received: names.Received, Chain: names.Chain, Head: names.Head, Names: names}
}
