package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// rowKind is a kind of the mediator's rows on the command line.
type rowKind struct {
	use, noun string
	path      string                      // of all rows
	name      func(map[string]any) string // of a row, within its kind
	columns   []string                    // members of a row that a list shows
	text      []string                    // members that hold JSON as text; a file may write them as they are
	example   string
}

// shownRow is a row as the server shows it.
type shownRow struct {
	Name    string         `json:"name"`
	Version int32          `json:"version"`
	Row     map[string]any `json:"row"`
}

type shownRows struct {
	Offset int64      `json:"offset"`
	Rows   []shownRow `json:"rows"`
	Next   string     `json:"next,omitempty"`
}

// rowCommand lists, shows, writes and deletes rows of a kind.
func (a *app) rowCommand(k rowKind, short string, more ...func(k rowKind, base *string) *cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: k.use, Short: short, Example: k.example}
	base := urlFlag(cmd)
	cmd.AddCommand(a.listRows(k, base), a.getRow(k, base))
	for _, m := range more {
		cmd.AddCommand(m(k, base))
	}
	return cmd
}

func (a *app) listRows(k rowKind, base *string) *cobra.Command {
	var query string
	cmd := &cobra.Command{Use: "list", Short: "List " + k.noun + "s, or search them with -q", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		all := shownRows{Rows: []shownRow{}}
		for after := ""; ; {
			var page shownRows
			q := url.Values{"q": {query}, "after": {after}, "limit": {"1000"}}
			if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: k.path, query: q}, &page); err != nil {
				return err
			}
			all.Rows, all.Offset = append(all.Rows, page.Rows...), page.Offset
			if after = page.Next; after == "" {
				break
			}
		}
		var rows [][]string
		for _, r := range all.Rows {
			line := []string{r.Name, strconv.Itoa(int(r.Version))}
			for _, c := range k.columns {
				line = append(line, cell(r.Row[c]))
			}
			rows = append(rows, line)
		}
		return a.show(all, append([]string{"name", "version"}, k.columns...), rows)
	}}
	cmd.Flags().StringVarP(&query, "query", "q", "", "words that a row must hold")
	return cmd
}

// cell shows a member of a row in one column.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, cell(e))
		}
		return strings.Join(all, " ")
	case map[string]any:
		b, _ := json.Marshal(v)
		return string(b)
	}
	return fmt.Sprint(v)
}

func (a *app) getRow(k rowKind, base *string) *cobra.Command {
	return &cobra.Command{Use: "get NAME", Short: "Show one " + k.noun, Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		var row shownRow
		if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: k.path + segments(args[0])}, &row); err != nil {
			return err
		}
		return a.document(row)
	}}
}

// segments are a name's parts as a path.
func segments(name string) string {
	var path strings.Builder
	for part := range strings.SplitSeq(name, "/") {
		path.WriteString("/" + url.PathEscape(part))
	}
	return path.String()
}

func (a *app) applyRows(k rowKind, base *string) *cobra.Command {
	var file, why string
	cmd := &cobra.Command{Use: "apply", Short: "Write the " + k.noun + "s of a file, new ones and new versions", Args: exactly(0),
		Long: "Write the rows of a file (YAML or JSON; several documents in YAML). A row that exists is changed from the version that it has now; where somebody else is faster, the command fails and changes nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := readRows(cmd.InOrStdin(), file)
			if err != nil {
				return coded(exitUsage, err)
			}
			var written []shownRow
			var lines [][]string
			for _, row := range rows {
				r, err := a.applyRow(cmd, k, *base, row, why)
				if err != nil {
					return err
				}
				written = append(written, r)
				lines = append(lines, []string{r.Name, strconv.Itoa(int(r.Version))})
			}
			return a.show(written, []string{"name", "version"}, lines)
		}}
	cmd.Flags().StringVarP(&file, "file", "f", "-", `file with rows; "-" is standard input`)
	whyFlag(cmd, &why)
	return cmd
}

func whyFlag(cmd *cobra.Command, why *string) {
	cmd.Flags().StringVar(why, "why", "", "reason, kept in the log")
}

// readRows reads one or more documents.
func readRows(stdin io.Reader, file string) (rows []map[string]any, err error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	d := yaml.NewDecoder(in) // JSON is YAML
	for {
		var row map[string]any
		err := d.Decode(&row)
		switch {
		case errors.Is(err, io.EOF) && len(rows) > 0:
			return rows, nil
		case err != nil:
			return nil, errors.New("the file holds no rows in YAML or JSON")
		case row != nil:
			for member, v := range row { // YAML takes an unquoted day for a time
				if at, ok := v.(time.Time); ok && at.Equal(at.Truncate(24*time.Hour)) {
					row[member] = at.Format(time.DateOnly)
				}
			}
			rows = append(rows, row)
		}
	}
}

func (a *app) applyRow(cmd *cobra.Command, k rowKind, base string, row map[string]any, why string) (out shownRow, err error) {
	for _, member := range k.text {
		if _, isText := row[member].(string); row[member] != nil && !isText {
			b, err := json.Marshal(row[member])
			if err != nil {
				return out, coded(exitUsage, fmt.Errorf("%s cannot be written as JSON", member))
			}
			row[member] = string(b)
		}
	}
	name := k.name(row)
	if strings.Trim(name, "/") == "" {
		return out, coded(exitUsage, errors.New("a row has no name"))
	}
	q := question{role: roleAdmin, base: base, method: http.MethodGet, path: k.path + segments(name)}
	header, err := a.call(cmd.Context(), q, nil)
	if err != nil && codeOf(err) != exitNotFound {
		return out, err
	}
	q.method, q.body, q.query = http.MethodPut, row, url.Values{"why": {why}}
	if err == nil {
		q.match = header.Get("ETag")
	}
	_, err = a.call(cmd.Context(), q, &out)
	return out, err
}

func (a *app) deleteRow(k rowKind, base *string) *cobra.Command {
	var why string
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete one " + k.noun, Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		_, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodDelete, path: k.path + segments(args[0]), query: url.Values{"why": {why}}}, nil)
		if err == nil {
			fmt.Fprintln(a.out, "Deleted.")
		}
		return err
	}}
	whyFlag(cmd, &why)
	return cmd
}

// turnRow is a command that changes a row by its name alone.
func (a *app) turnRow(verb, short string) func(rowKind, *string) *cobra.Command {
	return func(k rowKind, base *string) *cobra.Command {
		var why string
		cmd := &cobra.Command{Use: verb + " NAME", Short: short, Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
			var row shownRow
			q := question{role: roleAdmin, base: *base, method: http.MethodPost, path: k.path + segments(args[0]) + "/" + verb, query: url.Values{"why": {why}}}
			if _, err := a.call(cmd.Context(), q, &row); err != nil {
				return err
			}
			return a.document(row)
		}}
		whyFlag(cmd, &why)
		return cmd
	}
}
