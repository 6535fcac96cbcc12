package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/rules"
)

const proposalsPath = "/v1/proposals"

func (a *app) changeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "change", Short: "Propose changes of the rules, try them out, approve and apply them",
		Example: `  payerflow change propose -f change.yaml --why "care sees denials"
  payerflow change test c-4f2m8kq0za --last 1000
  payerflow change approve c-4f2m8kq0za
  payerflow change apply c-4f2m8kq0za
  payerflow change rollback c-4f2m8kq0za --why "too many"`}
	base := urlFlag(cmd)
	cmd.AddCommand(a.proposeCommand(base), a.listChanges(base), a.showChange(base), a.testChange(base), a.rollbackCommand(base), a.versionsCommand(base))
	for verb, short := range map[string]string{"approve": "Approve what somebody else proposed", "reject": "Reject a proposal", "withdraw": "Withdraw a proposal of one's team",
		"apply": "Bring all changes of a proposal into force at once"} {
		cmd.AddCommand(a.decideCommand(base, verb, short))
	}
	return cmd
}

func (a *app) proposeCommand(base *string) *cobra.Command {
	var file, why, until string
	cmd := &cobra.Command{Use: "propose", Short: "Propose the rows of a file, as one change", Args: exactly(0),
		Long: `Propose rows: YAML or JSON, each with its kind (event-type, routing-rule, subscription, permission,
aggregation or approval-policy); several documents in YAML. "delete: true" beside kind and name takes a row away.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := rules.NewProposal{Why: why}
			rows, err := readRows(cmd.InOrStdin(), file)
			if err != nil {
				return coded(exitUsage, err)
			}
			if in.Changes, err = rowChanges(rows); err != nil {
				return coded(exitUsage, err)
			}
			if in.Until, err = ahead(until, time.Now()); err != nil {
				return coded(exitUsage, fmt.Errorf("--until: %w", err))
			}
			return a.changed(cmd, *base, proposalsPath, nil, in)
		}}
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "-", `file with rows; "-" is standard input`)
	f.StringVar(&why, "why", "", "reason, kept in the log")
	f.StringVar(&until, "until", "", "when it ends and goes back: RFC 3339, or a duration from now (48h)")
	_ = cmd.MarkFlagRequired("why")
	return cmd
}

// ahead reads a time, or how long until then. "" is the zero time.
func ahead(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	return when(text, now)
}

// rowChanges are the rows of a file as changes.
func rowChanges(rows []map[string]any) (out []rules.RowChange, err error) {
	for i, row := range rows {
		c := rules.RowChange{Kind: text(row, "kind")}
		if c.Kind == "" {
			return nil, fmt.Errorf("row %d has no kind", i+1)
		}
		delete(row, "kind")
		if row["delete"] == true {
			c.Act, c.Name = http.MethodDelete, text(row, "name")
			out = append(out, c)
			continue
		}
		for _, member := range []string{"schema", "sample"} {
			if _, isText := row[member].(string); row[member] != nil && !isText {
				b, err := json.Marshal(row[member])
				if err != nil {
					return nil, fmt.Errorf("row %d: %s cannot be written as JSON", i+1, member)
				}
				row[member] = string(b)
			}
		}
		if c.Row, err = json.Marshal(row); err != nil {
			return nil, fmt.Errorf("row %d cannot be written as JSON", i+1)
		}
		out = append(out, c)
	}
	return out, nil
}

type shownProposal = rules.Row[rules.Proposal]

// changed asks for something that answers with a proposal, and shows it.
func (a *app) changed(cmd *cobra.Command, base, path string, q url.Values, body any) error {
	var p shownProposal
	if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: base, method: http.MethodPost, path: path, query: q, body: body}, &p); err != nil {
		return err
	}
	return a.showProposals(p, p)
}

func (a *app) showProposals(doc any, all ...shownProposal) error {
	rows := [][]string{}
	for _, p := range all {
		rows = append(rows, []string{p.Name, p.Row.State, strconv.Itoa(len(p.Row.Changes)), p.Row.By.Team, p.Row.Why, p.Row.Wants})
	}
	return a.show(doc, []string{"proposal", "state", "changes", "team", "why", "wants"}, rows)
}

func (a *app) decideCommand(base *string, verb, short string) *cobra.Command {
	var why string
	cmd := &cobra.Command{Use: verb + " PROPOSAL", Short: short, Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.changed(cmd, *base, proposalsPath+segments(args[0])+"/"+verb, url.Values{"why": {why}}, nil)
	}}
	whyFlag(cmd, &why)
	return cmd
}

func (a *app) listChanges(base *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{Use: "list", Short: "List proposals that wait", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		var found rules.Rows[rules.Proposal]
		q := question{role: roleAdmin, base: *base, method: http.MethodGet, path: proposalsPath, query: url.Values{"all": {strconv.FormatBool(all)}}}
		if _, err := a.call(cmd.Context(), q, &found); err != nil {
			return err
		}
		return a.showProposals(found, found.Rows...)
	}}
	cmd.Flags().BoolVar(&all, "all", false, "also those that are over")
	return cmd
}

func (a *app) showChange(base *string) *cobra.Command {
	return &cobra.Command{Use: "show PROPOSAL", Short: "Show one proposal with its rows and decisions", Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		var p shownProposal
		if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: proposalsPath + segments(args[0])}, &p); err != nil {
			return err
		}
		return a.document(p)
	}}
}

func (a *app) rollbackCommand(base *string) *cobra.Command {
	var why string
	version := int32(-1)
	cmd := &cobra.Command{Use: "rollback PROPOSAL | KIND NAME --version N", Short: "Propose to go back: to before a proposal, or to a version of a row",
		Args: usage(cobra.RangeArgs(1, 2)), RunE: func(cmd *cobra.Command, args []string) error {
			in := rules.Rollback{Why: why}
			switch {
			case len(args) == 1 && version < 0:
				in.Proposal = args[0]
			case len(args) == 2 && version >= 0:
				in.Kind, in.Name, in.Version = args[0], args[1], version
			default:
				return coded(exitUsage, errors.New("name a proposal, or a kind and a row with --version; see: payerflow change versions"))
			}
			return a.changed(cmd, *base, "/v1/rollbacks", nil, in)
		}}
	cmd.Flags().Int32Var(&version, "version", -1, "version of the row to go back to; 0: there is no row")
	cmd.Flags().StringVar(&why, "why", "", "reason, kept in the log")
	_ = cmd.MarkFlagRequired("why")
	return cmd
}

func (a *app) versionsCommand(base *string) *cobra.Command {
	return &cobra.Command{Use: "versions KIND NAME", Short: "List all versions of a row", Args: exactly(2), RunE: func(cmd *cobra.Command, args []string) error {
		var past []map[string]any
		q := question{role: roleAdmin, base: *base, method: http.MethodGet, path: "/v1/versions", query: url.Values{"kind": {args[0]}, "name": {args[1]}}}
		if _, err := a.call(cmd.Context(), q, &past); err != nil {
			return err
		}
		rows := [][]string{}
		for _, p := range past {
			rows = append(rows, []string{cell(p["version"]), cell(p["act"]), cell(p["by"]), cell(p["why"]), strings.TrimSpace(cell(p["at"]))})
		}
		return a.show(past, []string{"version", "act", "by", "why", "at"}, rows)
	}}
}
