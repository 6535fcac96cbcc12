package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"payerflow/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payerflow.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	set.String("addr", "", "")
	set.StringSlice("seeds", nil, "")
	set.Int("batch", 77, "")
	set.Duration("freshness", 0, "")
	set.Float64("rate", 0, "")
	set.Bool("traffic", false, "")
	set.String("unbound", "", "")
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return set
}

var flagKeys = map[string]string{
	"addr": "http.addr", "seeds": "broker.seeds", "batch": "engine.batch-records", "freshness": "engine.freshness",
	"rate": "demo.rate", "traffic": "demo.traffic", "absent": "log.level",
}

func TestNothingSaidIsDefault(t *testing.T) {
	for _, o := range []config.Options{
		{},
		{File: write(t, "")},
		{File: write(t, "broker:\nengine: {}\n")},
		{Environ: []string{"HOME=/", "PAYERFLOWER_X=1", "PAYERFLOW_LOCAL=/tmp"}},
		{Flags: flags(t), FlagKeys: flagKeys},
	} {
		got, err := config.Load(o)
		if err != nil || !reflect.DeepEqual(got, config.Default()) {
			t.Errorf("%+v: %+v, %v", o, got, err)
		}
	}
}

func TestPrecedence(t *testing.T) {
	got, err := config.Load(config.Options{
		File: write(t, `
broker: {seeds: ["file:1"], client-id: file}
engine: {batch-records: 1, batch-interval: 1ms, freshness: 1s}
demo: {rate: 5, seed: 18446744073709551615, traffic: true}
`),
		Environ: []string{
			"PAYERFLOW_BROKER_SEEDS=env:1, env:2", "PAYERFLOW_ENGINE_BATCH_RECORDS=2", "PAYERFLOW_ENGINE_FRESHNESS=2s",
			"PAYERFLOW_LOG_LEVEL=warn", "PAYERFLOW_LOG_LEVEL=debug",
		},
		Flags:    flags(t, "--seeds=flag:1,flag:2", "--freshness=3s", "--traffic=false", "--rate=7", "--unbound=x"),
		FlagKeys: flagKeys,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Broker.Seeds, want.Broker.ClientID = []string{"flag:1", "flag:2"}, "file"
	want.Engine.BatchRecords = 2
	want.Engine.BatchInterval = time.Millisecond
	want.Engine.Freshness = 3 * time.Second
	want.Demo.Rate, want.Demo.Seed, want.Demo.Traffic = 7, 1<<64-1, false
	want.Log.Level = "debug"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLoadFaults(t *testing.T) {
	for name, c := range map[string]struct {
		o    config.Options
		want []string
	}{
		"unknown keys in the file": {
			config.Options{File: write(t, "engine: {batch-record: 5}\nlogs: {level: info}\nfreshness: 5s\nbroker: {client-id: {a: b}}\n")},
			[]string{
				"payerflow.yaml: unknown key engine.batch-record; did you mean engine.batch-records?",
				"unknown key logs.level; did you mean log.level?", "unknown key freshness; did you mean engine.freshness?",
				"unknown key broker.client-id.a; did you mean broker.client-id?",
			},
		},
		"unknown names in the environment": {
			config.Options{Environ: []string{"PAYERFLOW_ENGINE_BATCHRECORDS=s3cret", "PAYERFLOW_=1"}},
			[]string{"environment: unknown name PAYERFLOW_ENGINE_BATCHRECORDS; did you mean PAYERFLOW_ENGINE_BATCH_RECORDS?", "unknown name PAYERFLOW_;"},
		},
		"flag bound to an unknown key": {
			config.Options{Flags: flags(t), FlagKeys: map[string]string{"addr": "http.adr"}},
			[]string{"flag --addr: unknown key http.adr; did you mean http.addr?"},
		},
		"bad values of every source, and an illegal one": {
			config.Options{
				File:    write(t, "engine: {freshness: 10}\nlog: {format: xml, level: }\n"),
				Environ: []string{"PAYERFLOW_DEMO_TRAFFIC=maybe"},
				Flags:   flags(t, "--batch=0"), FlagKeys: flagKeys,
			},
			[]string{
				`payerflow.yaml: engine.freshness is "10"; legal: a duration with its unit`, "payerflow.yaml: log.level has no value",
				`environment PAYERFLOW_DEMO_TRAFFIC: demo.traffic is "maybe"; legal: true or false`,
				`log.format is "xml"; legal: text, json`, "engine.batch-records is 0; legal: 1 to 1000000",
			},
		},
		"a value in the place of a section": {config.Options{File: write(t, "log: debug\n")}, []string{"log is a section but holds a value"}},
		"a file that is absent":             {config.Options{File: "absent.yaml"}, []string{"configuration file absent.yaml", "no such file"}},
		"a file that is no YAML":            {config.Options{File: write(t, "a: [\n")}, []string{"configuration file", "line"}},
		"a key twice":                       {config.Options{File: write(t, "log: {level: info, level: warn}\n")}, []string{"already defined"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load(c.o)
			if err == nil {
				t.Fatal("no fault")
			}
			if !reflect.DeepEqual(got, config.Config{}) {
				t.Error("a faulty configuration is returned")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("quotes the value of an unknown name:\n%v", err)
			}
			if n := strings.Count(err.Error(), "\n") + 1; strings.HasPrefix(name, "bad values") && n != len(c.want) {
				t.Errorf("%d faults, want %d:\n%v", n, len(c.want), err)
			}
		})
	}
}
