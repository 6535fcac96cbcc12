package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Query says which events are looked for: those that fit in all that is set.
type Query struct {
	Event       string // id
	Subject     string // the entity's key
	Transaction string
	Type        string
	Source      string   // system
	Tags        []string // has all of them
	Topic       string
	Synthetic   *bool     // nil: both
	From, To    time.Time // of the record's time stamp, the second not among them; zero: no bound
	// Where judges a record that fits in everything else; nil: all.
	Where func(Record) bool
	// Fields are those of the body that Where asks for, by their dotted path,
	// where a server may look for them first: text, number or truth.
	Fields map[string]any
}

// Place is where a page ends: time stamp and identity of the last record that
// was looked at.
type Place struct {
	Millis int64  `json:"m"`
	ID     string `json:"i"`
}

// Page is part of what was found, by the records' time stamps, then by their
// identities.
type Page struct {
	Records []Record
	Next    *Place // nil: there is no more
	Looked  int    // records, with those that do not fit
}

// What one page may look at: whole records, and places in lists.
const (
	mostLooked = 20_000
	mostPassed = 500_000
)

// Find is a page of at most limit records behind a place. What it looks at is
// bounded, so that it may have fewer, and yet a Next.
func (s *Store) Find(ctx context.Context, q Query, after *Place, limit int) (Page, error) {
	listed, err := s.lists(ctx)
	if err != nil {
		return Page{}, err
	}
	p := &finder{q: q, after: after, limit: limit}
	if !listed {
		err = s.findByIndex(ctx, p)
	} else {
		err = s.findByList(ctx, p)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p.page, err
}

var errEnough = errors.New("enough")

// finder gathers a page.
type finder struct {
	q     Query
	after *Place
	limit int
	page  Page

	passed int // places in lists that did not fit
}

// full says that no further record is looked at.
func (f *finder) full() bool {
	return len(f.page.Records) == f.limit || f.page.Looked == mostLooked || f.passed == mostPassed
}

// behind says whether a place is behind the one that the page begins at.
func (f *finder) behind(millis int64, id string) bool {
	return f.after == nil || millis > f.after.Millis || millis == f.after.Millis && id > f.after.ID
}

// take judges the next record in order.
func (f *finder) take(r Record) {
	f.page.Looked++
	f.page.Next = &Place{r.Time.UnixMilli(), r.String()}
	if f.q.fits(r) {
		f.page.Records = append(f.page.Records, r)
	}
}

// fits judges by everything.
func (q Query) fits(r Record) bool {
	e := r.Event
	return e != nil && (q.Event == "" || e.ID == q.Event) && (q.Subject == "" || e.Subject == q.Subject) && (q.Transaction == "" || e.Transaction == q.Transaction) &&
		q.fitsRef(ref{Topic: r.Topic, Type: e.Type, Source: e.Source, Tags: e.Tags, Synthetic: e.Synthetic, Millis: r.Time.UnixMilli()}) && (q.Where == nil || q.Where(r))
}

// fitsRef judges by what lists tell.
func (q Query) fitsRef(r ref) bool {
	at := time.UnixMilli(r.Millis)
	for _, t := range q.Tags {
		if !slices.Contains(r.Tags, t) {
			return false
		}
	}
	return (q.Type == "" || r.Type == q.Type) && (q.Source == "" || r.Source == q.Source) && (q.Topic == "" || r.Topic == q.Topic) &&
		(q.Synthetic == nil || r.Synthetic == *q.Synthetic) && (q.From.IsZero() || !at.Before(q.From)) && (q.To.IsZero() || at.Before(q.To))
}

// Event finds the records that carry an event: where it came in, and what was
// written of it, by time.
func (s *Store) Event(ctx context.Context, id string) ([]Record, error) {
	return s.all(ctx, Query{Event: id})
}

// all is everything that fits, for questions whose answers are short.
func (s *Store) all(ctx context.Context, q Query) (out []Record, err error) {
	var after *Place
	for {
		p, err := s.Find(ctx, q, after, 1000)
		if err != nil {
			return nil, err
		}
		if out = append(out, p.Records...); p.Next == nil {
			break
		}
		after = p.Next
	}
	slices.SortStableFunc(out, func(a, b Record) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.String(), b.String()))
	})
	return out, nil
}
