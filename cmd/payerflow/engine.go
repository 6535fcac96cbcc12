package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"payerflow/internal/topology"
)

func (a *app) engineCommand() *cobra.Command {
	var base string
	cmd := &cobra.Command{
		Use: "engine", Short: "Show what a worker runs and holds: groups, lag, rows, size",
		Long: "Show what a worker runs and holds. -o json shows every partition.", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s topology.Status
			if err := a.ask(cmd.Context(), base, "/v1/engine", nil, &s); err != nil {
				return err
			}
			var rows [][]string
			for _, g := range s.Groups {
				rows = append(rows, engineRow(g))
			}
			return a.show(s, []string{"group", "state", "inputs", "lag", "partitions", "rows", "MiB", "restarts", "last error"}, rows)
		},
	}
	cmd.Flags().StringVar(&base, "url", "", "worker to ask (default: http.addr of the configuration)")
	return cmd
}

func engineRow(g topology.GroupStatus) []string {
	lag, partitions, rows, size := int64(0), "-", "-", "-"
	for _, in := range g.Inputs {
		lag += max(0, in.Lag)
	}
	if t := g.Table; t != nil {
		n := 0
		for _, p := range t.Partitions {
			n += p.Rows
		}
		partitions, rows, size = strconv.Itoa(len(t.Partitions)), strconv.Itoa(n), fmt.Sprintf("%.1f", float64(t.Bytes)/(1<<20))
	}
	state := g.State
	if g.Changed {
		state += ", fold changed"
	}
	return []string{g.Name, state, strconv.Itoa(len(g.Inputs)), strconv.FormatInt(lag, 10), partitions, rows, size, strconv.FormatInt(g.Restarts, 10), g.LastError}
}
