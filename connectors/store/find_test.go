package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func fitting(records []Record, q Query) (ids []string) {
	for _, r := range inOrder(records) {
		if q.fits(r) {
			ids = append(ids, r.String())
		}
	}
	return ids
}

// TestQueriesFind what a look at every record finds, in the order that is
// promised, whatever the page is, with lists and with indexes.
func TestQueriesFind(t *testing.T) {
	uri, records := server(t), made(250, 2)
	s := open(t, uri)
	for batch := range slices.Chunk(records, 130) {
		_, err := s.Put(t.Context(), batch)
		must(t, err)
	}
	yes, no := true, false
	some := records[1].Event
	queries := map[string]Query{
		"all": {}, "event": {Event: some.ID}, "subject": {Subject: some.Subject}, "transaction": {Transaction: some.Transaction}, "type": {Type: "CLAIM_PAID"},
		"tags": {Tags: []string{"a", "b"}}, "source": {Source: "EDI", Tags: []string{"c"}}, "synthetic": {Synthetic: &yes}, "real": {Synthetic: &no, Type: "CLAIM_PAID"},
		"topic": {Topic: "claims.claim.submitted", From: begin.Add(time.Hour)}, "time": {From: begin.Add(90 * time.Minute), To: begin.Add(150 * time.Minute)},
		"time and key": {Subject: some.Subject, From: begin.Add(2 * time.Hour)}, "body": {Where: func(r Record) bool { return strings.Contains(string(r.Event.Body), `"n":2`) }},
		"none": {Event: "e-none"}, "no hour": {From: begin.Add(48 * time.Hour)}, "before": {To: begin},
	}
	for mode, s := range map[string]*Store{"lists": open(t, uri), "indexes": indexed(t, uri)} {
		for name, q := range queries {
			want := fitting(records, q)
			if len(want) == 0 && name != "none" && name != "no hour" && name != "before" {
				t.Fatalf("%s: nothing to find", name)
			}
			var got []string
			var after *Place
			for pages := 0; ; pages++ {
				p, err := s.Find(t.Context(), q, after, 17)
				must(t, err)
				if len(p.Records) > 17 || pages > 100 {
					t.Fatalf("%s, %s: page %d has %d records", mode, name, pages, len(p.Records))
				}
				for _, r := range p.Records {
					got = append(got, r.String())
				}
				if after = p.Next; after == nil {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: %d found, want %d", mode, name, len(got), len(want))
			}
		}
	}
}

// TestAListIsReadAsFarAsItGoes also where it has many pages and another worker
// has made them.
func TestAListIsReadAsFarAsItGoes(t *testing.T) {
	uri := server(t)
	shelf, total := Shelf{"claims.claim.paid", 1, 0}, 0
	for i := range 23 {
		s := open(t, uri)
		var batch []Record
		for range 1 + i%3 {
			batch = append(batch, Record{ID: ID{shelf, int64(total)}, Time: begin, Event: &Event{ID: fmt.Sprint(total), Type: "CLAIM_PAID", Subject: "CLM-1"}})
			total++
		}
		_, err := s.Put(t.Context(), batch)
		must(t, err)
	}
	p, err := open(t, uri).Find(t.Context(), Query{Subject: "CLM-1"}, nil, 1000)
	must(t, err)
	if len(p.Records) != total || p.Next != nil {
		t.Errorf("%d of %d, %v", len(p.Records), total, p.Next)
	}
}
