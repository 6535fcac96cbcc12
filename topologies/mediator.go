package topologies

import (
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Router carries each event from where it came in to those who may see it: to
// its domain topic, and redacted to the topic of each subscription. It works
// with one snapshot of the rules for each transaction.
var Router = topology.Group[tables.Processed]{
	Name:    "router.v1-mediator-consumer",
	Doc:     "which copy of an event goes where",
	Rows:    codecs.NewAvro[tables.Processed]("router.v1-mediator-consumer-table", rowBytes),
	Via:     "router.v1-mediator-consumer-repartition",
	Inputs:  routed(),
	Outputs: append(domainStreams(), Deliveries.Routed(), EventDelivered.Ref(), AggregationMatched.Ref(), Control.Ref(), Routed.Ref()),
	Timer:   topology.Timer[tables.Processed]{Due: tables.Processed.Due, Wake: forget},
	Pinned:  true,
}

// domainTopics is what the catalogue's topics are called together.
const domainTopics = "domain topics"

// routed are the firehose, and of each domain topic what the router did not
// write itself.
func routed() topology.Inputs[tables.Processed] {
	in := topology.Inputs[tables.Processed]{topology.ByIDWithin(topology.FoldWith(Firehose, inForce[events.Envelope], processors.RouteReceived), publisher)}
	for _, t := range Catalogue {
		foreign := topology.FoldWith(open(t), inForce[events.Typed], processors.RouteForeign).Without(processors.HeaderOrigin).OneOf(domainTopics)
		in = append(in, topology.ByIDWithin(foreign, func(events.Typed) string { return t.Name }))
	}
	return in
}

// publisher is who has to keep an event's identity unique: nobody can suppress
// what another team publishes by taking its ids.
func publisher(e events.Envelope) string { return e.Publisher }

func domainStreams() (out []topology.StreamRef) {
	for _, t := range Catalogue {
		out = append(out, open(t).OneOf(domainTopics))
	}
	return out
}

func open(t topology.Topic) topology.Stream[events.Typed] {
	return topology.Stream[events.Typed]{Topic: t, Codec: codecs.NewOpen(t)}
}

func inForce[E topology.Event](r topology.Reader, _ topology.Record[E]) processors.InForce {
	return topology.Pin[processors.InForce](r)
}

// forget takes an identity away when its time has come.
func forget(tables.Processed, topology.Waking) (tables.Processed, []topology.Output) {
	return tables.Processed{}, nil
}
