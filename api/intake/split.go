package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"payerflow/codecs"
)

// member is a member of a JSON object, its value as it is written.
type member struct {
	name string
	raw  []byte
}

// maxMembers bounds the members of an event itself; its body has no such bound.
const maxMembers = 128

// split takes a JSON object apart without looking into its values. ok is false
// where the text is not one JSON object.
func split(doc []byte) (members []member, ok bool) {
	dec := lenient(doc)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, false
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, false
		}
		m := member{name: name.String()}
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		m.raw = bytes.Clone(raw)
		members = append(members, m)
	}
	return members, ended(dec)
}

// itemsOf are the items of a JSON array, as they are written. It stops after
// one more than a batch may have.
func itemsOf(doc []byte) (items [][]byte, ok bool) {
	dec := lenient(doc)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil, false
	}
	for len(items) <= MaxEvents && dec.PeekKind() != ']' {
		item, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		items = append(items, bytes.Clone(item))
	}
	return items, len(items) > MaxEvents || ended(dec)
}

// linesOf are the lines of a text that are not blank, up to one more than a
// batch may have.
func linesOf(doc []byte) (lines [][]byte) {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
		if len(lines) > MaxEvents {
			break
		}
	}
	return lines
}

// lenient reads what codecs.ReadJSON will judge.
func lenient(doc []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// lenientValue says whether a text is one JSON value, as far as its syntax goes.
func lenientValue(doc []byte) bool {
	dec := lenient(doc)
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	_, err := dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// ended reads the end of what is open, and demands that nothing follows.
func ended(dec *jsontext.Decoder) bool {
	if _, err := dec.ReadToken(); err != nil {
		return false
	}
	_, err := dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// twice notes names that an object has twice, also in another case: another
// reader might take the other one.
func (c *candidate) twice(prefix string, members []member) {
	if len(members) > maxMembers {
		c.fault(unknownField, strings.TrimSuffix(prefix, "/"), "has more names than there are")
		return
	}
	for i, m := range members {
		for _, earlier := range members[:i] {
			if strings.EqualFold(earlier.name, m.name) {
				c.fault(codecs.DuplicateName, prefix+shown(m.name), "the object has this name twice, perhaps in another case; send it once")
				break
			}
		}
	}
}

// shown is a name as a step of a pointer: a name that may be data is "*".
func shown(name string) string {
	const most = 32
	isData := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != ' ' && r != '_' && r != '-'
	}
	if len(name) > most || strings.ContainsFunc(name, isData) {
		return "*"
	}
	return name
}

func trimmed(text string) []byte { return bytes.TrimSpace([]byte(text)) }
