package main

import (
	"github.com/spf13/cobra"

	"payerflow/tables"
)

func (a *app) aggregationCommand() *cobra.Command {
	k := rowKind{use: "aggregation", noun: "aggregation", path: "/v1/aggregations", columns: []string{"combine", "key", "output", "state", "reason"}, name: ofTeam,
		example: `  payerflow aggregation list
  payerflow aggregation test -f no-follow-up.yaml --since 24h
  payerflow aggregation apply -f no-follow-up.yaml
  payerflow aggregation pause care/no-follow-up`}
	return a.rowCommand(k, "Events that teams make of several events, or of the absence of one", a.applyRows, a.deleteRow,
		a.turnRow("pause", "Match nothing more, and give up what waits"), a.turnRow("resume", "Begin anew"), a.testRows(tables.KindAggregation))
}
