package topologies

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Redelivery reads what the router reads, by the same codecs and checks, and
// gives the router's copy for one reader. It is no worker's group: it is
// stepped through by whoever delivers again.
var Redelivery = topology.Group[tables.Processed]{
	Name:    Router.Name,
	Rows:    Router.Rows,
	Inputs:  redelivered(),
	Outputs: []topology.StreamRef{Deliveries.Routed()},
	Pinned:  true,
}

func redelivered() topology.Inputs[tables.Processed] {
	in := topology.Inputs[tables.Processed]{topology.ByIDWithin(topology.FoldWith(Firehose, again[events.Envelope], processors.RedeliverReceived), publisher)}
	for _, t := range Catalogue {
		foreign := topology.FoldWith(open(t), again[events.Typed], processors.RedeliverForeign).Without(processors.HeaderOrigin)
		in = append(in, topology.ByIDWithin(foreign, func(events.Typed) string { return t.Name }))
	}
	return in
}

func again[E topology.Event](r topology.Reader, _ topology.Record[E]) *processors.Redelivery {
	return topology.Pin[*processors.Redelivery](r)
}
