package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEnvTagFollowsTheRule(t *testing.T) {
	seen := map[string]string{}
	for _, f := range keys {
		if want := envName(f.key); f.env != want {
			t.Errorf("%s has the env tag %q, want %q", f.key, f.env, want)
		}
		if before, twice := seen[f.env]; twice {
			t.Errorf("%s and %s share %s", before, f.key, f.env)
		}
		seen[f.env] = f.key
	}
}

func TestEveryTypeIsRead(t *testing.T) {
	for _, f := range keys {
		if _, legal := f.convert(nil); legal == "" {
			t.Errorf("%s: nothing says what is legal", f.key)
		}
		if !slices.Contains([]string{"", "true", "userinfo"}, f.secret) {
			t.Errorf("%s: secret tag %q is neither true nor userinfo", f.key, f.secret)
		}
		if f.secret != "" && f.typ.Kind() != reflect.String {
			t.Errorf("%s: only a text can be masked", f.key)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  string // a part of the fault, none where empty
	}{
		{"engine.batch-interval", "250ms", ""},
		{"engine.batch-interval", 250, `engine.batch-interval is "250"; legal: a duration with its unit`},
		{"engine.batch-interval", "250", "a duration with its unit"},
		{"engine.batch-records", 7, ""},
		{"engine.batch-records", "7", ""},
		{"engine.batch-records", 7.5, "a whole number"},
		{"engine.batch-records", true, "a whole number"},
		{"engine.batch-records", nil, "engine.batch-records has no value"},
		{"demo.seed", uint64(1 << 63), ""},
		{"demo.seed", -1, "a whole number from 0"},
		{"demo.rate", 7, ""},
		{"demo.rate", "fast", `demo.rate is "fast"; legal: a number`},
		{"demo.traffic", "false", ""},
		{"demo.traffic", "no", "true or false"},
		{"broker.client-id", 12, "put quotes round"},
		{"broker.seeds", "a:1, b:2", ""},
		{"broker.seeds", []any{"a:1", "b:2"}, ""},
		{"broker.seeds", []any{"a:1", 2}, "a list of texts"},
		{"broker.seeds", 7, "a list of texts"},
		{"registry.url", 8081, "registry.url cannot be read"},
	} {
		f, _ := fieldByKey(c.key)
		got, err := f.parse("here", c.value)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s from %v: %v", c.key, c.value, err)
		case c.want == "" && reflect.TypeOf(got) != f.typ:
			t.Errorf("%s from %v is a %T, want %s", c.key, c.value, got, f.typ)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s from %v: fault %v, want %q", c.key, c.value, err, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for got, want := range map[string]string{
		"engine.batch-record":  "engine.batch-records",
		"engine.batchRecords":  "engine.batch-records",
		"freshness":            "engine.freshness",
		"brokers.seed":         "broker.seeds",
		"demo.kafka_addr":      "demo.kafka-addr",
		"HTTP.Addr":            "http.addr",
		"registry.url.default": "registry.url",
	} {
		if n := nearest(got, keyNames()); n != want {
			t.Errorf("nearest to %s is %s, want %s", got, n, want)
		}
	}
	for pair, want := range map[[2]string]int{{"", ""}: 0, {"", "abc"}: 3, {"kitten", "sitting"}: 3, {"ab", "ba"}: 2} {
		if d := distance(pair[0], pair[1]); d != want {
			t.Errorf("distance of %q is %d, want %d", pair, d, want)
		}
	}
}
