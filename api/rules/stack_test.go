package rules_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/rules"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// stack is the surface of the rules over a broker that knows who asks.
type stack struct {
	*testing.T
	broker  *embedded.Broker
	control *kafka.Control
	client  *kafka.Client
	keys    *access.Keyring
	url     string
	admin   string
	log     *lockedBuffer
	audit   auditLog
}

// auditLog writes to the broker, and keeps what it wrote; err refuses it.
type auditLog struct {
	*kafka.Audit
	mu      sync.Mutex
	records []events.AuditReceived
	err     error
}

func (l *auditLog) Write(ctx context.Context, e events.AuditReceived) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	err := l.Audit.Write(ctx, e)
	if err == nil {
		l.records = append(l.records, e)
	}
	return err
}

// taken are the records since it was last asked.
func (l *auditLog) taken() []events.AuditReceived {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.records
	l.records = nil
	return out
}

func (l *auditLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type noViews struct{}

func (noViews) Views() []topology.Served { return nil }
func (noViews) Under(context.Context, string, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}

func (noViews) Ready() error            { return nil }
func (noViews) Status() topology.Status { return topology.Status{} }
func (noViews) Get(context.Context, string, string, bool) (topology.Answer, error) {
	return topology.Answer{}, topology.ErrNoView
}
func (noViews) Batch(context.Context, string, []string, bool) []topology.Got { return nil }
func (noViews) List(context.Context, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}

func start(t *testing.T) *stack {
	t.Helper()
	root := kafka.Login{Username: "root", Password: "root-password", Mechanism: kafka.Scram512}
	opts, err := kafka.Security{Login: root}.Options()
	must(t, err)
	broker, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: "127.0.0.1:0", Superuser: embedded.Login{Username: root.Username, Password: root.Password}})
	must(t, err)
	t.Cleanup(func() { _ = broker.Close() })
	s := &stack{T: t, broker: broker, log: &lockedBuffer{}}
	s.client, err = kafka.Dial(t.Context(), []string{broker.Addr()}, opts...)
	must(t, err)
	t.Cleanup(s.client.Close)
	r := kafka.Required.CappedTo(1)
	changes, err := s.client.Diff(t.Context(), topologies.Mediator, r)
	must(t, err)
	must(t, s.client.Apply(t.Context(), changes, r, func(kafka.Change) {}))

	secret, logger := []byte(strings.Repeat("s", 32)), slog.New(slog.NewTextHandler(s.log, nil))
	s.keys, err = access.NewKeyring(secret)
	must(t, err)
	s.control, err = kafka.OpenControl([]string{broker.Addr()}, &codecs.Memory{}, processors.NewRules(topologies.DefaultEventTypes(), secret), logger, nil, opts...)
	must(t, err)
	s.audit.Audit, err = kafka.OpenAudit([]string{broker.Addr()}, &codecs.Memory{}, opts...)
	must(t, err)
	t.Cleanup(s.audit.Close)
	guard := access.NewGuard(s.control, s.keys, nil).Audit(audit.New(&s.audit, processors.NewAuditKeys(secret), logger, nil))
	door := &rules.Door{Log: audit.Over(kafka.Provisioned{Control: s.control}), Keys: s.keys, Logger: logger}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{s.control.Run, guard.Run} {
		wg.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() { cancel(); wg.Wait(); s.control.Close() })
	within(t, 10*time.Second, "fresh rules", func() bool { _, err := s.control.Rules(); return err == nil })

	h := httptest.NewServer(api.New(noViews{}, api.Options{Version: "test", Guard: guard, Doors: []api.Door{door, streamDoor{}}}))
	t.Cleanup(h.Close)
	s.url = h.URL
	s.admin = s.first()
	return s
}

// first writes the first administrator's token into the log itself.
func (s *stack) first() string {
	s.Helper()
	row, text := s.keys.Mint(tables.Token{Team: "platform", Scopes: tables.Scopes{Admin: true}, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	b, err := json.Marshal(row)
	must(s.T, err)
	o, err := s.control.Change(s.Context(), events.Control{Kind: tables.KindToken, Name: row.ID, Version: 1, Act: events.ControlPut, Row: string(b), At: events.InstantOf(time.Now())})
	must(s.T, err)
	if !o.Applied {
		s.Fatal(o.Faults)
	}
	return text
}

// answer is what the surface said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%d %.300s", a.status, a.body)
	}
	return v
}

// ask sends a request with a token; header holds names and values in turn.
func (s *stack) ask(token, method, path string, body any, header ...string) answer {
	s.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		must(s.T, err)
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, in)
	must(s.T, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(s.T, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(s.T, err)
	return answer{resp.StatusCode, resp.Header, b}
}

// want asks, and demands a status and a text in the answer.
func (s *stack) want(status int, holds string, a answer) answer {
	s.Helper()
	if a.status != status || !strings.Contains(string(a.body), holds) {
		s.Fatalf("%d, want %d with %q: %.500s", a.status, status, holds, a.body)
	}
	return a
}

// token makes one over the surface.
func (s *stack) token(team string, scopes tables.Scopes) string {
	s.Helper()
	a := s.want(201, "", s.ask(s.admin, "POST", "/v1/tokens", rules.NewToken{Team: team, Scopes: scopes}))
	return a.json(s.T)["token"].(string)
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	end, tick := time.After(d), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not within %s: %s", d, what)
		case <-tick.C:
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
