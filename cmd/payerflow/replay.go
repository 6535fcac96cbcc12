package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/internal/engine"
	"payerflow/topologies"
)

func (a *app) replayCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "replay", Short: "Fold a view anew beside the live one, compare, and switch",
		Long: `Fold the next version of a view beside the live one, compare the two, hand over and take back. The next
version is a group in topologies/ that says Shadows; see docs/replay.md. It needs the brokers' credentials.`}
	cmd.AddCommand(a.replayStartCommand(), a.replayStatusCommand(), a.replayPauseCommand(), a.replayResumeCommand(),
		a.replayDiffCommand(), a.replaySwitchCommand(), a.replayBackCommand(), a.replayDropCommand(), a.replayRedeliveredCommand(),
		a.replayOf("same", "Say that a group's fold has changed, and gives the rows that are there",
			"Say that a group's fold of now gives the rows that its table holds: topology check --deployed asks for no replay.",
			func(ctx context.Context, r *engine.Replay, group string) error {
				return r.Same(ctx, group, topologies.Folds()[group])
			}))
	return cmd
}

// replayed runs something on the versions of views.
func (a *app) replayed(do func(r *engine.Replay) error) error {
	opts, err := a.client()
	if err != nil {
		return err
	}
	held, err := a.past(opts)
	if err != nil {
		return err
	}
	var history engine.History
	if held != nil {
		defer held.Close()
		history = held
	}
	r, err := engine.OpenReplay(a.cfg.Broker.Seeds, topologies.All, localUser(), history, opts...)
	if err != nil {
		return coded(exitUnavailable, err)
	}
	defer r.Close()
	r.FoldedBy(topologies.Folds())
	err = do(r)
	if refused, ok := errors.AsType[*engine.RefusedError](err); ok {
		code := exitDifferent
		if refused.Code == engine.NoSuchGroup {
			code = exitNotFound
		}
		return coded(code, err)
	}
	return err
}

// localUser is who acts, for logs that outlive this machine.
func localUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// replayOf is a command about one version.
func (a *app) replayOf(use, short, long string, do func(ctx context.Context, r *engine.Replay, group string) error) *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if group == "" {
				return coded(exitUsage, errNoGroup)
			}
			return a.replayed(func(r *engine.Replay) error { return do(cmd.Context(), r, group) })
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "the version: the name of its group")
	return cmd
}

const rateHelp = "most records a second that each worker folds of it; 0: as many as it can"

// Modes of a replay.
const (
	modeShadow    = "shadow"
	modeRedeliver = "redeliver"
)

func (a *app) replayStartCommand() *cobra.Command {
	var mode, group string
	var o redelivering
	cmd := &cobra.Command{
		Use: "start", Short: "Let the next version of a view fold from the beginning, or deliver events again", Args: exactly(0),
		Long: `--mode shadow (the default) lets the next version of a view fold its inputs from the beginning, quietly: nothing
that it emits goes out. A version that was dropped without --delete goes on where it was. What inputs have forgotten
it is given from the event store (store.uri) first; where that lacks some of it, it is refused: --incomplete begins
where the inputs begin. It folds all: no flag chooses events.

--mode redeliver writes chosen events to the topic of one subscription once more, as the rules in force now let its
team see them, each with the header pf_replayed. What topics have forgotten comes from the event store (store.uri).
The same command goes on where a run was cut short, and delivers nothing twice. It needs the brokers' credentials
and the deployment's secret.`,
		Example: `  payerflow replay start --group claim-status.v2-claims-consumer --rate 2000
  payerflow replay start --mode redeliver --subscription care/claims --from 24h --type CLAIM_PAID --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.rate < 0 {
				return coded(exitUsage, errors.New("--rate is not negative"))
			}
			switch mode {
			case modeRedeliver:
				if group != "" {
					return coded(exitUsage, errors.New("--group is of --mode shadow; --subscription says whose events are delivered again"))
				}
				return a.redeliver(cmd.Context(), cmd.InOrStdin(), o)
			case modeShadow:
				for _, name := range chosenBy {
					if cmd.Flags().Changed(name) {
						return coded(exitUsage, fmt.Errorf("--%s cannot be right for a version of a view: rows that are made of some of their events look like whole ones, and switch would show them; it is of --mode redeliver", name))
					}
				}
				if group == "" {
					return coded(exitUsage, errNoGroup)
				}
				return a.replayed(func(r *engine.Replay) error { return a.startReplay(cmd.Context(), r, group, o) })
			}
			return coded(exitUsage, errors.New("--mode is shadow or redeliver"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&mode, "mode", modeShadow, "shadow: a version of a view; redeliver: events of a subscription")
	f.StringVar(&group, "group", "", "the version: the name of its group")
	f.IntVar(&o.rate, "rate", 0, rateHelp+"; redeliver: most copies a second")
	f.BoolVar(&o.incomplete, "incomplete", false, "begin where the inputs begin now, whatever is gone")
	o.flags(cmd)
	return cmd
}

func (a *app) startReplay(ctx context.Context, r *engine.Replay, group string, o redelivering) error {
	bar := a.counter("history")
	r.Passed(func(done, all int64) {
		bar.ChangeMax64(max(all, 1))
		_ = bar.Set64(done)
	})
	defer func() { _ = bar.Finish() }()
	return r.Start(ctx, group, o.rate, o.incomplete)
}

var errNoGroup = errors.New("--group: which version; payerflow replay status lists them")

func (a *app) replayPauseCommand() *cobra.Command {
	return a.replayOf("pause", "Let a version stand still that is not live", "", func(ctx context.Context, r *engine.Replay, group string) error { return r.Pause(ctx, group) })
}

func (a *app) replayResumeCommand() *cobra.Command {
	var rate int
	cmd := a.replayOf("resume", "Let a version go on that stands still, or on at another rate", "",
		func(ctx context.Context, r *engine.Replay, group string) error {
			return r.Resume(ctx, group, max(0, rate))
		})
	cmd.Flags().IntVar(&rate, "rate", 0, rateHelp)
	return cmd
}

func (a *app) replaySwitchCommand() *cobra.Command {
	return a.replayOf("switch", "Hand the view over to a version",
		`Hand the view over to a version, on all workers at once: readers wait for some hundred milliseconds. A worker
that does not know the version, or does not answer, is named, and nothing is switched. The old version folds on.`,
		func(ctx context.Context, r *engine.Replay, group string) error { return r.Switch(ctx, group) })
}

func (a *app) replayBackCommand() *cobra.Command {
	return a.replayOf("back", "Hand the view back to the version that it was taken over from", "",
		func(ctx context.Context, r *engine.Replay, group string) error { return r.Back(ctx, group) })
}

func (a *app) replayDropCommand() *cobra.Command {
	var all bool
	cmd := a.replayOf("drop", "Stop a version that is not live",
		`Stop a version that is not live. It is refused while the version still speaks for records that it has not
folded. With --delete its table, its own streams, its positions and the dead letters of its replay are deleted: make
sure that the declared version is removed too, or run "payerflow topics apply" before it is started again.`,
		func(ctx context.Context, r *engine.Replay, group string) error { return r.Drop(ctx, group, all) })
	cmd.Aliases = []string{"cancel"}
	cmd.Flags().BoolVar(&all, "delete", false, "delete all that it has; nothing brings it back")
	return cmd
}

func (a *app) replayStatusCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the versions of views: which is live, how far the others are", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.replayed(func(r *engine.Replay) error {
				if follow {
					if err := a.followReplays(cmd.Context(), r); err != nil {
						return err
					}
				}
				all, err := r.Status(cmd.Context())
				if err != nil {
					return err
				}
				rows := [][]string{}
				for _, s := range all {
					rows = append(rows, replayRow(s))
				}
				if all == nil {
					all = []engine.VersionStatus{}
				}
				return a.show(all, []string{"view", "group", "state", "folded", "lag", "records/s", "left", "parked"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "wait, with a bar, until all that run have folded all")
	return cmd
}

func replayRow(s engine.VersionStatus) []string {
	state, folded, left := s.State, "-", "-"
	if s.Prepared != "" {
		state += ", about to hand over to " + s.Prepared
	}
	if s.All > 0 {
		folded = fmt.Sprintf("%d %%", 100*s.Done/s.All)
	}
	if s.Left > 0 {
		left = (time.Duration(s.Left * float64(time.Second))).Round(time.Second).String()
	}
	return []string{s.View, s.Group, state, folded, strconv.FormatInt(s.Lag, 10), fmt.Sprintf("%.0f", s.PerSecond), left, strconv.FormatInt(s.Parked, 10)}
}

// followEvery is how often the bar moves.
const followEvery = time.Second

func (a *app) followReplays(ctx context.Context, r *engine.Replay) error {
	bar := a.counter("folding")
	defer func() { _ = bar.Finish() }()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		all, err := r.Status(ctx)
		if err != nil {
			return err
		}
		var done, most, lag int64
		for _, s := range all {
			if s.State == "running" {
				done, most, lag = done+s.Done, most+s.All, lag+s.Lag
			}
		}
		bar.ChangeMax64(max(most, 1))
		_ = bar.Set64(done)
		if lag == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (a *app) replayDiffCommand() *cobra.Command {
	return a.replayOf("diff", "Compare the rows of a version with those of the live one",
		`Compare the rows of a version with those of the live one, field by field where both have the field. It reads both
tables and shows counts, hashes of keys (the first half of SHA-256) and names of fields, never a key or a value. Exit
code 5 where rows differ.`,
		func(ctx context.Context, r *engine.Replay, group string) error {
			bar := a.counter("reading")
			read := int64(0)
			d, err := r.Diff(ctx, group, a.schemas(), func(n int) {
				read += int64(n)
				bar.ChangeMax64(read + 1)
				_ = bar.Set64(read)
			})
			_ = bar.Finish()
			if err != nil {
				return err
			}
			if err := a.showReplayDiff(d); err != nil || d.Same() {
				return err
			}
			return coded(exitDifferent, errors.New("the versions say different things"))
		})
}

func (a *app) showReplayDiff(d *engine.Diff) error {
	if a.format != formatTable {
		return a.show(d, nil, nil)
	}
	fmt.Fprintf(a.out, "%d rows are equal, %d missing, %d extra, %d different\n", d.Equal, d.Missing, d.Extra, d.Different)
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		fmt.Fprintf(a.out, "  %s differs in %d\n", name, d.Fields[name])
	}
	for text, names := range map[string][]string{d.Live: d.OnlyLive, d.Next: d.OnlyNext} {
		if len(names) > 0 {
			fmt.Fprintf(a.out, "only %s has: %s\n", text, strings.Join(names, ", "))
		}
	}
	if d.LiveLag+d.NextLag > 0 {
		fmt.Fprintf(a.out, "not all is folded yet, so that rows may differ for that alone: %d records of the live version, %d of the other\n", d.LiveLag, d.NextLag)
	}
	if len(d.Rows) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(d.Rows))
	for _, r := range d.Rows {
		rows = append(rows, []string{r.KeyHash, strconv.Itoa(int(r.Partition)), r.What, strings.Join(r.Fields, ", ")})
	}
	return a.show(d, []string{"key hash", "partition", "what", "fields"}, rows)
}
