package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Redacted stands in the place of a secret.
const Redacted = "***REDACTED***"

// Print writes the effective configuration sorted by key, as yaml or json, without secrets.
// Where there is none, the YAML can be loaded again.
func Print(w io.Writer, c Config, format string) error {
	tree := koanf.New(".")
	if err := tree.Load(confmap.Provider(printable(reflect.ValueOf(c), keys), "."), nil); err != nil {
		return err
	}
	var text []byte
	var err error
	switch format {
	case "yaml":
		text, err = tree.Marshal(yaml.Parser())
	case "json":
		text, err = json.MarshalIndent(tree.Raw(), "", "  ")
		text = append(text, '\n')
	default:
		return fmt.Errorf("format is %q; legal: yaml, json", format)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// printable is what may be shown of a struct of sections: durations as text, secrets masked.
func printable(sections reflect.Value, fields []field) map[string]any {
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		value := sections.FieldByIndex(f.index).Interface()
		if d, ok := value.(time.Duration); ok {
			value = d.String()
		}
		switch f.secret {
		case "true":
			if !reflect.ValueOf(value).IsZero() { // that nothing is set is no secret
				value = Redacted
			}
		case "userinfo":
			value = maskUserinfo(fmt.Sprint(value))
		}
		out[f.key] = value
	}
	return out
}

// maskUserinfo hides the name and password of a URL, and all of one that cannot be read.
func maskUserinfo(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" && address != "" { // without a scheme, name:password@host has no host
		return Redacted
	}
	if u.User == nil {
		return address
	}
	u.User = nil
	return u.Scheme + "://" + Redacted + "@" + u.String()[len(u.Scheme+"://"):]
}
