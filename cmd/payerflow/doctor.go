package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"payerflow/config"
	"payerflow/internal/doctor"
	"payerflow/topologies"
)

func (a *app) doctorCommand() *cobra.Command {
	var dev, probe bool
	var as string
	var views []string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check configuration, machine, broker, topics, rights and registry", Args: exactly(0),
		Long: `Check what a worker needs before it is started, with the configuration that the worker will have: the
partitioner, the data directory, the brokers and their settings, every topic, what we may do with them, the
schema registry, the clocks. Nothing is changed. With --probe, transactions are tried on a topic that is made
for it and deleted. With --as views, what a replica needs is checked in place of that. Exit code 5 where a check failed; a warning and what is skipped do not change it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := a.client()
			if err != nil {
				return err
			}
			patient := a.patient(dev, probe)
			patient.Client = opts
			if patient.Replica, err = asReplica(as); err != nil {
				return err
			}
			if patient.Views, err = knownViews(views); err != nil {
				return err
			}
			findings := append([]doctor.Finding{{Check: "configuration", State: doctor.OK, Found: "legal"}}, doctor.Examine(cmd.Context(), patient)...)
			var rows [][]string
			for _, f := range findings {
				rows = append(rows, []string{f.Check, string(f.State), f.Found, f.Do})
			}
			if err := a.show(findings, []string{"check", "state", "what was found", "what to do"}, rows); err != nil {
				return err
			}
			if n := doctor.Count(findings, doctor.Fail); n > 0 {
				return coded(exitDifferent, fmt.Errorf("failed checks: %d of %d", n, len(findings)))
			}
			return nil
		},
	}
	devFlag(cmd, &dev)
	cmd.Flags().BoolVar(&probe, "probe", false, "try transactions on a topic made for it, which is deleted afterwards")
	cmd.Flags().StringVar(&as, "as", "worker", "what is to be started here: worker or views")
	cmd.Flags().StringSliceVar(&views, "views", nil, "with --as views: those that it follows, as its own --views")
	return cmd
}

func asReplica(as string) (bool, error) {
	switch as {
	case "worker", "views":
		return as == "views", nil
	}
	return false, coded(exitUsage, fmt.Errorf("--as: %q is neither worker nor views", as))
}

// patient is a worker as it would be started with this configuration.
func (a *app) patient(dev, probe bool) doctor.Setup {
	c := a.cfg.Engine
	return doctor.Setup{
		Brokers: a.cfg.Broker.Seeds, Registry: a.schemas(), ExactlyOnce: c.Guarantee == config.ExactlyOnce,
		SessionTimeout: c.SessionTimeout, TransactionTimeout: c.TransactionTimeout, DataDir: filepath.Join(c.DataDir, "worker"),
		Dev: dev, Probe: probe, Groups: topologies.All, Topics: declaredTopics(a.stores()), Subjects: topologies.Subjects(),
	}
}
