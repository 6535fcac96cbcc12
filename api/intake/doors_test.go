package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api/access"
	"payerflow/api/intake"
	"payerflow/api/problem"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// now is what the doors of the tests take for now.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// doors are all doors on a real port, with a broker and a registry behind.
type doors struct {
	t       testing.TB
	url     string
	broker  *embedded.Broker
	schemas *codecs.Registry
	rules   *processors.Rules
	stale   atomic.Bool                      // the rules are not fresh
	caller  atomic.Pointer[access.Principal] // nil: nobody
	tokens  atomic.Pointer[context.Context]  // ends when tokens are revoked; nil: never
}

func testData(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	stage.Must(t, err)
	return string(b)
}

func registered(t testing.TB) *processors.Rules {
	t.Helper()
	own := []tables.EventType{
		{Name: "Member-PCP-Change", Parts: []string{"Member", "PCP", "Change"}, Version: 3, Owner: "members", Schema: testData(t, "member-pcp-change.schema.json"), State: tables.StateActive},
		{Name: "KaaS-Requested-Topic-Creation", Parts: []string{"KaaS", "Requested", "Topic", "Creation"}, Version: 1, Owner: "kaas", Schema: `{"type":"object"}`, KeyField: "/topic/name", State: tables.StateActive},
		{Name: "Member-Old", Version: 1, Owner: "members", Schema: `{"type":"object"}`, State: tables.StateDeprecated},
	}
	return processors.NewRules(append(topologies.DefaultEventTypes(), own...), bytes.Repeat([]byte("s"), 32))
}

// start opens doors; change may change the options.
func start(t testing.TB, change func(*intake.Options)) *doors {
	t.Helper()
	d := &doors{t: t, rules: registered(t)}
	d.broker, d.schemas = stage.Cluster(t)
	firehose, err := kafka.OpenFirehose([]string{d.broker.Addr()}, d.schemas)
	stage.Must(t, err)
	t.Cleanup(firehose.Close)
	d.caller.Store(&access.Principal{Token: "k1", Team: "members", Scopes: tables.Scopes{Publish: []string{"Member-*", "KaaS-*", "CLAIM_*"}}})
	o := intake.Options{Firehose: firehose, Clock: func() time.Time { return now }, Rules: func() (intake.Snapshot, error) {
		if d.stale.Load() {
			return nil, fmt.Errorf("control log: %w", topology.ErrUnavailable)
		}
		return d.rules, nil
	}}
	if change != nil {
		change(&o)
	}
	mux := http.NewServeMux()
	intake.New(o).Mount(mux)
	s := httptest.NewUnstartedServer(d.as(mux))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

// as stands for the authentication in front of the doors.
func (d *doors) as(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := d.caller.Load(); p != nil {
			ctx, end := context.WithCancel(access.With(r.Context(), *p))
			defer end()
			defer context.AfterFunc(d.revoked(), end)()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

func (d *doors) revoked() context.Context {
	if ctx := d.tokens.Load(); ctx != nil {
		return *ctx
	}
	return context.Background()
}

// answer is one response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (d *doors) send(header http.Header, body io.Reader) answer {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+"/v1/events", body)
	stage.Must(d.t, err)
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := http.DefaultClient.Do(r)
	stage.Must(d.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	stage.Must(d.t, err)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (d *doors) post(contentType, body string) answer {
	d.t.Helper()
	return d.send(http.Header{"Content-Type": {contentType}}, strings.NewReader(body))
}

// committed demands a 201 and reads the record that it names.
func (d *doors) committed(a answer) (intake.Committed, events.Envelope, map[string]string) {
	d.t.Helper()
	if a.status != http.StatusCreated {
		d.t.Fatalf("answer %d: %s", a.status, a.body)
	}
	var c intake.Committed
	stage.Must(d.t, json.Unmarshal([]byte(a.body), &c))
	e, headers := d.record(c)
	return c, e, headers
}

func (d *doors) record(c intake.Committed) (events.Envelope, map[string]string) {
	d.t.Helper()
	at, err := intake.ParseToken(c.Token)
	stage.Must(d.t, err)
	if want := (kafka.Coordinates{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset}); at != want {
		d.t.Fatalf("the token says %+v, the answer %+v", at, want)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(d.broker.Addr()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{at.Topic: {at.Partition: kgo.NewOffset().At(at.Offset)}}))
	stage.Must(d.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	fetches := client.PollRecords(ctx, 1)
	stage.Must(d.t, fetches.Err0())
	r := fetches.Records()[0]
	serde, err := topologies.Firehose.Codec.Bind(d.schemas, at.Topic)
	stage.Must(d.t, err)
	e, err := serde.Decode(r.Value)
	stage.Must(d.t, err)
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	if r.Offset != at.Offset || e.ID != c.ID || string(r.Key) != string(e.Key) {
		d.t.Fatal("the answer names another record")
	}
	return e, headers
}

// refusal demands a problem with a status and returns its faults as text.
func (d *doors) refusal(a answer, status int) []string {
	d.t.Helper()
	var p problem.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != status || p.Status != status || p.Code == "" || p.Detail == "" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		d.t.Fatalf("answer %d %.300s, want a problem with %d", a.status, a.body, status)
	}
	return faultsOf(&p)
}

func faultsOf(p *problem.Problem) (out []string) {
	for _, e := range p.Errors {
		out = append(out, e.Code+" "+e.Pointer)
	}
	return out
}

// count is how many records the firehose holds.
func (d *doors) count() (n int64) {
	d.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(d.broker.Addr()))
	stage.Must(d.t, err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(d.t.Context(), topologies.Firehose.Topic.Name)
	stage.Must(d.t, err)
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}
