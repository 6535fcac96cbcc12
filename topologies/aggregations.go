package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Aggregations folds what the router matched into one row by aggregation,
// version and key. What comes of it is an event, and goes where events go.
var Aggregations = topology.Group[tables.Aggregated]{
	Name:    "aggregations.v1-mediator-consumer",
	Doc:     "what teams make of several events, or of the absence of one",
	Rows:    codecs.NewAvro[tables.Aggregated]("aggregations.v1-mediator-consumer-table", rowBytes),
	Inputs:  topology.Inputs[tables.Aggregated]{topology.Fold(AggregationMatched, processors.FoldAggregationMatched)},
	Outputs: []topology.StreamRef{Firehose.Ref(), AggregationMatched.Ref(), AggregationLate.Ref(), Control.Ref()},
	Timer:   topology.Timer[tables.Aggregated]{Due: tables.Aggregated.Due, Wake: processors.WakeAggregated},
	View: topology.View{Name: "aggregations", Key: "team/name@version/key", Classes: []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank}, KeyClass: tables.ClassOfRow,
		Doc: "Windows and waits of one key of a version of an aggregation, as its team may see them; without a key, what the aggregation could not use."},
}
