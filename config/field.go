package config

import (
	"fmt"
	"reflect"
	"strings"
)

const envPrefix = "PAYERFLOW_"

// field is one key of the configuration, as its struct tags declare it.
type field struct {
	key    string // engine.batch-records
	env    string // PAYERFLOW_ENGINE_BATCH_RECORDS
	secret string // "true": the whole value, "userinfo": the name and password in a URL
	typ    reflect.Type
	index  []int
}

// keys are all fields of Config in the order of declaration.
var keys = fieldsOf(reflect.TypeFor[Config]())

// fieldsOf reads the fields of a struct of sections.
func fieldsOf(sections reflect.Type) []field {
	var out []field
	for section := range sections.Fields() {
		out = append(out, within(section.Tag.Get("koanf"), section.Type, section.Index)...)
	}
	return out
}

// within reads the fields of a section, and of the sections in it.
func within(section string, typ reflect.Type, index []int) (out []field) {
	for f := range typ.Fields() {
		at := field{
			key:    section + "." + f.Tag.Get("koanf"),
			env:    f.Tag.Get("env"),
			secret: f.Tag.Get("secret"),
			typ:    f.Type,
			index:  append(append([]int{}, index...), f.Index...),
		}
		if f.Type.Kind() == reflect.Struct {
			out = append(out, within(at.key, f.Type, at.index)...)
		} else {
			out = append(out, at)
		}
	}
	return out
}

// envName is the rule that every env tag follows.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

func fieldByKey(key string) (field, bool) {
	for _, f := range keys {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func fieldByEnv(env string) (field, bool) {
	for _, f := range keys {
		if f.env == env {
			return f, true
		}
	}
	return field{}, false
}

func isSection(key string) bool {
	for _, f := range keys {
		if strings.HasPrefix(f.key, key+".") {
			return true
		}
	}
	return false
}

func keyNames() []string {
	out := make([]string, len(keys))
	for i, f := range keys {
		out[i] = f.key
	}
	return out
}

func envNames() []string {
	out := make([]string, len(keys))
	for i, f := range keys {
		out[i] = f.env
	}
	return out
}

// unknown is the fault of a name that nothing reads.
func unknown(source, what, got string, known []string) error {
	return fmt.Errorf("%s: unknown %s %s; did you mean %s?", source, what, got, nearest(got, known))
}
