package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
)

func (a *app) tailCommand() *cobra.Command {
	var o kafka.TailOptions
	cmd := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Show the records of a topic, decoded",
		Long: `Show committed records of a topic, decoded with the schemas that they were written with: new ones as they
come, or with --from-start what the topic holds. What it shows is PHI; it goes to standard output alone.`,
		Example: `  payerflow tail claims.claim.submitted
  payerflow tail claims.claim.paid.dlq --from-start --follow=false -o json`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !o.FromStart {
				o.Follow = true
			}
			opts, err := a.client()
			if err != nil {
				return err
			}
			return coded(exitUnavailable, kafka.Tail(cmd.Context(), a.cfg.Broker.Seeds, args[0], a.schemas(), o, a.showRecord, opts...))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.FromStart, "from-start", false, "begin at the oldest record")
	f.BoolVar(&o.Follow, "follow", true, "go on when the end is reached")
	f.IntVar(&o.Limit, "limit", 0, "stop after so many records")
	return cmd
}

func (a *app) showRecord(r kafka.Shown) error {
	switch a.format {
	case formatJSON:
		return json.NewEncoder(a.out).Encode(r)
	case formatYAML:
		if _, err := fmt.Fprintln(a.out, "---"); err != nil {
			return err
		}
		return writeYAML(a.out, r)
	}
	text := string(r.Value)
	if r.Fault != "" {
		text = "does not decode: " + r.Fault
	}
	_, err := fmt.Fprintf(a.out, "%d/%d %s %s %s\n", r.Partition, r.Offset, r.Time.Format(time.RFC3339), r.Key, text)
	return err
}
