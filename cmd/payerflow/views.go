package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"payerflow/config"
)

func (a *app) viewsCommand() *cobra.Command {
	var views []string
	cmd := &cobra.Command{
		Use:   "views",
		Short: "Serve views from copies of their tables, and fold nothing",
		Long: `Serve the views over HTTP from copies of their tables, which are restored from the changelogs and
followed. It folds nothing and is in no consumer group: start as many as reads need.

A copy answers where the request allows its age (max_staleness) or peers.max-staleness does; what it
may not answer is asked of the partition's owner. It reads the tables' topics, payerflow.members and
the rules, and writes to payerflow.members and the audit alone.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, v := range views {
				if !slices.Contains(viewNames(), v) {
					return coded(exitUsage, fmt.Errorf("--views: there is no view %s", v))
				}
			}
			opts, err := a.client()
			if err != nil {
				return err
			}
			s, err := a.newServer(cmd.Context(), a.cfg.Broker.Seeds, opts, a.cfg.Registry.URL, extension{replica: true, views: views})
			if err != nil {
				return err
			}
			a.log.Info("replica starts", "http", s.addr(), "brokers", fmt.Sprint(a.cfg.Broker.Seeds))
			return s.run(cmd.Context(), a.cfg.HTTP)
		},
	}
	f := cmd.Flags()
	f.String("http-addr", config.Default().HTTP.Addr, "address of the HTTP surface, host:port")
	f.StringSliceVar(&views, "views", nil, "views whose tables are followed: a,b; all of them if not set")
	return cmd
}
