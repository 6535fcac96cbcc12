package engine

import "payerflow/internal/topology"

// Status says what this worker runs and holds.
func (e *Engine) Status() topology.Status {
	s := topology.Status{Instance: e.instance, Guarantee: "exactly-once", Groups: []topology.GroupStatus{}}
	if e.cfg.AtLeastOnce {
		s.Guarantee = "at-least-once"
	}
	for _, g := range e.groups {
		for _, p := range g.processors() {
			s.Groups = append(s.Groups, p.status())
		}
	}
	return s
}

func (p *processor) status() topology.GroupStatus {
	s := topology.GroupStatus{Name: p.name, State: "waiting", Inputs: p.positions.inputs(), Restoring: p.restores.progress(), Pinned: p.pinned.Load()}
	s.Changed = p == p.g.folding && p.g.foldChanged()
	switch _, running := p.positions.assigned(); {
	case running:
		s.State = "running"
	case len(s.Inputs) > 0:
		s.State = "restoring"
	}
	if s.Inputs == nil {
		s.Inputs = []topology.InputStatus{}
	}
	p.mu.Lock()
	s.Restarts, s.LastError = p.restarts, p.lastError
	p.mu.Unlock()
	log := p.ownLog()
	if log == nil {
		return s
	}
	t := &topology.TableStatus{Topic: p.table(), Partitions: []topology.PartitionStatus{}}
	t.Bytes, t.LiveBytes = log.Bytes()
	for partition := range int32(p.g.Table.Partitions) {
		st := p.g.e.state.opened(t.Topic, partition)
		if st == nil {
			continue
		}
		offset, _ := log.Offset(partition)
		t.Partitions = append(t.Partitions, topology.PartitionStatus{Partition: partition, Rows: log.Rows(partition),
			Changelog: offset, Restored: st.recovered.Load(), Standby: st.standby, Waiting: int(st.waiting.Load())})
	}
	s.Table = t
	return s
}
