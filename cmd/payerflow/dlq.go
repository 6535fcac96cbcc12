package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"payerflow/connectors/kafka"
	"payerflow/processors"
)

func (a *app) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dlq", Short: "Look into dead letter topics, mend, redrive and drop"}
	cmd.AddCommand(a.dlqListCommand(), a.dlqShowCommand(), a.dlqRedriveCommand(), a.dlqDropCommand())
	return cmd
}

// letters are the dead letters of the configured broker, with a bar while they are read.
func (a *app) letters(doing string) (*kafka.DeadLetters, error) {
	client, err := a.client()
	d := &kafka.DeadLetters{Brokers: a.cfg.Broker.Seeds, Schemas: a.schemas(), Options: client}
	bar := a.counter(doing)
	d.Total, d.Passed = func(n int64) { bar.ChangeMax64(n) }, func(n int64) { _ = bar.Add64(n) }
	return d, err
}

func (a *app) dlqListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list [TOPIC...]", Short: "Count what waits in dead letter topics: by reason, oldest, growth",
		Long: `Count the dead letters that nobody has redriven or dropped, of the topics that are named (with or without
.dlq), else of all. It reads them all.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for i := range args {
				args[i] = kafka.DLQOf(args[i])
			}
			d, err := a.letters("reading")
			if err != nil {
				return err
			}
			qs, err := d.List(cmd.Context(), time.Now(), args...)
			if err != nil {
				return dlqError(err)
			}
			rows := [][]string{}
			for _, q := range qs {
				if q.Count > 0 || len(args) > 0 {
					rows = append(rows, dlqRow(q))
				}
			}
			return a.show(qs, []string{"topic", "count", "last hour", "last day", "oldest", "reasons"}, rows)
		},
	}
}

func dlqRow(q kafka.DLQ) []string {
	var reasons []string
	for _, code := range slices.Sorted(maps.Keys(q.Reasons)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", code, q.Reasons[code]))
	}
	oldest := "-"
	if q.Oldest != nil {
		oldest = q.Oldest.Format(time.RFC3339)
	}
	return []string{q.Topic, strconv.Itoa(q.Count), strconv.Itoa(q.Hour), strconv.Itoa(q.Day), oldest, strings.Join(reasons, ", ")}
}

// dlqFilter are the flags that choose dead letters.
type dlqFilter struct {
	where, since, until string
	reasons, at         []string
	all                 bool
}

func (o *dlqFilter) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.where, "where", "", `CEL over dlq, key, headers and payload, for example 'payload.planId == "p1" && dlq.retryCount == 0'`)
	f.StringSliceVar(&o.reasons, "reason", nil, "reason code; more than one: any of them")
	f.StringVar(&o.since, "since", "", "parked at or after: RFC 3339, or a duration back from now (2h)")
	f.StringVar(&o.until, "until", "", "parked before: RFC 3339, or a duration back from now")
	f.StringSliceVar(&o.at, "at", nil, "place of a dead letter in its topic: partition/offset")
}

func (o *dlqFilter) filter(now time.Time) (f processors.DeadLetterFilter, err error) {
	f.Where, f.Reasons = o.where, o.reasons
	var errs [2]error
	f.From, errs[0] = when(o.since, now)
	f.To, errs[1] = when(o.until, now)
	for _, at := range o.at {
		var p processors.Place
		if n, err := fmt.Sscanf(at, "%d/%d", &p.Partition, &p.Offset); n != 2 || err != nil {
			return f, coded(exitUsage, errors.New("--at is partition/offset, for example 3/42"))
		}
		f.At = append(f.At, p)
	}
	if _, err := f.Choice(); err != nil {
		return f, coded(exitUsage, fmt.Errorf("--where: %w", err))
	}
	return f, coded(exitUsage, errors.Join(errs[:]...))
}

// chooses says whether any flag narrows the choice.
func (o *dlqFilter) chooses() bool {
	return o.where+o.since+o.until != "" || len(o.reasons)+len(o.at) > 0
}

// when reads a time, or how long ago it was. "" is the zero time.
func when(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, errors.New("a time is RFC 3339 (2026-03-10T12:00:00Z) or a duration back from now (2h)")
	}
	return t, nil
}

func (a *app) dlqShowCommand() *cobra.Command {
	var o dlqFilter
	var limit int
	cmd := &cobra.Command{
		Use: "show TOPIC", Short: "Show dead letters, decoded",
		Long: `Show the dead letters of a topic that wait, one JSON document each, decoded where they decode; --all shows
those that were redriven or dropped too. What it shows is PHI; it goes to standard output alone.`,
		Example: `  payerflow dlq show claims.claim.paid --reason KEY_MISMATCH --limit 1`,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := o.filter(time.Now())
			if err != nil {
				return err
			}
			n := 0
			letters, err := a.letters("reading")
			if err != nil {
				return err
			}
			unjudged, err := letters.Show(cmd.Context(), kafka.DLQOf(args[0]), f, o.all, func(d kafka.DeadLetter) (bool, error) {
				n++
				return n != limit, a.document(d)
			})
			a.unjudged(unjudged)
			return dlqError(err)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 20, "most dead letters; 0: no bound")
	cmd.Flags().BoolVar(&o.all, "all", false, "also what was redriven or dropped")
	return cmd
}

// document writes v as JSON, or as YAML where that is asked for.
func (a *app) document(v any) error {
	if a.format == formatYAML {
		if _, err := fmt.Fprintln(a.out, "---"); err != nil {
			return err
		}
		return writeYAML(a.out, v)
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) unjudged(n int) {
	if n > 0 {
		fmt.Fprintf(a.errOut, "%d dead letters were left out: --where asks for what they do not have\n", n)
	}
}

// dlqError gives an error of dead letters its exit code.
func dlqError(err error) error {
	switch {
	case errors.Is(err, kafka.ErrTopicMissing):
		return coded(exitNotFound, err)
	case errors.Is(err, processors.ErrFilterCost):
		return coded(exitUsage, err)
	case errors.Is(err, context.Canceled):
		return errors.New("stopped; what was done is noted, and the same command goes on with the rest")
	}
	return err
}

// counter is a bar of records on a terminal and nothing elsewhere.
func (a *app) counter(doing string) *progressbar.ProgressBar {
	f, ok := a.errOut.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progressbar.DefaultSilent(1)
	}
	return progressbar.NewOptions64(1, progressbar.OptionSetWriter(a.errOut), progressbar.OptionSetDescription(doing),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
}

// env is the value of an environment variable, "" where it is not set.
func (a *app) env(name string) (value string) {
	for _, kv := range a.environ {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			value = v
		}
	}
	return value
}
