package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// parse turns a value as a source gives it (text from the environment and the flags, YAML's own kinds from the file)
// into the field's type. The fault quotes the value unless the field is secret.
func (f field) parse(source string, value any) (any, error) {
	got, legal := f.convert(value)
	if got != nil {
		return got, nil
	}
	wrong := fmt.Sprintf("is %q", fmt.Sprint(value))
	switch {
	case value == nil:
		wrong = "has no value"
	case f.secret != "":
		wrong = "cannot be read"
	}
	return nil, fmt.Errorf("%s: %w", source, fault(f.key, wrong, legal))
}

// convert returns the value in the field's type, or nil and what would be legal.
func (f field) convert(value any) (any, string) {
	switch f.typ {
	case reflect.TypeFor[time.Duration]():
		return duration(value), "a duration with its unit, such as 100ms, 10s or 2m"
	case reflect.TypeFor[[]string]():
		return list(value), "a list of texts; in the environment, separated by commas"
	case reflect.TypeFor[string]():
		return text(value), "a text; in YAML, put quotes round a number, true or false"
	case reflect.TypeFor[bool]():
		return number(value, strconv.ParseBool), "true or false"
	case reflect.TypeFor[int]():
		return number(value, strconv.Atoi), "a whole number"
	case reflect.TypeFor[uint64]():
		return number(value, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }), "a whole number from 0"
	case reflect.TypeFor[float64]():
		return number(value, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }), "a number"
	}
	panic(fmt.Sprintf("%s: fields of type %s cannot be read yet", f.key, f.typ)) // TestEveryTypeIsRead finds it
}

func text(value any) any {
	if s, ok := value.(string); ok {
		return s
	}
	return nil
}

func duration(value any) any {
	if s, ok := value.(string); ok {
		if d, err := time.ParseDuration(strings.TrimSpace(s)); err == nil {
			return d
		}
	}
	return nil
}

// number reads text, and YAML's numbers and booleans by way of their text.
func number[T any](value any, read func(string) (T, error)) any {
	switch value.(type) {
	case string, bool, int, int64, uint64, float64:
		if n, err := read(strings.TrimSpace(fmt.Sprint(value))); err == nil {
			return n
		}
	}
	return nil
}

// list reads one text with commas, or YAML's list of texts. Blanks round an entry are dropped.
func list(value any) any {
	out := []string{}
	switch v := value.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return out
		}
		for entry := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(entry))
		}
	case []string:
		out = append(out, v...)
	case []any:
		for _, entry := range v {
			s, ok := entry.(string)
			if !ok {
				return nil
			}
			out = append(out, strings.TrimSpace(s))
		}
	default:
		return nil
	}
	return out
}
