package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"payerflow/api"
)

func (a *app) viewAggregateCommand(base *string) *cobra.Command {
	var by, sum, least, greatest, where string
	var synthetic bool
	cmd := &cobra.Command{
		Use: "aggregate VIEW", Short: "Count and add up rows by a field", Args: exactly(1),
		Long:    "Count and add up rows by a field. To those who may not see all classes of the view, groups of fewer than 11 people are suppressed.",
		Example: `  payerflow view aggregate claim-status --by status --sum billed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"synthetic": {strconv.FormatBool(synthetic)}}
			for name, text := range map[string]string{"by": by, "sum": sum, "min": least, "max": greatest, "where": where} {
				if text != "" {
					q.Set(name, text)
				}
			}
			var out api.Aggregate
			if err := a.ask(cmd.Context(), *base, "/v1/views/"+url.PathEscape(args[0])+"/aggregate", q, &out); err != nil {
				return err
			}
			var rows [][]string
			for _, g := range out.Groups {
				rows = append(rows, groupLine(plainText(string(g.Value)), g))
			}
			return a.show(out, []string{"value", "count", "sum", "min", "max"}, append(rows, groupLine("total", out.Total)))
		},
	}
	f := cmd.Flags()
	f.StringVar(&by, "by", "", "field whose values make the groups (default: all rows are one)")
	f.StringVar(&sum, "sum", "", "field to add up")
	f.StringVar(&least, "min", "", "field whose least value is wanted")
	f.StringVar(&greatest, "max", "", "field whose greatest value is wanted")
	f.StringVar(&where, "where", "", "of the rows for which this holds")
	f.BoolVar(&synthetic, "synthetic", false, "of the rows of synthetic events")
	return cmd
}

func groupLine(name string, g api.Group) []string {
	if g.Suppressed {
		return []string{name, "suppressed", "", "", ""}
	}
	line := []string{name, "", "", plainText(string(g.Min)), plainText(string(g.Max))}
	if g.Count != nil {
		line[1] = strconv.FormatInt(*g.Count, 10)
	}
	if g.Sum != nil {
		line[2] = *g.Sum
	}
	return line
}
