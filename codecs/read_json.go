package codecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"payerflow/events"
)

// Reason codes of JSON that our doors refuse.
const (
	InvalidJSON   = "INVALID_JSON"   // not one JSON value, or something follows it
	DuplicateName = "DUPLICATE_NAME" // an object has the name twice
	AmbiguousName = "AMBIGUOUS_NAME" // another name differs only in case
	InvalidText   = "INVALID_TEXT"   // not UTF-8, or half of a surrogate pair
	InvalidNumber = "INVALID_NUMBER" // no reader could hold it
	TooDeep       = "TOO_DEEP"
	UnknownField  = "UNKNOWN_FIELD"
)

// Bounds of JSON at our doors.
const (
	maxDepth      = 64 // objects and arrays within each other
	maxNumberText = 128
	maxExponent   = 400
	maxFaults     = 100
)

// ReadJSON reads exactly one JSON value into maps, slices and json.Number, as
// strictly as every door does, or returns what is wrong with it. A pointer
// shows array indexes and the declared names; another name may be data, and
// "*" stands for it.
func ReadJSON(doc []byte, declared map[string]bool) (any, []events.Fault) {
	v, found := readJSON(doc)
	if len(found) > 0 {
		return nil, faultsAt(found, declared)
	}
	return v, nil
}

// found is a fault at a place whose names may be data.
type found struct {
	code, reason string
	at           []step
}

type step struct {
	name  string
	index bool
}

// readJSON returns the value as far as it could be read: with a number that
// is refused as 0, and the last of several values of one name.
func readJSON(doc []byte) (any, []found) {
	r := strictJSON{in: jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	v, ok := r.value()
	if ok {
		if _, err := r.in.ReadToken(); !errors.Is(err, io.EOF) {
			r.add(InvalidJSON, "something follows the JSON value")
		}
	}
	return v, r.found
}

type strictJSON struct {
	in    *jsontext.Decoder
	at    []step
	found []found
}

func (r *strictJSON) add(code, reason string) {
	if len(r.found) < maxFaults {
		r.found = append(r.found, found{code, reason, append([]step(nil), r.at...)})
	}
}

// value reads one value. It returns false where nothing can be read after it.
func (r *strictJSON) value() (any, bool) {
	kind := r.in.PeekKind()
	if (kind == '{' || kind == '[') && len(r.at) >= maxDepth {
		r.add(TooDeep, "at most "+strconv.Itoa(maxDepth)+" objects and arrays within each other")
		return nil, false
	}
	switch kind {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case 'n':
		_, err := r.in.ReadToken()
		return nil, r.went(err)
	case 't', 'f':
		_, err := r.in.ReadToken()
		return kind == 't', r.went(err)
	case '"':
		return r.text()
	}
	raw, err := r.in.ReadValue()
	if !r.went(err) {
		return nil, false
	}
	if !holdable(string(raw)) {
		r.add(InvalidNumber, "must be a number that 64-bit floating point can hold, of at most "+strconv.Itoa(maxNumberText)+" characters")
		return json.Number("0"), true
	}
	return json.Number(raw), true
}

func (r *strictJSON) went(err error) bool {
	if err != nil {
		r.add(InvalidJSON, "this is not JSON, or it ends early")
	}
	return err == nil
}

func (r *strictJSON) text() (string, bool) {
	raw, err := r.in.ReadValue()
	if !r.went(err) {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		reason := "half of a surrogate pair"
		if !utf8.Valid(raw) {
			reason = "must be UTF-8"
		}
		r.add(InvalidText, reason)
	}
	return string(text), true
}

func (r *strictJSON) object() (any, bool) {
	_, err := r.in.ReadToken()
	if !r.went(err) {
		return nil, false
	}
	object, cases := map[string]any{}, map[string]bool{}
	for r.in.PeekKind() != '}' {
		name, ok := r.text()
		if !ok {
			return nil, false
		}
		r.at = append(r.at, step{name: name})
		if _, twice := object[name]; twice {
			r.add(DuplicateName, "the object has this name twice")
		} else if folded := foldedName(name); cases[folded] {
			r.add(AmbiguousName, "another name of the object differs only in case")
		} else {
			cases[folded] = true
		}
		object[name], ok = r.value()
		if !ok {
			return nil, false
		}
		r.at = r.at[:len(r.at)-1]
	}
	_, err = r.in.ReadToken()
	return object, r.went(err)
}

func (r *strictJSON) array() (any, bool) {
	_, err := r.in.ReadToken()
	if !r.went(err) {
		return nil, false
	}
	items := []any{}
	for i := 0; r.in.PeekKind() != ']'; i++ {
		r.at = append(r.at, step{strconv.Itoa(i), true})
		item, ok := r.value()
		if !ok {
			return nil, false
		}
		items, r.at = append(items, item), r.at[:len(r.at)-1]
	}
	_, err = r.in.ReadToken()
	return items, r.went(err)
}

// holdable says whether a number keeps a meaning in every reader: it neither
// overflows nor vanishes, and takes no more memory than its text.
func holdable(text string) bool {
	if len(text) > maxNumberText {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if scientific {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return false
		}
	}
	return err == nil && (f != 0 || strings.Trim(mantissa, "-0.") == "")
}

// foldedName is the same for names that differ only in case (Unicode simple
// folding, as encoding/json compares names).
func foldedName(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r < utf8.RuneSelf {
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// faultsAt shows faults with the names that are declared.
func faultsAt(all []found, declared map[string]bool) (faults []events.Fault) {
	for _, f := range all {
		path := make([]string, len(f.at))
		for i, s := range f.at {
			path[i] = "*"
			if s.index || declared[s.name] {
				path[i] = s.name
			}
		}
		faults = append(faults, events.Fault{ReasonCode: f.code, At: pointer(path), Reason: f.reason})
	}
	return faults
}
