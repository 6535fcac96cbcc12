package api_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api"
	"payerflow/events"
)

// BenchmarkTenThousandWatches opens 10,000 watches of 1,000 claims over HTTP/2,
// and folds b.N states of these, 1,000 a second: each is told ten times. Server, broker and
// clients are one process; the time of a state is from before its publication
// to the last of its watchers.
func BenchmarkTenThousandWatches(b *testing.B) {
	const watches, claims, updates = 10000, 1000, 1000
	p := planted(b)
	guard := letIn(b, all)
	w := p.worker(guard, api.WatchBounds{Most: watches, Beat: time.Minute, Stall: 10 * time.Second})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	told := make([]chan time.Time, claims)
	for i := range told {
		told[i] = make(chan time.Time, watches)
	}
	claim := func(i int) events.ID { return events.ID("claim-" + strconv.Itoa(i)) }
	before := memory()
	var opened sync.WaitGroup
	gate := make(chan struct{}, 64)
	for n := range watches {
		gate <- struct{}{}
		opened.Add(1)
		go func() {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, w.server.URL+"/v1/views/claim-status/"+string(claim(n%claims)), nil)
			req.Header.Set("Authorization", "Bearer "+guard.token)
			req.Header.Set("Accept", "text/event-stream")
			resp, err := (&http.Client{Transport: transport}).Do(req)
			<-gate
			opened.Done()
			if err != nil || resp.StatusCode != 200 {
				b.Error("it is not opened")
				return
			}
			defer resp.Body.Close()
			listen(resp.Body, told[n%claims])
		}()
	}
	opened.Wait()
	perWatch := (memory() - before) / watches
	var took []time.Duration
	began := make([]time.Time, b.N)
	pace := time.NewTicker(time.Second / updates)
	defer pace.Stop()
	b.ResetTimer()
	for i := range b.N {
		<-pace.C
		began[i] = time.Now()
		p.client.Produce(b.Context(), p.submission(claim(i%claims)), func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
	for i := range b.N {
		var last time.Time
		for range watches / claims {
			last = <-told[i%claims]
		}
		took = append(took, last.Sub(began[i]))
	}
	b.ReportMetric(perWatch, "B/watch")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

func listen(body io.Reader, told chan time.Time) {
	buf := make([]byte, 8<<10)
	for {
		n, err := body.Read(buf)
		if err != nil {
			return
		}
		for range bytes.Count(buf[:n], []byte("event: row")) {
			told <- time.Now()
		}
	}
}

// memory is what is in use, stacks included, client and server.
func memory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
