package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"go.yaml.in/yaml/v3"

	"payerflow/internal/doctor"
)

// examined runs doctor and returns its findings by check.
func examined(t *testing.T, tg target, args ...string) (map[string]doctor.Finding, int) {
	t.Helper()
	out, stderr, code := cli(t, "", append(append([]string{"doctor", "-o", "json", "--data-dir", t.TempDir()}, args...), tg.flags()...)...)
	var all []doctor.Finding
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v: %s %s", err, out, stderr)
	}
	found := map[string]doctor.Finding{}
	for _, f := range all {
		if _, twice := found[f.Check]; twice {
			t.Errorf("two findings are named %s", f.Check)
		}
		found[f.Check] = f
	}
	if failed := doctor.Count(all, doctor.Fail); (code == exitDifferent) != (failed > 0) || (code == exitOK) != (failed == 0) {
		t.Errorf("exit %d with %d failed checks", code, failed)
	}
	return found, code
}

func TestDoctor(t *testing.T) {
	tg := servers(t)
	found, code := examined(t, tg, "--dev", "--probe")
	if code != exitOK {
		t.Fatalf("exit %d: %v", code, found)
	}
	for check, want := range map[string]doctor.State{
		"configuration": doctor.OK, "topology": doctor.OK, "partitioner": doctor.OK, "broker": doctor.OK, "cluster size": doctor.Warn,
		"consumer groups": doctor.OK, "transactions": doctor.OK, "transaction timeout": doctor.OK, "session timeout": doctor.OK, "producer": doctor.OK,
		"topics": doctor.OK, "partitions": doctor.OK, "replicas": doctor.OK, "min.insync.replicas": doctor.OK, "cleanup policy": doctor.OK,
		"retention": doctor.OK, "message size": doctor.OK, "compression": doctor.OK, "isolation": doctor.OK,
		"rights": doctor.OK, "rights on topics": doctor.OK, "rights on the cluster": doctor.OK, "rights on groups": doctor.OK, "rights on transactional ids": doctor.OK,
		"registry": doctor.OK, "registry mode": doctor.OK, "registry compatibility": doctor.OK, "schemas": doctor.OK, "clock": doctor.OK,
	} {
		if found[check].State != want {
			t.Errorf("%s: %+v, want %s", check, found[check], want)
		}
	}
	t.Run("small cluster", func(t *testing.T) { // without --dev
		found, code := examined(t, tg)
		if code != exitDifferent || found["cluster size"].State != doctor.Fail || found["isolation"].State != doctor.Skipped {
			t.Errorf("exit %d: %v", code, found)
		}
	})
	t.Run("timeouts", func(t *testing.T) {
		t.Setenv("PAYERFLOW_ENGINE_SESSION_TIMEOUT", "6m")
		found, code := examined(t, tg, "--dev")
		if code != exitDifferent || found["session timeout"].State != doctor.Fail {
			t.Errorf("exit %d: %v", code, found["session timeout"])
		}
	})
	t.Run("at-least-once", func(t *testing.T) {
		t.Setenv("PAYERFLOW_ENGINE_GUARANTEE", "at-least-once")
		found, code := examined(t, tg, "--dev", "--probe")
		if code != exitOK || found["transactions"].State != doctor.Skipped || found["isolation"].State != doctor.Skipped {
			t.Errorf("exit %d: %v", code, found)
		}
	})
	t.Run("formats", func(t *testing.T) {
		args := append([]string{"doctor", "--dev", "--data-dir", t.TempDir()}, tg.flags()...)
		out, _, _ := cli(t, "", args...)
		header, _, _ := strings.Cut(out, "\n")
		if fmt.Sprint(strings.Fields(header)) != "[CHECK STATE WHAT WAS FOUND WHAT TO DO]" {
			t.Errorf("the table begins %q", header)
		}
		out, _, _ = cli(t, "", append(args, "-o", "yaml")...)
		var all []map[string]string
		if err := yaml.Unmarshal([]byte(out), &all); err != nil || len(all) == 0 || all[0]["check"] != "configuration" {
			t.Errorf("YAML: %v: %s", err, out)
		}
	})
}

// TestDoctorFinds breaks one thing after the other on a broker of its own.
func TestDoctorFinds(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "") // never a broker of somebody else's
	tg := servers(t)
	admin := kadm.NewClient(tg.client(t))
	alter := func(topic, key, value string) {
		t.Helper()
		rs, err := admin.AlterTopicConfigs(context.Background(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
		if err != nil || rs[0].Err != nil {
			t.Fatal(err, rs)
		}
	}
	const topic = "claims.claim.submitted"
	alter("payerflow.members", "cleanup.policy", "compact,delete")
	alter(topic, "retention.ms", "1000000")
	alter(topic, "max.message.bytes", "1000")
	if _, err := admin.DeleteTopics(context.Background(), topic+".dlq"); err != nil {
		t.Fatal(err)
	}
	found, code := examined(t, tg, "--dev")
	if code != exitDifferent {
		t.Errorf("exit %d", code)
	}
	for check, names := range map[string]string{"cleanup policy": "payerflow.members", "retention": topic, "message size": topic, "topics": topic + ".dlq"} {
		if f := found[check]; f.State != doctor.Fail || !strings.Contains(f.Found, names) || !strings.Contains(f.Do, "topics apply") {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if _, stderr, code := cli(t, "", append([]string{"topics", "apply", "--dev"}, tg.flags()...)...); code != exitOK {
		t.Fatal(stderr)
	}
	if found, code := examined(t, tg, "--dev"); code != exitOK {
		t.Errorf("what doctor says to do does not help: %v", found)
	}
}

func TestDoctorWithoutServers(t *testing.T) {
	found, code := examined(t, target{brokers: "127.0.0.1:1", registry: "http://user:canary@127.0.0.1:1"}, "--probe")
	if code != exitDifferent || found["broker"].State != doctor.Fail || found["registry"].State != doctor.Fail || found["partitioner"].State != doctor.OK {
		t.Errorf("exit %d: %v", code, found)
	}
	if strings.Contains(fmt.Sprint(found), "canary") {
		t.Error("a password is shown")
	}
	out, _, code := cli(t, "", "doctor", "-o", "json", "--brokers", "127.0.0.1:1", "--registry", "http://127.0.0.1:1", "--data-dir", filepath.Join("/dev/null", "x"))
	if code != exitDifferent || !strings.Contains(out, "engine.data-dir") {
		t.Errorf("a data directory that cannot be: exit %d: %s", code, out)
	}
}

// TestDoctorAsSomebodyElse asks as a user who may do nothing, on a broker that
// tells everybody only what they may see.
func TestDoctorAsSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	_, _, flags := demo(t, dir, "--traffic=false")
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PAYERFLOW_BROKER_SASL_USERNAME", c.Kafka[roleTeam].Username)
	t.Setenv("PAYERFLOW_BROKER_SASL_PASSWORD", c.Kafka[roleTeam].Password)
	found, code := examined(t, target{brokers: flags[1], registry: flags[3]}, "--dev", "--probe")
	if code != exitDifferent || found["broker"].State != doctor.OK {
		t.Errorf("exit %d: %v", code, found["broker"])
	}
	for _, check := range []string{"rights on topics", "rights on groups", "rights on transactional ids", "isolation"} {
		if found[check].State != doctor.Fail {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	if found["rights on the cluster"].State != doctor.Warn {
		t.Errorf("cluster: %+v", found["rights on the cluster"])
	}
}
