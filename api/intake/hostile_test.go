package intake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"payerflow/api/intake"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
)

// ofSize is an event whose request has exactly n bytes.
func ofSize(n int) string {
	doc := strings.Replace(camelEvent, `"claims.new"`, `"claims.new","pad":""`, 1)
	return strings.Replace(doc, `"pad":""`, `"pad":"`+strings.Repeat("x", n-len(doc))+`"`, 1)
}

func packed(t testing.TB, encoding string, write func(io.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		stage.Must(t, err)
		w = z
	}
	write(w)
	stage.Must(t, w.Close())
	return b.Bytes()
}

// TestSizes: 1 MiB is taken and one byte more is not, with a length, without
// one, and compressed.
func TestSizes(t *testing.T) {
	d := start(t, nil)
	for _, c := range []struct{ bytes, status int }{{intake.MaxBytes - 1, 201}, {intake.MaxBytes, 201}, {intake.MaxBytes + 1, 413}} {
		doc := ofSize(c.bytes)
		h := http.Header{"Content-Type": {plain}}
		if a := d.send(h, strings.NewReader(doc)); a.status != c.status {
			t.Errorf("%d bytes: %d %.200s", c.bytes, a.status, a.body)
		}
		if a := d.send(h, io.MultiReader(strings.NewReader(doc))); a.status != c.status { // no length: chunked
			t.Errorf("%d bytes, chunked: %d %.200s", c.bytes, a.status, a.body)
		}
		for _, encoding := range []string{"gzip", "zstd"} {
			small := packed(t, encoding, func(w io.Writer) { _, _ = io.WriteString(w, doc) })
			if a := d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {encoding}}, bytes.NewReader(small)); a.status != c.status {
				t.Errorf("%d bytes, %s: %d %.200s", c.bytes, encoding, a.status, a.body)
			}
		}
	}
}

// TestBombs: what grows without bound is stopped at the limit.
func TestBombs(t *testing.T) {
	d := start(t, nil)
	for _, encoding := range []string{"gzip", "zstd"} {
		bomb := packed(t, encoding, func(w io.Writer) {
			zeros := make([]byte, 1<<20)
			for range 64 {
				_, _ = w.Write(zeros)
			}
		})
		begin := time.Now()
		d.refusal(d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {encoding}}, bytes.NewReader(bomb)), 413)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s: took %v", encoding, took)
		}
	}
	huge := packed(t, "zstd", func(w io.Writer) { _, _ = io.WriteString(w, "{}") })
	huge[4] &^= 0x20 // no single segment: a window follows
	huge[5] = 0xff   // of terabytes
	a := d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {"zstd"}}, bytes.NewReader(huge))
	if a.status != 413 && a.status != 400 {
		t.Errorf("a huge window: %d", a.status)
	}
	for _, c := range []struct {
		encoding, body string
		status         int
	}{{"gzip", "no gzip", 400}, {"zstd", "no zstd", 400}, {"gzip", "", 400}, {"br", "x", 415}, {"gzip, gzip", "x", 415}} {
		d.refusal(d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {c.encoding}}, strings.NewReader(c.body)), c.status)
	}
	cut := packed(t, "gzip", func(w io.Writer) { _, _ = io.WriteString(w, camelEvent) })
	d.refusal(d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {"gzip"}}, bytes.NewReader(cut[:len(cut)-9])), 400)
	d.refusal(d.send(http.Header{"Content-Type": {plain}, "Content-Encoding": {"gzip"}}, bytes.NewReader(append(cut, "rest"...))), 400)
}

func TestTextsThatAreNoJSON(t *testing.T) {
	d := start(t, nil)
	begin := time.Now()
	for _, doc := range []string{"", "{", "7", `"x"`, "{}x", camelEvent + "{}", "{\"a\":\xff}", strings.Repeat(`{"a":`, 100_000), strings.Repeat("[", 100_000),
		strings.Replace(camelEvent, `{"topic":{"name":"claims.new"}}`, strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_000), 1)} {
		d.refusal(d.post(plain, doc), 400)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; x", "multipart/form-data; boundary=x"} {
		d.refusal(d.post(contentType, camelEvent), 415)
	}
	for fault, body := range map[string]string{
		"INVALID_TEXT":   `{"topic":{"name":"a\ud800"}}`,
		"INVALID_NUMBER": `{"topic":{"name":"a"},"n":1e999999}`,
		"DUPLICATE_NAME": `{"topic":{"name":"a"},"topic":{"name":"b"}}`,
		"AMBIGUOUS_NAME": `{"topic":{"name":"a"},"Topic":{"name":"b"}}`,
		"TOO_DEEP":       `{"topic":{"name":"a"},"n":` + strings.Repeat(`[`, 99) + strings.Repeat(`]`, 99) + `}`,
	} {
		if got := d.refusal(d.post(plain, strings.Replace(camelEvent, `{"topic":{"name":"claims.new"}}`, body, 1)), 422); !strings.Contains(strings.Join(got, "\n"), fault) {
			t.Errorf("faults %q, want %s", got, fault)
		}
	}
}

func TestRulesThatAreNotFresh(t *testing.T) {
	d := start(t, nil)
	d.stale.Store(true)
	for _, doc := range []string{camelEvent, "[" + camelEvent + "]"} {
		a := d.post(plain, doc)
		d.refusal(a, 503)
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	d.stale.Store(false)
	d.committed(d.post(plain, camelEvent))
}

// TestBrokerAway: 503 within the bound, and the same event is taken when the
// broker is there again.
func TestBrokerAway(t *testing.T) {
	d := start(t, func(o *intake.Options) { o.Wait = 2 * time.Second }) // time enough for the broker that is there
	d.committed(d.post(plain, camelEvent))
	stage.Must(t, d.broker.Close())
	begin := time.Now()
	a := d.post(plain, camelEvent)
	d.refusal(a, 503)
	if took := time.Since(begin); took > 8*time.Second || a.header.Get("Retry-After") == "" {
		t.Errorf("took %v, Retry-After %q", took, a.header.Get("Retry-After"))
	}
	if a := d.post(plain, "["+camelEvent+"]"); a.status != 207 || !strings.Contains(a.body, `"status":503`) || a.header.Get("Retry-After") == "" {
		t.Errorf("a batch: %d %s", a.status, a.body)
	}
}

// slow commits when it is told to.
type slow struct {
	intake.Publisher
	entered chan struct{}
	release chan struct{}
}

func (s *slow) Publish(ctx context.Context, es []events.Envelope) []kafka.Placed {
	s.entered <- struct{}{}
	<-s.release
	return s.Publisher.Publish(ctx, es)
}

// TestBackpressure: what does not fit is refused at once, by requests and by
// bytes, of which one team has half, and there is room again afterwards.
func TestBackpressure(t *testing.T) {
	for name, bound := range map[string]func(*intake.Options){
		"requests": func(o *intake.Options) { o.Requests = 8 },
		"bytes":    func(o *intake.Options) { o.Bytes = 10*4<<10 - 2 },
	} {
		t.Run(name, func(t *testing.T) {
			s := &slow{entered: make(chan struct{}), release: make(chan struct{})}
			d := start(t, func(o *intake.Options) {
				bound(o)
				s.Publisher = o.Firehose
				o.Firehose = s
			})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if a := d.post(plain, camelEvent); a.status != 201 {
						t.Errorf("a request within the bound: %d", a.status)
					}
				})
			}
			for range 4 {
				<-s.entered
			}
			for range 3 {
				a := d.post(plain, camelEvent)
				d.refusal(a, 429)
				if a.header.Get("Retry-After") != "1" {
					t.Error("no Retry-After")
				}
			}
			close(s.release)
			wg.Wait()
			go func() { <-s.entered }()
			d.committed(d.post(plain, camelEvent))
		})
	}
}
