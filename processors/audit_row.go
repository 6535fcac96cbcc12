// This file answers: what may the audit keep of a row that somebody changed?

package processors

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"payerflow/events"
)

// maxAuditRow bounds what the audit keeps of one state of a row: two of them
// and the rest fit into a record.
const maxAuditRow = 256 << 10

// AuditRow is a row's JSON as the audit keeps it: no secret, no sample, no
// literal of a condition; of a schema, and of what is very large, the SHA-256
// and the size. "" stays "".
func AuditRow(row string) string {
	if row == "" {
		return ""
	}
	var v any
	if json.Unmarshal([]byte(row), &v) != nil {
		return digestOf(row)
	}
	text, err := json.Marshal(withoutValues("", v))
	if err != nil || len(text) > maxAuditRow {
		return digestOf(row)
	}
	return string(text)
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf(`{"sha256":"%s","bytes":%d}`, hex.EncodeToString(sum[:]), len(text))
}

func withoutValues(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			v[k] = withoutValues(k, member)
		}
	case []any:
		for i, item := range v {
			v[i] = withoutValues(name, item)
		}
	case string:
		switch {
		case v == "":
		case name == "hash", name == "secret", name == "password", name == "sample", name == "body":
			return events.Redacted
		case name == "row": // a row within a proposal
			return json.RawMessage(AuditRow(v))
		case name == "condition":
			return withoutLiterals(v)
		case name == "schema":
			return json.RawMessage(digestOf(v))
		}
	}
	return v
}

// withoutLiterals is a CEL expression with every text, number and run of bytes
// withheld; what does not parse is withheld whole.
func withoutLiterals(condition string) string {
	p, err := parser.NewParser()
	if err != nil {
		return events.Redacted
	}
	parsed, faults := p.Parse(common.NewTextSource(condition))
	if len(faults.GetErrors()) > 0 {
		return events.Redacted
	}
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		switch e.AsLiteral().(type) {
		case types.Bool, types.Null:
		default:
			e.SetKindCase(factory.NewLiteral(e.ID(), types.String(events.Redacted)))
		}
	}))
	text, err := parser.Unparse(parsed.Expr(), ast.NewSourceInfo(nil))
	if err != nil {
		return events.Redacted
	}
	return text
}
