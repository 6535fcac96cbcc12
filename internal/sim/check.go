package sim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// check says which promises were not kept, by counts, never by key.
func (s *Sim) check() error {
	var wrong []string
	for _, g := range s.world.groups {
		wrong = append(wrong, s.checkCopies(g)...)
	}
	wrong = append(wrong, s.world.check(s)...)
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// committed are the records of a partition that readers of what is committed
// get, also those that have expired since.
func (b *broker) committed(name string, partition int32) (out []*topology.Raw) {
	for _, r := range b.log(name, partition).records {
		if !r.marker && (r.of == nil || r.of.state == txCommitted) {
			out = append(out, &r.Raw)
		}
	}
	return out
}

// newest are the rows that a changelog holds.
func (b *broker) newest(table string, partition int32) map[string][]byte {
	rows := map[string][]byte{}
	for _, r := range b.committed(table, partition) {
		if r.Value == nil {
			delete(rows, string(r.Key))
		} else {
			rows[string(r.Key)] = r.Value
		}
	}
	return rows
}

// table are the rows of a group, of all partitions.
func (b *broker) table(g topology.Declared) map[string][]byte {
	rows := map[string][]byte{}
	for p := range g.Table.Partitions {
		for key, value := range b.newest(g.Table.Name, int32(p)) {
			rows[key] = value
		}
	}
	return rows
}

// checkCopies compares every local copy with the changelog: that of the owner as
// it is, the others as they are once they are restored; and the view's topic.
func (s *Sim) checkCopies(g topology.Declared) (wrong []string) {
	for p := range int32(g.Table.Partitions) {
		want := s.broker.newest(g.Table.Name, p)
		if topic := g.View.Topic.Name; topic != "" {
			if n := differ(want, s.broker.newest(topic, p)); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d rows of %s/%d are not what the changelog says", n, topic, p))
			}
		}
		for _, w := range s.workers {
			log := w.store(g.Table.Name)
			if owner := s.broker.groups[g.Name].members[w.name]; owner == nil || !holds(owner.partitions, p) {
				log = s.restored(log.Clone(), g.Table.Name, p)
			}
			if n := differ(want, log.Rows(p)); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d rows of %s/%d at %s are not what the changelog says", n, g.Table.Name, p, w.name))
			}
		}
	}
	return wrong
}

func holds(partitions []int32, p int32) bool {
	for _, n := range partitions {
		if n == p {
			return true
		}
	}
	return false
}

// restored is a copy after what a restore does at once.
func (s *Sim) restored(m *rowlog.Memory, table string, p int32) *rowlog.Memory {
	var b rowlog.Batch
	have := m.Offset(p)
	if have < 0 {
		b.Wipe(p)
	}
	for _, r := range s.broker.committed(table, p) {
		switch {
		case r.Offset <= have:
		case r.Value == nil:
			b.Delete(p, string(r.Key))
		default:
			b.Put(p, string(r.Key), r.Value, 0)
		}
	}
	_ = m.Commit(&b, nil) // memory does not fail
	return m
}

func differ(want, got map[string][]byte) (n int) {
	for key, value := range want {
		if other, has := got[key]; !has || !bytes.Equal(value, other) {
			n++
		}
	}
	for key := range got {
		if _, has := want[key]; !has {
			n++
		}
	}
	return n
}
