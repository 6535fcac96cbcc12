package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
)

func (a *app) traceCommand() *cobra.Command {
	since := "24h"
	cmd := &cobra.Command{
		Use: "trace ID", Short: "Find every hop of an event by its id",
		Long: `Find every record of an event: where it came in, domain topic, consumer topics, rows, dead letters and what
became of them, with times; and the transactions of the router that took it, with the version of the rules
that they worked with. It reads every topic since --since. No key and no body is shown.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := when(since, time.Now())
			if err != nil {
				return coded(exitUsage, fmt.Errorf("--since: %w", err))
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			bar := a.counter("reading")
			t := kafka.Tracer{Brokers: a.cfg.Broker.Seeds, Schemas: a.schemas(), Options: client,
				Total: func(n int64) { bar.ChangeMax64(n) }, Passed: func(n int64) { _ = bar.Add64(n) }}
			out, err := t.Trace(cmd.Context(), args[0], from)
			if err != nil {
				return err
			}
			if err := a.showTraced(out); err != nil {
				return err
			}
			if len(out.Hops) == 0 {
				return coded(exitNotFound, errors.New("no record of this event; see --since"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", since, "how far back: a duration, or RFC 3339")
	return cmd
}

func (a *app) showTraced(out kafka.Traced) error {
	var rows [][]string
	begin := time.Time{}
	for _, h := range out.Hops {
		if begin.IsZero() {
			begin = h.Time
		}
		note := h.Code
		if h.Redriven != "" {
			note = "from " + h.Redriven
		}
		rows = append(rows, []string{h.Stage, h.Topic, strconv.Itoa(int(h.Partition)), strconv.FormatInt(h.Offset, 10), h.Time.Format(time.RFC3339Nano), "+" + h.Time.Sub(begin).String(), note})
	}
	for _, m := range out.Markers {
		rows = append(rows, []string{"rules", m.Topic, strconv.Itoa(int(m.Partition)), strconv.FormatInt(m.Offset, 10), m.At.String(), "+" + m.At.Time().Sub(begin).String(),
			fmt.Sprintf("mediator.control up to %d, routing %.12s", m.ControlOffset, m.RoutingHash)})
	}
	return a.show(out, []string{"stage", "topic", "partition", "offset", "time", "after", "note"}, rows)
}
