package main

import "github.com/spf13/cobra"

func (a *app) policyCommand() *cobra.Command {
	k := rowKind{use: "policy", noun: "approval policy", path: "/v1/approval-policies", columns: []string{"kinds", "teams", "propose", "approve", "approvals"},
		name: func(row map[string]any) string { return text(row, "name") },
		example: `  payerflow policy apply -f phi.yaml
  payerflow policy list`}
	return a.rowCommand(k, "Which changes want approval, and whose", a.applyRows, a.deleteRow)
}
