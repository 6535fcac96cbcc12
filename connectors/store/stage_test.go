package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/embedded"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a real one: FerretDB over SQLite.
func server(t *testing.T) string {
	t.Helper()
	s, err := embedded.StartStore(t.Context(), embedded.StoreConfig{DataDir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s.URI()
}

func open(t *testing.T, uri string) *Store {
	t.Helper()
	s, err := Open(uri)
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// indexed asks as a server of MongoDB is asked; FerretDB answers the same,
// only slower.
func indexed(t *testing.T, uri string) *Store {
	s, no := open(t, uri), false
	s.listed = &no
	return s
}

var begin = time.Date(2026, 10, 31, 22, 0, 0, 0, time.UTC)

// made are n events that share values, over several hours and two months, in no
// order of time.
func made(n int, seed uint64) []Record {
	r := rand.New(rand.NewPCG(seed, 7))
	var out []Record
	next := map[Shelf]int64{}
	for i := range n {
		shelf := Shelf{[]string{"claims.claim.submitted", "mediator.event.received"}[r.IntN(2)], 1 + r.IntN(2), int32(r.IntN(3))}
		next[shelf] += 1 + int64(r.IntN(3)) // markers of transactions lie between
		key := fmt.Sprintf("CLM-%d", r.IntN(n/5+1))
		e := &Event{ID: fmt.Sprintf("e-%d", r.IntN(n/2+1)), Type: []string{"CLAIM_SUBMITTED", "CLAIM_PAID"}[r.IntN(2)], Subject: key,
			Tags: []string{"a", "b", "c"}[:r.IntN(4)], At: begin.Add(time.Duration(i) * time.Second), Transaction: fmt.Sprintf("t-%d", r.IntN(9)),
			User: "u", Source: []string{"EDI", "PORTAL"}[r.IntN(2)], Synthetic: r.IntN(4) == 0, Body: events.Body(fmt.Sprintf(`{"n":%d,"m":"x"}`, r.IntN(4)))}
		rec := Record{ID: ID{shelf, next[shelf] + 4090}, Time: begin.Add(time.Duration(r.IntN(6*3600*1000)) * time.Millisecond), Key: []byte(key), Value: []byte(e.Body),
			Headers: []Header{{"ce_id", []byte(e.ID)}}, Event: e}
		if i%17 == 0 {
			rec.Event = nil // an audit record, say
		}
		out = append(out, rec)
	}
	return out
}

// inOrder is how answers are ordered.
func inOrder(records []Record) []Record {
	out := slices.Clone(records)
	slices.SortFunc(out, func(a, b Record) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.String()), []byte(b.String()))
	})
	return out
}
