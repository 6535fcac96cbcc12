package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"go.uber.org/goleak"
)

// childArg makes the test binary a process that holds a broker and a registry
// until it is killed.
const childArg = "embedded-child"

// childPassword is where a child finds its superuser's password; none: nobody
// is asked.
const childPassword = "EMBEDDED_CHILD_PASSWORD"

// as are the options of a client that is somebody.
func as(l Login) []kgo.Opt {
	if l == (Login{}) {
		return nil
	}
	return []kgo.Opt{kgo.SASL(scram.Auth{User: l.Username, Pass: l.Password}.AsSha512Mechanism())}
}

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == childArg {
		runChild(os.Args[2], os.Args[3])
	}
	goleak.VerifyTestMain(m)
}

func runChild(dir, addr string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var super Login
	if password := os.Getenv(childPassword); password != "" {
		super = Login{"root", password}
	}
	broker, err := StartBroker(context.Background(), BrokerConfig{Addr: addr, DataDir: dir, CleanEvery: -1, Superuser: super})
	if err != nil {
		fail(err)
	}
	registry, err := StartRegistry(context.Background(), RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{broker.Addr()}, Client: as(super), Writer: super})
	if err != nil {
		fail(err)
	}
	fmt.Fprintln(os.Stdout, broker.Addr(), registry.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
	os.Exit(0)
}

// child is a process that can only be killed.
type child struct {
	broker, registry string
	kill             func()
}

func startChild(t *testing.T, dir string) child {
	t.Helper()
	return startChildOn(t, dir, "127.0.0.1:0")
}

func startChildOn(t *testing.T, dir, addr string) child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], childArg, dir, addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	killed := false
	c := child{kill: func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = in.Close()
		}
	}}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	_, err = fmt.Sscan(line, &c.broker, &c.registry)
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deadline bounds every wait of a test.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func startBroker(t *testing.T, dir string) *Broker {
	t.Helper()
	b, err := StartBroker(deadline(t), BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, CleanEvery: -1})
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func startRegistry(t *testing.T, broker string) *Registry {
	t.Helper()
	r, err := StartRegistry(deadline(t), RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{broker}})
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// client is closed with the test; close it before the broker goes, because it
// waits a second for one that is gone.
func client(t *testing.T, broker string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker)}, opts...)...)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func createTopic(t *testing.T, c *kgo.Client, name string, partitions int32, configs map[string]string) {
	t.Helper()
	with := map[string]*string{}
	for k, v := range configs {
		with[k] = &v
	}
	r, err := kadm.NewClient(c).CreateTopic(deadline(t), partitions, 1, with, name)
	must(t, err)
	must(t, r.Err)
}

// readAll reads a one-partition topic up to its stable end and returns the values.
func readAll(t *testing.T, broker, topic string) []string {
	t.Helper()
	ctx := deadline(t)
	c := client(t, broker,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond))
	defer c.Close()
	ends, err := kadm.NewClient(c).ListCommittedOffsets(ctx, topic)
	must(t, err)
	end, _ := ends.Lookup(topic, 0)
	starts, err := kadm.NewClient(c).ListStartOffsets(ctx, topic)
	must(t, err)
	start, _ := starts.Lookup(topic, 0)
	var values []string
	for at := start.Offset; at < end.Offset; {
		fetches := c.PollFetches(ctx)
		must(t, fetches.Err())
		for _, r := range fetches.Records() {
			at = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		}
	}
	return values
}

// answer is what the registry said.
type answer struct {
	t      *testing.T
	status int
	body   string
}

func call(t *testing.T, method, url string, body any) answer {
	t.Helper()
	a, err := tryCall(t.Context(), method, url, body)
	must(t, err)
	a.t = t
	return a
}

// http1 keeps no connection open, so that a closing registry need not wait.
var http1 = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func tryCall(ctx context.Context, method, url string, body any) (answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return answer{}, err
	}
	resp, err := http1.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if got := resp.Header.Get("Content-Type"); err == nil && got != contentType {
		err = fmt.Errorf("%s %s: content type %q", method, url, got)
	}
	return answer{status: resp.StatusCode, body: string(data)}, err
}

// is fails the test unless the answer is exactly this.
func (a answer) is(status int, body string) {
	a.t.Helper()
	if a.status != status || a.body != body {
		a.t.Fatalf("got %d %s\nwant %d %s", a.status, a.body, status, body)
	}
}

// fails checks an error answer by its code.
func (a answer) fails(status, code int) {
	a.t.Helper()
	var e apiError
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != status || e.Code != code || e.Message == "" {
		a.t.Fatalf("got %d %s\nwant %d with code %d", a.status, a.body, status, code)
	}
}

type schemaIn struct {
	Schema string `json:"schema"`
}
