package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

const auditUndecided = 2 // exit code: neither whole nor broken

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Check the audit, and ask who did and saw what"}
	cmd.AddCommand(a.auditVerifyCommand(), a.auditQueryCommand(), a.auditKeyCommand())
	return cmd
}

// auditReader reads the audit on the configured broker, with a bar.
func (a *app) auditReader(doing string) (*kafka.AuditReader, error) {
	client, err := a.client()
	bar := a.counter(doing)
	return &kafka.AuditReader{Brokers: a.cfg.Broker.Seeds, Schemas: a.schemas(), Options: client,
		Total: func(n int64) { bar.ChangeMax64(n) }, Passed: func(n int64) { _ = bar.Add64(n) }}, err
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var file, received, chain, head string
	cmd := &cobra.Command{
		Use: "verify", Short: "Follow the audit's chains and name the first broken link of each", Args: exactly(0),
		Long: `Read audit.chain and audit.head whole: every record must be tied to the one before it, and every signed end must
be there. Compare with audit.received: what is still there is in a chain exactly once. Exit code 0: whole;
1: broken; 2: it could not be decided.`,
		Example: `  payerflow audit verify
  payerflow audit verify --public-key audit.pem -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := a.auditPublicKey(file)
			if err != nil {
				return err
			}
			r, err := a.auditReader("checking")
			if err != nil {
				return err
			}
			r.Received, r.Chain, r.Head = received, chain, head
			report, err := r.Verify(cmd.Context(), key)
			if err != nil {
				return coded(auditUndecided, err)
			}
			return a.showAudit(report)
		}}
	f := cmd.Flags()
	f.StringVar(&file, "public-key", "", "file with the deployment's public key (default: from the deployment's secret)")
	f.StringVar(&received, "received-topic", "", "another topic in place of audit.received")
	f.StringVar(&chain, "chain-topic", "", "another topic in place of audit.chain, such as a copy")
	f.StringVar(&head, "head-topic", "", "another topic in place of audit.head")
	return cmd
}

func (a *app) showAudit(r kafka.AuditReport) error {
	rows := [][]string{}
	for _, c := range r.Chains {
		rows = append(rows, []string{c.Chain, strconv.FormatInt(c.Records, 10), c.Broken})
	}
	if err := a.show(r, []string{"chain", "in order", "first broken link"}, rows); err != nil {
		return err
	}
	for _, text := range r.Broken {
		fmt.Fprintln(a.errOut, text)
	}
	if !r.Whole {
		return coded(exitFailed, errors.New("the audit is broken"))
	}
	fmt.Fprintf(a.errOut, "The audit is whole: %d records in %d chains, %d signed ends, %d received and not chained yet.\n", r.Records, len(r.Chains), r.Heads, r.Waiting)
	return nil
}

// auditPublicKey is the key of a file, else the one that follows from the
// deployment's secret.
func (a *app) auditPublicKey(file string) (ed25519.PublicKey, error) {
	if file == "" {
		secret, err := a.secret()
		if err != nil {
			return nil, coded(auditUndecided, fmt.Errorf("%w; or name the public key with --public-key", err))
		}
		return processors.NewAuditSigner(secret).Public(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, coded(auditUndecided, err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, coded(auditUndecided, fmt.Errorf("%s holds no key in PEM", file))
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, coded(auditUndecided, fmt.Errorf("%s holds no public key of Ed25519", file))
	}
	return key, nil
}

func (a *app) auditKeyCommand() *cobra.Command {
	return &cobra.Command{Use: "key", Short: "Print the public key that the audit's ends are signed with", Args: exactly(0),
		Long:    "Print the public key that follows from the deployment's secret: in PEM, as openssl reads it, and with -o json in base64, as audit.head has it.",
		Example: "  payerflow audit key > audit.pem",
		RunE: func(*cobra.Command, []string) error {
			key, err := a.auditPublicKey("")
			if err != nil {
				return err
			}
			if a.format != formatTable {
				return a.document(map[string]string{"algorithm": "Ed25519", "key": base64.StdEncoding.EncodeToString(key)})
			}
			der, err := x509.MarshalPKIXPublicKey(key)
			if err != nil {
				return err
			}
			return pem.Encode(a.out, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
		}}
}

// auditChoice are the flags that choose records.
type auditChoice struct {
	actor, team, act, object, name, decision, key, since, until string
	breaking                                                    bool
}

func (c auditChoice) takes(hash string, until time.Time) func(events.AuditReceived) bool {
	is := func(pattern, value string) bool {
		return pattern == "" || pattern == value || tables.Matches([]string{pattern}, value)
	}
	return func(e events.AuditReceived) bool {
		return is(c.actor, e.Actor) && is(c.team, e.Team) && is(c.act, e.Act) && is(c.object, e.Object) && is(c.name, e.Name) &&
			(c.decision == "" || strings.EqualFold(c.decision, e.Decision)) && (!c.breaking || e.Breaking) &&
			(hash == "" || slices.Contains(strings.Split(e.KeyHash, ","), hash)) && (until.IsZero() || e.At.Time().Before(until))
	}
}

func (a *app) auditQueryCommand() *cobra.Command {
	var c auditChoice
	var limit int
	cmd := &cobra.Command{Use: "query", Short: "Show who did and saw what", Args: exactly(0),
		Long: `Show records of audit.received by the time of the act, the newest last. --key finds the reads of one entity: it is
hashed here where the deployment's secret is, else by the server, for a token with the scope audit.`,
		Example: `  payerflow audit query --since 24h --act 'view.*'
  payerflow audit query --key CLM-20260112-88431 -o json
  payerflow audit query --decision DENY --team care`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.auditQuery(cmd, c, limit)
		}}
	urlFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&c.actor, "actor", "", "id of a token, or a principal")
	f.StringVar(&c.team, "team", "", "team of the actor")
	f.StringVar(&c.act, "act", "", "act or pattern: view.read, token.*")
	f.StringVar(&c.object, "object", "", "kind of thing: view, subscription, routing-rule, …")
	f.StringVar(&c.name, "name", "", "name of the thing, or a pattern")
	f.StringVar(&c.decision, "decision", "", "ALLOW or DENY")
	f.StringVar(&c.key, "key", "", "key of an entity, such as a claim's")
	f.BoolVar(&c.breaking, "break-glass", false, "only what was seen by breaking the glass")
	f.StringVar(&c.since, "since", "", "at or after: RFC 3339, or a duration back from now (2h)")
	f.StringVar(&c.until, "until", "", "before: RFC 3339, or a duration back from now")
	f.IntVar(&limit, "limit", 1000, "most records, the newest; 0: no bound")
	return cmd
}

func (a *app) auditQuery(cmd *cobra.Command, c auditChoice, limit int) error {
	now := time.Now()
	since, bad1 := when(c.since, now)
	until, bad2 := when(c.until, now)
	if err := errors.Join(bad1, bad2); err != nil {
		return coded(exitUsage, err)
	}
	hash, err := a.auditHash(cmd, c.key)
	if err != nil {
		return err
	}
	r, err := a.auditReader("reading")
	if err != nil {
		return err
	}
	found := []events.AuditReceived{}
	unreadable, err := r.Query(cmd.Context(), since, c.takes(hash, until), func(e events.AuditReceived) { found = append(found, e) })
	if err != nil {
		return coded(exitUnavailable, err)
	}
	slices.SortStableFunc(found, func(x, y events.AuditReceived) int { return x.At.Time().Compare(y.At.Time()) })
	if limit > 0 && len(found) > limit {
		fmt.Fprintf(a.errOut, "The newest %d of %d; see --limit.\n", limit, len(found))
		found = found[len(found)-limit:]
	}
	if unreadable > 0 {
		fmt.Fprintf(a.errOut, "%d records do not decode.\n", unreadable)
	}
	rows := [][]string{}
	for _, e := range found {
		rows = append(rows, []string{e.At.Time().UTC().Format(time.RFC3339), e.Actor, e.Team, e.Act, e.Object, e.Name, strings.TrimSpace(e.Decision + " " + e.Code), strconv.FormatInt(e.Count, 10), e.Why})
	}
	return a.show(found, []string{"at", "actor", "team", "act", "object", "name", "decision", "count", "why"}, rows)
}

// auditHash hashes a key here, or has the server do it.
func (a *app) auditHash(cmd *cobra.Command, key string) (string, error) {
	if key == "" {
		return "", nil
	}
	if secret, err := a.secret(); err == nil {
		return processors.NewAuditKeys(secret).Hash(key), nil
	}
	var out struct {
		KeyHash string `json:"keyHash"`
	}
	base, _ := cmd.Flags().GetString("url")
	_, err := a.call(cmd.Context(), question{role: roleAdmin, base: base, method: http.MethodPost, path: "/v1/audit/key-hash", body: map[string]string{"key": key}}, &out)
	return out.KeyHash, err
}
