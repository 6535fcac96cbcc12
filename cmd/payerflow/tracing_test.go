package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"payerflow/internal/observe"
)

// seenSpan is a span as a backend shows it.
type seenSpan struct{ trace, id, parent, name string }

// backend finds the spans of the trace in which a span has a tag.
type backend interface {
	endpoint() string
	find(t *testing.T, tag string) []seenSpan
	everything() string // that it was told, for canaries
}

// gathered is a collector that speaks OTLP over gRPC.
type gathered struct {
	collector.UnimplementedTraceServiceServer
	at    string
	mu    sync.Mutex
	spans []seenSpan
	of    map[string]string // tag -> trace
	said  strings.Builder
}

func gatherSpans(t *testing.T) *gathered {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, s := &gathered{at: "http://" + ln.Addr().String(), of: map[string]string{}}, grpc.NewServer()
	collector.RegisterTraceServiceServer(s, g)
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	return g
}

func (g *gathered) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said.WriteString(r.String())
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				of := seenSpan{hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId), s.Name}
				g.spans = append(g.spans, of)
				for _, e := range s.Events {
					for _, a := range e.Attributes {
						if a.Key == string(observe.Tag) {
							g.of[a.Value.GetStringValue()] = of.trace
						}
					}
				}
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (g *gathered) endpoint() string { return g.at }

func (g *gathered) find(_ *testing.T, tag string) (out []seenSpan) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.spans {
		if s.trace == g.of[tag] {
			out = append(out, s)
		}
	}
	return out
}

func (g *gathered) everything() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.said.String()
}

// jaeger is a Jaeger that runs beside the test: make test-tracing.
type jaeger struct{ otlp, query string }

func (j jaeger) endpoint() string { return j.otlp }

func (j jaeger) find(t *testing.T, tag string) (out []seenSpan) {
	tags, err := json.Marshal(map[string]string{string(observe.Tag): tag})
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Data []struct {
			Spans []struct {
				TraceID, SpanID, OperationName string
				References                     []struct{ RefType, SpanID string }
			}
		}
	}
	if get(t, j.query+"/api/traces?service=payerflow&lookback=1h&limit=20&tags="+url.QueryEscape(string(tags)), &found) != http.StatusOK || len(found.Data) != 1 {
		return nil
	}
	for _, s := range found.Data[0].Spans {
		of := seenSpan{s.TraceID, s.SpanID, "", s.OperationName}
		for _, r := range s.References {
			if r.RefType == "CHILD_OF" && of.parent == "" {
				of.parent = r.SpanID
			}
		}
		out = append(out, of)
	}
	return out
}

func (jaeger) everything() string { return "" }

// TestOneTrace publishes an event and watches its row: what happened in between
// is one trace, found by the event's tag, from the door to the watcher.
func TestOneTrace(t *testing.T) {
	var at backend = gatherSpans(t)
	if otlp := os.Getenv("JAEGER_OTLP"); otlp != "" {
		at = jaeger{otlp, os.Getenv("JAEGER_QUERY")}
	}
	t.Setenv("PAYERFLOW_TRACING_PROTOCOL", "grpc")
	t.Setenv("PAYERFLOW_TRACING_ENDPOINT", at.endpoint())
	t.Setenv("PAYERFLOW_TRACING_SAMPLE", "1")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100") // ms
	dir := t.TempDir()
	p, addr, flags := demo(t, dir, "--traffic=false", "--store=false")
	const claim, canary = "canary-claim-4711", "canary-tag-4711"
	tag := fmt.Sprintf("traced:%d", time.Now().UnixNano())
	prepareTrace(t, dir, addr, flags, tag)
	rows := watchRows(t, addr, "/v1/views/claim-status/"+claim)
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	post(t, addr, c.Tokens[rolePublisher], fmt.Sprintf(`{"specversion":"1.0","id":"canary-event-4711","type":"CLAIM_SUBMITTED","source":"/test","time":"2026-03-10T08:00:00Z","synthetic":false,"tags":"%s,%s","subject":"%s","datacontenttype":"application/json","data":%s}`,
		canary, url.QueryEscape(tag), claim, strings.Replace(lines(t, "testdata/events/claims-day.ndjson")[0], "f5d27093-c3d7-5e73-a460-ba0dcedb4e0e", claim, 1)))
	if row := <-rows; !strings.Contains(row, "SUBMITTED") {
		t.Fatalf("the watcher got %q", row)
	}
	way := []string{"POST /v1/events", "take CLAIM_SUBMITTED", "mediator.event.received publish", "process mediator.event.received", "send claims.claim.submitted",
		"process claims.claim.submitted", "view claim-status", "watch claim-status"}
	var spans []seenSpan
	within(t, time.Minute, "the trace", func() bool {
		spans = at.find(t, tag)
		return !slices.ContainsFunc(append(way[:len(way):len(way)], "send consumer.ops.traced"), func(name string) bool { return !has(spans, name) })
	})
	if got := wayTo(spans, "watch claim-status"); !slices.Equal(got, way) {
		t.Errorf("the way to the watcher is %q\nwant %q", got, way)
	}
	p.terminate()
	if strings.Contains(at.everything(), "canary") || strings.Contains(p.output(), "canary") {
		t.Error("a key, an id or a tag that is not registered shows")
	}
}

// prepareTrace registers the tag with its type, and subscribes to it.
func prepareTrace(t *testing.T, dir, addr string, flags []string, tag string) {
	t.Helper()
	says := func(args ...string) string {
		out, stderr, code := cli(t, "", slices.Concat(args, []string{"--url", "http://" + addr}, flags)...)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		return out
	}
	write := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "row.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var of struct {
		Row map[string]any `json:"row"`
	}
	if err := json.Unmarshal([]byte(says("type", "get", "CLAIM_SUBMITTED", "-o", "json")), &of); err != nil {
		t.Fatal(err)
	}
	of.Row["tags"] = []string{tag}
	says("type", "apply", "-f", write(of.Row), "--why", "traced")
	says("sub", "apply", "-f", write(map[string]any{"team": "ops", "name": "traced", "eventTypes": []string{"CLAIM_SUBMITTED"}, "delivery": "topic", "partitions": 1, "state": "ACTIVE"}))
}

// watchRows watches a row that is not there yet, and gives the first that comes.
func watchRows(t *testing.T, addr, path string) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := tokens.Load(addr)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token.(string))
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(err, resp)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	begun, row := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(row)
		defer resp.Body.Close()
		for kind := ""; in.Scan(); {
			if k, is := strings.CutPrefix(in.Text(), "event: "); is {
				if kind = k; kind == "gone" {
					close(begun)
				}
			} else if data, is := strings.CutPrefix(in.Text(), "data: "); is && kind == "row" {
				row <- data
				return
			}
		}
	}()
	<-begun
	return row
}

func has(spans []seenSpan, name string) bool {
	return slices.ContainsFunc(spans, func(s seenSpan) bool { return s.name == name })
}

// wayTo are the names of a span's ancestors and its own.
func wayTo(spans []seenSpan, name string) (out []string) {
	i := slices.IndexFunc(spans, func(s seenSpan) bool { return s.name == name })
	for i >= 0 {
		s := spans[i]
		out = append(out, s.name)
		i = slices.IndexFunc(spans, func(p seenSpan) bool { return p.id == s.parent })
	}
	slices.Reverse(out)
	return out
}
