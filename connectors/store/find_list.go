package store

import (
	"context"
	"errors"
	"time"
)

// hourForm names an hour.
const hourForm = "2006-01-02T15"

// findByList goes through the narrowest lists that the question names.
func (s *Store) findByList(ctx context.Context, f *finder) error {
	hours, err := s.marks(ctx, hoursName)
	if err != nil {
		return err
	}
	for _, c := range []struct{ kind, value string }{{listEvent, f.q.Event}, {listTransaction, f.q.Transaction}, {listSubject, f.q.Subject}} {
		if c.value != "" {
			return s.findInMonths(ctx, f, hours, c.kind, c.value)
		}
	}
	for _, hour := range hours {
		begin, err := time.Parse(hourForm, hour)
		if err != nil || !f.overlaps(begin, time.Hour) {
			continue
		}
		for at := begin; at.Before(begin.Add(time.Hour)); at = at.Add(spanLength) {
			if !f.overlaps(at, spanLength) {
				continue
			}
			if err := s.findInList(ctx, f, month(at), listSpan, spanOf(at)); err != nil {
				return err
			}
		}
	}
	f.page.Next = nil
	return nil
}

// overlaps says whether a stretch of time may hold what the page needs.
func (f *finder) overlaps(begin time.Time, length time.Duration) bool {
	end := begin.Add(length)
	return (f.q.To.IsZero() || begin.Before(f.q.To)) && (f.q.From.IsZero() || end.After(f.q.From)) && (f.after == nil || end.UnixMilli() > f.after.Millis)
}

func (s *Store) findInMonths(ctx context.Context, f *finder, hours []string, kind, value string) error {
	var last string
	for _, hour := range hours {
		begin, err := time.Parse(hourForm, hour)
		if err != nil || month(begin) == last {
			continue
		}
		last = month(begin)
		first := time.Date(begin.Year(), begin.Month(), 1, 0, 0, 0, 0, time.UTC)
		if !f.overlaps(first, first.AddDate(0, 1, 0).Sub(first)) {
			continue
		}
		if err := s.findInList(ctx, f, last, kind, value); err != nil {
			return err
		}
	}
	f.page.Next = nil
	return nil
}

// findInList takes what fits from one list.
func (s *Store) findInList(ctx context.Context, f *finder, collection, kind, value string) error {
	refs, err := s.listOf(ctx, collection, kind, value)
	if err != nil {
		return err
	}
	for _, r := range refs {
		if !f.behind(r.Millis, r.id().String()) {
			continue
		}
		if f.full() {
			return errEnough
		}
		if !f.q.fitsRef(r) {
			f.passed++
			f.page.Next = &Place{r.Millis, r.id().String()}
			continue
		}
		rec, err := s.Get(ctx, r.id())
		if errors.Is(err, ErrNotHeld) { // deleted; its place goes with the month
			continue
		}
		if err != nil {
			return err
		}
		f.take(rec)
	}
	return nil
}
