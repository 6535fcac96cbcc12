package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api"
	"payerflow/internal/topology"
)

// TestWorkersJoinADemo starts a worker and a replica beside the demo, as the
// page on queries says, and reads the same rows at all three.
func TestWorkersJoinADemo(t *testing.T) {
	dir := t.TempDir()
	_, addr, flags := demo(t, dir, "--rate", testRate)
	bases := []string{"http://" + addr}
	own := t.TempDir()
	for _, command := range pageCommands(t, "docs/queries.md", `^payerflow (worker|views) --join`) {
		said := strings.NewReplacer("--join .payerflow", "--join "+dir, "--data-dir .payerflow", "--data-dir "+own).Replace(command)
		args := strings.Fields(regexp.MustCompile(`--http-addr \S+`).ReplaceAllString(said, "--http-addr 127.0.0.1:0"))
		at := spawn(t, args[1:]...).await(`(?:worker|replica) starts.* http=(\S+)`)
		token, _ := tokens.Load(addr)
		tokens.Store(at, token)
		bases = append(bases, "http://"+at)
	}
	if len(bases) != 3 {
		t.Fatalf("%d commands on the page", len(bases)-1)
	}
	for _, base := range bases {
		within(t, 2*time.Minute, "all ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	}
	var page api.Rows
	within(t, time.Minute, "rows of made-up claims", func() bool {
		return get(t, bases[0]+"/v1/views/claim-status?limit=20", &page) == 200 && len(page.Rows) == 20
	})
	for _, row := range page.Rows {
		for _, base := range bases {
			if code := get(t, base+"/v1/views/claim-status/"+row.Key, nil); code != 200 {
				t.Fatalf("%s: %d", base, code)
			}
		}
	}
	for path, mode := range map[string]os.FileMode{authorityKey: 0o600, workerKey: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	for _, at := range announced(t, dir, flags[1], len(bases)) {
		onlyWithCertificate(t, dir, at)
	}
}

// pageCommands are the commands of a page that match.
func pageCommands(t *testing.T, page, pattern string) (found []string) {
	t.Helper()
	for _, line := range lines(t, page) {
		line = strings.TrimPrefix(line, "bin/")
		if regexp.MustCompile(pattern).MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

// announced are the addresses at which workers say that they ask one another.
func announced(t *testing.T, dir, broker string, want int) (at []string) {
	t.Helper()
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	client := target{brokers: broker, login: c.Kafka[roleAdmin]}.client(t, kgo.ConsumeTopics(topology.Members.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	seen := map[string]bool{}
	for len(seen) < want {
		fetches := client.PollFetches(ctx(t, time.Minute))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var m struct{ Peer string }
			if json.Unmarshal(r.Value, &m) == nil && m.Peer != "" {
				seen[m.Peer] = true
			}
		})
	}
	for peer := range seen {
		at = append(at, peer)
	}
	return at
}

// onlyWithCertificate knocks in the clear, without a certificate, and with one.
func onlyWithCertificate(t *testing.T, dir, at string) {
	t.Helper()
	if resp, err := http.Get("http://" + at + "/"); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest { // a server of TLS says that it is one
			t.Errorf("%s answers in the clear: %d", at, resp.StatusCode)
		}
	}
	pem, err := os.ReadFile(filepath.Join(dir, authorityCert))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	host, _, _ := net.SplitHostPort(at)
	c := &tls.Config{RootCAs: pool, ServerName: host, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}
	if err := knock(at, c); err == nil {
		t.Errorf("%s lets somebody in without a certificate", at)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, workerCert), filepath.Join(dir, workerKey))
	if err != nil {
		t.Fatal(err)
	}
	c.Certificates = []tls.Certificate{cert}
	if err := knock(at, c); err != nil {
		t.Errorf("%s: %v", at, err)
	}
}

// knock shakes hands, and reads: in TLS 1.3 the server looks at the client's
// certificate after the client is done.
func knock(at string, c *tls.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", at)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // its settings
	return err
}

func TestJoinNeedsADemo(t *testing.T) {
	empty, used := t.TempDir(), t.TempDir()
	if err := updateCredentials(used, func(c *credentials) { c.Demo = addresses{Broker: "127.0.0.1:1", Registry: "127.0.0.1:1"} }); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"no demo has run":     {"--join", empty, "--data-dir", t.TempDir()},
		"each worker has its": {"--join", used, "--data-dir", used},
		"authority":           {"--join", used, "--data-dir", t.TempDir()},
	} {
		for _, command := range []string{"worker", "views"} {
			if _, stderr, code := cli(t, "", append([]string{command}, args...)...); code != exitUsage || !strings.Contains(stderr, says) {
				t.Errorf("%s: exit %d: %s", command, code, stderr)
			}
		}
	}
}
