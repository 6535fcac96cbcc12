package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/api/audit"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/tables"
	"payerflow/topologies"
)

const readers = 64

// BenchmarkReads reads rows over HTTP with 64 readers at a time: of a view whose
// answers are audited on the embedded broker, of one that holds nothing classed
// to the audit, and of the same to a reader from whom most fields are withheld. Readers ask at once again, or pause.
func BenchmarkReads(b *testing.B) {
	broker := stage.Broker(b, embedded.BrokerConfig{DataDir: b.TempDir()})
	stage.Topics(b, broker.Addr(), topologies.Mediator...)
	log, err := kafka.OpenAudit([]string{broker.Addr()}, &codecs.Memory{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(log.Close)
	for _, pause := range []time.Duration{0, 100 * time.Millisecond} {
		for _, view := range []string{"claim-status", "plain"} {
			name := map[string]string{"claim-status": "audited", "plain": "not"}[view]
			b.Run(fmt.Sprintf("%s,pause=%s", name, pause), func(b *testing.B) { read(b, view, tables.Scopes{Admin: true}, pause, trailed(log)) })
		}
		b.Run(fmt.Sprintf("redacted,pause=%s", pause), func(b *testing.B) {
			read(b, "plain", tables.Scopes{Read: []string{"*"}}, pause, trailed(log))
		})
	}
}

func read(b *testing.B, view string, scopes tables.Scopes, pause time.Duration, trail *audit.Trail) {
	guard, token := guarded(b, scopes)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("c", i)
	}
	s := httptest.NewServer(api.New(mixed{rows{keys: keys}}, api.Options{Guard: guard.Audit(trail)}))
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all []time.Duration
	var n atomic.Int64
	b.SetParallelism(readers / runtime.GOMAXPROCS(0))
	began := time.Now()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var took []time.Duration
		for pb.Next() {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL+"/v1/views/"+view+"/"+keys[int(n.Add(1))%len(keys)], nil)
			req.Header.Set("Authorization", "Bearer "+token)
			if pause > 0 {
				<-time.After(pause)
			}
			at := time.Now()
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if took = append(took, time.Since(at)); resp.StatusCode != http.StatusOK {
				b.Errorf("status %d", resp.StatusCode)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	slices.Sort(all)
	ms := func(p int) float64 { return float64(all[len(all)*p/100].Microseconds()) / 1000 }
	b.ReportMetric(ms(50), "p50-ms")
	b.ReportMetric(ms(99), "p99-ms")
	b.ReportMetric(float64(len(all))/time.Since(began).Seconds(), "reads/s")
}
