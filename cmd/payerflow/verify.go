package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/internal/verify"
	"payerflow/processors"
)

const (
	verifyUndecided = 2 // exit code: neither equal nor different
	verifyRows      = 20_000
)

// verifyFlags choose what is verified.
type verifyFlags struct {
	views, key      string
	at              []string
	instead         map[string]string
	parts           map[string]*bool
	all, tablesOnly bool
	rows            int
	wait            time.Duration
	base            string
	audit           verify.Audit
}

// verifyParts are what can be verified beside views, in the order in which it is.
var verifyParts = []struct{ name, doc string }{
	{"routes", "who had to get which event, by the rules that each transaction was pinned to, and who got it"},
	{"redaction", "values in copies that their reader may not see"},
	{"duplicates", "events that are twice in a consumer topic or domain topic"},
	{"dlq", "dead letters: whether they hold the record that lies where they say"},
	{"offsets", "positions of groups, within what topics hold"},
	{"store", "the event store, by partition and day"},
	{"audit", "the chains of the audit, their signed ends, and what was received"},
}

func (a *app) verifyCommand() *cobra.Command {
	o, selfTest := verifyFlags{parts: map[string]*bool{}, audit: auditToVerify()}, false
	cmd := &cobra.Command{Use: "verify", Short: "Work out anew what must be there, and compare", Args: exactly(0),
		Long: `Read the log with plain clients and work out by separate models what must have come of it; compare with tables and
HTTP answers. Counts and keyed hashes of keys are shown, never a key or a value. Without flags as with --all.
Exit code 0: equal; 1: different; 2: it could not be decided.`,
		Example: `  payerflow verify
  payerflow verify --view claim-status -o json
  payerflow verify --view claim-status --at claims.claim.submitted/0=120,claims.claim.submitted/1=98
  payerflow verify --duplicates --audit --tables-only`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if selfTest {
				return a.verifySelfTest(cmd.Context())
			}
			o.base, _ = cmd.Flags().GetString("url")
			return a.verify(cmd.Context(), o)
		}}
	urlFlag(cmd)
	f := cmd.Flags()
	f.BoolVar(&selfTest, "self-test", false, "plant defects in a scratch of its own, one at a time, and find them")
	f.StringVar(&o.views, "view", "", "views, with commas: "+strings.Join(slices.Sorted(maps.Keys(verifiable())), ", "))
	for _, p := range verifyParts {
		o.parts[p.name] = f.Bool(p.name, false, p.doc)
	}
	f.BoolVar(&o.all, "all", false, "everything")
	f.BoolVar(&o.tablesOnly, "tables-only", false, "ask no server: compare the log with tables alone")
	f.IntVar(&o.rows, "rows", verifyRows, "most rows of a view that HTTP is asked for, beyond them a sample; 0: all")
	f.DurationVar(&o.wait, "wait", 30*time.Second, "how long to wait for groups to fold what there is")
	f.StringSliceVar(&o.at, "at", nil, "TOPIC/PARTITION=OFFSET, with commas: take the logs of views up to these, and leave out rows that know more; or @FILE with the positions of an answer")
	f.StringVar(&o.key, "public-key", "", "file with the deployment's public key (default: from the deployment's secret)")
	f.StringToStringVar(&o.instead, "instead", nil, "TOPIC=COPY: read the copy where routes, redaction and duplicates look at a consumer or domain topic")
	f.StringVar(&o.audit.Received, "received-topic", o.audit.Received, "topic in place of audit.received")
	f.StringVar(&o.audit.Chain, "chain-topic", o.audit.Chain, "topic in place of audit.chain, such as a copy")
	f.StringVar(&o.audit.Head, "head-topic", o.audit.Head, "topic in place of audit.head")
	return cmd
}

// verify makes the checks that were asked for.
func (a *app) verify(ctx context.Context, o verifyFlags) error {
	log, err := a.verifyLog()
	if err != nil {
		return coded(verifyUndecided, err)
	}
	log.Instead = o.instead
	if log.At, err = offsets(o.at); err != nil {
		return coded(verifyUndecided, err)
	}
	answers, err := a.verifyAnswers(o)
	if err != nil {
		return err
	}
	views, parts, err := o.chosen()
	if err != nil {
		return err
	}
	r := a.checks(ctx, log, answers, views, parts, o)
	if ctx.Err() != nil {
		return coded(verifyUndecided, ctx.Err())
	}
	return a.showVerified(r)
}

// allChecks makes all checks, but that of the store.
func (a *app) allChecks(ctx context.Context, log *verify.Log, answers *verify.Answers, o verifyFlags) verify.Report {
	views, parts, _ := o.chosen() // of none chosen, all
	return a.checks(ctx, log, answers, views, parts, o)
}

func (a *app) checks(ctx context.Context, log *verify.Log, answers *verify.Answers, views, parts []string, o verifyFlags) verify.Report {
	var checks []*verify.Check
	note := func(name string, c *verify.Check, err error) {
		if err != nil {
			c = verify.Broken(name, err)
		}
		checks = append(checks, c)
	}
	for _, name := range views {
		c, err := verifiable()[name](ctx, log, answers, o.wait)
		note("view "+name, c, err)
	}
	if routes, redaction := slices.Contains(parts, "routes"), slices.Contains(parts, "redaction"); routes || redaction {
		r, d, err := log.Routes(ctx, a.flowToVerify()) // one reading for both
		if routes {
			note("routes", r, err)
		}
		if redaction {
			note("redaction", d, err)
		}
	}
	for _, part := range parts {
		if part != "routes" && part != "redaction" {
			c, err := a.verifyPart(ctx, log, part, o)
			note(part, c, err)
		}
	}
	return verify.Sum(checks...)
}

func (a *app) verifyPart(ctx context.Context, log *verify.Log, part string, o verifyFlags) (*verify.Check, error) {
	switch part {
	case "duplicates":
		return log.Duplicates(ctx, a.flowToVerify())
	case "dlq":
		return log.DeadLetters(ctx)
	case "offsets":
		return log.Offsets(ctx, allFollowers())
	case "store":
		return a.verifyStored(ctx, log, o.wait)
	default:
		o.audit.Key, _ = a.auditPublicKey(o.key) // without it signatures are not decided, and it says so
		return log.AuditChain(ctx, o.audit)
	}
}

// chosen are the views and parts that the flags name.
func (o verifyFlags) chosen() (views, parts []string, err error) {
	for _, p := range verifyParts {
		if *o.parts[p.name] {
			parts = append(parts, p.name)
		}
	}
	all := o.all || len(parts) == 0 && o.views == ""
	if all {
		parts = nil
		for _, p := range verifyParts {
			if p.name != "store" || *o.parts["store"] { // it is asked for where there is one
				parts = append(parts, p.name)
			}
		}
	}
	known := verifiable()
	if all && o.views == "" {
		views = slices.Sorted(maps.Keys(known))
	}
	for name := range strings.SplitSeq(o.views, ",") {
		if name == "" {
			continue
		}
		if known[name] == nil {
			return nil, nil, coded(verifyUndecided, fmt.Errorf("there is no model of the view %q; there are: %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		}
		views = append(views, name)
	}
	return views, parts, nil
}

// verifyLog reads the configured brokers, with a bar. Keys are hashed as the
// audit hashes them; where the secret is not here, by a key of this run alone.
func (a *app) verifyLog() (*verify.Log, error) {
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	secret, err := a.secret()
	if err != nil {
		secret = []byte(rand.Text() + rand.Text())
	}
	bar, total := a.counter("verifying"), int64(0)
	return &verify.Log{Brokers: a.cfg.Broker.Seeds, Options: client, Schemas: a.schemas(), Hash: processors.NewAuditKeys(secret).Hash,
		Total: func(n int64) { total += n; bar.ChangeMax64(total) }, Passed: func(n int64) { _ = bar.Add64(n) }}, nil
}

// verifyAnswers is the server that is asked for rows; nil: none.
func (a *app) verifyAnswers(o verifyFlags) (*verify.Answers, error) {
	if o.tablesOnly {
		return nil, nil
	}
	base := o.base
	if base == "" {
		base = "http://" + a.cfg.HTTP.Addr
	}
	host := strings.TrimPrefix(strings.TrimPrefix(base, "https://"), "http://")
	host, _, _ = strings.Cut(host, ":")
	token, err := a.token(roleAdmin, host)
	return &verify.Answers{Base: strings.TrimSuffix(base, "/"), Token: token, Most: o.rows}, err
}

func (a *app) showVerified(r verify.Report) error {
	rows := [][]string{}
	for _, c := range r.Checks {
		counts := []string{}
		for _, name := range slices.Sorted(maps.Keys(c.Counts)) {
			counts = append(counts, fmt.Sprintf("%s %d", name, c.Counts[name]))
		}
		rows = append(rows, []string{c.Name, string(c.Outcome), strings.Join(counts, ", ")})
		for _, f := range c.Findings {
			more := slices.Concat(f.Fields, f.KeyHashes, f.At)
			rows = append(rows, []string{"", fmt.Sprintf("%d %s", f.Count, f.Kind), f.Where + " " + strings.Join(more, " ")})
		}
		for _, why := range c.Why {
			rows = append(rows, []string{"", "", why})
		}
	}
	if err := a.show(r, []string{"check", "outcome", "what was looked at"}, rows); err != nil {
		return err
	}
	switch r.Outcome {
	case verify.Different:
		return coded(exitFailed, errors.New("something is not what it must be"))
	case verify.Undecided:
		return coded(verifyUndecided, errors.New("not everything could be decided"))
	}
	return nil
}
