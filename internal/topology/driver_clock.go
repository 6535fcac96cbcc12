package topology

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Advance sets the clock and wakes what is due, in the order of deadlines.
func (d *Driver) Advance(to time.Time) error {
	d.now = to
	for _, g := range d.groups {
		if g.Timer.Due == nil {
			continue
		}
		due, err := d.due(g)
		if err != nil {
			return err
		}
		for _, stored := range due {
			row, err := d.row(g.Table.Name, stored, g.Rows)
			if err != nil {
				return err
			}
			if g.Outside {
				if err := d.perform(g, stored, row.(Backlog)); err != nil {
					return err
				}
				continue
			}
			pinned, err := d.pinned(g)
			if err != nil {
				return err
			}
			res, err := d.steps[g.Name].Wake(stored, row, to, pinned)
			if err != nil {
				return err
			}
			rec := Raw{Topic: g.Ticks.Name, Offset: -1, Key: []byte(stored), Timestamp: to, Headers: MarkedAs(stored)}
			if err := d.apply(g, g.Ticks, stored, rec, res); err != nil {
				return fmt.Errorf("%s waking: %w", g.Name, err)
			}
			if err := d.drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// perform does what is due of one key, and settles its row.
func (d *Driver) perform(g *Bound, stored string, b Backlog) error {
	key, synthetic := EntityKey(stored)
	done, failed := 0, false
	for attempt := b.Failures; done < len(b.Pending) && !failed; attempt = 0 {
		e, err := g.Effect(b.Pending[done], key, synthetic, attempt)
		if err != nil {
			return err
		}
		if failed = d.Outside[g.Name](e) != nil; !failed {
			done++
		}
	}
	next, givenUp := b.Settle(done, failed, d.now)
	tick := Raw{Topic: g.Ticks.Name, Offset: -1, Key: []byte(stored), Timestamp: d.now, Headers: MarkedAs(stored)}
	if err := d.apply(g, g.Ticks, stored, tick, Result{Row: next}); err != nil {
		return err
	}
	for _, p := range givenUp {
		rec := Raw{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, Key: []byte(key), Value: p.Value, Headers: p.Headers}
		if err := d.apply(g, g.Inputs[0].Topic, stored, rec, Result{Parked: &Parked{Code: EffectFailed, EventID: p.ID, Reason: "the effect failed"}}); err != nil {
			return err
		}
	}
	return nil
}

// due are the stored keys of rows that are due now, by deadline and key.
func (d *Driver) due(g *Bound) (keys []string, err error) {
	at := map[string]time.Time{}
	for stored := range d.rows[g.Table.Name] {
		row, err := d.row(g.Table.Name, stored, g.Rows)
		if err != nil {
			return nil, err
		}
		if t := g.Timer.Due(row); !t.IsZero() && !t.After(d.now) {
			at[stored], keys = t, append(keys, stored)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(at[a].Compare(at[b]), cmp.Compare(a, b)) })
	return keys, nil
}
