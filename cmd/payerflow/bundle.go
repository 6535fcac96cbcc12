package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"payerflow/api/rules"
)

// bundleRows reads the rows of a file, or of all YAML and JSON files below a
// folder.
func bundleRows(cmd *cobra.Command, path string) ([]rules.RowChange, error) {
	var files []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (p == path || slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(p))) {
			files = append(files, p)
		}
		return err
	})
	if path == "-" {
		files, err = []string{"-"}, nil
	}
	if err != nil {
		return nil, coded(exitUsage, err)
	}
	var all []rules.RowChange
	for _, f := range files {
		rows, err := readRows(cmd.InOrStdin(), f)
		if err != nil {
			return nil, coded(exitUsage, fmt.Errorf("%s: %w", f, err))
		}
		changes, err := rowChanges(rows)
		if err != nil {
			return nil, coded(exitUsage, fmt.Errorf("%s: %w", f, err))
		}
		all = append(all, changes...)
	}
	if len(all) == 0 {
		return nil, coded(exitUsage, fmt.Errorf("%s holds no YAML or JSON files with rows", path))
	}
	return all, nil
}

func (a *app) planOf(cmd *cobra.Command, base, path string, prune bool) (plan rules.Plan, err error) {
	rows, err := bundleRows(cmd, path)
	if err != nil {
		return plan, err
	}
	_, err = a.call(cmd.Context(), question{role: roleAdmin, base: base, method: http.MethodPost, path: "/v1/bundle/plan", body: rules.Planning{Rows: rows, Prune: prune}}, &plan)
	return plan, err
}

func (a *app) showPlan(p rules.Plan) error {
	rows := [][]string{}
	counts := map[string]int{}
	for _, c := range p.Changes {
		counts[c.What]++
		rows = append(rows, []string{c.What, c.Kind, c.Name, strings.Join(c.Differs, " ")})
	}
	if err := a.show(p, []string{"plan", "kind", "name", "differs in"}, rows); err != nil || a.format != formatTable {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%d to create, %d to change, %d to delete, %d as they are\n", counts["create"], counts["change"], counts["delete"], p.Same)
	return err
}

func (a *app) applyCommand() *cobra.Command {
	var file, why string
	var prune, dry bool
	cmd := &cobra.Command{Use: "apply -f DIR|FILE", Short: "Bring the rules to what files say, as one change", Args: exactly(0),
		Long: `Compare the rows of files with what is in force, show the plan, and apply it as one proposal: all of it comes
into force at once, or nothing does. Where an approval policy covers a row, the proposal waits for approval.
Files are as for "payerflow change propose".`,
		Example: `  payerflow apply -f rules/ --dry-run
  payerflow apply -f rules/ --prune --why "release 12"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := cmd.Flags().GetString("url")
			if err != nil {
				return err
			}
			plan, err := a.planOf(cmd, base, file, prune)
			if err != nil {
				return err
			}
			if err := a.showPlan(plan); err != nil || dry || len(plan.Changes) == 0 {
				return err
			}
			return a.applyPlan(cmd, base, plan, why)
		}}
	urlFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", `folder or file with rows; "-" is standard input`)
	f.StringVar(&why, "why", "apply", "reason, kept in the log")
	f.BoolVar(&prune, "prune", false, "also delete rows that you may change and the files do not hold")
	f.BoolVar(&dry, "dry-run", false, "show the plan and change nothing")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// applyPlan proposes a plan, and applies it unless it has to wait.
func (a *app) applyPlan(cmd *cobra.Command, base string, plan rules.Plan, why string) error {
	in := rules.NewProposal{Why: why}
	for _, c := range plan.Changes {
		in.Changes = append(in.Changes, c.RowChange)
	}
	var p shownProposal
	q := question{role: roleAdmin, base: base, method: http.MethodPost, path: proposalsPath, body: in}
	if _, err := a.call(cmd.Context(), q, &p); err != nil {
		return err
	}
	if p.Row.Wants != "" {
		fmt.Fprintf(a.errOut, "Proposed as %s: %s. Then: payerflow change apply %[1]s\n", p.Name, p.Row.Wants)
		return nil
	}
	q.path, q.query, q.body = proposalsPath+segments(p.Name)+"/apply", url.Values{"why": {why}}, nil
	if _, err := a.call(cmd.Context(), q, &p); err != nil {
		return err
	}
	fmt.Fprintf(a.errOut, "Applied as %s\n", p.Name)
	return nil
}

func (a *app) exportCommand() *cobra.Command {
	var kinds []string
	cmd := &cobra.Command{Use: "export", Short: "Write all rules as files that apply takes", Args: exactly(0),
		Long: `Write the rows that you may change, as they were last written, as YAML (or JSON lines with -o json). Event types
of the catalogue are left out where nobody changed them; tokens always are.`,
		Example: `  payerflow export > rules.yaml
  payerflow export --kind routing-rule,subscription > routing.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := cmd.Flags().GetString("url")
			if err != nil {
				return err
			}
			var b rules.Bundle
			if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: base, method: http.MethodGet, path: "/v1/bundle"}, &b); err != nil {
				return err
			}
			for _, r := range b.Rows {
				if len(kinds) > 0 && !slices.Contains(kinds, r.Kind) {
					continue
				}
				if err := a.exportRow(r); err != nil {
					return err
				}
			}
			return nil
		}}
	urlFlag(cmd)
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these kinds of rows")
	return cmd
}

// exportRow writes one document, its kind first.
func (a *app) exportRow(r rules.BundleRow) error {
	var row map[string]any
	if err := json.Unmarshal(r.Row, &row); err != nil {
		return errors.New("a row is not an object")
	}
	if a.format == formatJSON {
		row["kind"] = r.Kind
		return json.NewEncoder(a.out).Encode(row)
	}
	node := yaml.Node{Kind: yaml.MappingNode}
	node.Content = append(node.Content, scalar("kind"), scalar(r.Kind))
	var members yaml.Node
	b, err := yaml.Marshal(row)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, &members); err != nil {
		return err
	}
	node.Content = append(node.Content, members.Content[0].Content...)
	if _, err := fmt.Fprintln(a.out, "---"); err != nil {
		return err
	}
	e := yaml.NewEncoder(a.out)
	e.SetIndent(2)
	return cmp.Or(e.Encode(&node), e.Close())
}

func scalar(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

func (a *app) driftCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "drift -f DIR|FILE", Short: "Compare what is in force with files", Args: exactly(0),
		Long: "Compare what is in force with files: what apply --prune would do. Exit code 5 where they differ.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := cmd.Flags().GetString("url")
			if err != nil {
				return err
			}
			plan, err := a.planOf(cmd, base, file, true)
			if err != nil {
				return err
			}
			if err := a.showPlan(plan); err != nil || len(plan.Changes) == 0 {
				return err
			}
			return coded(exitDifferent, errors.New(strconv.Itoa(len(plan.Changes))+" differences"))
		}}
	urlFlag(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", `folder or file with rows; "-" is standard input`)
	_ = cmd.MarkFlagRequired("file")
	return cmd
}
