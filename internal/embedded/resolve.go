package embedded

import (
	"fmt"
	"slices"

	"github.com/hamba/avro/v2"
)

// canRead says why a reader's schema cannot resolve data of a writer's, by the
// rules of "Schema Resolution" in the Avro 1.12 specification; nil means that
// every datum the writer can produce is readable.
//
// The library's own check is not used: it remembers answers under fingerprints
// that leave defaults and aliases out, takes the first of name and alias in the
// writer's order, and looks at no logical type. Two rules are stricter than the
// specification's letter, where data would change meaning in silence: logical
// types that differ on both sides do not match, and a writer's field feeds one
// reader's field only.
func canRead(reader, writer avro.Schema) error {
	return resolution{}.check(reader, writer, "")
}

// resolution remembers the pairs it has met, which ends recursive types: a pair
// that is being checked is assumed to match until a difference shows elsewhere.
type resolution map[[2]avro.Schema]error

func (r resolution) check(reader, writer avro.Schema, path string) error {
	reader, writer = target(reader), target(writer)
	pair := [2]avro.Schema{reader, writer}
	if err, met := r[pair]; met {
		return err
	}
	r[pair] = nil
	err := r.compare(reader, writer, path)
	r[pair] = err
	return err
}

func (r resolution) compare(reader, writer avro.Schema, path string) error {
	if union, ok := writer.(*avro.UnionSchema); ok {
		for _, branch := range union.Types() {
			if err := r.check(reader, branch, path); err != nil {
				return err
			}
		}
		return nil
	}
	if union, ok := reader.(*avro.UnionSchema); ok {
		branch := chosen(union, writer)
		if branch == nil {
			return mismatch(path, "the reader's union has no %s", describe(writer))
		}
		return r.check(branch, writer, path)
	}
	if !matches(reader, writer) {
		return mismatch(path, "the reader has %s, the writer %s", describe(reader), describe(writer))
	}
	if err := sameMeaning(reader, writer, path); err != nil {
		return err
	}
	switch read := reader.(type) {
	case *avro.ArraySchema:
		return r.check(read.Items(), writer.(*avro.ArraySchema).Items(), path+"/items")
	case *avro.MapSchema:
		return r.check(read.Values(), writer.(*avro.MapSchema).Values(), path+"/values")
	case *avro.FixedSchema:
		if have := writer.(*avro.FixedSchema).Size(); have != read.Size() {
			return mismatch(path, "fixed %s has %d bytes for the reader, %d for the writer", read.FullName(), read.Size(), have)
		}
	case *avro.EnumSchema:
		return symbols(read, writer.(*avro.EnumSchema), path)
	case *avro.RecordSchema:
		return r.fields(read, writer.(*avro.RecordSchema), path)
	}
	return nil
}

// symbols: a symbol that the reader lacks becomes its default, if it has one.
func symbols(reader, writer *avro.EnumSchema, path string) error {
	if reader.HasDefault() {
		return nil
	}
	for _, s := range writer.Symbols() {
		if !slices.Contains(reader.Symbols(), s) {
			return mismatch(path, "enum %s lacks the writer's symbol %s and has no default", reader.FullName(), s)
		}
	}
	return nil
}

// fields pairs fields by name, then by the reader's aliases. A reader's field
// with no counterpart needs a default; a writer's is skipped.
func (r resolution) fields(reader, writer *avro.RecordSchema, path string) error {
	byName := map[string]*avro.Field{}
	for _, f := range writer.Fields() {
		byName[f.Name()] = f
	}
	taken := map[string]string{} // writer's field -> reader's field
	for _, f := range reader.Fields() {
		at := path + "/fields/" + f.Name()
		from, ok := byName[f.Name()]
		for _, alias := range f.Aliases() {
			if other, has := byName[alias]; has && !ok {
				from, ok = other, true
			}
		}
		if !ok {
			if !f.HasDefault() {
				return mismatch(at, "the writer has no such field and the reader no default")
			}
			continue
		}
		if by, twice := taken[from.Name()]; twice {
			return mismatch(at, "fields %s and %s both take the writer's %s", by, f.Name(), from.Name())
		}
		taken[from.Name()] = f.Name()
		if err := r.check(f.Type(), from.Type(), at); err != nil {
			return err
		}
	}
	return nil
}

// chosen is the branch of a reader's union that decodes a writer's type: the
// one with the same full name or primitive type, else the first that matches.
func chosen(union *avro.UnionSchema, writer avro.Schema) avro.Schema {
	var first avro.Schema
	for _, branch := range union.Types() {
		branch = target(branch)
		if !matches(branch, writer) {
			continue
		}
		if typeName(branch) == typeName(writer) {
			return branch
		}
		if first == nil {
			first = branch
		}
	}
	return first
}

// matches looks at the outermost type only.
func matches(reader, writer avro.Schema) bool {
	if reader.Type() != writer.Type() {
		return slices.Contains(promotions[writer.Type()], reader.Type())
	}
	read, named := reader.(avro.NamedSchema)
	if !named {
		return true
	}
	wrote := writer.(avro.NamedSchema)
	return read.Name() == wrote.Name() || slices.Contains(read.Aliases(), wrote.FullName())
}

// promotions lists what a primitive may be read as, besides itself.
var promotions = map[avro.Type][]avro.Type{
	avro.Int:    {avro.Long, avro.Float, avro.Double},
	avro.Long:   {avro.Float, avro.Double},
	avro.Float:  {avro.Double},
	avro.String: {avro.Bytes},
	avro.Bytes:  {avro.String},
}

// sameMeaning compares logical types where both sides have one: a decimal of
// another scale, or micros read as millis, decodes to a wrong value.
func sameMeaning(reader, writer avro.Schema, path string) error {
	read, wrote := logicalName(reader), logicalName(writer)
	if read != "" && wrote != "" && read != wrote {
		return mismatch(path, "the reader has %s, the writer %s", read, wrote)
	}
	return nil
}

func logicalName(s avro.Schema) string {
	if has, ok := s.(avro.LogicalTypeSchema); ok && has.Logical() != nil {
		if d, ok := has.Logical().(*avro.DecimalLogicalSchema); ok {
			return fmt.Sprintf("decimal(%d,%d)", d.Precision(), d.Scale())
		}
		return string(has.Logical().Type())
	}
	if has, ok := s.(avro.PropertySchema); ok {
		name, _ := has.Prop("logicalType").(string)
		return name
	}
	return ""
}

func target(s avro.Schema) avro.Schema {
	if ref, ok := s.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return s
}

func typeName(s avro.Schema) string {
	if named, ok := s.(avro.NamedSchema); ok {
		return named.FullName()
	}
	return string(s.Type())
}

func describe(s avro.Schema) string {
	if named, ok := s.(avro.NamedSchema); ok {
		return string(s.Type()) + " " + named.FullName()
	}
	return string(s.Type())
}

func mismatch(path, format string, args ...any) error {
	if path == "" {
		path = "/"
	}
	return fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
}
