package engine

import (
	"fmt"

	"payerflow/internal/topology"
)

// Join and Lookup read the copies of other groups' tables that goka keeps
// filled: it has restored them before the first record is folded.
func (w *work) Join(table string) any {
	return w.read(table, w.Part.Number, topology.StoredKey(&w.Raw))
}

func (w *work) Lookup(table, key string) any {
	for _, l := range w.group().Lookups {
		if l.Topic.Name == table {
			return w.read(table, topology.Partition([]byte(key), l.Topic.Partitions), key)
		}
	}
	panic(fmt.Sprintf("group %s looks up %s without declaring it", w.group().Name, table))
}

func (w *work) read(table string, partition int32, key string) any {
	serde, declared := w.group().Tables[table]
	if !declared {
		panic(fmt.Sprintf("group %s reads %s without declaring it", w.group().Name, table))
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
