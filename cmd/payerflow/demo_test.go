package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/api"
)

// testRate is what a build with the race detector keeps up with: lz4 takes a
// buffer of 4 MiB for each small batch, all of which the detector marks.
const testRate = "20"

// demo starts the demonstration on free ports.
func demo(t *testing.T, dir string, more ...string) (p *process, httpAddr string, flags []string) {
	t.Helper()
	p = spawn(t, append([]string{"demo", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--kafka-addr", "127.0.0.1:0", "--registry-addr", "127.0.0.1:0"}, more...)...)
	flags = []string{"--brokers", p.await(`(?m)^  broker +(\S+)`), "--registry", p.await(`(?m)^  registry +(\S+)`), "--data-dir", dir}
	httpAddr = p.await(`(?m)^  views +http://([^/]+)/`)
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	tokens.Store(httpAddr, c.Tokens[roleReader])
	within(t, time.Minute, "ready", func() bool { return get(t, "http://"+httpAddr+"/readyz", nil) == 200 })
	return p, httpAddr, flags
}

func TestDemoGoesOnWhereItEnded(t *testing.T) {
	dir := t.TempDir()
	p, addr, flags := demo(t, dir, "--rate", testRate)
	var page api.Rows
	within(t, time.Minute, "rows of made-up claims", func() bool {
		return get(t, "http://"+addr+"/v1/views/claim-status?limit=100", &page) == 200 && len(page.Rows) > 50
	})
	if _, stderr, code := cli(t, "", append([]string{"doctor", "--dev"}, flags...)...); code != 0 {
		t.Errorf("doctor: exit %d: %s", code, stderr)
	}
	for view, says := range map[string]string{"claim-status": "no row", "no-such-view": ""} {
		_, stderr, code := cli(t, "", "view", "get", view, "unknown-claim", "--wait", "0", "--url", "http://"+addr, "--data-dir", dir)
		if code != exitNotFound || !strings.Contains(stderr, says) || strings.Contains(stderr, "unknown-claim") {
			t.Errorf("an unknown row of %s: exit %d, says %q", view, code, stderr)
		}
	}
	p.terminate()
	if !strings.Contains(p.output(), "Stopped.") {
		t.Error("the demo does not say that it stopped")
	}
	p, addr, _ = demo(t, dir, "--traffic=false")
	for _, row := range page.Rows {
		var a api.Answer
		if code := get(t, "http://"+addr+"/v1/views/claim-status/"+row.Key, &a); code != 200 || a.Because.Count < row.Because.Count {
			t.Fatalf("a row of the first run is %d with %d events, it had %d", code, a.Because.Count, row.Because.Count)
		}
	}
	p.kill() // not in order
	_, addr, _ = demo(t, dir, "--traffic=false")
	for _, row := range page.Rows {
		if code := get(t, "http://"+addr+"/v1/views/claim-status/"+row.Key, nil); code != 200 {
			t.Fatalf("after kill -9 a row is %d", code)
		}
	}
}

func TestTakenPortNamesItsFlag(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, flag := range []string{"--http-addr", "--kafka-addr", "--registry-addr"} {
		args := []string{"demo", "--traffic=false", "--data-dir", t.TempDir()}
		for _, f := range []string{"--http-addr", "--kafka-addr", "--registry-addr"} {
			addr := "127.0.0.1:0"
			if f == flag {
				addr = ln.Addr().String()
			}
			args = append(args, f, addr)
		}
		_, stderr, code := cli(t, "", args...)
		if code != exitUnavailable || !strings.Contains(stderr, flag) || !strings.Contains(stderr, ln.Addr().String()) {
			t.Errorf("%s: exit %d, says %q", flag, code, stderr)
		}
	}
}

// TestReadme runs every command of the README that needs no cluster, in the
// order in which a newcomer meets them.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile(root(t, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(root(t, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, addr, flags := demo(t, t.TempDir(), "--rate", testRate)
	ran := commandsOf(t, string(b), string(makefile), addr, flags)
	if ran < 10 {
		t.Errorf("only %d commands found in the README", ran)
	}
}

// substituted is a command within a command: the one that prints a token.
var substituted = regexp.MustCompile(`-H "Authorization: Bearer \$\(bin/payerflow ([^)]*)\)"`)

// TestAfternoon runs the tutorial, command by command.
func TestAfternoon(t *testing.T) {
	b, err := os.ReadFile(root(t, "docs/afternoon.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, addr, flags := demo(t, t.TempDir(), "--rate", testRate)
	if ran := commandsOf(t, string(b), "", addr, flags); ran < 15 {
		t.Errorf("only %d commands found in the tutorial", ran)
	}
}

// TestAggregationsPage runs the commands of the page about aggregations.
func TestAggregationsPage(t *testing.T) {
	b, err := os.ReadFile(root(t, "docs/aggregations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, addr, flags := demo(t, t.TempDir(), "--rate", testRate)
	if ran := commandsOf(t, string(b), "", addr, flags); ran < 12 {
		t.Errorf("only %d commands found in the page", ran)
	}
	token, _, _ := cli(t, "", append([]string{"token", "print", "publisher"}, flags...)...)
	for i, verb := range []string{"Admitted", "Discharged"} {
		post(t, addr, strings.TrimSpace(token), fmt.Sprintf(`{"specversion":"1.0","id":"stay-2-%d","type":"Member-%s-Facility","source":"/ward","synthetic":false,"datacontenttype":"application/json","data":{"memberId":"canary"}}`, i, verb))
	}
	out, stderr, code := cli(t, "", append([]string{"sub", "pull", "demo/missed-follow-ups", "--wait", "20s", "-o", "json", "--url", "http://" + addr}, flags...)...)
	if code != 0 || !strings.Contains(out, "stay-2-1") || strings.Contains(out, "stay-1-1") || strings.Contains(out, "canary") {
		t.Errorf("exit %d, %s%s: want the second stay alone, without the member", code, out, stderr)
	}
}

// post publishes one CloudEvent.
func post(t *testing.T, addr, token, event string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+addr+"/v1/events", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/cloudevents+json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("the door answers %d", resp.StatusCode)
	}
}

// commandsOf runs the shell blocks of a page against a demonstration.
func commandsOf(t *testing.T, page, makefile, addr string, flags []string) (ran int) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for _, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			readmeLine(t, line, makefile, addr, flags)
			ran++
		}
	}
	return ran
}

func readmeLine(t *testing.T, line, makefile, addr string, flags []string) {
	t.Helper()
	given := ""
	if print := substituted.FindStringSubmatch(line); print != nil {
		token, stderr, code := cli(t, "", append(strings.Fields(print[1]), flags...)...)
		if code != 0 {
			t.Fatalf("%s: %s", print[0], stderr)
		}
		given = strings.TrimSpace(token)
	}
	words := strings.Fields(strings.ReplaceAll(line, "'", ""))
	switch words[0] {
	case "make":
		if !strings.Contains(makefile, "\n"+words[1]+":") {
			t.Errorf("%s: no such target", line)
		}
	case "curl":
		if _, err := exec.LookPath("curl"); err != nil {
			t.Logf("not run, there is no curl here: %s", line)
			return
		}
		command := substituted.ReplaceAllLiteralString(strings.Replace(line, "127.0.0.1:8080", addr, 1), `-H "Authorization: Bearer `+given+`"`)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "curl -f"+strings.TrimPrefix(command, "curl"))
		cmd.Dir = root(t, "")
		if out, err := cmd.CombinedOutput(); err != nil || !json.Valid(out) {
			t.Errorf("%s: %v %s", line, err, out)
		}
	case "bin/payerflow":
		args := append(words[1:len(words):len(words)], flags...)
		if slices.Contains([]string{"view", "engine", "type", "rule", "sub", "aggregation", "perm", "redact", "synthetic", "token"}, words[1]) {
			args = append(args, "--url", "http://"+addr)
		}
		for i, a := range args {
			if strings.HasPrefix(a, "testdata/") {
				args[i] = root(t, a)
			}
		}
		var out, stderr string
		for end := time.Now().Add(20 * time.Second); ; {
			var code int
			if out, stderr, code = cli(t, "", args...); code == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: exit %d: %s", line, code, stderr)
			}
		}
		if strings.TrimSpace(out) == "" {
			t.Errorf("%s: no output; %s", line, stderr)
		}
	case "payerflow": // needs a cluster: the end-to-end suite runs them
		if out, _, code := cli(t, "", words[1], "--help"); code != 0 || out == "" {
			t.Errorf("%s: no such command", line)
		}
	default:
		t.Errorf("%s: what is that", line)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version"}, exitOK, ""},
		{[]string{"--nonsense"}, exitUsage, "--help"},
		{[]string{"version", "-o", "xml"}, exitUsage, "table, json or yaml"},
		{[]string{"tail"}, exitUsage, "tail TOPIC"},
		{[]string{"view", "get", "claim-status"}, exitUsage, "VIEW KEY"},
		{[]string{"publish", "--file", "nowhere.ndjson"}, exitUsage, "nowhere.ndjson"},
		{[]string{"config", "print", "--config", "nowhere.yaml"}, exitUsage, "nowhere.yaml"},
		{[]string{"topics", "diff", "--brokers", "127.0.0.1:1"}, exitUnavailable, "no broker answers"},
		{[]string{"schemas", "list", "--registry", "http://127.0.0.1:1"}, exitUnavailable, ""},
		{[]string{"view", "get", "claim-status", "x", "--url", "http://127.0.0.1:1"}, exitUnavailable, "no server answers"},
		{[]string{"topology", "check"}, exitOK, ""},
	} {
		t.Run(fmt.Sprint(c.args), func(t *testing.T) {
			_, stderr, code := cli(t, "", c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("exit %d, want %d; says %q, want %q", code, c.code, stderr, c.says)
			}
		})
	}
}

func TestPublishReportsEveryFault(t *testing.T) {
	_, _, flags := demo(t, t.TempDir(), "--traffic=false")
	bad := `{"eventType":"CLAIM_SUBMITTED","claimId":"c1","memberId":"canary","totalBilledAmount":"ten","serviceDate":"yesterday"}`
	out, stderr, code := cli(t, bad, append([]string{"publish"}, flags...)...)
	if code != exitFailed {
		t.Errorf("exit %d: %s", code, out)
	}
	for _, want := range []string{"/totalBilledAmount", "/serviceDate", "/providerId", "/planId"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no fault at %s in %s", want, stderr)
		}
	}
	for _, value := range []string{"canary", "ten\"", "yesterday"} {
		if strings.Contains(stderr, value) {
			t.Errorf("a value is repeated in %s", stderr)
		}
	}
}
