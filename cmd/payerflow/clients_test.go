package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"payerflow/api"
)

// TestPythonClients is run by make test-clients, which installs the client.
func TestPythonClients(t *testing.T) {
	python := os.Getenv("CLIENT_PYTHON")
	if python == "" {
		t.Skip("needs confluent-kafka; run make test-clients")
	}
	tg := servers(t)
	w, base := tg.worker(t, t.TempDir())
	script := func(args ...string) string {
		t.Helper()
		c := exec.Command(python, append([]string{root(t, "deploy/local/clients.py")}, args...)...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("clients.py %s: %v\n%s", args[0], err, stderr.String())
		}
		return string(out)
	}
	day := lines(t, "testdata/events/claims-day.ndjson")
	if got := strings.TrimSpace(script("publish", tg.brokers, tg.registry, root(t, "testdata/events/claims-day.ndjson"))); got != fmt.Sprint(len(day)) {
		t.Fatalf("delivered %s of %d", got, len(day))
	}
	rows := golden(t)
	for claim, want := range rows {
		within(t, time.Minute, "the golden row of a claim", func() bool {
			var a api.Answer
			return get(t, base+"/v1/views/claim-status/"+claim, &a) == 200 && sameJSON(t, a.Value, want)
		})
	}
	w.terminate()
	records := 0
	for _, topic := range []string{"claims.claim.submitted", "claims.claim.adjudicated", "claims.claim.paid", "claims.appeal.resolved"} {
		records += strings.Count(script("read", tg.brokers, tg.registry, topic), "\n")
	}
	if records != len(day) {
		t.Errorf("read %d records back, want %d", records, len(day))
	}
	last := map[string]string{}
	s := bufio.NewScanner(strings.NewReader(script("read", tg.brokers, tg.registry, "claim-status.v1-claims-consumer-table")))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var r struct {
			Key   string
			Value struct{ Status string }
		}
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		last[r.Key] = r.Value.Status
	}
	for claim, want := range rows {
		var row struct{ Status string }
		if err := json.Unmarshal(want, &row); err != nil {
			t.Fatal(err)
		}
		if last[claim] != row.Status {
			t.Errorf("the table topic says %q of a claim, want %q", last[claim], row.Status)
		}
	}
}

// TestReadmePython runs the README's example of another client, with the
// addresses of this run.
func TestReadmePython(t *testing.T) {
	python := os.Getenv("CLIENT_PYTHON")
	if python == "" {
		t.Skip("needs confluent-kafka; run make test-clients")
	}
	readme, err := os.ReadFile(root(t, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("the README has no example")
	}
	dir := t.TempDir()
	_, _, flags := demo(t, dir, "--rate", testRate)
	at := strings.NewReplacer(".payerflow/", dir+"/", "127.0.0.1:9092", flags[1])
	out, err := exec.Command(python, "-c", at.Replace(string(example[1]))).Output()
	if err != nil || !strings.HasPrefix(string(out), "claims.claim.submitted ") {
		t.Errorf("%v: %s", err, out)
	}
}
