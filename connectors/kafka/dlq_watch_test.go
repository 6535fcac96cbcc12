package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/stage"
)

// receiver takes alerts, and refuses the first of them.
type receiver struct {
	mu     sync.Mutex
	refuse int
	bodies []string
	at     []time.Time
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse--; r.refuse >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.bodies, r.at = append(r.bodies, req.Header.Get("Content-Type")+" "+string(b)), append(r.at, time.Now())
}

// told is how many dead letters were told of, in how many calls.
func (r *receiver) told(t *testing.T) (count, calls int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.bodies {
		var g kafka.Growth
		if err := json.Unmarshal([]byte(strings.TrimPrefix(b, "application/json ")), &g); err != nil || g.Topic != paidDLQ || g.Since.IsZero() {
			t.Fatalf("%s: %v", b, err)
		}
		count += g.Count
	}
	return count, len(r.bodies)
}

func TestSomebodyIsCalledWhenADLQGrows(t *testing.T) {
	y := newYard(t)
	rec := &receiver{refuse: 2}
	srv := httptest.NewServer(rec)
	defer srv.Close()
	const interval = 700 * time.Millisecond
	run := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			alert := &kafka.DLQAlert{Brokers: y.brokers, URL: srv.URL + "/s3cret", Interval: interval}
			if err := alert.Run(ctx, func(err error) {
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the address is told: %v", err)
				}
			}); err != nil {
				t.Error(err)
			}
		}()
		return func() { cancel(); <-done }
	}
	stop := run()
	y.park(dead(1, "c1", "X", []byte("c1 is a secret")), dead(2, "c2", "X", nil))
	stage.Await(t, "the first call", func() bool { n, _ := rec.told(t); return n == 2 })
	for n := range 10 {
		y.park(dead(10+n, fmt.Sprintf("c%d", n), "X", nil))
	}
	stage.Await(t, "the others", func() bool { n, _ := rec.told(t); return n == 12 })
	if _, calls := rec.told(t); calls > 5 {
		t.Errorf("%d calls", calls)
	}
	for i := 1; i < len(rec.at); i++ {
		if apart := rec.at[i].Sub(rec.at[i-1]); apart < interval-100*time.Millisecond {
			t.Errorf("calls %s apart", apart)
		}
	}
	stop()
	y.park(dead(30, "c1", "X", nil)) // while nobody looks
	stop = run()
	stage.Await(t, "what came meanwhile, and nothing twice", func() bool { n, _ := rec.told(t); return n == 13 })
	stop()
	for _, b := range rec.bodies {
		if strings.Contains(b, "secret") || strings.Contains(b, "c1") {
			t.Errorf("%s", b)
		}
	}
}

func TestTheGaugeFollowsWhatIsHandled(t *testing.T) {
	y := newYard(t)
	y.park(dead(1, "c1", "X", nil), dead(2, "c2", "X", nil), dead(3, "c3", codecs.BadFrame, nil))
	reg := prometheus.NewRegistry()
	g := &kafka.DLQGauge{Brokers: y.brokers, Schemas: y.schemas, Every: 50 * time.Millisecond}
	g.Register(reg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx, func(err error) { t.Error(err) }) }()
	defer func() { cancel(); <-done }()
	gauge := func() float64 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if m.GetLabel()[0].GetValue() == paidDLQ {
					return m.GetGauge().GetValue()
				}
			}
		}
		return -1
	}
	stage.Await(t, "3 wait", func() bool { return gauge() == 3 })
	y.handle(kafka.Handling{})
	stage.Await(t, "nothing waits", func() bool { return gauge() == 0 })
	y.park(dead(4, "c1", "X", nil))
	stage.Await(t, "1 waits", func() bool { return gauge() == 1 })
}
