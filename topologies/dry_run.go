package topologies

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// DryRun reads what the router reads, by the same codecs and checks, and routes
// it by two snapshots without delivering anything. It is no worker's group: it
// is stepped through in memory.
var DryRun = topology.Group[tables.Processed]{
	Name:   Router.Name,
	Rows:   Router.Rows,
	Inputs: tried(),
	Pinned: true,
}

func tried() topology.Inputs[tables.Processed] {
	in := topology.Inputs[tables.Processed]{topology.FoldWith(Firehose, tally[events.Envelope], processors.TryReceived).ByID()}
	for _, t := range Catalogue {
		in = append(in, topology.FoldWith(open(t), tally[events.Typed], processors.TryForeign).Without(processors.HeaderOrigin).ByID())
	}
	return in
}

func tally[E topology.Event](r topology.Reader, _ topology.Record[E]) *processors.Tally {
	return topology.Pin[*processors.Tally](r)
}
