package engine

import (
	"fmt"

	"payerflow/internal/topology"
)

// Join and Lookup read the copies of other groups' tables that goka keeps
// filled: it has restored them before the first record is folded.
func (w *work) Join(table string) any {
	return w.read(table, w.part.partition, topology.StoredKey(&w.raw))
}

func (w *work) Lookup(table, key string) any {
	for _, l := range w.rows.g.Lookups {
		if l.Topic.Name == table {
			return w.read(table, topology.Partition([]byte(key), l.Topic.Partitions), key)
		}
	}
	panic(fmt.Sprintf("group %s looks up %s without declaring it", w.rows.g.Name, table))
}

// Row reads another row of the group's own table, in this partition.
func (w *work) Row(key string) any {
	kept, err := w.rows.load(w.part, []byte(topology.RowKey(key, w.raw.Synthetic())))
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	return kept.value
}

// Under reads rows under a key, in this partition.
func (w *work) Under(key, after string, limit int) []topology.Sub {
	if !w.rows.g.KeepsUnder() {
		panic(fmt.Sprintf("group %s reads rows under keys and keeps none", w.rows.g.Name))
	}
	under, err := w.rows.under(w.part, topology.RowKey(topology.RowUnder(key, ""), w.raw.Synthetic()), after, limit)
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	return under
}

func (w *work) read(table string, partition int32, key string) any {
	serde, declared := w.rows.g.Tables[table]
	if !declared {
		panic(fmt.Sprintf("group %s reads %s without declaring it", w.rows.g.Name, table))
	}
	b, _, err := w.rt.p.followed(table).Get(partition, key)
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	if b == nil {
		return nil
	}
	row, err := serde.Decode(b)
	if err != nil {
		panic(topology.Unreadable{Err: fmt.Errorf("row of %s/%d: %w", table, partition, err)})
	}
	return row
}
