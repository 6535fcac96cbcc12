package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

// runtimes are what the examples of other languages run with: CLIENT_PYTHON and
// CLIENT_TYPESCRIPT name a command, which make test-clients installs.
func runtimes() map[string][]string {
	return map[string][]string{"watch.sh": {"sh"}, "watch.py": strings.Fields(os.Getenv("CLIENT_PYTHON")), "watch.mts": strings.Fields(os.Getenv("CLIENT_TYPESCRIPT"))}
}

// TestExamples runs the example of each language: what it reads is there, and
// its watch tells each state.
func TestExamples(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	producer := tg.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	facts := 0
	const claim = "CLM-EXAMPLE"
	submit := func() {
		t.Helper()
		facts++
		r := &kgo.Record{Topic: topic.Name, Partition: topology.Partition([]byte(claim), topic.Partitions), Key: []byte(claim), Value: submittedValue(t, tg, claim, time.Date(2026, 1, 2, 0, 0, facts, 0, time.UTC))}
		if err := producer.ProduceSync(ctx(t, time.Minute), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	submit()
	within(t, 60*time.Second, "the claim under its member", func() bool {
		var page struct{ Rows []struct{ Key string } }
		return get(t, base+"/v1/views/claims-by-member/m", &page) == 200 && len(page.Rows) == 1
	})
	for file, runtime := range runtimes() {
		t.Run(file, func(t *testing.T) {
			if len(runtime) == 0 {
				t.Skip("its runtime is not named; run make test-clients")
			}
			lines := example(t, append(runtime, root(t, "examples/"+file), claim, "m"), base, tg.token)
			var row struct {
				Key   string
				Value struct{ History []any }
			}
			for n, has := range []string{claim, `"status":200`, claim} {
				if line := strings.ReplaceAll(lines(), " ", ""); !strings.Contains(line, has) {
					t.Fatalf("line %d: %s", n+1, line)
				}
			}
			for range 3 {
				line := lines()
				if err := json.Unmarshal([]byte(line), &row); err != nil || row.Key != claim || len(row.Value.History) != facts {
					t.Fatalf("%d facts: %v %s", facts, err, line)
				}
				submit()
			}
		})
	}
}

// example runs a command in a process group of its own until the test ends, and
// returns its output line by line.
func example(t *testing.T, args []string, base, token string) func() string {
	t.Helper()
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), "PAYERFLOW_URL="+base, "PAYERFLOW_TOKEN="+token, "PYTHONUNBUFFERED=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	})
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			if s.Text() != "" {
				lines <- s.Text()
			}
		}
	}()
	return func() string {
		t.Helper()
		select {
		case line := <-lines:
			return line
		case <-time.After(30 * time.Second):
			t.Fatal("no line within 30 s")
			return ""
		}
	}
}
