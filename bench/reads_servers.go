package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serving is one process that answers.
type serving struct {
	cmd *exec.Cmd
	url string
}

// serve starts a process, and waits for the line that says where it listens.
func serve(dir, name string, env []string, says string, command ...string) (*serving, string, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, "", err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	s := &serving{cmd: exec.Command(command[0], command[1:]...)}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = append(os.Environ(), env...), in, in
	if err := s.cmd.Start(); err != nil {
		return nil, "", err
	}
	_ = in.Close()
	found := make(chan string, 1)
	go func() {
		re := regexp.MustCompile(says)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = fmt.Fprintln(log, lines.Text())
			if m := re.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[len(m)-1]:
				default:
				}
			}
		}
		close(found)
	}()
	select {
	case at, ok := <-found:
		if ok {
			return s, at, nil
		}
	case <-time.After(time.Minute):
	}
	s.stop()
	text, _ := os.ReadFile(log.Name())
	return nil, "", fmt.Errorf("%s does not start: %.2000s", name, text)
}

// stop ends the process, politely for ten seconds.
func (s *serving) stop() {
	if s == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	_ = s.cmd.Wait()
}

// cpuOf is what processes have used, in seconds: utime and stime of /proc.
func cpuOf(all ...*serving) (seconds float64) {
	for _, s := range all {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		must(err)
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
		for _, ticks := range f[11:13] {
			n, err := strconv.ParseFloat(ticks, 64)
			must(err)
			seconds += n / 100
		}
	}
	return seconds
}

// startPayerflow starts the demo without made-up claims, which is a broker, a
// registry and a worker, and one worker more.
func (r *readsRun) startPayerflow(context.Context) error {
	dir, free := filepath.Join(r.dir, "demo"), "127.0.0.1:0"
	demo, at, err := serve(r.dir, "demo", nil, `views +http://([^/ ]+)/`,
		r.payerflow, "demo", "--traffic=false", "--data-dir", dir, "--http-addr", free, "--kafka-addr", free, "--registry-addr", free)
	if err != nil {
		return err
	}
	demo.url = "http://" + at
	r.demo = demo
	var made struct {
		Demo   struct{ Broker, Registry string }
		Tokens struct{ Reader string }
		Kafka  struct {
			Admin struct{ Username, Password string }
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "credentials.json"))
	if err == nil {
		err = json.Unmarshal(b, &made)
	}
	if err != nil {
		return err
	}
	r.token = made.Tokens.Reader
	r.broker, r.registry, r.user, r.password = made.Demo.Broker, "http://"+made.Demo.Registry, made.Kafka.Admin.Username, made.Kafka.Admin.Password
	r.flags = []string{"--brokers", r.broker, "--registry", r.registry}
	r.env = []string{"PAYERFLOW_BROKER_SASL_USERNAME=" + r.user, "PAYERFLOW_BROKER_SASL_PASSWORD=" + r.password,
		"PAYERFLOW_SECURITY_SECRET_FILE=" + filepath.Join(dir, "secret")}
	r.worker, at, err = serve(r.dir, "worker", r.env, `worker starts.* http=(\S+)`,
		append([]string{r.payerflow, "worker", "--join", dir, "--data-dir", filepath.Join(r.dir, "worker"), "--http-addr", free}, r.flags...)...)
	if err == nil {
		r.worker.url = "http://" + at
	}
	return err
}

// startRedis starts Redis, which keeps nothing on disk, and the handler.
func (r *readsRun) startRedis(context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	if r.redis, _, err = serve(r.dir, "redis", nil, `eady to accept (connections)`,
		"redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.dir); err != nil {
		return err
	}
	r.redis.url = "127.0.0.1:" + port
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var at string
	if r.handler, at, err = serve(r.dir, "handler", nil, `listens at (\S+)`, self, "reads-handler", r.redis.url); err == nil {
		r.handler.url = "http://" + at
	}
	return err
}

// ask reads a URL of payerflow as JSON.
func (r *readsRun) ask(ctx context.Context, url string, body io.Reader, into any) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", req.URL.Path, resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
