package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api"
)

// asked are the flags of what is asked of the rows of a view.
type asked struct {
	where, cursor string
	fields, sort  []string
	limit         int
	synthetic     bool
}

func (q asked) values() url.Values {
	v := url.Values{"synthetic": {strconv.FormatBool(q.synthetic)}}
	for name, text := range map[string]string{"where": q.where, "cursor": q.cursor, "fields": strings.Join(q.fields, ","), "sort": strings.Join(q.sort, ",")} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.limit > 0 {
		v.Set("limit", strconv.Itoa(q.limit))
	}
	return v
}

func (a *app) viewListCommand(base *string) *cobra.Command {
	var q asked
	cmd := &cobra.Command{
		Use: "list VIEW", Short: "List rows, a page at a time", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.viewPage(cmd, *base, args[0], q) },
	}
	f := cmd.Flags()
	f.IntVar(&q.limit, "limit", 20, "most rows")
	f.StringVar(&q.cursor, "cursor", "", "go on here: next of the page before")
	f.BoolVar(&q.synthetic, "synthetic", false, "list the rows of synthetic events")
	return cmd
}

func (a *app) viewQueryCommand(base *string) *cobra.Command {
	var q asked
	cmd := &cobra.Command{
		Use: "query VIEW", Short: "List the rows for which a condition holds", Args: exactly(1),
		Long:    "List the rows for which a condition holds: CEL over the fields of a row. Money is a number, an instant a timestamp, a date a text.",
		Example: `  payerflow view query claim-status --where 'row.status == "DENIED" && row.billed > 500.0' --fields claimId,billed,denialCode --sort -billed`,
		RunE:    func(cmd *cobra.Command, args []string) error { return a.viewPage(cmd, *base, args[0], q) },
	}
	f := cmd.Flags()
	f.StringVar(&q.where, "where", "", "condition, as row.status == \"DENIED\"")
	f.StringSliceVar(&q.fields, "fields", nil, "show these fields alone")
	f.StringSliceVar(&q.sort, "sort", nil, "sort by these fields; -NAME from high to low")
	f.IntVar(&q.limit, "limit", 20, "most rows")
	f.StringVar(&q.cursor, "cursor", "", "go on here: next of the page before")
	f.BoolVar(&q.synthetic, "synthetic", false, "of the rows of synthetic events")
	return cmd
}

// viewPage asks for a page and shows it.
func (a *app) viewPage(cmd *cobra.Command, base, view string, q asked) error {
	var page api.Rows
	if err := a.ask(cmd.Context(), base, "/v1/views/"+url.PathEscape(view), q.values(), &page); err != nil {
		return err
	}
	columns := q.fields
	if len(columns) == 0 {
		columns = []string{"status"}
	}
	var rows [][]string
	for _, r := range page.Rows {
		line := []string{plainText(r.Key)}
		for _, c := range columns {
			line = append(line, fieldText(r.Value, strings.Split(c, ".")))
		}
		rows = append(rows, append(line, r.AsOf.EventTime.Format(time.RFC3339), strconv.Itoa(r.Because.Count), strconv.FormatBool(r.Stale)))
	}
	if err := a.show(page, slices.Concat([]string{"key"}, columns, []string{"as of", "events", "stale"}), rows); err != nil {
		return err
	}
	if a.format != formatTable {
		return nil
	}
	if len(page.Withheld) > 0 {
		fmt.Fprintf(a.errOut, "withheld, for you may not see these classes: %s\n", strings.Join(page.Withheld, ", "))
	}
	if page.Partial != "" {
		fmt.Fprintf(a.errOut, "stopped after %d rows (%s), before the end\n", page.Looked, page.Partial)
	}
	if page.Next != "" {
		fmt.Fprintf(a.errOut, "more: --cursor %s\n", page.Next)
	}
	return nil
}

// fieldText is a field of a row as a table shows it.
func fieldText(v any, path []string) string {
	for _, step := range path {
		m, ok := v.(map[string]any)
		if !ok {
			break
		}
		v = m[step]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return plainText(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// plainText keeps what a terminal would obey, and line ends, out of a table.
func plainText(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
