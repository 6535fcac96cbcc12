package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// SLA folds deliveries into one row by tag.
var SLA = topology.Group[tables.SLA]{
	Name:   "sla.v1-mediator-consumer",
	Doc:    "how long events take from the door to their delivery",
	Rows:   codecs.NewAvro[tables.SLA]("sla.v1-mediator-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.SLA]{topology.Fold(EventDelivered, processors.FoldEventDelivered)},
	View:   topology.View{Name: "sla", Key: "tag", Doc: "Events and their time from the door to delivery, in windows of 5 minutes over 24 hours; percentiles at /v1/sla.", Classes: topology.NoClasses},
}
