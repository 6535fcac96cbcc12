package codecs_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"payerflow/codecs"
	"payerflow/tables"
)

func varint(n int64) string { return string(binary.AppendVarint(nil, n)) }

// hostile are bytes where a length or a count stands.
var hostile = map[string]string{
	"2^40":                        varint(1 << 40),
	"2^20":                        varint(1 << 20),
	"one more than there is":      varint(2),
	"the largest":                 varint(math.MaxInt64),
	"nearly the largest":          varint(math.MaxInt64 - 7),
	"32 bits":                     varint(math.MaxInt32),
	"the smallest":                varint(math.MinInt64),
	"the smallest, of no size":    varint(math.MinInt64) + varint(0),
	"the smallest, ended":         varint(math.MinInt64) + varint(0) + varint(0),
	"negative 2^40":               varint(-1<<40) + varint(4),
	"negative one":                varint(-1),
	"negative one, of no size":    varint(-1) + varint(0) + varint(0),
	"negative one, negative size": varint(-1) + varint(-1) + varint(0),
	"a number without end":        strings.Repeat("\xff", 10),
	"a number of eleven bytes":    strings.Repeat("\x80", 10) + "\x00",
}

// No few bytes make a decoder panic, hang or allocate without bounds.
func TestHostileCountsAndLengths(t *testing.T) {
	memory := &codecs.Memory{}
	rows, letters := bind[tables.ClaimStatus](t, tableTopic, memory), bind[codecs.DeadLetter](t, "dlq", memory)
	generic := codecs.NewGeneric(memory)
	row := tables.ClaimStatus{ClaimID: "c", MemberID: "m", ProviderID: "p", Marks: []string{}, History: []tables.ClaimFact{}}
	plainRow, err := rows.Encode(row)
	if err != nil {
		t.Fatal(err)
	}
	plainLetter, err := letters.Encode(codecs.DeadLetter{OriginalHeaders: []codecs.DLQHeader{}})
	if err != nil {
		t.Fatal(err)
	}
	// What a decoder is built of, once, is none of the bytes' doing.
	_, _ = rows.Decode(plainRow)
	_, _ = letters.Decode(plainLetter)
	_, _ = generic.Decode(plainRow)
	_, _ = generic.Decode(plainLetter)
	for name, evil := range hostile {
		for place, value := range map[string]string{
			"row, history":        string(plainRow[:len(plainRow)-1]) + evil,
			"row, marks":          string(plainRow[:len(plainRow)-2]) + evil,
			"row, first id":       string(plainRow[:5]) + evil,
			"row, text of a mark": string(plainRow[:len(plainRow)-2]) + varint(1) + evil,
			"letter, headers":     string(plainLetter[:len(plainLetter)-1]) + evil,
			"letter, payload":     string(plainLetter[:len(plainLetter)-2]) + varint(1) + evil,
			"letter, topic":       string(plainLetter[:5]) + evil,
		} {
			var errTyped, errGeneric error
			size := allocated(func() {
				if strings.HasPrefix(place, "row") {
					_, errTyped = rows.Decode([]byte(value))
				} else {
					_, errTyped = letters.Decode([]byte(value))
				}
				_, errGeneric = generic.Decode([]byte(value))
			})
			wantFault(t, place+" of "+name, errTyped, codecs.BadAvro, codecs.TrailingBytes)
			wantFault(t, place+" of "+name+", to JSON", errGeneric, codecs.BadAvro, codecs.TrailingBytes)
			if size > 1<<20 {
				t.Errorf("%s of %s: %d bytes allocated", place, name, size)
			}
		}
	}
}

// factBytes is how many bytes the least fact has: one for each field.
var factBytes = reflect.TypeFor[tables.ClaimFact]().NumField()

// A value of the largest size can hold many small items, and no more memory
// than a multiple of its own bytes is taken for them.
func TestManySmallItems(t *testing.T) {
	memory := &codecs.Memory{}
	rows := bind[tables.ClaimStatus](t, tableTopic, memory)
	row := tables.ClaimStatus{ClaimID: "c", Marks: []string{}, History: []tables.ClaimFact{}}
	plain, err := rows.Encode(row)
	if err != nil {
		t.Fatal(err)
	}
	many := 1_900_000 / factBytes
	facts := string(plain[:len(plain)-1]) + varint(int64(many)) + strings.Repeat("\x00", many*factBytes) + varint(0)
	marks := string(plain[:len(plain)-2]) + varint(1_900_000) + strings.Repeat("\x00", 1_900_000) + varint(0) + varint(0)
	for name, value := range map[string]string{"facts": facts, "marks": marks} {
		var got tables.ClaimStatus
		size := allocated(func() { got, err = rows.Decode([]byte(value)) })
		if err != nil || len(got.History)+len(got.Marks) < many {
			t.Errorf("%s: %d facts, %d marks, %v", name, len(got.History), len(got.Marks), err)
		}
		if size > 64<<20 {
			t.Errorf("%s: %d bytes allocated for %d", name, size, len(value))
		}
	}
}

func TestWritersSchemasThatAreRefused(t *testing.T) {
	doubling := `{"type":"record","name":"R0","fields":[]}`
	for i := range 40 {
		doubling = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s},{"name":"b","type":"R%d"}]}`, i+1, doubling, i)
	}
	for name, c := range map[string]struct {
		schema, body string
		typed, shown string // codes
	}{
		"itself inside": {`{"type":"record","name":"DeadLetter","namespace":"payer.dlq","fields":[{"name":"next","type":["null","DeadLetter"],"default":null}]}`,
			strings.Repeat("\x02", 1<<16) + "\x00", codecs.IncompatibleSchema, codecs.IncompatibleSchema},
		"itself in an array":      {`{"type":"record","name":"N","fields":[{"name":"next","type":{"type":"array","items":"N"}}]}`, "\x00", codecs.IncompatibleSchema, codecs.IncompatibleSchema},
		"no schema":               {`{"type":`, "", codecs.IncompatibleSchema, codecs.IncompatibleSchema},
		"another record":          {`{"type":"record","name":"Other","fields":[{"name":"a","type":"string"}]}`, "\x00", codecs.IncompatibleSchema, ""},
		"six bytes, 2^40 texts":   {`{"type":"array","items":"string"}`, varint(1 << 40), codecs.IncompatibleSchema, codecs.BadAvro},
		"2^40 nulls":              {`{"type":"array","items":"null"}`, varint(1<<40) + varint(0), codecs.IncompatibleSchema, codecs.BadAvro},
		"a few nulls":             {`{"type":"array","items":"null"}`, varint(2) + varint(0) + varint(0), codecs.IncompatibleSchema, codecs.BadAvro},
		"records of nothing":      {doubling, "", codecs.IncompatibleSchema, codecs.BadAvro},
		"a branch that is none":   {`["null","string"]`, varint(2), codecs.IncompatibleSchema, codecs.BadAvro},
		"a negative branch":       {`["null","string"]`, varint(-1), codecs.IncompatibleSchema, codecs.BadAvro},
		"a symbol that is none":   {`{"type":"enum","name":"E","symbols":["A"]}`, varint(1), codecs.IncompatibleSchema, codecs.BadAvro},
		"a negative symbol":       {`{"type":"enum","name":"E","symbols":["A"]}`, varint(-1), codecs.IncompatibleSchema, codecs.BadAvro},
		"an int of 33 bits":       {`"int"`, varint(1 << 32), codecs.IncompatibleSchema, codecs.BadAvro},
		"a boolean that is none":  {`"boolean"`, "\x02", codecs.IncompatibleSchema, codecs.BadAvro},
		"a map of 2^40":           {`{"type":"map","values":"string"}`, varint(1 << 40), codecs.IncompatibleSchema, codecs.BadAvro},
		"a fixed that ends early": {`{"type":"fixed","name":"F","size":4}`, "abc", codecs.IncompatibleSchema, codecs.BadAvro},
	} {
		t.Run(name, func(t *testing.T) {
			known := &registry{texts: map[int]string{7: c.schema}}
			value := codecs.Frame(7, []byte(c.body))
			var typedErr, shownErr error
			size := allocated(func() {
				_, typedErr = bind[codecs.DeadLetter](t, "dlq", known).Decode(value)
				_, shownErr = codecs.NewGeneric(known).Decode(value)
			})
			wantFault(t, "typed", typedErr, c.typed)
			if c.shown != "" {
				wantFault(t, "to JSON", shownErr, c.shown)
			} else if shownErr != nil {
				t.Errorf("to JSON: %v", shownErr)
			}
			if size > 64<<20 {
				t.Errorf("%d bytes allocated", size)
			}
		})
	}
}
