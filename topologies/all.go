package topologies

import (
	"slices"

	"payerflow/internal/topology"
)

// All is every group, for the worker to run and for drawing and checking.
var All = []topology.Declared{
	Aggregations.Declare(),
	Audit.Declare(),
	ClaimEDI.Declare(),
	ClaimGrace.Declare(),
	ClaimPriorAuth.Declare(),
	BookingCoverage.Declare(),
	BookingMember.Declare(),
	BookingProvider.Declare(),
	CoverageByMember.Declare(),
	CoverageByProvider.Declare(),
	ClaimStatus.Declare(),
	ClaimsByMember.Declare(),
	ClaimsByProvider.Declare(),
	GracePeriods.Declare(),
	Router.Declare(),
	MediatorRules.Declare(),
	PriorAuths.Declare(),
	MemberCoverage.Declare(),
	ProviderStanding.Declare(),
	SLA.Declare(),

	ProviderProfiles.Declare(),
	PatientProfiles.Declare(),
	ProviderSchedule.Declare(),
	AvailabilitySearch.Declare(),
	SlotsByProvider.Declare(),
	MemberBookings.Declare(),
	BookingsByMember.Declare(),
	BookingsByProvider.Declare(),
}

// Shared are the topics that belong to no group: the catalogue's and the
// mediator's.
func Shared() []topology.Topic { return slices.Concat(Catalogue, Mediator) }

// Topics are all topics that the application needs: the catalogue, its DLQs,
// and the groups' own.
func Topics() []topology.Topic {
	var ts []topology.Topic
	for _, t := range Shared() {
		ts = append(ts, t, t.DLQ())
	}
	for _, g := range All {
		ts = append(ts, g.Topics()...)
	}
	return append(ts, topology.Members, topology.Versions, topology.Redeliveries, topology.LogStarts)
}

// TopicOf finds a catalogue topic by name.
func TopicOf(name string) (topology.Topic, bool) {
	for _, t := range Catalogue {
		if t.Name == name {
			return t, true
		}
	}
	return topology.Topic{}, false
}

// TopicFor finds the domain topic of an event type.
func TopicFor(eventType string) (topology.Topic, bool) {
	for _, t := range Catalogue {
		for _, e := range t.EventTypes {
			if e == eventType {
				return t, true
			}
		}
	}
	return topology.Topic{}, false
}

// Subject is a value schema to be registered: {topic}-value.
type Subject struct{ Name, Topic string }

// Subjects are all value schemas that the application writes: one for each
// topic and table, and the dead letter's for each DLQ. A repartition
// topic carries its source's bytes unchanged and has no subject of its own.
func Subjects() []Subject {
	var s []Subject
	for _, t := range Shared() {
		s = append(s, Subject{t.Subject(), t.Name}, Subject{t.DLQ().Subject(), t.DLQ().Name})
	}
	for _, g := range All {
		s = append(s, Subject{g.Table.Subject(), g.Table.Name})
		if g.Shadows != "" {
			s = append(s, Subject{g.ReplayDLQ().Subject(), g.ReplayDLQ().Name})
		}
		for _, t := range g.Streams() {
			s = append(s, Subject{t.Subject(), t.Name}, Subject{t.DLQ().Subject(), t.DLQ().Name})
		}
	}
	// One for all consumer topics: their copies name its id.
	return append(s, Subject{deliveries.Subject(), firehose.Name})
}
