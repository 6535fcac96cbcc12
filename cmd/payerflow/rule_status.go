package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"payerflow/api/rules"
)

func (a *app) ruleStatus(_ rowKind, base *string) *cobra.Command {
	return &cobra.Command{Use: "status [NAME]", Short: "Show which rules each worker has applied, and what a rule or subscription in shadow mode counted",
		Args: usage(cobra.MaximumNArgs(1)), RunE: func(cmd *cobra.Command, args []string) error {
			var s rules.RulesStatus
			q := question{role: roleAdmin, base: *base, method: http.MethodGet, path: "/v1/rules/status", query: url.Values{}}
			if len(args) == 1 {
				q.query.Set("name", args[0])
			}
			if _, err := a.call(cmd.Context(), q, &s); err != nil {
				return err
			}
			rows := [][]string{}
			for _, w := range s.Workers {
				line := []string{w.Worker, w.Problem, "", "", "", "", ""}
				if w.Problem == "" {
					line[1], line[2] = strconv.FormatInt(w.Offset, 10), w.Hash[:12]
					for _, c := range w.Shadows {
						line[3], line[4], line[5], line[6] = c.Kind+" "+c.Name, count(c.Would), count(c.Already), count(c.Failed)
						rows = append(rows, append([]string{}, line...))
						line[1], line[2] = "", ""
					}
					if len(w.Shadows) > 0 {
						continue
					}
				}
				rows = append(rows, line)
			}
			return a.show(s, []string{"worker", "control offset", "routing hash", "shadow", "would get", "gets already", "failed"}, rows)
		}}
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
