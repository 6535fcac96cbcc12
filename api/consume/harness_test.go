package consume_test

import (
	"context"
	"encoding/json"
	"fmt"
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

	"payerflow/api/consume"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
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

// desk stands on a stage: a team that has a type of event, and workers in front.
type desk struct {
	*stage.Stage
	writer *kgo.Client
	pad    string // makes events larger
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s := &desk{Stage: stage.New(t, stage.Options{Topics: []topology.Topic{topology.Members}})}
	var err error
	s.writer, err = kgo.NewClient(kgo.SeedBrokers(s.Brokers()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stage.Must(t, err)
	t.Cleanup(s.writer.Close)
	s.Put(tables.KindEventType, eventType, tables.EventType{Name: eventType, Parts: []string{"Visit", "Recorded", "Note"}, Version: 1, Owner: team, Doc: "a visit",
		Schema:   `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer"},"note":{"type":"string"},"id":{"type":"string"}}}`,
		KeyField: "/id", State: tables.StateActive, Fields: []tables.Field{{Pointer: "/n", Class: tables.ClassPublic}, {Pointer: "/id", Class: tables.ClassPublic}, {Pointer: "/note", Class: tables.ClassPHI}}})
	s.Put(tables.KindPermission, team+"/PHI", tables.Permission{Team: team, Class: tables.ClassPHI})
	return s
}

func subscription(name string, partitions int) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, EventTypes: []string{eventType}, Synthetic: tables.Discard, Delivery: tables.DeliverPull,
		Partitions: partitions, Retries: 2, State: tables.StateActive}
}

// subscribe makes a subscription with its topic.
func (s *desk) subscribe(name string, partitions int) tables.Subscription {
	s.Helper()
	sub := subscription(name, partitions)
	s.Put(tables.KindSubscription, sub.ID(), sub)
	s.Make(topologies.ConsumerTopic(sub))
	return sub
}

// token is a token of the team that may subscribe what the scopes say.
func (s *desk) token(ofTeam string, subscribe ...string) (id, text string) {
	s.Helper()
	return s.Token(ofTeam, tables.Scopes{Subscribe: subscribe})
}

// deliver writes copies n to m as the router does.
func (s *desk) deliver(sub tables.Subscription, partition int32, from, to int) {
	s.Helper()
	r, err := s.Control.Rules()
	stage.Must(s, err)
	s.write(sub, r.Mask(sub.Team, "", eventType), partition, from, to)
}

// deliverWith writes copies that a mask of another moment made.
func (s *desk) deliverWith(sub tables.Subscription, m *processors.Mask, from, to int) {
	s.Helper()
	s.write(sub, m, 0, from, to)
}

func (s *desk) write(sub tables.Subscription, m *processors.Mask, partition int32, from, to int) {
	s.Helper()
	serde, err := topologies.Deliveries.Codec.Bind(s.Schemas, sub.Topic())
	stage.Must(s, err)
	var records []*kgo.Record
	for n := from; n < to; n++ {
		e, err := m.Envelope(events.Envelope{ID: fmt.Sprintf("e%d", n), Type: eventType, Key: "visit-1", TransactionID: "t", At: events.InstantOf(time.Now()), SourceSystem: "ehr",
			Tags: []string{"a b", "next"}, Extensions: map[string]string{}, Body: events.Body(fmt.Sprintf(`{"n": %d, "id":"visit-1", "note":%q}`, n, canary+s.pad))})
		stage.Must(s, err)
		v, err := serde.Encode(e)
		stage.Must(s, err)
		records = append(records, &kgo.Record{Topic: sub.Topic(), Partition: partition, Key: []byte(e.Key), Value: v,
			Headers: []kgo.RecordHeader{{Key: processors.HeaderMask, Value: []byte(m.ID())}}})
	}
	stage.Must(s, s.writer.ProduceSync(s.Context(), records...).FirstErr())
}

// worker is one process's door behind its guard.
type worker struct {
	*desk
	http   *httptest.Server
	door   *consume.Door
	copies *kafka.Copies
	stop   func()
}

func quick() consume.Limits {
	return consume.Limits{Streams: 3, Heartbeat: 200 * time.Millisecond, Write: time.Second, Age: time.Hour, Idle: time.Minute}
}

func (s *desk) worker(limits consume.Limits, opts ...kafka.Option) *worker {
	s.Helper()
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(s.Guard().Wrap(func(*http.Request) bool { return false }, mux))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10) // so that a slow reader is felt soon
		return ctx
	}
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	address := server.Listener.Addr().String()
	c, err := kafka.OpenCopies(s.Brokers(), s.Schemas, address, opts...)
	stage.Must(s, err)
	door := consume.New(consume.Options{Copies: c, Rules: s.Control, Worker: address, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	config := huma.DefaultConfig("test", "1")
	config.CreateHooks = nil
	door.Register(mux, humago.New(mux, config))
	member, err := json.Marshal(map[string]string{"address": address})
	stage.Must(s, err)
	stage.Must(s, s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: topology.Members.Name, Key: []byte("g|" + address), Value: member}).FirstErr())
	w := &worker{desk: s, http: server, door: door, copies: c}
	w.stop = sync.OnceFunc(func() {
		door.Close()
		server.Close()
		c.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	s.Cleanup(w.stop)
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

// do asks and reads the answer, whatever its status.
func (w *worker) do(method, token, path string, body any) (a answer) {
	w.Helper()
	a, err := w.try(method, token, path, body)
	stage.Must(w, err)
	return a
}

func (w *worker) try(method, token, path string, body any) (a answer, err error) {
	got, err := stage.Send(context.Background(), token, method, w.http.URL+"/v1/subscriptions/"+path, body)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(got.Body, &a); err != nil {
		return a, fmt.Errorf("%d %q: %w", got.Status, got.Body, err)
	}
	a.Status = got.Status
	return a, nil
}

// pull insists: 503 says to come again.
func (w *worker) pull(token, sub, query string) (a answer) {
	w.Helper()
	stage.Await(w, "a pull of "+sub, func() bool {
		a = w.do(http.MethodPost, token, team+"/"+sub+"/pull?"+query, nil)
		return a.Status != http.StatusServiceUnavailable
	})
	if a.Status != http.StatusOK {
		w.Fatalf("pull: %d %s", a.Status, a.Code)
	}
	return a
}

func (w *worker) ack(token, sub string, leases ...string) answer {
	w.Helper()
	return w.do(http.MethodPost, token, team+"/"+sub+"/ack", map[string]any{"leases": leases})
}

func (w *worker) position(token, sub string) int64 {
	w.Helper()
	a := w.do(http.MethodGet, token, team+"/"+sub+"/position", nil)
	if a.Status != http.StatusOK {
		w.Fatalf("position: %d %s", a.Status, a.Code)
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

func numbered(from, to int) (out []string) {
	for n := from; n < to; n++ {
		out = append(out, fmt.Sprintf("e%d", n))
	}
	return out
}

func joined(ss []string) string { return strings.Join(ss, " ") }
