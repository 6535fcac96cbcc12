package processors_test

import (
	"encoding/json"
	"strings"
	"testing"

	"payerflow/processors"
)

func TestAuditRowsHoldNoValues(t *testing.T) {
	rule := `{"team":"care","condition":"event.sourceSystem == \"canary\" || body.n > 4711 || b'canary' == b'x'"}`
	for name, row := range map[string]string{
		"token":    `{"id":"t1","hash":"canary","scopes":{"admin":true}}`,
		"sample":   `{"name":"A-B-C","sample":"{\"m\":\"canary\"}","schema":"{\"const\":\"canary\"}"}`,
		"rule":     rule,
		"not CEL":  `{"condition":"canary ("}`,
		"proposal": `{"id":"p","changes":[{"kind":"routing-rule","row":` + quoted(rule) + `}]}`,
		"not JSON": `canary`,
		"large":    `{"doc":"` + strings.Repeat("canary", 100_000) + `"}`,
	} {
		got := processors.AuditRow(row)
		if strings.Contains(got, "canary") || strings.Contains(got, "4711") || !json.Valid([]byte(got)) || len(got) > 300<<10 {
			t.Errorf("%s: %.300s", name, got)
		}
	}
	if got := processors.AuditRow(rule); !strings.Contains(got, `body.n \u003e`) && !strings.Contains(got, `body.n >`) {
		t.Errorf("a condition cannot be read any more: %s", got)
	}
	if processors.AuditRow("") != "" {
		t.Error("no row is one")
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestAuditKeysStandForKeys(t *testing.T) {
	a, b := processors.NewAuditKeys([]byte("one")), processors.NewAuditKeys([]byte("two"))
	if a.Hash("k") == b.Hash("k") || a.Hash("k") == a.Hash("l") || a.Hashes([]string{"l", "k", "l"}) != a.Hashes([]string{"k", "l"}) || a.Hashes(nil) != "" {
		t.Error("hashes meet that must not, or do not that must")
	}
}
