package embedded

import (
	"strings"
	"testing"
)

func record(fields string) string {
	return `{"type":"record","name":"a.R","fields":[` + fields + `]}`
}

// TestCanRead goes through the resolution rules of the Avro specification.
func TestCanRead(t *testing.T) {
	const enumAB = `{"type":"enum","name":"a.E","symbols":["A","B"]}`
	const enumABC = `{"type":"enum","name":"a.E","symbols":["A","B","C"]}`
	const list = `{"type":"record","name":"a.L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","a.L"],"default":null}]}`
	longList := strings.Replace(list, `"int"`, `"long"`, 1)
	for _, c := range []struct {
		name, reader, writer string
		why                  string // "" when readable, else a part of the reason
	}{
		{"same primitive", `"int"`, `"int"`, ""},
		{"int as long", `"long"`, `"int"`, ""},
		{"int as float", `"float"`, `"int"`, ""},
		{"int as double", `"double"`, `"int"`, ""},
		{"long as float", `"float"`, `"long"`, ""},
		{"long as double", `"double"`, `"long"`, ""},
		{"float as double", `"double"`, `"float"`, ""},
		{"string as bytes", `"bytes"`, `"string"`, ""},
		{"bytes as string", `"string"`, `"bytes"`, ""},
		{"long as int", `"int"`, `"long"`, "the reader has int"},
		{"double as float", `"float"`, `"double"`, "the reader has float"},
		{"int as boolean", `"boolean"`, `"int"`, "the reader has boolean"},
		{"int as string", `"string"`, `"int"`, "the reader has string"},
		{"null as int", `"int"`, `"null"`, "the reader has int"},

		{"array promotes", `{"type":"array","items":"long"}`, `{"type":"array","items":"int"}`, ""},
		{"array narrows", `{"type":"array","items":"int"}`, `{"type":"array","items":"long"}`, "/items"},
		{"map promotes", `{"type":"map","values":"double"}`, `{"type":"map","values":"int"}`, ""},
		{"map for array", `{"type":"map","values":"int"}`, `{"type":"array","items":"int"}`, "the reader has map"},

		{"fixed", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":4}`, ""},
		{"fixed size", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":8}`, "4 bytes for the reader"},
		{"fixed name", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"G","size":4}`, "fixed G"},
		{"fixed as bytes", `"bytes"`, `{"type":"fixed","name":"F","size":4}`, "the reader has bytes"},

		{"enum grows", enumABC, enumAB, ""},
		{"enum shrinks", enumAB, enumABC, "symbol C"},
		{"enum shrinks with default", `{"type":"enum","name":"a.E","symbols":["A"],"default":"A"}`, enumABC, ""},
		{"enum reordered", `{"type":"enum","name":"a.E","symbols":["B","A"]}`, enumAB, ""},
		{"enum renamed", `{"type":"enum","name":"a.X","symbols":["A","B"]}`, enumAB, "enum a.E"},
		{"enum renamed with alias", `{"type":"enum","name":"a.X","aliases":["E"],"symbols":["A","B"]}`, enumAB, ""},
		{"enum as string", `"string"`, enumAB, "the reader has string"},

		{"field gone", record(``), record(`{"name":"x","type":"int"}`), ""},
		{"field new", record(`{"name":"x","type":"int"}`), record(``), "/fields/x"},
		{"field new with default", record(`{"name":"x","type":"int","default":0}`), record(``), ""},
		{"field new with null default", record(`{"name":"x","type":["null","int"],"default":null}`), record(``), ""},
		{"nullable without default", record(`{"name":"x","type":["null","int"]}`), record(``), "/fields/x"},
		{"fields reordered", record(`{"name":"x","type":"int"},{"name":"y","type":"int"}`), record(`{"name":"y","type":"int"},{"name":"x","type":"int"}`), ""},
		{"field renamed", record(`{"name":"y","type":"int"}`), record(`{"name":"x","type":"int"}`), "/fields/y"},
		{"field renamed with alias", record(`{"name":"y","aliases":["x"],"type":"int"}`), record(`{"name":"x","type":"int"}`), ""},
		{"alias on the writer counts not", record(`{"name":"x","type":"int"}`), record(`{"name":"y","aliases":["x"],"type":"int"}`), "/fields/x"},
		{"name before alias", record(`{"name":"y","aliases":["x"],"type":"int"}`), record(`{"name":"x","type":"string"},{"name":"y","type":"int"}`), ""},
		{"one field for two", record(`{"name":"x","type":"int"},{"name":"y","aliases":["x"],"type":"int"}`), record(`{"name":"x","type":"int"}`), "both take"},
		{"default does not excuse a type", record(`{"name":"x","type":"string","default":""}`), record(`{"name":"x","type":"int"}`), "/fields/x"},

		{"record renamed", `{"type":"record","name":"a.S","fields":[]}`, record(``), "record a.R"},
		{"record renamed with alias", `{"type":"record","name":"a.S","aliases":["a.R"],"fields":[]}`, record(``), ""},
		{"record in another namespace", `{"type":"record","name":"b.R","fields":[]}`, record(``), ""},

		{"into a union", `["null","int"]`, `"int"`, ""},
		{"into a union, promoted", `["null","long"]`, `"int"`, ""},
		{"into a union without it", `["null","int"]`, `"string"`, "the reader's union has no string"},
		{"out of a union", `"int"`, `["int"]`, ""},
		{"out of a nullable union", `"int"`, `["null","int"]`, "the reader has int"},
		{"union grows", `["null","int","string"]`, `["null","int"]`, ""},
		{"union shrinks", `["null","int"]`, `["null","int","string"]`, "the reader's union has no string"},
		{"union reordered", `["int","null"]`, `["null","int"]`, ""},
		{"union picks by name", `[{"type":"record","name":"a.S","fields":[]},` + record(`{"name":"x","type":"int"}`) + `]`, record(`{"name":"x","type":"int"}`), ""},
		{"union branch differs inside", `["null",` + record(`{"name":"x","type":"int"}`) + `]`, record(``), "/fields/x"},

		{"recursive", list, list, ""},
		{"recursive promoted", longList, list, ""},
		{"recursive narrowed", list, longList, "/fields/v"},

		{"decimal", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, ""},
		{"decimal rescaled", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":4}`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, "decimal(9,4)"},
		{"micros as millis", `{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`, "timestamp-millis"},
		{"a logical type the library does not know", `{"type":"long","logicalType":"timestamp-nanos"}`, `{"type":"long","logicalType":"timestamp-micros"}`, "timestamp-nanos"},
		{"logical type added", `{"type":"int","logicalType":"date"}`, `"int"`, ""},
		{"logical type dropped", `"int"`, `{"type":"int","logicalType":"date"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			reader, err := parseSchema(c.reader)
			must(t, err)
			writer, err := parseSchema(c.writer)
			must(t, err)
			err = canRead(reader.tree, writer.tree)
			if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
				t.Fatalf("got %v, want %q", err, c.why)
			}
		})
	}
}

// TestDefaultsAreToldApart: the library's own check takes both readers for one.
func TestDefaultsAreToldApart(t *testing.T) {
	with, err := parseSchema(record(`{"name":"x","type":"int","default":0}`))
	must(t, err)
	without, err := parseSchema(record(`{"name":"x","type":"int"}`))
	must(t, err)
	writer, err := parseSchema(record(``))
	must(t, err)
	if err := canRead(with.tree, writer.tree); err != nil {
		t.Fatal(err)
	}
	if canRead(without.tree, writer.tree) == nil {
		t.Fatal("a new field without default passes")
	}
}

func TestParseSchemaRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                   "",
		"not JSON":                  `{"type":`,
		"a bare name":               `string`,
		"two values":                `"int" "int"`,
		"a number":                  `7`,
		"null":                      `null`,
		"unknown type":              `"claim"`,
		"no fields":                 `{"type":"record","name":"R"}`,
		"no name":                   `{"type":"record","fields":[]}`,
		"bad name":                  `{"type":"record","name":"1R","fields":[]}`,
		"field twice":               record(`{"name":"x","type":"int"},{"name":"x","type":"int"}`),
		"name twice":                `[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":2}]`,
		"union in union":            `["null",["int"]]`,
		"union branch twice":        `["int","int"]`,
		"default of a wrong type":   record(`{"name":"x","type":"int","default":"none"}`),
		"default of a later branch": record(`{"name":"x","type":["int","null"],"default":null}`),
		"enum without symbols":      `{"type":"enum","name":"E","symbols":[]}`,
		"enum default unknown":      `{"type":"enum","name":"E","symbols":["A"],"default":"B"}`,
		"enum default empty":        `{"type":"enum","name":"E","symbols":["A"],"default":""}`,
		"negative fixed":            `{"type":"fixed","name":"F","size":-1}`,
		"a name of another schema":  `"a.R"`,
		"a thousand levels":         strings.Repeat(`{"type":"array","items":`, 20000) + `"int"` + strings.Repeat(`}`, 20000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseSchema(text); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	identity := func(text string) string {
		s, err := parseSchema(text)
		must(t, err)
		return s.identity
	}
	base := identity(`{"type":"record","name":"R","fields":[{"name":"x","type":"int"}]}`)
	for _, same := range []string{
		" {\n\"type\": \"record\", \"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}\n",
		`{"fields":[{"type":"int","name":"x"}],"name":"R","type":"record"}`,
		`{"type":"record","name":"R","fields":[{"name":"x","type":{"type":"int"}}]}`,
	} {
		if identity(same) != base {
			t.Errorf("%s differs", same)
		}
	}
	for _, other := range []string{
		`{"type":"record","name":"R","doc":"a","fields":[{"name":"x","type":"int"}]}`,
		`{"type":"record","name":"R","fields":[{"name":"x","type":"int","default":1}]}`,
		`{"type":"record","name":"R","fields":[{"name":"x","type":"long"}]}`,
	} {
		if identity(other) == base {
			t.Errorf("%s is taken for the same", other)
		}
	}
}
