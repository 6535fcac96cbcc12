package topologies

import (
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

const mediatorTeam = "Mediator"

// The mediator's own topics.
var (
	firehose = topology.Topic{Name: "mediator.event.received", Partitions: highVolume, Retention: twoWeeks, Compression: compression,
		MaxMessageBytes: 2 * mebibyte, Cleanup: topology.Delete, KeyField: "key", Owner: mediatorTeam, Producers: []string{mediatorTeam}, Consumers: []string{mediatorTeam},
		Doc: "every event that a door took, of any type"}
	control = topology.Topic{Name: "mediator.control", Partitions: 1, Compression: compression, MaxMessageBytes: mebibyte, Cleanup: topology.Delete,
		Owner: mediatorTeam, Producers: []string{mediatorTeam}, Consumers: []string{mediatorTeam},
		Doc: "every change of event types, rules, subscriptions, permissions and tokens; kept for ever"}
	batchRouted = topology.Topic{Name: "mediator.batch.routed", Partitions: highVolume, Retention: 30 * day, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, Owner: mediatorTeam, Producers: []string{mediatorTeam},
		Doc: "which snapshot of the rules each transaction of the router worked with, and which input it covered"}
	eventDelivered = topology.Topic{Name: "mediator.event.delivered", Partitions: normal, Retention: 2 * day, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, KeyField: "tag", Owner: mediatorTeam, Producers: []string{mediatorTeam}, Consumers: []string{mediatorTeam},
		Doc: "when an event was routed, once for each tag that is counted"}
	deadLetterHandled = topology.Topic{Name: "mediator.deadletter.handled", Partitions: 1, Retention: 31 * day, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, KeyField: "dlq", Owner: mediatorTeam, Producers: []string{mediatorTeam}, Consumers: []string{mediatorTeam},
		Doc: "what became of each dead letter, a day longer than dead letters are kept"}
	aggregationMatched = topology.Topic{Name: "mediator.aggregation.matched", Partitions: highVolume, Retention: aWeek, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, KeyField: "key", Owner: mediatorTeam, Producers: []string{mediatorTeam}, Consumers: []string{mediatorTeam},
		Doc: "what aggregations need of the events that they match, as their teams may see them"}
	aggregationLate = topology.Topic{Name: "mediator.aggregation.late", Partitions: normal, Retention: 30 * day, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, KeyField: "key", Owner: mediatorTeam, Producers: []string{mediatorTeam},
		Doc: "what aggregations did not use, because it came too late or could not be used"}
	// deliveries stands for all consumer topics; its name is what theirs begin with.
	deliveries = topology.Topic{Name: tables.ConsumerTopicPrefix, Retention: aWeek, Compression: compression, MaxMessageBytes: 2 * mebibyte,
		Cleanup: topology.Delete, KeyField: "key", Owner: mediatorTeam, Producers: []string{mediatorTeam}, Doc: "what one subscription gets"}
)

// Mediator are the mediator's topics that exist from the start.
var Mediator = []topology.Topic{firehose, control, batchRouted, eventDelivered, deadLetterHandled, aggregationMatched, aggregationLate, auditReceived, auditChain, auditHead}

// Streams of the mediator.
var (
	Firehose = stream[events.Envelope](firehose)
	Control  = stream[events.Control](control)
	Routed   = topology.Stream[events.BatchRouted]{Topic: batchRouted, Codec: codecs.NewAvro[events.BatchRouted](batchRouted.Name, batchRouted.MaxMessageBytes)}
	// EventDelivered carries what processors.Delivered gives.
	EventDelivered = stream[events.EventDelivered](eventDelivered)
	// DeadLetterHandled carries what became of dead letters.
	DeadLetterHandled = stream[events.DeadLetterHandled](deadLetterHandled)
	// AggregationMatched and AggregationLate carry what aggregations use, and
	// what they do not.
	AggregationMatched = stream[events.AggregationMatched](aggregationMatched)
	AggregationLate    = stream[events.AggregationLate](aggregationLate)
	// Deliveries carries envelopes to consumer topics, one for each subscription.
	Deliveries = topology.Stream[events.Envelope]{Topic: deliveries, Codec: codecs.NewAvro[events.Envelope](firehose.Name, deliveries.MaxMessageBytes).Under(firehose.Name)}
)

// ConsumerTopic is the topic of a subscription, as it is created.
func ConsumerTopic(s tables.Subscription) topology.Topic {
	t := deliveries
	t.Name, t.Partitions, t.Consumers = s.Topic(), max(1, s.Partitions), []string{s.Team}
	return t
}
