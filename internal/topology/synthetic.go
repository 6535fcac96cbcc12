package topology

import (
	"slices"
	"strings"
)

// syntheticMark precedes the stored key of rows made of synthetic events. Real
// keys hold no control character, so the two never meet.
const syntheticMark = "\x01"

// StoredKey is the key of the row that a record is folded into: the record's
// key, or a row apart for synthetic events.
func StoredKey(rec *Raw) string { return RowKey(string(rec.Key), rec.Synthetic()) }

// RowKey is the stored key of an entity's row.
func RowKey(key string, synthetic bool) string {
	if synthetic {
		return syntheticMark + key
	}
	return key
}

// EntityKey is the inverse of RowKey.
func EntityKey(stored string) (key string, synthetic bool) {
	return strings.CutPrefix(stored, syntheticMark)
}

// MarkedAs are the headers of what is caused by a row itself: synthetic rows
// make synthetic events.
func MarkedAs(stored string) []Header {
	if _, synthetic := EntityKey(stored); synthetic {
		return []Header{{Key: HeaderSynthetic, Value: []byte("true")}}
	}
	return nil
}

// maxInherited bounds a header that is carried on, as W3C bounds traceparent
// and CloudEvents a context attribute in practice.
const maxInherited = 512

// HeadersOf are the headers of an output: what it inherits, and its own, which
// take the place of those of the same name.
func HeadersOf(rec *Raw, own []Header) []Header {
	out := Inherited(rec)
	for _, h := range own {
		if i := slices.IndexFunc(out, func(o Header) bool { return o.Key == h.Key }); i >= 0 {
			out[i] = h
		} else {
			out = append(out, h)
		}
	}
	return out
}

// Inherited are the headers that everything a record causes carries on.
func Inherited(rec *Raw) []Header {
	var out []Header
	for _, h := range rec.Headers {
		switch h.Key {
		case HeaderSynthetic, "ce_transactionid", "traceparent":
			if len(h.Value) <= maxInherited {
				out = append(out, h)
			}
		}
	}
	return out
}
