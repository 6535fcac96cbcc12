package verify

import (
	"context"
	"math"
	"strings"
	"time"

	"payerflow/codecs"
	"payerflow/events"
)

// under stands between the key of a list and the place in it.
const under = "\x1f"

// entry is a row's place in a list: whose list, and what is shown there.
type entry[E any] struct {
	owner, id string
	on        *events.Date
	shown     E
}

// listModel makes the entries of a list out of the facts of its rows.
type listModel[F, R, E any] struct {
	*keyed[F, R]
	entry func(R) entry[E]
	shows func([]byte) (E, error)
	named string // the field of an entry, as HTTP has it, that is the row's key
}

// listOf checks a list of rows: its table, and its pages over HTTP, against the
// log of the rows.
func listOf[F, R, E any](ctx context.Context, l *Log, v View, http *Answers, wait time.Duration, named string, from func(taking[F]) ([]source, error), row func(string, *F) (R, bool), place func(R) entry[E]) (*Check, error) {
	shows, _, err := decoder(codecs.NewAvro[E](v.Table, rowBytes), l.Schemas, v.Table)
	if err != nil {
		return nil, err
	}
	m := &listModel[F, R, E]{&keyed[F, R]{from: from, make: row}, place, shows, named}
	return l.rows(ctx, v, m, http, wait)
}

func (m *listModel[F, R, E]) rows(each func(string, any)) {
	m.keyed.rows(func(key string, row any) {
		e := m.entry(row.(R))
		if e.owner == "" {
			return // nobody's list
		}
		if strings.HasPrefix(key, syntheticMark) {
			e.owner = syntheticMark + e.owner
		}
		each(e.owner+under+placeOf(e.on, e.id), e.shown)
	})
}

// placeOf is where a row stands in a list: the newest day first, and before it
// those of which nobody knows the day.
func placeOf(on *events.Date, id string) string {
	number := uint32(0)
	if on != nil {
		number = uint32(math.MaxInt32 - int64(*on))
	}
	return f("@%08x%s", number, id)
}

func (m *listModel[F, R, E]) decode(b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	return m.shows(b)
}

// home of an entry is the row that it shows.
func (m *listModel[F, R, E]) home(key string) string {
	owner, place, listed := strings.Cut(key, under)
	if !listed || len(place) < placeDigits {
		return key
	}
	if strings.HasPrefix(owner, syntheticMark) {
		return syntheticMark + place[placeDigits:]
	}
	return place[placeDigits:]
}

const placeDigits = 9 // "@" and eight digits

// pages says how entries of HTTP name the row that they show.
func (m *listModel[F, R, E]) pages() string { return m.named }
