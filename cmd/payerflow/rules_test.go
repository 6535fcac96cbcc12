package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payerflow/api"
)

// written writes a file for a command.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const pcpChange = `parts: [Member, PCP, Change]
owner: membership
doc: A member has another primary care provider.
keyField: /memberId
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  properties: {memberId: {type: string}, pcp: {type: string}}
  required: [memberId]
  additionalProperties: false
sample: {memberId: m1, pcp: p1}
fields:
  - {pointer: /memberId, class: PII}
`

// TestRulesOnTheCommandLine goes through the life of rows against a worker on
// the suite's brokers.
func TestRulesOnTheCommandLine(t *testing.T) {
	tg := servers(t)
	dir := t.TempDir()
	w, base := tg.worker(t, dir)
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	team := "care-" + time.Now().Format("150405") // topics outlive the test on a cluster
	says := func(code int, want string, args ...string) string {
		t.Helper()
		out, stderr, got := cli(t, "", append(args, "--url", base)...)
		if got != code || !strings.Contains(out+stderr, want) {
			t.Fatalf("%v: exit %d, want %d with %q\n%s%s", args, got, code, want, out, stderr)
		}
		return out
	}
	says(0, "Member-PCP-Change", "type", "apply", "-f", written(t, "type.yaml", pcpChange), "--why", "first")
	says(0, "2", "type", "classify", "Member-PCP-Change", "/pcp=PHI")
	says(0, "Member-PCP-Change", "type", "list", "-q", "pcp")
	says(0, "class: PHI", "type", "get", "Member-PCP-Change", "-o", "yaml")
	says(0, `"asyncapi": "3.0.0"`, "type", "export", "--asyncapi")
	says(0, "CLAIM_", "perm", "grant", team, "PII", "--types", "CLAIM_*,Member-*")
	if seen := says(0, "m1", "redact", "preview", "--as", team, "--type", "Member-PCP-Change"); strings.Contains(seen, "p1") {
		t.Errorf("the preview shows what the team may not see: %s", seen)
	}
	sub := written(t, "sub.yaml", "team: "+team+"\nname: members\neventTypes: [Member-*]\n")
	says(0, team+"/members", "sub", "apply", "-f", sub)
	says(0, "2", "sub", "apply", "-f", sub)
	says(1, "STILL_ACTIVE", "sub", "delete", team+"/members")
	says(0, "PAUSED", "sub", "pause", team+"/members")
	says(0, "Deleted", "sub", "delete", team+"/members")
	says(3, "ROW_NOT_FOUND", "sub", "get", team+"/members")
	says(0, "Deleted", "sub", "delete-topic", team+"/members")
	says(0, "large", "rule", "apply", "-f", written(t, "rule.json", `{"team":"`+team+`","name":"large","eventTypes":["CLAIM_*"],"condition":""}`))
	says(1, "INVALID_NAME /eventTypes/0", "rule", "apply", "-f", written(t, "rule.json", `{"team":"`+team+`","name":"bad","eventTypes":["a b"]}`))
	grace := written(t, "grace.yaml", "plan: "+team+"\neffective: 2026-07-01\ndays: 31\n")
	says(0, "0 of 0 members would stand otherwise", "grace", "test", "-f", grace)
	says(0, team+"/2026-07-01", "grace", "apply", "-f", grace, "--why", "state law")
	says(0, "America/New_York", "grace", "get", team+"/2026-07-01")
	says(0, "31", "grace", "list", "-q", team)
	says(1, "INVALID_VALUE /zone", "grace", "apply", "-f", written(t, "grace.yaml", "plan: "+team+"\neffective: 2026-08-01\nzone: Nowhere\n"))
	says(0, "Deleted", "grace", "delete", team+"/2026-07-01")
	says(2, "no rows", "rule", "apply", "-f", written(t, "rule.json", `[`))

	var made madeToken
	if err := json.Unmarshal([]byte(says(0, "pf_", "token", "create", "--team", team, "--read", "claim-status", "--expires", "1h", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	says(0, "KEY", "view", "list", "claim-status", "--token", made.Token)
	says(1, "FORBIDDEN", "view", "list", "sla", "--token", made.Token)
	says(1, "FORBIDDEN", "perm", "grant", team, "PHI", "--token", made.Token)
	says(0, "revoked: true", "token", "revoke", made.Name, "-o", "yaml")
	says(1, "INVALID_TOKEN", "view", "list", "claim-status", "--token", made.Token)
	if list := says(0, made.Name, "token", "list", "-o", "json"); strings.Contains(list, made.Token[24:]) {
		t.Error("a list shows a token")
	}
	says(5, "already", "token", "bootstrap", "--brokers", tg.brokers, "--registry", tg.registry)
	w.terminate()
	for _, secret := range []string{made.Token[24:], tg.token[24:]} {
		if strings.Contains(w.output(), secret) {
			t.Error("the log shows a token")
		}
	}
}

func TestWithoutAToken(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	tokens.Delete(strings.TrimPrefix(base, "http://"))
	var p api.Problem
	within(t, time.Minute, "an answer by fresh rules", func() bool { return get(t, base+"/v1/views", &p) == 401 })
	if p.Code != "TOKEN_MISSING" {
		t.Errorf("%+v", p)
	}
	t.Setenv(tokenEnv, "")
	if _, stderr, code := cli(t, "", "view", "list", "claim-status", "--url", base, "--data-dir", t.TempDir()); code != exitFailed || !strings.Contains(stderr, "--token") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestWorkerWantsASecret: no secret, one that others may read, or a short one.
func TestWorkerWantsASecret(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{"none": {"", 0, "head -c 32"}, "open": {strings.Repeat("s", 32), 0o644, "chmod 600"}, "short": {"short", 0o600, "it needs 32"}} {
		path := filepath.Join(t.TempDir(), "secret")
		if c.mode != 0 {
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PAYERFLOW_SECURITY_SECRET_FILE", path)
		_, stderr, code := cli(t, "", "worker", "--data-dir", t.TempDir(), "--http-addr", "127.0.0.1:0", "--brokers", "127.0.0.1:1")
		if code != exitUsage || !strings.Contains(stderr, c.says) || c.text != "" && strings.Contains(stderr, c.text+" ") {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
}

func TestDemoCredentialsArePrivate(t *testing.T) {
	dir := t.TempDir()
	p, addr, _ := demo(t, dir, "--traffic=false")
	first, err := readCredentials(dir)
	if err != nil || len(first.Tokens) != 4 {
		t.Fatalf("%d tokens, %v", len(first.Tokens), err)
	}
	for _, file := range []string{credentialsFile, "secret"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	for role, want := range map[string]map[string]int{
		roleAdmin:      {"/v1/views/mediator-rules?limit=1": 200, "/v1/tokens": 200},
		roleReader:     {"/v1/views/claim-status?limit=1": 200, "/v1/views/mediator-rules?limit=1": 403},
		roleSubscriber: {"/v1/views/claim-status?limit=1": 403, "/v1/event-types?limit=1": 200},
		rolePublisher:  {"/v1/views/claim-status?limit=1": 403},
	} {
		tokens.Store(addr, first.Tokens[role])
		for path, status := range want {
			within(t, time.Minute, role+" "+path, func() bool { return get(t, "http://"+addr+path, nil) == status })
		}
	}
	p.terminate()
	for role, token := range first.Tokens {
		if strings.Contains(p.output(), token[24:]) {
			t.Errorf("the log shows the token of %s", role)
		}
	}
	_, addr, _ = demo(t, dir, "--traffic=false")
	again, err := readCredentials(dir)
	if err != nil || again.Tokens[roleAdmin] != first.Tokens[roleAdmin] {
		t.Error("the next start makes other tokens")
	}
	if code := get(t, "http://"+addr+"/v1/views", nil); code != 200 {
		t.Errorf("%d with the token of the first start", code)
	}
	if out, _, code := cli(t, "", "token", "print", "reader", "--data-dir", dir); code != 0 || strings.TrimSpace(out) != first.Tokens[roleReader] {
		t.Errorf("print: exit %d", code)
	}
	if _, stderr, code := cli(t, "", "token", "print", "king", "--data-dir", dir); code != exitUsage {
		t.Errorf("print king: exit %d %s", code, stderr)
	}
}
