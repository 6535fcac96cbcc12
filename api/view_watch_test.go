package api_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/client"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/tables"
)

var all = tables.Scopes{Admin: true}

// has awaits that a claim's row has so many facts.
func (w *planter) has(claim string, facts int) {
	w.t.Helper()
	stage.Await(w.t, "the row of the claim", func() bool {
		row, err := client.Get[map[string]any](w.t.Context(), w.client, "claim-status", claim, client.Ask{})
		history, _ := row.Value["history"].([]any)
		return err == nil && len(history) == facts
	})
}

func TestAWatchTellsEachStateAndGoesOn(t *testing.T) {
	p := planted(t)
	w := p.worker(letIn(t, all), bounds)
	f := follow(t, w.client, "claim-status", "c-1", "")
	f.tells("gone")
	p.bills("c-1")
	f.tells("gone", "1")
	p.bills("c-2") // another's
	p.bills("c-1")
	f.tells("gone", "1", "2")
	f.stop()
	for n := 3; n < 6; n++ {
		p.bills("c-1")
		w.has("c-1", n)
	}
	later := follow(t, w.client, "claim-status", "c-1", f.resume)
	later.tells("3", "4", "5")
	p.bills("c-1")
	later.tells("3", "4", "5", "6")
	follow(t, w.client, "claim-status", "c-1", "").tells("6")
}

// TestAWatchOutlivesItsWorker resumes through a worker that began later, from
// the log alone.
func TestAWatchOutlivesItsWorker(t *testing.T) {
	p := planted(t)
	guard := letIn(t, all)
	w := p.worker(guard, bounds)
	p.bills("c-1")
	w.has("c-1", 1)
	f := follow(t, w.client, "claim-status", "c-1", "")
	f.tells("1")
	f.stop()
	for n := 2; n < 5; n++ {
		p.bills("c-1")
		w.has("c-1", n)
	}
	w.stop()
	w = p.worker(guard, bounds)
	f = follow(t, w.client, "claim-status", "c-1", f.resume)
	f.tells("2", "3", "4")
}

func TestAWatchIsResetWhereTheLogIsGone(t *testing.T) {
	p := planted(t)
	guard := letIn(t, all)
	w := p.worker(guard, bounds)
	p.bills("c-1")
	w.has("c-1", 1)
	f := follow(t, w.client, "claim-status", "c-1", "")
	f.tells("1")
	f.stop()
	for n := 2; n < 5; n++ {
		p.bills("c-1")
		w.has("c-1", n)
	}
	other := guard.Seal("watch\x00claim-status\x00real\x00c-1", append(make([]byte, 9), "another table"...))
	if r := w.ask("claim-status/c-1", "Last-Event-ID", other); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a place of no version: %d", r.StatusCode)
	}
	of := append([]byte{1}, make([]byte, 8)...)
	other = guard.Seal("watch\x00claim-status\x00real\x00c-1", append(of, "another table"...))
	follow(t, w.client, "claim-status", "c-1", other).tells("reset", "4")
	w.stop()
	if err := p.broker.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = p.worker(guard, bounds)
	f = follow(t, w.client, "claim-status", "c-1", f.resume)
	f.tells("reset", "4")
}

// ask asks for an event stream, without reading it.
func (w *planter) ask(path string, header ...string) stream {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+"/v1/views/"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.guard.token)
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = resp.Body.Close() })
	return stream{resp.StatusCode, resp.Header, resp.Body}
}

// stream is an answer whose body is closed when the test ends.
type stream struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

func TestWhatIsNotWatched(t *testing.T) {
	p := planted(t)
	b := bounds
	b.Most = 2
	w := p.worker(letIn(t, all), b)
	for path, status := range map[string]int{"claim-status/c?resume=canary": 422, "claim-status/c?synthetic=canary": 422, "claim-status/c?max_staleness=canary": 422,
		"claim-status/" + strings.Repeat("k", 1025): 422, "claim-status/c?resume=" + strings.Repeat("A", 300): 422} {
		r := w.ask(path)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != status || strings.Contains(string(body), "canary") {
			t.Errorf("%.40s: %d %s", path, r.StatusCode, body)
		}
	}
	for path, status := range map[string]int{"claim-status": 406, "claim-status?where=row.status==%22DENIED%22": 406, "claims-by-member?sort=billed": 406, "claim-status/aggregate?by=status": 406,
		"claim-status/c?where=true": 422, "claims-by-member/m?fields=claimId": 422, "claims-by-member/m?limit=5": 422, "claims-by-member/m?cursor=a": 422, "claims-by-member/m?sort=billed": 422} {
		r := w.ask(path)
		var p api.Problem
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil || r.StatusCode != status || p.Code != "NOT_WATCHABLE" || !strings.Contains(p.Detail, "/v1/views/{view}/{key}") {
			t.Errorf("%s: %d %+v", path, r.StatusCode, p)
		}
	}
	if r := w.ask("claim-status?where=true", "Accept", "application/json, text/event-stream"); r.StatusCode != 200 || !strings.Contains(r.Header.Get("Content-Type"), "json") {
		t.Errorf("who takes JSON too: %d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	elsewhere := follow(t, w.client, "claim-status", "c-1", "")
	elsewhere.tells("gone")
	if r := w.ask("claim-status/c-2", "Last-Event-ID", elsewhere.resume); r.StatusCode != 422 {
		t.Errorf("another row's place: %d", r.StatusCode)
	}
	if r := w.ask("claim-status/c-2"); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
	if r := w.ask("claim-status/c-3"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("one more than may be: %d", r.StatusCode)
	}
	p.bills("c-1")
	elsewhere.tells("gone", "1")
}

func TestRowsUnderAKeyAreWatched(t *testing.T) {
	p := planted(t)
	w := p.worker(letIn(t, all), bounds)
	p.bills("c-1")
	p.bills("c-2")
	f := follow(t, w.client, "claims-by-member", "m1", "")
	stage.Await(t, "both claims", func() bool { s := f.story(); return slices.Contains(s, "c-1") && slices.Contains(s, "c-2") })
	p.bills("c-3")
	stage.Await(t, "the third claim", func() bool { return slices.Contains(f.story(), "c-3") })
	stage.Await(t, "a place to resume at", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.got[len(f.got)-1].Resume != "" })
	f.stop()
	ids := map[string]string{}
	for _, ch := range f.got {
		if ch.Kind == client.Put {
			claim := ch.Row.Value["claimId"].(string)
			if was := ids[claim]; ch.ID == "" || was != "" && was != ch.ID || ch.Row.Key != "m1" {
				t.Errorf("%+v", ch)
			}
			ids[claim] = ch.ID
		}
	}
	p.bills("c-4")
	f = follow(t, w.client, "claims-by-member", "m1", f.resume)
	f.tells("c-4")
}

func (l *written) acts() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if strings.HasPrefix(r.Act, "view.watch") {
			out = append(out, r.Act+" "+r.Decision+" "+r.Code+" "+r.Classes+" "+strconv.FormatInt(r.Count, 10))
		}
	}
	return out
}

// claim is the claim's id in the latest state.
func (f *follower) claim() (id any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.got {
		if ch.Kind == client.Put {
			id = ch.Row.Value["claimId"]
		}
	}
	return id
}

func TestAWatchShowsWhatMayBeSeenAtTheMoment(t *testing.T) {
	p := planted(t)
	guard := letIn(t, tables.Scopes{Read: []string{"claim-*", "claims-*"}})
	w := p.worker(guard, bounds)
	f := follow(t, w.client, "claim-status", "c-1", "")
	f.tells("gone")
	p.bills("c-1")
	f.tells("gone", "1")
	if got := f.claim(); got != events.Redacted {
		t.Errorf("shown to who may not see it: %v", got)
	}
	guard.permit(t, "PHI")
	p.bills("c-1")
	stage.Await(t, "the next state", func() bool { return len(f.story()) == 3 })
	guard.row.Revoked = true
	guard.apply(t, tables.KindToken, guard.row.ID, guard.row)
	stage.Await(t, "the end", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.err != nil })
	if got, ok := errors.AsType[*client.Problem](f.err); !ok || got.Status != 401 || got.Code != "INVALID_TOKEN" {
		t.Errorf("%v", f.err)
	}
	if got := f.claim(); got != "c-1" {
		t.Errorf("withheld from who may see it: %v", got)
	}
	want := []string{"view.watch ALLOW   0", "view.watch.change ALLOW  PHI 1", "view.watch.end ALLOW INVALID_TOKEN PHI 2"}
	stage.Await(t, "the audit", func() bool { return len(guard.log.acts()) == 3 })
	if got := guard.log.acts(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAWatchThatCannotBeWrittenDownIsNone(t *testing.T) {
	p := planted(t)
	guard := letIn(t, all)
	w := p.worker(guard, bounds)
	guard.log.mu.Lock()
	guard.log.err = io.ErrClosedPipe
	guard.log.mu.Unlock()
	if r := w.ask("claim-status/c-1"); r.StatusCode != 503 {
		t.Errorf("%d", r.StatusCode)
	}
}

// TestWhoDoesNotReadIsCut holds a watch open without reading, with the smallest
// buffers, until its writes find no room. Others lose nothing by it.
func TestWhoDoesNotReadIsCut(t *testing.T) {
	p := planted(t)
	guard := letIn(t, all)
	b := api.WatchBounds{Most: 10, Beat: time.Millisecond, Stall: 100 * time.Millisecond}
	w := p.worker(guard, b)
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /v1/views/claim-status/c-1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+guard.token+"\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	stage.Await(t, "the watch", func() bool { return len(guard.log.acts()) == 1 })
	f := follow(t, w.client, "claim-status", "c-1", "")
	f.tells("gone")
	want := []string{"gone"}
	for n := 1; len(guard.log.acts()) < 3; n++ {
		p.bills("c-1")
		want = append(want, strconv.Itoa(n))
		stage.Await(t, "the state", func() bool { return len(f.story()) >= 2 })
		if n > 5000 {
			t.Fatal("it is not cut")
		}
		if n%50 == 0 {
			w.has("c-1", n)
		}
	}
	// States within one transaction are one: what was told goes up and ends with
	// the last.
	last := want[len(want)-1]
	stage.Await(t, "the last state", func() bool { s := f.story(); return s[len(s)-1] == last })
	before := 0
	for _, s := range f.story()[1:] {
		n, err := strconv.Atoi(s)
		if err != nil || n <= before {
			t.Fatalf("%q after %d", s, before)
		}
		before = n
	}
}

// TestTheStreamAsItIs reads the bytes: what a client in another language sees.
func TestTheStreamAsItIs(t *testing.T) {
	p := planted(t)
	w := p.worker(letIn(t, all), bounds)
	p.bills("c-1")
	w.has("c-1", 1)
	r := w.ask("claim-status/c-1", "Accept-Encoding", "gzip")
	if ct := r.Header.Get("Content-Type"); ct != "text/event-stream" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v", r.Header)
	}
	lines := bufio.NewScanner(r.Body)
	var got []string
	for len(got) < 9 && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		if name == "data" {
			var row struct {
				Key, Position string
				Value         map[string]any
			}
			if json.Unmarshal([]byte(value), &row) != nil || row.Key != "c-1" || row.Position == "" || row.Value == nil {
				t.Errorf("%s", value)
			}
		}
		if plain, _ := base64.RawURLEncoding.DecodeString(value); name == "id" && strings.Contains(value+string(plain), "c-1") {
			t.Error("an id holds a key")
		}
		got = append(got, name)
	}
	if want := []string{"retry", "", "id", "event", "data", "", "", "id", ""}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestAQuietWatchStaysOpen has less time for a write than lies between two signs
// of life, over either version of HTTP.
func TestAQuietWatchStaysOpen(t *testing.T) {
	p := planted(t)
	guard := letIn(t, all)
	w := p.worker(guard, api.WatchBounds{Most: 10, Beat: 600 * time.Millisecond, Stall: 200 * time.Millisecond})
	for version, set := range map[string]func(*http.Protocols){"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{Protocols: new(http.Protocols)}
			set(transport.Protocols)
			defer transport.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/v1/views/claim-status/c-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+guard.token)
			req.Header.Set("Accept", "text/event-stream")
			resp, err := (&http.Client{Transport: transport}).Do(req)
			if err != nil || resp.Proto != version {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			beats := 0
			for lines := bufio.NewScanner(resp.Body); beats < 5; {
				if !lines.Scan() {
					t.Fatalf("it ended after %d signs of life: %v", beats, lines.Err())
				}
				if lines.Text() == ": beat" {
					beats++
				}
			}
		})
	}
}
