package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
)

// dlqHandling are the flags of redrive and drop.
type dlqHandling struct {
	dlqFilter
	dryRun, yes, edit bool
	patch, why, by    string
}

func (o *dlqHandling) flags(cmd *cobra.Command) {
	o.dlqFilter.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "every dead letter of the topic; needed where no other flag chooses")
	f.BoolVar(&o.dryRun, "dry-run", false, "only count")
	f.StringVar(&o.why, "why", "", "reason, kept with what was done")
	f.StringVar(&o.by, "by", "", "who does it (default: the user of this machine)")
}

func (a *app) dlqRedriveCommand() *cobra.Command {
	var o dlqHandling
	cmd := &cobra.Command{
		Use: "redrive TOPIC", Short: "Send records back from a dead letter topic to where they came from",
		Long: `Send records back to the topic that they came from, with the key, the headers and the identity that they had,
those of each partition in order. Each is noted in the transaction that sends it: a run that was cut short
is gone on with by the same command, and no dead letter is sent back twice.

--patch changes each payload with a JSON merge patch (RFC 7396), --edit opens each in $EDITOR; the result is
checked as at a door.`,
		Example: `  payerflow dlq redrive claims.claim.paid --reason FOLD_PANICKED --dry-run
  payerflow dlq redrive claims.claim.paid --at 3/42 --edit --why "wrong provider"`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.handleDLQ(cmd.Context(), args[0], o, false) },
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.patch, "patch", "", "file with a JSON merge patch for the payload")
	cmd.Flags().BoolVar(&o.edit, "edit", false, "change each payload in $EDITOR, 20 at most")
	cmd.MarkFlagsMutuallyExclusive("patch", "edit")
	cmd.MarkFlagsMutuallyExclusive("edit", "dry-run")
	return cmd
}

func (a *app) dlqDropCommand() *cobra.Command {
	var o dlqHandling
	cmd := &cobra.Command{
		Use: "drop TOPIC", Short: "Give dead letters up",
		Long: `Note that dead letters are given up: they count no more and are never redriven. They stay in their topic, and
"dlq show --all" shows them, until its retention ends.`,
		Example: `  payerflow dlq drop claims.claim.paid --reason BAD_FRAME --why "a test client" --yes`,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !o.dryRun && (!o.yes || o.why == "") {
				return coded(exitUsage, errors.New("dropping wants a reason and consent: --why TEXT --yes (or --dry-run)"))
			}
			return a.handleDLQ(cmd.Context(), args[0], o, true)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do it")
	return cmd
}

func (a *app) handleDLQ(ctx context.Context, topic string, o dlqHandling, drop bool) error {
	if !o.chooses() && !o.all {
		return coded(exitUsage, errors.New("say which: --where, --reason, --since, --until, --at, or --all"))
	}
	f, err := o.filter(time.Now())
	if err != nil {
		return err
	}
	h := kafka.Handling{DLQ: kafka.DLQOf(topic), Filter: f, Drop: drop, DryRun: o.dryRun, By: o.by, Why: o.why}
	if h.By == "" {
		if u, err := user.Current(); err == nil {
			h.By = u.Username
		}
	}
	if h.Mend, err = a.mender(ctx, o); err != nil {
		return coded(exitUsage, err)
	}
	doing := "redriving"
	if drop {
		doing = "dropping"
	}
	letters, err := a.letters(doing)
	if err != nil {
		return err
	}
	out, err := letters.Handle(ctx, h)
	if err != nil {
		return dlqError(err)
	}
	return a.reportHandled(out, drop)
}

func (a *app) reportHandled(out kafka.Handled, drop bool) error {
	a.unjudged(out.Unjudged)
	refused := 0
	for _, n := range out.Refused {
		refused += n
	}
	for _, f := range out.Faults {
		fmt.Fprintf(a.errOut, "%d/%d %s: %s\n", f.At.Partition, f.At.Offset, f.Code, f.Reason)
	}
	done := "redriven"
	if drop {
		done = "dropped"
	}
	if out.DryRun {
		done = "would be " + done
	}
	err := a.show(out, []string{"topic", "chosen", done, "refused"},
		[][]string{{out.DLQ, strconv.Itoa(out.Chosen), strconv.Itoa(out.Done), strconv.Itoa(refused)}})
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d of %d cannot be redriven", refused, out.Chosen)
	}
	return err
}

// mender is what changes payloads, nil for nothing.
func (a *app) mender(ctx context.Context, o dlqHandling) (func(kafka.DeadLetter) ([]byte, error), error) {
	switch {
	case o.patch != "":
		patch, err := os.ReadFile(o.patch)
		if err != nil {
			return nil, err
		}
		return kafka.MergePatch(patch)
	case !o.edit:
		return nil, nil
	}
	editor := cmp.Or(a.env("VISUAL"), a.env("EDITOR"))
	if editor == "" {
		return nil, errors.New("--edit wants $EDITOR to be set")
	}
	left := maxEdits
	return func(d kafka.DeadLetter) ([]byte, error) {
		if left--; left < 0 {
			return nil, fmt.Errorf("more than %d dead letters to edit; choose fewer", maxEdits)
		}
		return edit(ctx, editor, d.Payload)
	}, nil
}

// maxEdits is how many payloads one run opens in an editor.
const maxEdits = 20

// edit lets an editor change a document. The file is for this user alone, and
// is gone when the editor has ended.
func edit(ctx context.Context, editor string, doc []byte) (out []byte, err error) {
	f, err := os.CreateTemp("", "payerflow-*.json") // mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	var text bytes.Buffer
	err = json.Indent(&text, doc, "", "  ")
	_, wrote := f.Write(text.Bytes())
	if err = errors.Join(err, wrote, f.Close()); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", f.Name())
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("the editor: %w", err)
	}
	if out, err = os.ReadFile(f.Name()); err == nil && strings.TrimSpace(string(out)) == "" {
		err = errors.New("the payload was emptied; nothing is sent back")
	}
	return out, err
}
