package chaos

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// receiver is what lies outside: effects reach it over HTTP. It refuses some
// again and again, as rule says, and remembers what it took in which order.
type receiver struct {
	url string

	mu      sync.Mutex
	taken   map[string]int             // id -> times
	order   map[string][]string        // account -> ids, as they were first taken
	refused map[string]map[string]bool // id -> attempts
	odd     int                        // calls whose idempotency key is not the id of what they bring
}

func receive(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{taken: map[string]int{}, order: map[string][]string{}, refused: map[string]map[string]bool{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// attempts are all that an effect gets.
var attempts = []string{"0", "1", "2", "3"}

// refusals is how many attempts at an id fail: all of them for one in a
// thousand, and up to three, so that the last one counts, for others. They are
// spread over accounts. A short test has one.
func refusals(id string) int {
	n := serial(id)
	if n < 1000 {
		return map[int]int{13: 1}[n]
	}
	switch spread := uint32(n) * 2654435761 >> 16 % 1000; {
	case spread < 1:
		return len(attempts)
	case spread < 3:
		return 3
	case spread < 6:
		return 2
	case spread < 30:
		return 1
	}
	return 0
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body struct{ ID, Account string }
	if json.NewDecoder(req.Body).Decode(&body) != nil { // its sender was killed
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := req.Header.Get("Idempotency-Key")
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != body.ID {
		r.odd++
	}
	if most := refusals(id); len(r.refused[id]) < most || most == len(attempts) {
		if r.refused[id] == nil {
			r.refused[id] = map[string]bool{}
		}
		r.refused[id][req.Header.Get("Attempt")] = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.taken[id]++; r.taken[id] == 1 {
		r.order[body.Account] = append(r.order[body.Account], id)
	}
	w.WriteHeader(http.StatusNoContent)
}

// gaveUp says whether every attempt at an id was refused. mu is held.
func (r *receiver) gaveUp(id string) bool {
	return !slices.ContainsFunc(attempts, func(a string) bool { return !r.refused[id][a] })
}

// lane is the way on which inputs keep their order: those of an account that
// lie in one partition.
type lane struct {
	account   string
	partition int32
}

// effects objects where an input had no effect outside, or not in order, or
// was parked though it, and none before it, had failed for good.
func (c *checker) effects(object func(kind, format string, a ...any)) {
	r := c.outside
	r.mu.Lock()
	defer r.mu.Unlock()
	lanes := map[lane][]string{}
	givenUp := map[string][]input{} // by account
	for id, in := range c.inputs {
		if in.topic != topicPosted {
			continue
		}
		lanes[lane{in.account, in.partition}] = append(lanes[lane{in.account, in.partition}], id)
		if r.gaveUp(id) {
			givenUp[in.account] = append(givenUp[in.account], in)
		}
	}
	for at, ids := range lanes {
		slices.SortFunc(ids, func(a, b string) int { return int(c.inputs[a].offset - c.inputs[b].offset) })
		c.effectsOf(at, ids, givenUp[at.account], object)
	}
	for id := range r.taken {
		if _, known := c.inputs[id]; !known {
			object("effects of nothing", "id %s", id)
		}
	}
	if r.odd > 0 {
		object("effects without their id", "%d calls", r.odd)
	}
}

// effectsOf judges the inputs of one lane, in the order of offsets.
func (c *checker) effectsOf(at lane, ids []string, givenUp []input, object func(kind, format string, a ...any)) {
	r, last := c.outside, -1
	var letters []string
	for _, id := range ids {
		in, taken, parked := c.inputs[id], r.taken[id], c.parked[id]
		switch {
		case taken == 0 && parked == 0:
			object("inputs without effect", "id %s of %s", id, at.account)
		case parked > 1:
			object("effects parked more than once", "id %s of %s", id, at.account)
		case parked == 1:
			letters = append(letters, id)
			before := func(g input) bool { return g.partition != in.partition || g.offset <= in.offset }
			if !slices.ContainsFunc(givenUp, before) {
				object("effects parked before their time", "id %s of %s", id, at.account)
			}
			// lanes may meet in another order when a batch is folded again
			elsewhere := func(g input) bool { return g.partition != in.partition }
			if taken > 0 && !slices.ContainsFunc(givenUp, elsewhere) {
				object("effects both done and parked", "id %s of %s", id, at.account)
			}
		default:
			n := slices.Index(r.order[at.account], id)
			if n < last {
				object("effects out of order", "id %s of %s", id, at.account)
			}
			last = n
		}
	}
	if have := c.letters[at]; !slices.Equal(have, letters) {
		object("parked effects out of order", "%s: %v, want %v", at.account, have, letters)
	}
}
