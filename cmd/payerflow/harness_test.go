package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/peers"
)

// runAsCLI makes the test binary behave as payerflow itself, so that the suite
// runs real processes that can be killed.
const runAsCLI = "RUN_AS_PAYERFLOW"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCLI) == "1" {
		os.Exit(run(os.Args[1:], os.Environ()))
	}
	os.Exit(m.Run())
}

// target is the broker and registry that the suite runs against.
type target struct {
	brokers, registry string
	login             kafka.Login // commands find it in the environment
	token             string      // an administrator's; commands find it in the environment
}

// options are the settings of a client of the target's brokers.
func (tg target) options(t *testing.T) []kafka.Option {
	t.Helper()
	opts, err := kafka.Security{Login: tg.login}.Options()
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

// client talks to the target's brokers itself.
func (tg target) client(t *testing.T, more ...kafka.Option) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(slices.Concat([]kafka.Option{kgo.SeedBrokers(tg.brokers)}, tg.options(t), more)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// process is one payerflow process.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	done chan struct{} // closed when the process has ended
	err  error
}

func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), runAsCLI+"=1")
	return c
}

func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: command(args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v\n%s", args, p.output())
		}
	})
	return p
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// terminate sends SIGTERM and demands a clean end within 10 s.
func (p *process) terminate() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Fatalf("SIGTERM: %v\n%s", p.err, p.output())
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("still running 10 s after SIGTERM\n%s", p.output())
	}
}

// await returns the first match of a pattern's group in the output.
func (p *process) await(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var found string
	within(p.t, time.Minute, "output "+pattern, func() bool {
		m := re.FindStringSubmatch(p.output())
		if m != nil {
			found = m[len(m)-1]
		}
		return m != nil
	})
	return found
}

// within polls a condition until it holds.
func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.After(d)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not within %s: %s", d, what)
		case <-tick.C:
		}
	}
}

// cli runs a command to its end and returns its output and exit code.
func cli(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := command(args...)
	var out, errOut bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errOut
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), c.ProcessState.ExitCode()
}

// tokens of servers, by host:port.
var tokens sync.Map

// get reads a URL as JSON into v and returns the status.
func get(t *testing.T, url string, v any) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, known := tokens.Load(req.URL.Host); known {
		req.Header.Set("Authorization", "Bearer "+token.(string))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	if v != nil {
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatalf("%s: %d %.200s", resp.Request.URL.Path, resp.StatusCode, b)
		}
	}
	return resp.StatusCode
}

func root(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func lines(t *testing.T, path string) (out []string) {
	t.Helper()
	f, err := os.Open(root(t, path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		out = append(out, s.Text())
	}
	return out
}

// servers gives the suite its broker and registry: those that the environment
// names, or an embedded pair of its own. Topics and schemas are there.
func servers(t *testing.T) target {
	t.Helper()
	tg := target{brokers: os.Getenv("KAFKA_BROKERS"), registry: os.Getenv("REGISTRY_URL"), login: kafka.Login{
		Username: os.Getenv("PAYERFLOW_BROKER_SASL_USERNAME"), Password: os.Getenv("PAYERFLOW_BROKER_SASL_PASSWORD")}}
	if tg.login.Username != "" {
		tg.login.Mechanism = kafka.Scram512
	}
	if tg.brokers == "" {
		tg.login = newLogin("root")
		t.Setenv("PAYERFLOW_BROKER_SASL_USERNAME", tg.login.Username)
		t.Setenv("PAYERFLOW_BROKER_SASL_PASSWORD", tg.login.Password)
		super := embedded.Login{Username: tg.login.Username, Password: tg.login.Password}
		broker, err := embedded.StartBroker(ctx(t, time.Minute), embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Superuser: super})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = broker.Close() })
		registry, err := embedded.StartRegistry(ctx(t, time.Minute), embedded.RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{broker.Addr()}, Client: tg.options(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = registry.Close() })
		tg.brokers, tg.registry = broker.Addr(), registry.URL()
	}
	tg.prepare(t)
	knowOneAnother(t)
	return tg
}

// knowOneAnother makes the authority of this test's workers; none of them
// speaks to another in the clear.
func knowOneAnother(t *testing.T) {
	t.Helper()
	authority, err := peers.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"CA": authority.Cert, "CERT": cert, "KEY": key} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PAYERFLOW_PEERS_TLS_"+name, path)
	}
}

// prepare makes topics, schemas, a secret and an administrator's token.
func (tg *target) prepare(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"topics", "apply", "--dev"}, {"schemas", "register"}} {
		if _, stderr, code := cli(t, "", append(args, tg.flags()...)...); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
	}
	tg.token = bootstrap(t, *tg)
}

// bootstrap makes a secret of this test's own, and an administrator's token.
func bootstrap(t *testing.T, tg target) string {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PAYERFLOW_SECURITY_SECRET_FILE", secret)
	out, stderr, code := cli(t, "", append([]string{"token", "bootstrap", "--force", "-o", "json"}, tg.flags()...)...)
	var made madeToken
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		t.Fatalf("bootstrap: exit %d: %s", code, stderr)
	}
	t.Setenv(tokenEnv, made.Token)
	return made.Token
}

func (tg target) flags() []string {
	return []string{"--brokers", tg.brokers, "--registry", tg.registry}
}

// worker starts a worker process and returns it with the root of its HTTP surface.
func (tg target) worker(t *testing.T, dataDir string) (*process, string) {
	t.Helper()
	p := spawn(t, append([]string{"worker", "--data-dir", dataDir, "--http-addr", "127.0.0.1:0"}, tg.flags()...)...)
	addr := p.await(`worker starts.* http=(\S+)`)
	tokens.Store(addr, tg.token)
	return p, "http://" + addr
}

func ctx(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return c
}
