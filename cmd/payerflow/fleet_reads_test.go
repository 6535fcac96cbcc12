//go:build chaos

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/client"
	"payerflow/internal/topology"
)

const (
	fleetReaders = 8
	fleetAsk     = 2500 * time.Millisecond // with peers.timeout, 2 s, in it
)

// fleetRow is what clients look at in a row.
type fleetRow struct {
	Key      string
	Value    fleetHistory
	Because  struct{ Count int }
	AsOf     struct{ Replica bool } `json:"as_of"`
	Position string
}

type fleetHistory struct{ History []struct{ At time.Time } }

// facts says how many facts a row has, and whether they are the first that
// were sent, each once.
func (h fleetHistory) facts() (n int, right bool) {
	for i, fact := range h.History {
		if !fact.At.Equal(factAt(i + 1)) {
			return len(h.History), false
		}
	}
	return len(h.History), true
}

// fleetReader keeps what it has seen, and holds each answer to that.
type fleetReader struct {
	f        *fleet
	t        *testing.T
	http     *http.Client
	token    string
	copies   bool // it allows copies, and sends the last position
	seen     map[string]int
	position map[string]string

	mu       sync.Mutex
	answered map[int32][]time.Time
	replicas int
	refused  map[string]int
}

func (f *fleet) readAll(t *testing.T, tg target, running *sync.WaitGroup, over <-chan struct{}) (all []*fleetReader) {
	for i := range fleetReaders {
		r := &fleetReader{f: f, t: t, http: &http.Client{Transport: f, Timeout: fleetAsk}, token: tg.token, copies: i%4 == 3,
			seen: map[string]int{}, position: map[string]string{}, answered: map[int32][]time.Time{}, refused: map[string]int{}}
		all = append(all, r)
		running.Go(func() {
			tick := time.NewTicker(80 * time.Millisecond) // two cores are shared
			defer tick.Stop()
			for n := i * fleetClaims / fleetReaders; ; n++ {
				select {
				case <-over:
					return
				case <-tick.C:
					r.read(fleetClaim(n % fleetClaims))
				}
			}
		})
	}
	return all
}

func (r *fleetReader) read(key string) {
	q := url.Values{}
	if r.copies {
		q.Set("max_staleness", "1m")
		if at := r.position[key]; at != "" {
			q.Set("min_position", at)
		}
	}
	row, code := r.ask(key, q)
	if code != "" {
		r.mu.Lock()
		r.refused[code]++
		r.mu.Unlock()
		if r.seen[key] > 0 && (code == "ROW_NOT_FOUND" || code == "POSITION_GONE") {
			r.t.Errorf("%s for a row that was there", code)
		}
		return
	}
	begun := int(r.f.sent.Load())
	n, right := row.Value.facts()
	if !right || row.Key != key || row.Because.Count != n || n > begun {
		r.t.Errorf("a wrong row: %d facts, made of %d events, %d were sent (a copy: %v)", n, row.Because.Count, begun, row.AsOf.Replica)
	}
	if n < r.seen[key] {
		r.t.Errorf("a row went back from %d to %d facts (copies allowed: %v, a copy: %v)", r.seen[key], n, r.copies, row.AsOf.Replica)
	}
	if row.AsOf.Replica && !r.copies {
		r.t.Error("a copy answered who did not allow it")
	}
	r.seen[key], r.position[key] = n, row.Position
	p := topology.Partition([]byte(key), 12)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered[p] = append(r.answered[p], time.Now())
	if row.AsOf.Replica {
		r.replicas++
	}
}

// ask returns a row, or why there is none.
func (r *fleetReader) ask(key string, q url.Values) (row fleetRow, code string) {
	req, err := http.NewRequest(http.MethodGet, "http://any/v1/views/claim-status/"+key+"?"+q.Encode(), nil)
	if err != nil {
		return row, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := r.http.Do(req)
	if err != nil {
		return row, "no answer"
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var p client.Problem
		if json.NewDecoder(resp.Body).Decode(&p) != nil {
			return row, "no answer"
		}
		if p.Status == http.StatusInternalServerError {
			r.t.Errorf("%s: %s", p.Code, p.Detail)
		}
		return row, p.Code
	}
	if err := json.NewDecoder(resp.Body).Decode(&row); err != nil {
		return row, "no answer" // cut off on the way
	}
	return row, ""
}

// gaps are the longest times between two answers of each partition, for
// readers that allow no copies, and the longest of these; then for those that do.
func gaps(readers []*fleetReader, from, to time.Time) (owners time.Duration, line string) {
	var out []string
	for _, copies := range []bool{false, true} {
		times := map[int32][]time.Time{}
		for _, r := range readers {
			r.mu.Lock()
			for p, at := range r.answered {
				if r.copies == copies {
					times[p] = append(times[p], at...)
				}
			}
			r.mu.Unlock()
		}
		longest := make([]string, 0, len(times))
		for p := range int32(12) {
			if len(times[p]) == 0 {
				continue // no claim is there
			}
			at := slices.DeleteFunc(append(times[p], from, to), func(at time.Time) bool { return at.Before(from) || at.After(to) })
			slices.SortFunc(at, time.Time.Compare)
			gap := time.Duration(0)
			for i := range at[1:] {
				gap = max(gap, at[i+1].Sub(at[i]))
			}
			longest = append(longest, fmt.Sprintf("%d: %.1f s", p, gap.Seconds()))
			if !copies {
				owners = max(owners, gap)
			}
		}
		out = append(out, map[bool]string{false: "owners ", true: "copies allowed "}[copies]+strings.Join(longest, ", "))
	}
	return owners, strings.Join(out, "; ")
}

// without is gaps until now.
func without(readers []*fleetReader, from time.Time) string {
	_, line := gaps(readers, from, time.Now())
	return "longest time without an answer, by partition: " + line
}

// equal waits until every node answers every row as it was written.
func (f *fleet) equal(t *testing.T, tg target) {
	t.Helper()
	for _, n := range f.nodes {
		for i := range fleetClaims {
			within(t, time.Minute, n.name+" has all that was written", func() bool {
				var row fleetRow
				if get(t, "http://"+n.host.Load().(string)+"/v1/views/claim-status/"+fleetClaim(i), &row) != http.StatusOK {
					return false
				}
				got, right := row.Value.facts()
				return right && got == int(f.sent.Load()) && row.Because.Count == got
			})
		}
	}
}

// readSomething fails a run that has shown nothing.
func (f *fleet) readSomething(t *testing.T, readers []*fleetReader) {
	answers, replicas, refused := 0, 0, map[string]int{}
	for _, r := range readers {
		for _, at := range r.answered {
			answers += len(at)
		}
		replicas += r.replicas
		for code, n := range r.refused {
			refused[code] += n
		}
	}
	t.Logf("%d facts of each of %d claims; %d answers, %d of copies; not answered: %v", f.sent.Load(), fleetClaims, answers, replicas, refused)
	if answers == 0 || replicas == 0 {
		t.Error("void: nothing was read of owners, or of copies")
	}
}

// fleetWatch is what a watch told.
type fleetWatch struct {
	claim   string
	mu      sync.Mutex
	facts   []int
	at      string
	resets  int
	resumed int
	err     error
	stop    func()
}

// cutting is a fleet whose answers end after a while, so that a watch is
// resumed at another node though nobody died.
type cutting struct {
	f *fleet
	w *fleetWatch
}

func (c cutting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.w.mu.Lock()
	c.w.resumed++
	after := time.Duration(3+c.w.resumed%5) * time.Second
	c.w.mu.Unlock()
	ctx, cancel := context.WithCancel(req.Context())
	time.AfterFunc(after, cancel)
	return c.f.RoundTrip(req.WithContext(ctx))
}

func (f *fleet) watchAll(t *testing.T, tg target) (all []*fleetWatch) {
	for i := range fleetClaims {
		w := &fleetWatch{claim: fleetClaim(i)}
		f.watch(t, w, client.Options{Token: tg.token, HTTP: &http.Client{Transport: cutting{f, w}}, Silence: 4 * time.Second})
		all = append(all, w)
	}
	for _, w := range all {
		within(t, time.Minute, "a watch", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.at != "" })
	}
	return all
}

func (f *fleet) watch(t *testing.T, w *fleetWatch, o client.Options) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.stop = func() { cancel(); <-done }
	t.Cleanup(w.stop)
	c := client.New("http://any", o)
	go func() {
		defer close(done)
		for ch, err := range client.Watch[fleetHistory](ctx, c, "claim-status", w.claim, "", client.Ask{}) {
			w.take(t, ch, err)
		}
	}()
}

func (w *fleetWatch) take(t *testing.T, ch client.Change[fleetHistory], err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	if ch.Resume != "" {
		w.at = ch.Resume
	}
	switch ch.Kind {
	case client.Put:
		n, right := ch.Row.Value.facts()
		if !right {
			t.Errorf("a watch told a wrong row of %d facts", n)
		}
		w.facts = append(w.facts, n)
	case client.Reset:
		w.resets++
	case client.Gone:
		if len(w.facts) > 0 {
			t.Error("a watch told that a row is gone")
		}
	}
}

// told holds watches to the changelog: each committed state once, in order.
func (f *fleet) told(t *testing.T, tg target, watches []*fleetWatch) {
	t.Helper()
	last := int(f.sent.Load())
	for i, w := range watches {
		within(t, time.Minute, fmt.Sprintf("the last state at watch %d", i), func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.facts) > 0 && w.facts[len(w.facts)-1] == last
		})
		w.stop()
	}
	want, states, resumed := statesOf(t, tg, fleetClaims), 0, 0
	for i, w := range watches {
		if w.err != nil || w.resets > 0 || !slices.IsSorted(w.facts) || len(slices.Compact(slices.Clone(w.facts))) != len(w.facts) {
			t.Errorf("watch %d: %v, %d resets, %v", i, w.facts, w.resets, w.err)
		}
		if len(w.facts) != want[w.claim] {
			t.Errorf("watch %d told %d states, the changelog has %d", i, len(w.facts), want[w.claim])
		}
		states, resumed = states+len(w.facts), resumed+w.resumed-1
	}
	t.Logf("%d watches told %d states, and were resumed %d times", len(watches), states, resumed)
}
