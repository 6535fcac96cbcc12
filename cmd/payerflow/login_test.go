package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payerflow/connectors/kafka"
)

// TestDemoKeepsItsUsers: nobody comes in without a name; what the file says is
// good, stays good over a restart, and is for its owner alone.
func TestDemoKeepsItsUsers(t *testing.T) {
	dir := t.TempDir()
	p, _, flags := demo(t, dir, "--traffic=false")
	path := filepath.Join(dir, credentialsFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(err, info.Mode())
	}
	if !strings.Contains(p.output(), path) {
		t.Error("nothing says where the credentials are")
	}
	first, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range first.Kafka {
		if strings.Contains(p.output(), l.Password) {
			t.Error("a password is printed")
		}
	}
	diff := func(more ...string) (string, int) {
		_, stderr, code := cli(t, "", append(append([]string{"topics", "diff", "--dev"}, flags...), more...)...)
		return stderr, code
	}
	if stderr, code := diff(); code != exitOK {
		t.Errorf("the administrator: exit %d: %s", code, stderr)
	}
	if stderr, code := diff("--data-dir", t.TempDir()); code != exitUnavailable || !strings.Contains(stderr, "broker.sasl") {
		t.Errorf("nobody: exit %d: %s", code, stderr)
	}
	wrong := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(wrong, []byte("canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if stderr, code := diff("--kafka-user", "admin", "--kafka-password-file", wrong); code != exitUnavailable || strings.Contains(stderr, "canary") {
		t.Errorf("a wrong password: exit %d: %s", code, stderr)
	}
	p.terminate()
	_, _, flags = demo(t, dir, "--traffic=false")
	second, err := readCredentials(dir)
	if err != nil || second.Kafka[roleAdmin] != first.Kafka[roleAdmin] || second.Kafka[roleTeam] != first.Kafka[roleTeam] {
		t.Errorf("other users after a restart: %v", err)
	}
	if stderr, code := diff(); code != exitOK {
		t.Errorf("the administrator after a restart: exit %d: %s", code, stderr)
	}
}

func TestTeamCredentials(t *testing.T) {
	dir := t.TempDir()
	_, _, flags := demo(t, dir, "--traffic=false")
	made := func(args ...string) (l kafka.Login, stderr string, code int) {
		out, stderr, code := cli(t, "", append(append([]string{"team", "credentials", "-o", "json"}, args...), flags...)...)
		if code == exitOK {
			if err := json.Unmarshal([]byte(out), &l); err != nil {
				t.Fatal(err)
			}
		}
		return l, stderr, code
	}
	first, stderr, code := made("claims-analytics")
	if code != exitOK || first.Username != "team-claims-analytics" || len(first.Password) < 20 || first.Mechanism != kafka.Scram512 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if _, stderr, code := made("claims-analytics"); code != exitFailed || !strings.Contains(stderr, "--rotate") {
		t.Errorf("a second time: exit %d: %s", code, stderr)
	}
	if second, stderr, code := made("claims-analytics", "--rotate"); code != exitOK || second.Password == first.Password {
		t.Errorf("rotated: exit %d: %s", code, stderr)
	}
	if _, stderr, code := made("a.b"); code != exitUsage || !strings.Contains(stderr, "hyphens") {
		t.Errorf("a name with a dot: exit %d: %s", code, stderr)
	}
	rotated, stderr, code := made(demoTeam, "--rotate")
	if kept, err := readCredentials(dir); code != exitOK || err != nil || kept.Kafka[roleTeam] != rotated {
		t.Errorf("the demonstration's team: exit %d: %s, %v", code, stderr, err)
	}
}

func TestSameAddress(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"127.0.0.1:9092", "localhost:9092"}: true, {"[::1]:9092", "127.0.0.1:9092"}: true, {"h:1", "h:1"}: true,
		{"127.0.0.1:9092", "127.0.0.1:9093"}: false, {"kafka:9092", "127.0.0.1:9092"}: false, {"", ""}: false, {"127.0.0.1:9092", ""}: false,
	} {
		if sameAddress(pair[0], pair[1]) != want {
			t.Errorf("%v is not %t", pair, want)
		}
	}
}
