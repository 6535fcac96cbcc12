package topology

import (
	"fmt"
	"slices"
	"strings"
)

type driverReader struct {
	d      *Driver
	g      *Bound
	key    string
	pinned Pinned
}

func (r driverReader) Pinned() Pinned { return r.pinned }

func (r driverReader) Row(key string) any {
	row, err := r.d.row(r.g.Table.Name, r.stored(key), r.g.Rows)
	if err != nil {
		panic(err)
	}
	return row
}

func (r driverReader) Under(key, after string, limit int) (out []Sub) {
	for stored := range r.d.rows[r.g.Table.Name] {
		if suffix, under := strings.CutPrefix(stored, r.stored(RowUnder(key, ""))); under && (after == "" || CompareSuffixes(suffix, after) > 0) {
			out = append(out, Sub{Suffix: suffix})
		}
	}
	slices.SortFunc(out, func(a, b Sub) int { return CompareSuffixes(a.Suffix, b.Suffix) })
	out = out[:min(limit, len(out))]
	for i := range out {
		out[i].Row = r.Row(RowUnder(key, out[i].Suffix))
	}
	return out
}

// stored is the stored key of another row of the record's kind.
func (r driverReader) stored(key string) string {
	_, synthetic := EntityKey(r.key)
	return RowKey(key, synthetic)
}

func (r driverReader) Join(table string) any { return r.read(r.g.Joins, table, r.key) }

func (r driverReader) Lookup(table, key string) any { return r.read(r.g.Lookups, table, key) }

func (r driverReader) read(declared []TableRef, table, key string) any {
	for _, t := range declared {
		if t.Topic.Name == table {
			row, err := r.d.row(table, key, r.g.Tables[table])
			if err != nil {
				panic(err)
			}
			return row
		}
	}
	panic(fmt.Sprintf("group %s reads %s without declaring it", r.g.Name, table))
}
