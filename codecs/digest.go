package codecs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"

	"github.com/hamba/avro/v2"

	"payerflow/events"
)

var moneyType = reflect.TypeFor[events.Money]()

// digester writes the canonical form of a struct: for each field in name
// order that is set and differs from its schema's default, the name and the
// value as text, each with its length in front. A field that a later version
// adds has a default, so that an event keeps its digest when its schema grows.
type digester []digestField

type digestField struct {
	name    string
	index   []int  // of reflect.Value.FieldByIndex
	absent  string // the default as text
	hasText bool
}

// newDigester plans the digest of v's type. Values that are not flat structs
// (rows) have none: only events have an identity.
func newDigester(schema avro.Schema, v any) (digester, error) {
	rec, ok := schema.(*avro.RecordSchema)
	t := reflect.TypeOf(v)
	if !ok || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a record", v)
	}
	byName := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		byName[f.Tag.Get("avro")] = f.Index
	}
	var d digester
	for _, f := range rec.Fields() {
		i, ok := byName[f.Name()]
		if !ok {
			return nil, fmt.Errorf("%T has no field for %s", v, f.Name())
		}
		df := digestField{name: f.Name(), index: i}
		if f.HasDefault() && f.Default() != nil {
			df.absent, df.hasText = fmt.Sprint(f.Default()), true
		}
		d = append(d, df)
	}
	sort.Slice(d, func(i, j int) bool { return d[i].name < d[j].name })
	return d, nil
}

func (d digester) of(v any) []byte {
	rv := reflect.ValueOf(v)
	out := make([]byte, 0, 512)
	var scratch [32]byte
	for _, f := range d {
		fv := rv.FieldByIndex(f.index)
		if fv.Kind() == reflect.Pointer {
			if fv.IsNil() {
				continue
			}
			fv = fv.Elem()
		}
		text := appendText(scratch[:0], fv)
		if f.hasText && string(text) == f.absent {
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(f.name)))
		out = append(out, f.name...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
		out = append(out, text...)
	}
	return out
}

// appendText writes a value as the wire has it: money as its decimal string,
// dates and instants as their numbers.
func appendText(b []byte, v reflect.Value) []byte {
	if v.Type() == moneyType {
		return append(b, events.Money(v.Int()).String()...)
	}
	switch v.Kind() {
	case reflect.String:
		return append(b, v.String()...)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	default:
		text, err := json.Marshal(v.Interface())
		if err != nil {
			return fmt.Append(b, v.Interface())
		}
		return append(b, text...)
	}
}
