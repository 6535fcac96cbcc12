package verify

import (
	"encoding/json"
	"reflect"
	"slices"
)

const redacted = "***REDACTED***"

// jsonThatDiffers compares a row with what HTTP showed of it; what was
// withheld is counted and says nothing.
func jsonThatDiffers(want any, have json.RawMessage) (fields []string, withheld int64, err error) {
	text, err := json.Marshal(want)
	if err != nil {
		return nil, 0, err
	}
	var w, h map[string]any
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, 0, err
	}
	if json.Unmarshal(have, &h) != nil {
		return []string{"value"}, 0, nil //nolint:nilerr // what HTTP showed is no row: that is the difference
	}
	for name := range h {
		if _, known := w[name]; !known {
			w[name] = nil
		}
	}
	for name := range w {
		if !sameSeen(w[name], h[name], &withheld) {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields, withheld, nil
}

func sameSeen(want, have any, withheld *int64) bool {
	if have == redacted {
		*withheld++
		return true
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for name := range h {
			if _, known := w[name]; !known && !sameSeen(nil, h[name], withheld) {
				return false
			}
		}
		for name := range w {
			if !sameSeen(w[name], h[name], withheld) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return false
		}
		for i := range w {
			if !sameSeen(w[i], h[i], withheld) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, have)
}
