package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"payerflow/config"
)

func (a *app) workerCommand() *cobra.Command {
	var demo string
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run the topology on any Kafka, and serve its views",
		Long: `Run the topology on a Kafka cluster with a schema registry, and serve its views over HTTP.

Start more workers with the same group to scale out; each needs its own --data-dir. Topics and schemas
must exist: see "payerflow topics apply" and "payerflow schemas register". With --join it works beside
a demo on this machine. SIGTERM commits what is open,
leaves the group and exits 0.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.join(demo); err != nil {
				return err
			}
			opts, err := a.client()
			if err != nil {
				return err
			}
			s, err := a.newServer(cmd.Context(), a.cfg.Broker.Seeds, opts, a.cfg.Registry.URL, extension{store: a.cfg.Store.URI})
			if err != nil {
				return err
			}
			a.log.Info("worker starts", "http", s.addr(), "brokers", fmt.Sprint(a.cfg.Broker.Seeds))
			return s.run(cmd.Context(), a.cfg.HTTP)
		},
	}
	d := config.Default()
	joinFlag(cmd, &demo)
	f := cmd.Flags()
	f.String("http-addr", d.HTTP.Addr, "address of the HTTP surface, host:port")
	f.Int("batch-records", d.Engine.BatchRecords, "most records of one transaction")
	f.Duration("batch-interval", d.Engine.BatchInterval, "longest time of one transaction")
	return cmd
}
