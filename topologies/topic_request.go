package topologies

import (
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// kaasTeam answers requests for topics: Kafka as a service.
const kaasTeam = "kaas"

// TopicRequestCopies is the subscription that carries every event of a topic
// request to the group. Who runs the group brings it into force.
var TopicRequestCopies = tables.Subscription{Team: kaasTeam, Name: "topic-requests", Partitions: 3}

var topicOrdered = topology.Topic{Name: "kaas.topic.ordered", Partitions: 3, Retention: aWeek, Compression: compression, MaxMessageBytes: mebibyte, Cleanup: topology.Delete,
	KeyField: "requestId", Owner: kaasTeam, Producers: []string{kaasTeam}, Consumers: []string{kaasTeam}, Doc: "what is to be done outside about a topic request"}

// TopicOrdered carries what is to be done outside about topic requests.
var TopicOrdered = stream[events.TopicOrdered](topicOrdered)

// Subscribed is the stream of a subscription's copies: events of any type, as
// its team may see them. See docs/adr/0009-groups-on-consumer-topics.md.
func Subscribed(s tables.Subscription) topology.Stream[events.Envelope] {
	return topology.Stream[events.Envelope]{Topic: ConsumerTopic(s), Codec: Deliveries.Codec}
}

// TopicRequests folds every event of a topic request into one row, and orders
// what is to be done next.
func TopicRequests(rules processors.TopicRequests) topology.Group[tables.TopicRequest] {
	return topology.Group[tables.TopicRequest]{
		Name:    "topic-requests.v1-kaas-consumer",
		Doc:     "who asked for a topic, who agreed, and what became of it",
		Rows:    codecs.NewAvro[tables.TopicRequest]("topic-requests.v1-kaas-consumer-table", rowBytes),
		Inputs:  topology.Inputs[tables.TopicRequest]{topology.Fold(Subscribed(TopicRequestCopies), rules.Fold)},
		Outputs: []topology.StreamRef{TopicOrdered.Ref(), AuditReceived.Ref()},
		Timer:   topology.Timer[tables.TopicRequest]{Due: tables.TopicRequest.Due, Wake: rules.TimeOut},
		View:    topology.View{Name: "topic-requests", Key: "requestId", Doc: "Status and steps of one request for a topic.", Classes: topology.NoClasses},
	}
}

// TopicOrders does what was ordered: mails, topics, and the events that tell
// of them.
var TopicOrders = topology.Effects[events.TopicOrdered]{
	Name:  "topic-orders.v1-kaas-consumer",
	Doc:   "what is still to be done outside about topic requests",
	Input: TopicOrdered,
	Rows:  codecs.NewAvro[topology.Backlog]("topic-orders.v1-kaas-consumer-table", rowBytes),
}

// KaaS are the groups of topic requests. They are none of All: who runs them
// gives them what they do outside.
func KaaS(answerWithin time.Duration) []topology.Declared {
	rules := processors.TopicRequests{Team: kaasTeam, AnswerWithin: answerWithin, Reserved: func(name string) bool { _, taken := TopicOf(name); return taken }}
	return []topology.Declared{TopicRequests(rules).Declare(), TopicOrders.Declare()}
}

// KaaSTopics are the topics that these groups need beside those of All and of
// their subscription.
func KaaSTopics() []topology.Topic {
	ts := []topology.Topic{topicOrdered, topicOrdered.DLQ(), ConsumerTopic(TopicRequestCopies).DLQ()}
	for _, g := range KaaS(time.Minute) {
		ts = append(ts, g.Topics()...)
	}
	return ts
}

// KaaSSubjects are the value schemas that they write.
func KaaSSubjects() []Subject {
	s := []Subject{{topicOrdered.Subject(), topicOrdered.Name}, {topicOrdered.DLQ().Subject(), topicOrdered.DLQ().Name}}
	copies := ConsumerTopic(TopicRequestCopies).DLQ()
	s = append(s, Subject{copies.Subject(), copies.Name})
	for _, g := range KaaS(time.Minute) {
		s = append(s, Subject{g.Table.Subject(), g.Table.Name})
	}
	return s
}

// RequestedTopic is the topic that an order asks for.
func RequestedTopic(o events.TopicOrdered) topology.Topic {
	return topology.Topic{Name: o.TopicName, Partitions: int(o.Partitions), Retention: time.Duration(o.RetentionHours) * time.Hour, Compression: compression,
		MaxMessageBytes: mebibyte, Cleanup: topology.Delete}
}
