package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"payerflow/config"
	"payerflow/internal/doctor"
)

func (a *app) viewsCommand() *cobra.Command {
	var views []string
	var demo string
	cmd := &cobra.Command{
		Use:   "views",
		Short: "Serve views from copies of their tables, and fold nothing",
		Long: `Serve the views over HTTP from copies of their tables, which are restored from the changelogs and
followed. It folds nothing and is in no consumer group: start as many as reads need.

A copy answers where the request allows its age (max_staleness) or peers.max-staleness does; what it
may not answer is asked of the partition's owner. It writes to payerflow.members, payerflow.versions and the audit alone.
"payerflow doctor --as views" says whether it has the rights that it needs.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			views, err := knownViews(views)
			if err != nil {
				return err
			}
			if err := a.join(demo); err != nil {
				return err
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
			patient := a.patient(false, false)
			patient.Client, patient.Replica, patient.Views = opts, true, views
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go a.sayRights(ctx, patient, s.engine.Ready)
			return s.run(ctx, a.cfg.HTTP)
		},
	}
	joinFlag(cmd, &demo)
	f := cmd.Flags()
	f.String("http-addr", config.Default().HTTP.Addr, "address of the HTTP surface, host:port")
	f.StringSliceVar(&views, "views", nil, "views whose tables are followed: a,b; all of them if not set")
	return cmd
}

func knownViews(views []string) ([]string, error) {
	for _, v := range views {
		if !slices.Contains(viewNames(), v) {
			return nil, coded(exitUsage, fmt.Errorf("--views: there is no view %s", v))
		}
	}
	return views, nil
}

const (
	rightsEvery = 10 * time.Second
	rightsAgain = time.Minute // what is missing is said so often
)

// sayRights says which rights are missing, by name: at the start, and for as
// long as one is or the copies are not fresh.
func (a *app) sayRights(ctx context.Context, patient doctor.Setup, ready func() error) {
	tick := time.NewTicker(rightsEvery)
	defer tick.Stop()
	said := map[string]time.Time{}
	for first := true; ; first = false {
		if first || len(said) > 0 || ready() != nil {
			said = a.sayRightsOnce(ctx, patient, said)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *app) sayRightsOnce(ctx context.Context, patient doctor.Setup, said map[string]time.Time) map[string]time.Time {
	findings, err := doctor.ReplicaRights(ctx, patient)
	if err != nil { // brokers that are away have others who say so
		return said
	}
	now := map[string]time.Time{}
	for _, f := range findings {
		if f.State != doctor.Fail && f.State != doctor.Warn {
			continue
		}
		at, before := said[f.Found]
		if !before || time.Since(at) > rightsAgain {
			at = time.Now()
			a.log.Warn("this replica lacks "+f.Check, "found", f.Found, "do", f.Do+"; see: payerflow doctor --as views")
		}
		now[f.Found] = at
	}
	if len(said) > 0 && len(now) == 0 {
		a.log.Info("this replica has all rights that it needs")
	}
	return now
}
