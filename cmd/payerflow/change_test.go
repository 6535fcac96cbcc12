package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/api/rules"
	"payerflow/processors"
)

// pageOf are the files and the commands of a page.
func pageOf(t *testing.T, page, dir string) (script string) {
	t.Helper()
	text, err := os.ReadFile(root(t, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```(yaml|sh)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "sh" {
			script += block[2]
			continue
		}
		first, _, _ := strings.Cut(block[2], "\n")
		name, named := strings.CutPrefix(first, "# file: ")
		if !named {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return script
}

// TestChangePage runs every command of docs/change.md, in order, in a shell.
func TestChangePage(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	if !published(base, tg.token, "page", 0, 20, func(i int) string { return fmt.Sprint("c", i) }) {
		t.Fatal("the door took nothing")
	}
	dir := t.TempDir()
	script := pageOf(t, "docs/change.md", dir)
	if n := strings.Count(script, "payerflow "); n < 25 {
		t.Fatalf("%d commands", n)
	}
	bin := fmt.Sprintf("#!/bin/sh\nexec env %s=1 %q \"$@\"\n", runAsCLI, os.Args[0])
	if err := os.WriteFile(filepath.Join(dir, "payerflow"), []byte(bin), 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-exc", script)
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PAYERFLOW_HTTP_ADDR="+strings.TrimPrefix(base, "http://"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"PROPOSED", "APPROVED", "ACTIVE", "WOULD GET", "wants 1 approvals", "0 to create, 0 to change", "20 events"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestDryRunIsWhatHappens: two workers, a proposal that is tried on recorded
// events, the same events again once it is in force.
func TestDryRunIsWhatHappens(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	_, second := tg.worker(t, t.TempDir())
	for _, b := range []string{base, second} {
		within(t, time.Minute, "ready", func() bool { return get(t, b+"/readyz", nil) == 200 })
	}
	team := "dry-" + time.Now().Format("150405")
	says := func(code int, into any, args ...string) string {
		t.Helper()
		out, stderr, got := cli(t, "", append(args, "--url", base)...)
		if got == exitUnavailable && strings.Contains(stderr, "try again") {
			within(t, time.Minute, "an answer", func() bool {
				out, stderr, got = cli(t, "", append(args, "--url", base)...)
				return got != exitUnavailable
			})
		}
		if got != code {
			t.Fatalf("%v: exit %d, want %d\n%s%s", args, got, code, out, stderr)
		}
		if into != nil {
			if err := json.Unmarshal([]byte(out), into); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
		}
		return out + stderr
	}
	const n = 60
	claim := func(i int) string { return fmt.Sprintf("CANARY-%s-%d", team, i) }
	if !published(base, tg.token, team+"-a", 0, n, claim) {
		t.Fatal("the door took nothing")
	}
	change := written(t, "change.yaml", "kind: subscription\nteam: "+team+"\nname: some\n---\nkind: routing-rule\nteam: "+team+
		"\nname: third\neventTypes: [CLAIM_SUBMITTED]\ncondition: 'body.claimType == \"PROFESSIONAL\"'\ndestination: "+team+"/some\n---\nkind: permission\nteam: "+team+"\nclass: PHI\n")
	var p shownProposal
	says(0, &p, "change", "propose", "-f", change, "--why", "to see", "-o", "json")
	var tried processors.Compared
	says(0, &tried, "change", "test", p.Name, "--since", "1h", "-o", "json")
	// A cluster has subscriptions of other tests.
	tried.Subscriptions = slices.DeleteFunc(tried.Subscriptions, func(s processors.ComparedSubscription) bool { return s.Name != team+"/some" })
	if text, _ := json.Marshal(tried); len(tried.Subscriptions) != 1 || tried.Subscriptions[0].Gained < n || strings.Contains(string(text), "CANARY") {
		t.Fatalf("%s", text)
	}
	if out := says(0, nil, "rule", "test", "-f", change, "--last", "10"); !strings.Contains(out, team+"/some gained") {
		t.Errorf("%s", out)
	}
	says(0, nil, "change", "apply", p.Name)
	var status rules.RulesStatus
	within(t, 2*time.Second, "both workers have applied it", func() bool {
		return get(t, base+"/v1/rules/status", &status) == 200 && status.Same && len(status.Workers) == 2
	})
	within(t, time.Minute, "a door that takes all events", func() bool { return published(second, tg.token, team+"-b", 0, n, claim) })
	ids := map[string]int{}
	for _, r := range committed(t, tg, "consumer."+team+".some", n, team+"-b") {
		ids[header(r, "ce_id")]++
	}
	onceEach(t, ids, tried.Subscriptions[0].Gained)

	// A way that is for a time ends by itself.
	says(0, &p, "change", "propose", "-f", written(t, "until.yaml", "kind: permission\nteam: "+team+"\nclass: BANK\n"), "--why", "for now", "--until", "3s", "-o", "json")
	says(0, nil, "change", "apply", p.Name)
	within(t, time.Minute, "what it gave is gone", func() bool { return get(t, base+"/v1/permissions/"+team+"/BANK", nil) == http.StatusNotFound })
	says(0, &p, "change", "show", p.Name)
	if p.Row.State != "EXPIRED" {
		t.Errorf("%+v", p.Row)
	}

	// Shadow: counted, not delivered.
	says(0, nil, "rule", "shadow", team+"/third")
	within(t, time.Minute, "a door that takes all events", func() bool { return published(base, tg.token, team+"-c", 0, n, claim) })
	within(t, time.Minute, "all are counted", func() bool {
		says(0, &status, "rule", "status", team+"/third", "-o", "json")
		would := int64(0)
		for _, w := range status.Workers {
			for _, s := range w.Shadows {
				would += s.Would - s.Already
			}
		}
		return would == n
	})
}
