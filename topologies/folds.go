package topologies

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// foldsGolden is what a test worked out of the source: a fingerprint of all
// code that the rows of each group follow from.
//
//go:embed folds.golden
var foldsGolden string

// Folds are fingerprints of the groups' folds and row schemas, by group. A
// table whose fingerprint is another than when it was begun may hold rows that
// today's code would not give.
func Folds() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(foldsGolden) {
		if group, code, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out[group] = code
		}
	}
	for _, g := range All {
		out[g.Name] += "-" + shapeOf(g.RowSchema)
	}
	return out
}

// fingerprint is the first 16 digits of a text's SHA-256.
func fingerprint(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// shapeOf is the fingerprint of a schema, whatever its texts for people say.
func shapeOf(schema string) string {
	var v any
	if json.Unmarshal([]byte(schema), &v) != nil {
		return fingerprint([]byte(schema))
	}
	text, err := json.Marshal(undocumented(v))
	if err != nil {
		return fingerprint([]byte(schema))
	}
	return fingerprint(text)
}

func undocumented(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "doc")
		for name := range v {
			v[name] = undocumented(v[name])
		}
	case []any:
		for i := range v {
			v[i] = undocumented(v[i])
		}
	}
	return v
}
