package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"payerflow/api/access"
	"payerflow/api/intake"
	"payerflow/api/intake/intakepb"
	"payerflow/api/intake/intakepb/intakepbconnect"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// BenchmarkDoors drives REST and gRPC, one event a request, first as fast as
// 64 callers go and then, open loop, at 60 % of that; latency counts from when
// a request was due. With INTAKE_BROKERS and INTAKE_REGISTRY it runs on that
// cluster, which has the topics and schemas.
func BenchmarkDoors(b *testing.B) {
	url := benchDoors(b)
	client := func() *http.Client {
		return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * benchCallers}}
	}
	rest := client()
	grpc := intakepbconnect.NewIntakeServiceClient(h2c(), url, connect.WithGRPC())
	for name, send := range map[string]func(ctx context.Context, n int) error{
		"REST": func(ctx context.Context, n int) error {
			doc := strings.Replace(strings.Replace(camelEvent, "claims.new", fmt.Sprint("topic-", n%5000), 1), `"e-1"`, fmt.Sprintf(`"e-%d"`, n), 1)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/events", strings.NewReader(doc))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", plain)
			resp, err := rest.Do(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body) // or the connection is not used again
			if resp.StatusCode != http.StatusCreated {
				return fmt.Errorf("status %d", resp.StatusCode)
			}
			return nil
		},
		"gRPC": func(ctx context.Context, n int) error {
			_, err := grpc.Publish(ctx, connect.NewRequest(&intakepb.PublishRequest{Event: protoEvent(n % 5000), IdempotencyKey: fmt.Sprint(n)}))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) { measure(b, send) })
	}
}

const (
	benchCallers = 64
	benchTime    = 5 * time.Second
)

func benchDoors(b *testing.B) string {
	b.Helper()
	brokers, schemas := os.Getenv("INTAKE_BROKERS"), codecs.OpenRegistry(os.Getenv("INTAKE_REGISTRY"))
	if brokers == "" {
		broker, registry := stage.Cluster(b)
		brokers, schemas = broker.Addr(), registry
	}
	firehose, err := kafka.OpenFirehose(strings.Split(brokers, ","), schemas)
	stage.Must(b, err)
	b.Cleanup(firehose.Close)
	rules := registered(b)
	mux := http.NewServeMux()
	intake.New(intake.Options{Firehose: firehose, Rules: func() (intake.Snapshot, error) { return rules, nil }}).Mount(mux)
	d := &doors{}
	d.caller.Store(&access.Principal{Team: "bench", Scopes: tables.Scopes{Publish: []string{"*"}}})
	s := httptest.NewUnstartedServer(d.as(mux))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	b.Cleanup(s.Close)
	return s.URL
}

func measure(b *testing.B, send func(context.Context, int) error) {
	var peak, p50, p99 float64
	for b.Loop() {
		closedLoop(b, benchTime/5, send) // warm
		peak = closedLoop(b, benchTime, send)
		p50, p99 = openLoop(b, 0.6*peak, send)
	}
	b.ReportMetric(peak, "events/s")
	b.ReportMetric(p50, "p50-ms@60%")
	b.ReportMetric(p99, "p99-ms@60%")
	b.ReportMetric(0, "ns/op")
}

// closedLoop is how many events a second the callers get through.
func closedLoop(b *testing.B, d time.Duration, send func(context.Context, int) error) float64 {
	var n, failed atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range benchCallers {
		wg.Go(func() {
			for time.Since(begin) < d {
				if send(b.Context(), int(n.Add(1))) != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		b.Fatalf("%d of %d events failed", failed.Load(), n.Load())
	}
	return float64(n.Load()) / time.Since(begin).Seconds()
}

// openLoop sends at a rate, whatever the answers take, and returns latencies
// in milliseconds.
func openLoop(b *testing.B, rate float64, send func(context.Context, int) error) (p50, p99 float64) {
	total := int(rate * benchTime.Seconds())
	took := make([]float64, total)
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range 4 * benchCallers {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= total {
					return
				}
				due := begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))
				<-time.After(time.Until(due))
				if send(b.Context(), n) != nil {
					failed.Add(1)
				}
				took[n] = float64(time.Since(due).Microseconds()) / 1000
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		b.Fatalf("%d of %d events failed", failed.Load(), total)
	}
	slices.Sort(took)
	return took[total/2], took[total*99/100]
}

// BenchmarkBatches is one caller with batches of 100 events.
func BenchmarkBatches(b *testing.B) {
	url := benchDoors(b)
	doc := []byte("[" + strings.Repeat(camelEvent+",", 99) + camelEvent + "]")
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Post(url+"/v1/events", plain, bytes.NewReader(doc))
		stage.Must(b, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			b.Fatal(resp.StatusCode)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
