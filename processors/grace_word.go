// This file answers: what does one more word on an invoice make of what was
// said of it?

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// spoken is what was said of an invoice in one type of event, to be changed.
type spoken struct{ *tables.GraceSaid }

func wordOn(i *tables.GraceInvoice, t events.Type) spoken {
	place := func(t events.Type) int { return slices.Index(graceLife, t) }
	at, there := slices.BinarySearchFunc(i.Said, t, func(s tables.GraceSaid, t events.Type) int { return place(s.Type) - place(t) })
	if !there {
		i.Said = slices.Insert(i.Said, at, tables.GraceSaid{Type: t, Revision: -1})
	}
	return spoken{&i.Said[at]}
}

// said keeps the word of the highest revision; of one revision Billing's.
func (s spoken) said(w tables.BillingSaid, ours bool) {
	if ours {
		if w.Revision > s.Revision {
			s.is(w)
		}
		return
	}
	b := s.billing()
	if newer := cmp.Or(cmp.Compare(w.Revision, b.Revision), cmp.Compare(w.MissedAt, b.MissedAt), compareDays(w.Through, b.Through), cmp.Compare(w.ID, b.ID)); newer > 0 {
		w.TakenBack = b.TakenBack
		*b = w
	}
	if b.Revision >= s.Revision {
		s.is(*b)
	}
}

func (s spoken) is(w tables.BillingSaid) {
	s.Revision, s.Through, s.Premium, s.MissedAt = w.Revision, w.Through, w.Premium, w.MissedAt
}

// takenBack makes a revision and all before it void.
func (s spoken) takenBack(w tables.BillingSaid, ours bool) {
	s.TakenBack = max(s.TakenBack, w.Revision+1)
	if ours {
		return
	}
	b := s.billing()
	b.TakenBack = max(b.TakenBack, w.Revision+1)
	if b.Revision < 0 && cmp.Or(cmp.Compare(w.MissedAt, b.MissedAt), cmp.Compare(w.Premium, b.Premium), cmp.Compare(w.ID, b.ID)) > 0 {
		b.ID, b.MissedAt, b.Premium = w.ID, w.MissedAt, w.Premium
	}
}

func (s spoken) billing() *tables.BillingSaid {
	if s.Billing == nil {
		s.Billing = &tables.BillingSaid{Revision: -1}
	} else {
		b := *s.Billing
		s.Billing = &b
	}
	return s.Billing
}

func compareDays(a, b *events.Date) int {
	day := func(d *events.Date) events.Date {
		if d == nil {
			return 0
		}
		return *d
	}
	return cmp.Compare(day(a), day(b))
}
