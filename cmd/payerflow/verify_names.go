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

// verifiable are the views of which there is a model.
func verifiable() map[string]func(context.Context, *verify.Log, *verify.Answers, time.Duration) (*verify.Check, error) {
	return map[string]func(context.Context, *verify.Log, *verify.Answers, time.Duration) (*verify.Check, error){
		"claim-status": func(ctx context.Context, l *verify.Log, http *verify.Answers, wait time.Duration) (*verify.Check, error) {
			return l.Claims(ctx, viewToVerify(topologies.ClaimStatus.Declare(), topologies.ClaimEDI.Declare()), claimTopics(), http, wait)
		},
		"claims-by-member": func(ctx context.Context, l *verify.Log, _ *verify.Answers, wait time.Duration) (*verify.Check, error) {
			return l.ClaimsByMember(ctx, viewToVerify(topologies.ClaimsByMember.Declare(), topologies.ClaimEDI.Declare(), topologies.ClaimStatus.Declare()), claimTopics(), wait)
		},
		"claims-by-provider": func(ctx context.Context, l *verify.Log, _ *verify.Answers, wait time.Duration) (*verify.Check, error) {
			return l.ClaimsByProvider(ctx, viewToVerify(topologies.ClaimsByProvider.Declare(), topologies.ClaimEDI.Declare(), topologies.ClaimStatus.Declare()), claimTopics(), wait)
		},
	}
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
