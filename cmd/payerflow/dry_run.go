package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/rules"
	"payerflow/processors"
	"payerflow/tables"
)

// trialFlags say which recorded events are tried.
type trialFlags struct {
	last  int
	since string
}

func (o *trialFlags) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.last, "last", 0, "the last N events (default 1000, unless --since is given)")
	cmd.Flags().StringVar(&o.since, "since", "", "all events since then: RFC 3339, or a duration back from now (24h)")
}

func (o *trialFlags) trial(now time.Time) (rules.Trial, error) {
	since, err := when(o.since, now)
	if err != nil {
		return rules.Trial{}, coded(exitUsage, fmt.Errorf("--since: %w", err))
	}
	return rules.Trial{Last: o.last, Since: since}, nil
}

func (a *app) testChange(base *string) *cobra.Command {
	var o trialFlags
	cmd := &cobra.Command{Use: "test PROPOSAL", Short: "Try a proposal on recorded events: who would have received what", Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		in, err := o.trial(time.Now())
		if err != nil {
			return err
		}
		in.Proposal = args[0]
		return a.tryOut(cmd.Context(), *base, in)
	}}
	o.flags(cmd)
	return cmd
}

func (a *app) testRule(k rowKind, base *string) *cobra.Command {
	return a.testRows(tables.KindRoutingRule)(k, base)
}

// testRows tries rows; one without a kind is of this one.
func (a *app) testRows(kind string) func(rowKind, *string) *cobra.Command {
	return func(k rowKind, base *string) *cobra.Command { return a.testFile(k, kind, base) }
}

func (a *app) testFile(k rowKind, kind string, base *string) *cobra.Command {
	var o trialFlags
	var file string
	cmd := &cobra.Command{Use: "test", Short: "Try " + k.noun + "s of a file on recorded events: who would have received what", Args: exactly(0),
		Long: "Try rows on recorded events, without proposing them. A row without kind is one of the " + k.noun + `s. Shown are counts
for each subscription, and samples of events about which the rules differ, as your team may see them; and for
aggregations what they would have emitted.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := o.trial(time.Now())
			if err != nil {
				return err
			}
			rows, err := readRows(cmd.InOrStdin(), file)
			if err != nil {
				return coded(exitUsage, err)
			}
			for _, row := range rows {
				if row["kind"] == nil {
					row["kind"] = kind
				}
			}
			if in.Changes, err = rowChanges(rows); err != nil {
				return coded(exitUsage, err)
			}
			return a.tryOut(cmd.Context(), *base, in)
		}}
	cmd.Flags().StringVarP(&file, "file", "f", "-", `file with rows; "-" is standard input`)
	o.flags(cmd)
	return cmd
}

// tryOut asks for a dry run, and follows how far it is.
func (a *app) tryOut(ctx context.Context, base string, in rules.Trial) error {
	req, err := a.request(ctx, question{role: roleAdmin, base: base, method: http.MethodPost, path: "/v1/dry-runs", body: in})
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", req.URL.Host))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(resp.Body)
		return errors.Join(err, refusal(req.URL.Host, resp, body))
	}
	bar := a.counter("trying")
	for lines := json.NewDecoder(resp.Body); ; {
		var l rules.TrialLine
		if err := lines.Decode(&l); err != nil {
			return coded(exitUnavailable, errors.New("the answer broke off"))
		}
		bar.ChangeMax64(max(l.Total, 1))
		_ = bar.Set64(l.Done)
		switch {
		case l.Problem != nil:
			return coded(exitUnavailable, l.Problem)
		case l.Result != nil:
			_ = bar.Finish()
			return a.showCompared(*l.Result)
		}
	}
}

func (a *app) showCompared(c processors.Compared) error {
	rows := [][]string{}
	line := func(name string, s processors.ComparedSubscription) {
		rows = append(rows, []string{name, strconv.Itoa(s.Before), strconv.Itoa(s.After), "+" + strconv.Itoa(s.Gained), "-" + strconv.Itoa(s.Lost), strconv.Itoa(s.Changed)})
	}
	for _, s := range c.Subscriptions {
		line(s.Name, s)
	}
	if c.Others != nil {
		line("(of other teams)", *c.Others)
	}
	if err := a.show(c, []string{"subscription", "before", "after", "gained", "lost", "seen otherwise"}, rows); err != nil || a.format != formatTable {
		return err
	}
	fmt.Fprintf(a.out, "\n%d events\n", c.Events)
	if err := a.showGraces(c.Graces); err != nil {
		return err
	}
	if err := a.showAggregations(c.Aggregations); err != nil {
		return err
	}
	for _, s := range c.Subscriptions {
		for _, sample := range s.Samples {
			b, err := json.Marshal(sample.Event)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s %s: %s\n", s.Name, sample.What, b)
		}
	}
	return nil
}

// showGraces shows how members would stand by other grace policies.
func (a *app) showGraces(g *processors.ComparedGraces) error {
	if g == nil {
		return nil
	}
	fmt.Fprintf(a.out, "\n%d of %d members would stand otherwise on %s; %d have a grace period that would begin or end on another day\n", g.Changed, g.Members, g.Day, g.Ends)
	for _, m := range g.Moves {
		fmt.Fprintf(a.out, "%s -> %s: %d\n", m.From, m.To, m.Members)
	}
	if g.Suppressed {
		fmt.Fprintln(a.out, "groups of fewer than 11 are left out")
	}
	return nil
}

// showAggregations shows what aggregations would have emitted.
func (a *app) showAggregations(all []processors.ComparedAggregation) error {
	for _, g := range all {
		fmt.Fprintf(a.out, "%s: %d outputs of %d events with %d keys, %d keys wait", g.Name, g.Outputs, g.Events, g.Keys, g.Open)
		for _, reason := range slices.Sorted(maps.Keys(g.Refused)) {
			fmt.Fprintf(a.out, ", %d %s", g.Refused[reason], reason)
		}
		fmt.Fprintln(a.out)
		for _, e := range g.Samples {
			b, err := json.Marshal(e)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s would emit: %s\n", g.Name, b)
		}
	}
	return nil
}
