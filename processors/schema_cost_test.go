package processors_test

import (
	"fmt"
	"strings"
	"testing"

	"payerflow/processors"
)

// doubling is n definitions, each of which refers to the next one twice.
func doubling(n int) string {
	var defs []string
	for i := range n {
		defs = append(defs, fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1))
	}
	return fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{%s,"d%d":{}}}`, strings.Join(defs, ","), n)
}

func TestSchemasThatCostTooMuchAreRefused(t *testing.T) {
	for name, bomb := range map[string]string{
		"doubling":             doubling(40),
		"doubling each level":  `{"items":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}`,
		"doubling, two ways":   `{"items":{"allOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/c"}]},"$defs":{"b":{"items":{"$ref":"#"}},"c":{"items":{"$ref":"#"}}}}`,
		"names and patterns":   `{"properties":{"a":{"$ref":"#"}},"patternProperties":{"^a":{"$ref":"#"}}}`,
		"alternatives":         `{"anyOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}`,
		"itself":               `{"$ref":"#"}`,
		"itself, by a detour":  `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"not":{"$ref":"#"}}}}`,
		"a dynamic reference":  `{"$dynamicAnchor":"n","items":{"$dynamicRef":"#n"}}`,
		"an id of its own":     `{"$defs":{"a":{"$id":"https://example.com/a","$defs":{"b":{}},"$ref":"#/$defs/b"}},"$ref":"#/$defs/a"}`,
		"many branches within": `{"anyOf":[` + strings.Repeat(`{"type":"null"},`, 3000) + `{}]}`,
	} {
		if _, err := processors.CompileSchema(bomb); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for name, fine := range map[string]string{
		"a list":     `{"type":"object","properties":{"next":{"$ref":"#"},"value":{"type":"string"}}}`,
		"a tree":     `{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}}}`,
		"branches":   `{"anyOf":[` + strings.Repeat(`{"type":"null"},`, 300) + `{}]}`,
		"references": `{"properties":{"a":{"$ref":"#/$defs/x"},"b":{"$ref":"#/$defs/x"}},"$defs":{"x":{"$anchor":"y","type":"string"}}}`,
		"anything":   `true`,
	} {
		if _, err := processors.CompileSchema(fine); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
