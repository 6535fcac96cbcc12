package processors

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"payerflow/events"
	"payerflow/tables"
)

// valueOf is a value as the plan wants it, "" where there is none; false where
// it is not what it must be.
func valueOf(body events.Body, path []string, do string) (events.Text, bool) {
	raw, ok := scalarAt(body, path)
	if !ok || raw.Kind() == 'n' {
		return "", true
	}
	text := plainText(raw)
	if do == tables.DoValue {
		return events.Text(text), text != "" && len(text) <= maxRawValue
	}
	d, err := events.ParseDecimal(text)
	if err != nil {
		return "", false
	}
	if _, fits := d.Micros(); do == tables.DoPercentile && !fits {
		return "", false
	}
	return events.Text(d.String()), true
}

// plainText is a text without its quotes, a number or a boolean as written; ""
// of anything else.
func plainText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return ""
		}
		return string(text)
	case '0', 't', 'f':
		return string(v)
	}
	return ""
}

// scalarAt reads the value at a place of a JSON text.
func scalarAt(body events.Body, path []string) (jsontext.Value, bool) {
	d := jsontext.NewDecoder(bytes.NewBufferString(string(body)))
	for _, step := range path {
		switch d.PeekKind() {
		case '{':
			if !memberAt(d, step) {
				return nil, false
			}
		case '[':
			if !itemAt(d, step) {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	v, err := d.ReadValue()
	return v, err == nil
}

func memberAt(d *jsontext.Decoder, name string) bool {
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		if token.String() == name {
			return true
		}
		if d.SkipValue() != nil {
			return false
		}
	}
	return false
}

func itemAt(d *jsontext.Decoder, index string) bool {
	n, err := strconv.Atoi(index)
	_, _ = d.ReadToken()
	for i := 0; err == nil && i < n; i++ {
		if k := d.PeekKind(); k == ']' || k == 0 {
			return false
		}
		err = d.SkipValue()
	}
	k := d.PeekKind()
	return err == nil && k != ']' && k != 0
}
