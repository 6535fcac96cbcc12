package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

func (a *app) topologyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topology", Short: "Draw and check the declared topology"}
	var dot bool
	drawing := &cobra.Command{
		Use: "draw", Short: "Draw the topology as Mermaid, or as Graphviz DOT", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			picture := topology.Mermaid(topologies.All)
			if dot {
				picture = topology.DOT(topologies.All)
			}
			_, err := fmt.Fprint(a.out, picture)
			return err
		},
	}
	drawing.Flags().BoolVar(&dot, "dot", false, "Graphviz DOT")
	var deployed bool
	check := &cobra.Command{
		Use: "check", Short: "Check the declarations, and say which streams are repartitioned and why", Args: exactly(0),
		Long: `Check the declarations without a broker. Exit code 5 where something is wrong. --deployed also asks the brokers
with which folds the tables were begun, and says which groups need a replay because theirs have changed since.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			notes := topology.Check(topologies.All, topologies.Shared())
			if deployed {
				if err := a.replayed(func(r *engine.Replay) error {
					begun, err := r.Folds(cmd.Context())
					notes = append(notes, topology.CheckFolds(topologies.All, begun, topologies.Folds())...)
					return err
				}); err != nil {
					return err
				}
			}
			var rows [][]string
			faulty := false
			for _, n := range notes {
				kind := "note"
				if n.Fault {
					kind, faulty = "FAULT", true
				}
				rows = append(rows, []string{kind, n.Group, n.Text})
			}
			if err := a.show(notes, []string{"kind", "group", "what"}, rows); err != nil {
				return err
			}
			if faulty {
				return coded(exitDifferent, errors.New("the topology has faults"))
			}
			return nil
		},
	}
	check.Flags().BoolVar(&deployed, "deployed", false, "ask the brokers which tables need a replay")
	cmd.AddCommand(drawing, check)
	return cmd
}
