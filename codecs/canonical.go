package codecs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"payerflow/events"
)

// Digest is the SHA-256, hex, of type, key and canonical body: equal for two
// events that say the same, however their JSON is written. A body that a door
// refuses has none: the error is its first fault, and repeats no value.
func Digest(t events.Type, key events.ID, body events.Body) (string, error) {
	canonical, err := Canonical([]byte(body))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range []string{string(t), string(key)} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	h.Write(canonical)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Canonical writes JSON as RFC 8785 does, with two differences: names are
// ordered by their UTF-8 bytes, and numbers keep all their digits, so that no
// two different numbers become one (1.50 and 15e-1 are written 15e-1).
func Canonical(doc []byte) ([]byte, error) {
	v, faults := ReadJSON(doc, nil)
	if len(faults) > 0 {
		return nil, &faults[0]
	}
	return appendCanonical(make([]byte, 0, len(doc)), v), nil
}

func appendCanonical(out []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		out = append(out, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out = append(out, ',')
			}
			out, _ = jsontext.AppendQuote(out, name) // what ReadJSON gives is UTF-8
			out = appendCanonical(append(out, ':'), v[name])
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendCanonical(out, item)
		}
		return append(out, ']')
	case string:
		out, _ = jsontext.AppendQuote(out, v)
		return out
	case json.Number:
		return append(out, canonicalNumber(string(v))...)
	case bool:
		return strconv.AppendBool(out, v)
	}
	return append(out, "null"...)
}

// canonicalNumber writes a number as its digits without zeros at either end,
// and the power of ten that they are multiplied by.
func canonicalNumber(text string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power, _ := strconv.Atoi(exponent) // none, or one that holdable has read
	power -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	power += len(digits) - len(trimmed)
	if negative {
		trimmed = "-" + trimmed
	}
	if power == 0 {
		return trimmed
	}
	return trimmed + "e" + strconv.Itoa(power)
}
