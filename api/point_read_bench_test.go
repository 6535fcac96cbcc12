package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"payerflow/api"
	"payerflow/events"
	"payerflow/internal/stage"
)

// BenchmarkPointRead reads one row of a worker's own through the whole surface,
// guard, audit and compression included, without a connection: what a read
// allocates is steady on a machine that has other work.
func BenchmarkPointRead(b *testing.B) {
	const claims = 1000
	p := planted(b)
	guard := letIn(b, all)
	w := p.worker(guard, api.WatchBounds{})
	claim := func(i int) events.ID { return events.ID(fmt.Sprint("claim-", i)) }
	for i := range claims {
		p.client.Produce(b.Context(), p.submission(claim(i)), nil)
	}
	guard.Audit(trailed(unwritten{}))
	reqs := make([]*http.Request, claims)
	for i := range reqs {
		reqs[i] = httptest.NewRequest(http.MethodGet, "/v1/views/claim-status/"+string(claim(i)), nil)
		reqs[i].Header.Set("Authorization", "Bearer "+guard.token)
	}
	surface := w.server.Config.Handler
	read := func(i int) int {
		to := &nowhere{header: http.Header{}}
		surface.ServeHTTP(to, reqs[i%claims])
		return to.status
	}
	stage.Await(b, "all rows", func() bool {
		for i := range claims {
			if read(i) != http.StatusOK {
				return false
			}
		}
		return true
	})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if status := read(i); status != http.StatusOK {
			b.Fatal(status)
		}
	}
}

// unwritten takes audit records and keeps none.
type unwritten struct{}

func (unwritten) Write(context.Context, events.AuditReceived) error { return nil }

// nowhere takes an answer and keeps its status alone.
type nowhere struct {
	io.Writer
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
