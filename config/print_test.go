package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
)

func TestReferenceIsDefaultAndComplete(t *testing.T) {
	got, err := Load(Options{File: "reference.yaml"})
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, Default())
	}
	tree, err := yaml.Parser().Unmarshal([]byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range keys {
		path := strings.Split(f.key, ".")
		below, leaf := tree, path[len(path)-1]
		for _, section := range path[:len(path)-1] {
			below, _ = below[section].(map[string]any)
		}
		if _, present := below[leaf]; !present {
			t.Errorf("%s is absent", f.key)
		}
		if want := "# " + f.env + "\n" + strings.Repeat("  ", len(path)-1) + leaf + ":"; !strings.Contains(Reference(), want) {
			t.Errorf("the name in the environment does not stand above the key: %q", want)
		}
	}
}

func TestPrintedYAMLLoadsAgain(t *testing.T) {
	want := Default()
	want.Broker.Seeds = []string{"a:1", "b:2"}
	want.Broker.ClientID = "007"
	want.Engine.DataDir = "true"
	want.Engine.Freshness = 90*time.Second + 500*time.Millisecond
	want.Demo = Demo{KafkaAddr: ":0", RegistryAddr: "[::1]:0", Rate: 0.25, Seed: 1<<64 - 1}
	var out bytes.Buffer
	if err := Print(&out, want, "yaml"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(Options{File: path}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%s\ngot  %+v\nwant %+v", err, out.String(), got, want)
	}
}

func TestPrintJSON(t *testing.T) {
	var out bytes.Buffer
	if err := Print(&out, Default(), "json"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Engine map[string]any
		Broker struct{ Seeds []string }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Engine["batch-interval"] != "100ms" || got.Engine["batch-records"] != 10000.0 || len(got.Broker.Seeds) != 1 {
		t.Errorf("got %s", out.String())
	}
	if err := Print(&out, Default(), "toml"); err == nil || !strings.Contains(err.Error(), "legal: yaml, json") {
		t.Errorf("fault %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := Default()
	c.Broker.SASL = SASL{Mechanism: SASLScram512, Username: "worker", Password: "s3cret"}
	c.Registry.URL = "https://somebody:s3cret@registry.example:8081/apis/ccompat/v7"
	var out bytes.Buffer
	for _, format := range []string{"yaml", "json"} {
		if err := Print(&out, c, format); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&out, "%v %+v %s %#v %v", c, c, c.Registry, &c, c.Broker.SASL)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("configuration", "config", c)
	if s := out.String(); strings.Contains(s, "s3cret") || strings.Contains(s, "somebody") {
		t.Errorf("a secret is printed:\n%s", s)
	}
	if n := strings.Count(out.String(), "https://"+Redacted+"@registry.example:8081/apis/ccompat/v7"); n != 7 {
		t.Errorf("%d of 7 masked addresses:\n%s", n, out.String())
	}
	for address, want := range map[string]string{"http://h": "http://h", "http://s3cret@h/p": "http://" + Redacted + "@h/p", "http://s3cret@h:x": Redacted, "u:s3cret@h": Redacted, "": ""} {
		if got := maskUserinfo(address); got != want {
			t.Errorf("%s is masked as %s, want %s", address, got, want)
		}
	}
}

func TestSecretTagMasks(t *testing.T) {
	type section struct {
		Password string `koanf:"password" secret:"true"`
		Unset    string `koanf:"unset" secret:"true"`
	}
	type sections struct {
		Login section `koanf:"login"`
	}
	got := printable(reflect.ValueOf(sections{section{Password: "s3cret"}}), fieldsOf(reflect.TypeFor[sections]()))
	if want := map[string]any{"login.password": Redacted, "login.unset": ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	f := field{key: "login.password", secret: "true", typ: reflect.TypeFor[string]()}
	if _, err := f.parse("file", []any{"s3cret"}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("fault %v", err)
	}
}
