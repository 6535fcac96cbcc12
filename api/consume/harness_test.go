package consume_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/consume"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	team      = "care"
	eventType = "Visit-Recorded-Note"
	canary    = "CANARY-7f3a"
)

// stage is a broker, the mediator's rules, and workers in front of them.
type stage struct {
	t       *testing.T
	broker  *embedded.Broker
	schemas topology.Schemas
	control *kafka.Control
	keys    *access.Keyring
	writer  *kgo.Client
	version map[string]int32
	pad     string // makes events larger
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

// lines are the records since it was last asked: act, name, decision, code,
// classes, count.
func (l *auditLog) lines() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.records {
		out = append(out, strings.Join([]string{e.Act, e.Name, e.Decision, e.Code, e.Classes, fmt.Sprint(e.Count)}, " "))
	}
	l.records = nil
	return out
}

func (l *auditLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func newStage(t *testing.T) *stage {
	t.Helper()
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	s := &stage{t: t, broker: b, schemas: &codecs.Memory{}, version: map[string]int32{}}
	s.make(append(topologies.Mediator, topology.Members)...)
	secret := bytes.Repeat([]byte{7}, 32)
	s.keys, err = access.NewKeyring(secret)
	must(t, err)
	s.control, err = kafka.OpenControl([]string{b.Addr()}, s.schemas, processors.NewRules(nil, secret), slog.New(slog.DiscardHandler), nil)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.control.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); s.control.Close() })
	await(t, "fresh rules", func() bool { _, err := s.control.Rules(); return err == nil })
	s.audit.Audit, err = kafka.OpenAudit([]string{b.Addr()}, s.schemas)
	must(t, err)
	t.Cleanup(s.audit.Close)
	s.writer, err = kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	t.Cleanup(s.writer.Close)
	s.put(tables.KindEventType, eventType, tables.EventType{Name: eventType, Parts: []string{"Visit", "Recorded", "Note"}, Version: 1, Owner: team, Doc: "a visit",
		Schema:   `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer"},"note":{"type":"string"},"id":{"type":"string"}}}`,
		KeyField: "/id", State: tables.StateActive, Fields: []tables.Field{{Pointer: "/n", Class: tables.ClassPublic}, {Pointer: "/id", Class: tables.ClassPublic}, {Pointer: "/note", Class: tables.ClassPHI}}})
	s.put(tables.KindPermission, team+"/PHI", tables.Permission{Team: team, Class: tables.ClassPHI})
	return s
}

func (s *stage) make(topics ...topology.Topic) {
	s.t.Helper()
	c, err := kafka.Dial(s.t.Context(), []string{s.broker.Addr()})
	must(s.t, err)
	defer c.Close()
	r := kafka.Required.CappedTo(1)
	changes, err := c.Diff(s.t.Context(), topics, r)
	must(s.t, err)
	must(s.t, c.Apply(s.t.Context(), changes, r, func(kafka.Change) {}))
}

// put writes a row; nil takes it away.
func (s *stage) put(kind, name string, row any) {
	s.t.Helper()
	s.version[kind+name]++
	e := events.Control{Kind: kind, Name: name, Version: s.version[kind+name], Act: events.ControlDelete, By: "test", At: events.InstantOf(time.Now())}
	if row != nil {
		text, err := json.Marshal(row)
		must(s.t, err)
		e.Act, e.Row = events.ControlPut, string(text)
	}
	o, err := s.control.Change(s.t.Context(), e)
	must(s.t, err)
	if !o.Applied {
		s.t.Fatalf("%s %s refused: %+v", kind, name, o.Faults)
	}
}

func subscription(name string, partitions int) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, EventTypes: []string{eventType}, Synthetic: tables.Discard, Delivery: tables.DeliverPull,
		Partitions: partitions, Retries: 2, State: tables.StateActive}
}

// subscribe makes a subscription with its topic.
func (s *stage) subscribe(name string, partitions int) tables.Subscription {
	s.t.Helper()
	sub := subscription(name, partitions)
	s.put(tables.KindSubscription, sub.ID(), sub)
	s.make(topologies.ConsumerTopic(sub))
	return sub
}

// token is a token of the team that may subscribe what the scopes say.
func (s *stage) token(ofTeam string, subscribe ...string) (id, text string) {
	s.t.Helper()
	row, text := s.keys.Mint(tables.Token{Team: ofTeam, Scopes: tables.Scopes{Subscribe: subscribe}, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	s.put(tables.KindToken, row.ID, row)
	return row.ID, text
}

func (s *stage) revoke(id string) {
	s.t.Helper()
	r, err := s.control.Rules()
	must(s.t, err)
	row, _ := r.Token(id)
	row.Revoked = true
	s.put(tables.KindToken, id, row)
}

// deliver writes copies n to m as the router does.
func (s *stage) deliver(sub tables.Subscription, partition int32, from, to int) {
	s.t.Helper()
	r, err := s.control.Rules()
	must(s.t, err)
	s.write(sub, r.Mask(sub.Team, "", eventType), partition, from, to)
}

// deliverWith writes copies that a mask of another moment made.
func (s *stage) deliverWith(sub tables.Subscription, m *processors.Mask, from, to int) {
	s.t.Helper()
	s.write(sub, m, 0, from, to)
}

func (s *stage) write(sub tables.Subscription, m *processors.Mask, partition int32, from, to int) {
	s.t.Helper()
	serde, err := topologies.Deliveries.Codec.Bind(s.schemas, sub.Topic())
	must(s.t, err)
	var records []*kgo.Record
	for n := from; n < to; n++ {
		e, err := m.Envelope(events.Envelope{ID: fmt.Sprintf("e%d", n), Type: eventType, Key: "visit-1", TransactionID: "t", At: events.InstantOf(time.Now()), SourceSystem: "ehr",
			Tags: []string{"a b", "next"}, Extensions: map[string]string{}, Body: events.Body(fmt.Sprintf(`{"n": %d, "id":"visit-1", "note":%q}`, n, canary+s.pad))})
		must(s.t, err)
		v, err := serde.Encode(e)
		must(s.t, err)
		records = append(records, &kgo.Record{Topic: sub.Topic(), Partition: partition, Key: []byte(e.Key), Value: v,
			Headers: []kgo.RecordHeader{{Key: processors.HeaderMask, Value: []byte(m.ID())}}})
	}
	must(s.t, s.writer.ProduceSync(s.t.Context(), records...).FirstErr())
}

// worker is one process's door behind its guard.
type worker struct {
	*stage
	http   *httptest.Server
	door   *consume.Door
	copies *kafka.Copies
	stop   func()
}

func quick() consume.Limits {
	return consume.Limits{Streams: 3, Heartbeat: 200 * time.Millisecond, Write: time.Second, Age: time.Hour, Idle: time.Minute}
}

func (s *stage) worker(limits consume.Limits, opts ...kafka.Option) *worker {
	s.t.Helper()
	mux := http.NewServeMux()
	guard := access.NewGuard(s.control, s.keys, nil).Audit(audit.New(&s.audit, processors.NewAuditKeys(bytes.Repeat([]byte{7}, 32)), slog.New(slog.DiscardHandler), nil))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = guard.Run(ctx) })
	server := httptest.NewUnstartedServer(guard.Wrap(func(*http.Request) bool { return false }, mux))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10) // so that a slow reader is felt soon
		return ctx
	}
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	address := server.Listener.Addr().String()
	c, err := kafka.OpenCopies([]string{s.broker.Addr()}, s.schemas, address, opts...)
	must(s.t, err)
	door := consume.New(consume.Options{Copies: c, Rules: s.control, Worker: address, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	config := huma.DefaultConfig("test", "1")
	config.CreateHooks = nil
	door.Register(mux, humago.New(mux, config))
	member, err := json.Marshal(map[string]string{"address": address})
	must(s.t, err)
	must(s.t, s.writer.ProduceSync(s.t.Context(), &kgo.Record{Topic: topology.Members.Name, Key: []byte("g|" + address), Value: member}).FirstErr())
	w := &worker{stage: s, http: server, door: door, copies: c}
	w.stop = sync.OnceFunc(func() {
		door.Close()
		server.Close()
		c.Close()
		cancel()
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	s.t.Cleanup(w.stop)
	return w
}

// leased is one event of a pull as a client reads it.
type leased struct {
	Lease      string
	Deliveries int
	Partition  int32
	Offset     int64
	Event      map[string]any
}

func (l leased) id() string { return fmt.Sprint(l.Event["id"]) }

type answer struct {
	Status   int
	Code     string
	Events   []leased
	Settled  int
	Gone     []string
	Position string
	Group    string

	Partitions []consume.PartitionPosition
}

// post asks and reads the answer, whatever its status.
func (w *worker) do(method, token, path string, body any) (a answer) {
	w.t.Helper()
	a, err := w.try(method, token, path, body)
	must(w.t, err)
	return a
}

func (w *worker) try(method, token, path string, body any) (a answer, err error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return a, err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, w.http.URL+"/v1/subscriptions/"+path, in)
	if err != nil {
		return a, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%d %q: %w", resp.StatusCode, text, err)
	}
	a.Status = resp.StatusCode
	return a, nil
}

// pull insists: 503 says to come again.
func (w *worker) pull(token, sub, query string) (a answer) {
	w.t.Helper()
	await(w.t, "a pull of "+sub, func() bool {
		a = w.do(http.MethodPost, token, team+"/"+sub+"/pull?"+query, nil)
		return a.Status != http.StatusServiceUnavailable
	})
	if a.Status != http.StatusOK {
		w.t.Fatalf("pull: %d %s", a.Status, a.Code)
	}
	return a
}

func (w *worker) ack(token, sub string, leases ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, token, team+"/"+sub+"/ack", map[string]any{"leases": leases})
}

func (w *worker) position(token, sub string) int64 {
	w.t.Helper()
	a := w.do(http.MethodGet, token, team+"/"+sub+"/position", nil)
	if a.Status != http.StatusOK {
		w.t.Fatalf("position: %d %s", a.Status, a.Code)
	}
	return a.Partitions[0].Position
}

func idsOf(ls []leased) (out []string) {
	for _, l := range ls {
		out = append(out, l.id())
	}
	return out
}

func leasesOf(ls []leased) (out []string) {
	for _, l := range ls {
		out = append(out, l.Lease)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}

func numbered(from, to int) (out []string) {
	for n := from; n < to; n++ {
		out = append(out, fmt.Sprintf("e%d", n))
	}
	return out
}

func joined(ss []string) string { return strings.Join(ss, " ") }
