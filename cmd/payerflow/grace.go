package main

import (
	"github.com/spf13/cobra"

	"payerflow/tables"
)

func (a *app) graceCommand() *cobra.Command {
	k := rowKind{use: "grace", noun: "grace policy", path: "/v1/grace-policies", columns: []string{"days", "aptcMonths", "aptcPaysMonths", "zone"},
		name: func(row map[string]any) string { return text(row, "plan") + "/" + text(row, "effective") },
		example: `  payerflow grace apply -f gold.yaml --why "state law"
  payerflow grace test -f gold.yaml
  payerflow grace list
  payerflow grace get '*/2026-01-01'`}
	return a.rowCommand(k, "How long members with unpaid premiums keep coverage, by plan and day", a.applyRows, a.deleteRow, a.testRows(tables.KindGracePolicy))
}
