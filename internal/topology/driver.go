package topology

import (
	"fmt"
	"slices"
	"sort"
	"time"
)

// Driver runs declared groups in memory, one record at a time, through their
// codecs and the same Step as the engine. Its clock stands still until Advance.
type Driver struct {
	Outside map[string]func(Effect) error     // what Effects groups do, by name
	Pins    map[string]func() (Pinned, error) // what groups are pinned to, by name

	groups []*Bound
	steps  map[string]*Stepper          // by group
	rows   map[string]map[string][]byte // table topic -> stored key -> encoded row
	next   map[string]int64             // topic -> next offset
	now    time.Time
	log    []Written
	queue  []Raw // records that are still to be fed, in the order of the log
}

// Written is one thing that a group wrote.
type Written struct {
	Group  string
	Topic  string
	Key    string
	Value  []byte // nil for a parked record, and for a row that is gone
	Parked *Parked
	Source Raw // the input record that caused it

	Headers []Header // of an output
	Dropped string   // code of a record that the rules take no notice of
}

// NewDriver binds the groups and starts with empty tables at the given time.
func NewDriver(groups []Declared, s Schemas, now time.Time) (*Driver, error) {
	d := &Driver{steps: map[string]*Stepper{}, rows: map[string]map[string][]byte{}, next: map[string]int64{}, now: now}
	for _, g := range groups {
		if g.Shadows != "" && slices.ContainsFunc(groups, func(old Declared) bool { return old.Name == g.Shadows }) {
			continue // quiet until it is switched to, which nobody does here
		}
		b, err := Bind(g, s)
		if err != nil {
			return nil, err
		}
		d.groups = append(d.groups, b)
		d.steps[b.Name] = b.Stepper(0)
	}
	sort.Slice(d.groups, func(i, j int) bool { return d.groups[i].Name < d.groups[j].Name })
	return d, nil
}

// Pipe feeds one record to every group that reads its topic, then what they
// emit, in the order in which it was emitted. Offset, and Timestamp where it is
// zero, are filled in.
func (d *Driver) Pipe(rec Raw) error {
	d.queue = append(d.queue, rec)
	return d.drain()
}

func (d *Driver) drain() error {
	for len(d.queue) > 0 {
		rec := d.queue[0]
		d.queue = d.queue[1:]
		if err := d.feed(rec); err != nil {
			d.queue = nil
			return err
		}
	}
	return nil
}

func (d *Driver) feed(rec Raw) error {
	rec.Offset = d.next[rec.Topic]
	d.next[rec.Topic]++
	if rec.Timestamp.IsZero() {
		rec.Timestamp = d.now
	}
	for _, g := range d.groups {
		for in := range g.Inputs {
			if g.Inputs[in].Topic.Name != rec.Topic || g.Inputs[in].PassesBy(&rec) {
				continue
			}
			if err := d.step(g, in, rec); err != nil {
				return fmt.Errorf("%s folding %s: %w", g.Name, rec.Topic, err)
			}
		}
	}
	return nil
}

func (d *Driver) step(g *Bound, in int, rec Raw) error {
	stored := StoredKey(&rec)
	pinned, err := d.pinned(g)
	if err != nil {
		return err
	}
	reader := driverReader{d, g, stored, pinned}
	res, err := d.steps[g.Name].Step(in, &rec, d.now, func(id string) (any, error) {
		if id != "" {
			stored = RowKey(id, rec.Synthetic())
		}
		return d.row(g.Table.Name, stored, g.Rows)
	}, reader)
	if err != nil {
		return err
	}
	if err := d.apply(g, g.Inputs[in].Topic, stored, rec, res); err != nil || reader.pinned == nil {
		return err
	}
	mark, err := g.Mark(reader.pinned, "driver", []Range{{rec.Topic, rec.Partition, rec.Offset, rec.Offset + 1}})
	if err != nil {
		return err
	}
	return d.apply(g, g.Inputs[in].Topic, stored, Raw{Topic: rec.Topic, Timestamp: rec.Timestamp}, Result{Emit: mark})
}

// pinned is what a group is pinned to, nil for one that is not.
func (d *Driver) pinned(g *Bound) (Pinned, error) {
	if !g.Pinned {
		return nil, nil
	}
	return d.Pins[g.Name]()
}

// apply puts what a record or a tick did into the tables and the log.
func (d *Driver) apply(g *Bound, source Topic, stored string, rec Raw, res Result) (err error) {
	var row []byte
	if res.Parked == nil && Kept(res.Row) != nil {
		if row, res.Parked, err = d.steps[g.Name].EncodeRow(res.Row); err != nil {
			return err
		}
	}
	if res.Parked != nil {
		d.log = append(d.log, Written{Group: g.Name, Topic: source.DLQ().Name, Key: string(rec.Key), Parked: res.Parked, Source: rec})
		return nil
	}
	if res.Dropped != "" {
		d.log = append(d.log, Written{Group: g.Name, Topic: rec.Topic, Key: string(rec.Key), Dropped: res.Dropped, Source: rec})
	}
	if res.Row != nil {
		if d.rows[g.Table.Name] == nil {
			d.rows[g.Table.Name] = map[string][]byte{}
		}
		if row == nil {
			delete(d.rows[g.Table.Name], stored)
		} else {
			d.rows[g.Table.Name][stored] = row
		}
		d.log = append(d.log, Written{Group: g.Name, Topic: g.Table.Name, Key: stored, Value: row, Source: rec})
	}
	for _, e := range res.Emit {
		out := Raw{Topic: e.Topic.Name, Key: []byte(e.Key), Value: e.Value, Timestamp: rec.Timestamp, Headers: HeadersOf(&rec, e.Headers)}
		d.log = append(d.log, Written{Group: g.Name, Topic: e.Topic.Name, Key: e.Key, Value: e.Value, Source: rec, Headers: out.Headers})
		d.queue = append(d.queue, out)
	}
	return nil
}

func (d *Driver) row(table, key string, serde AnySerde) (any, error) {
	value, ok := d.rows[table][key]
	if !ok {
		return nil, nil
	}
	return serde.Decode(value)
}

// Took returns what was written since the last call, in order.
func (d *Driver) Took() []Written { l := d.log; d.log = nil; return l }

// Rows returns a copy of a table: stored key to encoded row.
func (d *Driver) Rows(table string) map[string][]byte {
	rows := map[string][]byte{}
	for k, v := range d.rows[table] {
		rows[k] = v
	}
	return rows
}
