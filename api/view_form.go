package api

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"

	"payerflow/processors"
)

const (
	csvType    = "text/csv"
	ndjsonType = "application/x-ndjson"
)

// form is how an export is written.
type form int

const (
	ndjsonForm form = iota
	csvForm
)

func (f form) contentType() string {
	if f == csvForm {
		return csvType + "; charset=utf-8"
	}
	return ndjsonType
}

func (f form) extension() string {
	if f == csvForm {
		return ".csv"
	}
	return ".ndjson"
}

// rowWriter writes rows of an export.
type rowWriter interface {
	row(a Answer) error
	flush() error
}

func (f form) open(w io.Writer, columns []processors.RowColumn, head bool) rowWriter {
	if f == ndjsonForm {
		b := bufio.NewWriter(w)
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		return lines{b, e}
	}
	c := csv.NewWriter(w)
	t := &table{c, columns, head, make([]string, len(columns)+1)}
	return t
}

func (x *exporting) columns() []processors.RowColumn { return x.query.Columns() }

// lines are one JSON object each.
type lines struct {
	b *bufio.Writer
	e *json.Encoder
}

func (l lines) row(a Answer) error { return l.e.Encode(a) }
func (l lines) flush() error       { return l.b.Flush() }

// table is RFC 4180, with the key before the columns.
type table struct {
	w       *csv.Writer
	columns []processors.RowColumn
	head    bool // is still to be written
	cells   []string
}

func (t *table) row(a Answer) error {
	if err := t.header(); err != nil {
		return err
	}
	text, err := json.Marshal(a.Value)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	t.cells[0] = unformula(a.Key)
	for i, c := range t.columns {
		t.cells[i+1] = cell(fields, c)
	}
	return t.w.Write(t.cells)
}

func (t *table) header() error {
	if !t.head {
		return nil
	}
	t.head = false
	names := []string{"key"}
	for _, c := range t.columns {
		names = append(names, strings.Join(c.Path, "."))
	}
	return t.w.Write(names)
}

func (t *table) flush() error {
	if err := t.header(); err != nil {
		return err
	}
	t.w.Flush()
	return t.w.Error()
}

// cell is a field's text, "" where the row has none. Lists, maps and records
// in them are JSON.
func cell(fields map[string]json.RawMessage, c processors.RowColumn) string {
	for _, step := range c.Path[:len(c.Path)-1] {
		var below map[string]json.RawMessage
		if raw := fields[step]; len(raw) > 0 && raw[0] == '"' { // withheld as a whole
			return textOf(raw)
		} else if json.Unmarshal(raw, &below) != nil {
			return ""
		}
		fields = below
	}
	raw := fields[c.Path[len(c.Path)-1]]
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return ""
	case raw[0] != '"':
		return string(raw)
	case c.Number:
		return textOf(raw)
	}
	return unformula(textOf(raw))
}

func textOf(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// unformula keeps a text from being a formula where a spreadsheet opens it:
// those that begin one get an apostrophe before it (OWASP, CSV injection).
func unformula(text string) string {
	if strings.IndexAny(text, "=+-@\t\r\n＝＋－＠") == 0 {
		return "'" + text
	}
	return text
}
