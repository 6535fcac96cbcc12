package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Options are the sources of a configuration, lowest precedence first. Each may be left out.
type Options struct {
	File     string            // path of a YAML file
	Environ  []string          // NAME=value, as os.Environ gives it; names without the prefix PAYERFLOW_ are passed over
	Flags    *pflag.FlagSet    // only flags that were set count
	FlagKeys map[string]string // flag name to key; other flags are passed over
}

// elsewhere are names with the prefix that are read by something else than this package.
var elsewhere = []string{
	"PAYERFLOW_LOCAL", // deploy/local: where the servers for tests keep their state
	"PAYERFLOW_TOKEN", // commands that ask a server: a secret that no file holds and nothing prints
}

// Load reads all sources over the defaults and validates the result. It returns every fault at once; each names the
// source, the key, and what is legal. An unknown key, or an unknown name with the prefix PAYERFLOW_, is a fault.
func Load(o Options) (Config, error) {
	l := &layers{merged: koanf.New(".")}
	l.add(valuesOf(Default()))
	l.file(o.File)
	l.environ(o.Environ)
	l.flags(o.Flags, o.FlagKeys)

	var c Config
	if err := l.merged.Unmarshal("", &c); err != nil {
		l.fail(fmt.Errorf("configuration: %w", err))
	}
	l.fail(c.Validate())
	if err := errors.Join(l.faults...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// layers gathers the sources. A value that cannot be read leaves the one below in place, so that all faults are found.
type layers struct {
	merged *koanf.Koanf
	faults []error
}

func (l *layers) fail(err error) {
	if err != nil {
		l.faults = append(l.faults, err)
	}
}

func (l *layers) add(values map[string]any) {
	l.fail(l.merged.Load(confmap.Provider(values, "."), nil))
}

// set reads one value of one source into values.
func (l *layers) set(values map[string]any, source string, f field, value any) {
	got, err := f.parse(source, value)
	if err != nil {
		l.fail(err)
		return
	}
	values[f.key] = got
}

func (l *layers) file(path string) {
	if path == "" {
		return
	}
	raw := koanf.New(".")
	if err := raw.Load(file.Provider(path), yaml.Parser()); err != nil {
		l.fail(fmt.Errorf("configuration file %s: %w", path, err))
		return
	}
	values := map[string]any{}
	for _, key := range raw.Keys() {
		value := raw.Get(key)
		f, known := fieldByKey(key)
		switch {
		case known:
			l.set(values, path, f, value)
		case isSection(key) && isEmpty(value): // a section with every key commented out
		case isSection(key):
			l.fail(fmt.Errorf("%s: %w", path, fault(key, "is a section but holds a value", "keys below it, such as "+nearest(key, keyNames()))))
		default:
			l.fail(unknown(path, "key", key, keyNames()))
		}
	}
	l.add(values)
}

func isEmpty(value any) bool {
	m, ok := value.(map[string]any)
	return value == nil || ok && len(m) == 0
}

func (l *layers) environ(environ []string) {
	if environ == nil {
		return
	}
	values := map[string]any{}
	read := func(name, value string) (string, any) {
		if slices.Contains(elsewhere, name) {
			return "", nil
		}
		f, known := fieldByEnv(name)
		if !known {
			l.fail(unknown("environment", "name", name, envNames()))
			return "", nil
		}
		l.set(values, "environment "+name, f, value)
		return "", nil // what was read is in values
	}
	_, err := env.Provider(".", env.Opt{
		Prefix: envPrefix, TransformFunc: read, EnvironFunc: func() []string { return environ },
	}).Read()
	l.fail(err)
	l.add(values)
}

func (l *layers) flags(set *pflag.FlagSet, flagKeys map[string]string) {
	if set == nil {
		return
	}
	values := map[string]any{}
	read := func(flag *pflag.Flag) (string, any) {
		key, bound := flagKeys[flag.Name]
		if !bound {
			return "", nil
		}
		f, known := fieldByKey(key)
		if !known {
			l.fail(unknown("flag --"+flag.Name, "key", key, keyNames()))
			return "", nil
		}
		if flag.Changed {
			l.set(values, "flag --"+flag.Name, f, flagValue(flag))
		}
		return "", nil
	}
	_, err := posflag.ProviderWithFlag(set, ".", l.merged, read).Read()
	l.fail(err)
	l.add(values)
}

// flagValue is the flag's text, or its entries where it takes several.
func flagValue(flag *pflag.Flag) any {
	if several, ok := flag.Value.(pflag.SliceValue); ok {
		return several.GetSlice()
	}
	return flag.Value.String()
}

// valuesOf is the configuration as keys and values.
func valuesOf(c Config) map[string]any {
	v, out := reflect.ValueOf(c), make(map[string]any, len(keys))
	for _, f := range keys {
		out[f.key] = v.FieldByIndex(f.index).Interface()
	}
	return out
}
