package peers

import (
	"errors"
	"time"

	"payerflow/internal/peers/peerpb"
	"payerflow/internal/topology"
)

func questionOut(q topology.Question) *peerpb.Question {
	out := &peerpb.Question{View: q.View, Partition: q.Partition, Under: []byte(q.Under), Synthetic: q.Synthetic, Limit: int32(q.Limit),
		From: placeOut(&q.From), Incarnation: q.Incarnation, AtLeast: positionsOut(q.AtLeast), StalenessUs: q.Staleness.Microseconds(), Fresh: q.Fresh, OwnerOnly: q.OwnerOnly}
	for _, k := range q.Keys {
		out.Keys = append(out.Keys, []byte(k))
	}
	return out
}

func questionIn(in *peerpb.Question) topology.Question {
	q := topology.Question{View: in.GetView(), Partition: in.GetPartition(), Under: string(in.GetUnder()), Synthetic: in.GetSynthetic(),
		Limit: int(in.GetLimit()), Incarnation: in.GetIncarnation(), AtLeast: positionsIn(in.GetAtLeast()),
		Staleness: time.Duration(in.GetStalenessUs()) * time.Microsecond, Fresh: in.GetFresh(), OwnerOnly: in.GetOwnerOnly()}
	if from := placeIn(in.GetFrom()); from != nil {
		q.From = *from
	}
	for _, k := range in.GetKeys() {
		q.Keys = append(q.Keys, string(k))
	}
	return q
}

func replyOut(r topology.Reply) *peerpb.Reply {
	out := &peerpb.Reply{Next: placeOut(r.Next), Copy: &peerpb.Copy{Incarnation: r.Copy.Incarnation, Changelog: r.Copy.Changelog,
		Positions: positionsOut(r.Copy.Positions), Lag: r.Copy.Lag, AgeUs: micros(r.Copy.Age), Stale: r.Copy.Stale, Replica: r.Copy.Replica}}
	for _, row := range r.Rows {
		out.Rows = append(out.Rows, &peerpb.Row{Key: []byte(row.Key), Value: row.Value})
	}
	return out
}

func replyIn(in *peerpb.Reply) topology.Reply {
	c := in.GetCopy()
	r := topology.Reply{Next: placeIn(in.GetNext()), Copy: topology.Copy{Incarnation: c.GetIncarnation(), Changelog: c.GetChangelog(),
		Positions: positionsIn(c.GetPositions()), Lag: c.GetLag(), Age: max(-1, time.Duration(c.GetAgeUs())*time.Microsecond), Stale: c.GetStale(), Replica: c.GetReplica()}}
	for _, row := range in.GetRows() {
		r.Rows = append(r.Rows, topology.Stored{Key: string(row.GetKey()), Value: row.Value})
	}
	return r
}

func micros(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}

func placeOut(p *topology.Place) *peerpb.Place {
	if p == nil {
		return nil
	}
	return &peerpb.Place{Partition: p.Partition, Run: p.Run, Hash: p.Hash, Skip: int64(p.Skip)}
}

func placeIn(p *peerpb.Place) *topology.Place {
	if p == nil {
		return nil
	}
	return &topology.Place{Partition: p.GetPartition(), Run: p.GetRun(), Hash: p.GetHash(), Skip: int(p.GetSkip())}
}

func positionsOut(ps []topology.Position) (out []*peerpb.Position) {
	for _, p := range ps {
		out = append(out, &peerpb.Position{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset})
	}
	return out
}

func positionsIn(ps []*peerpb.Position) (out []topology.Position) {
	for _, p := range ps {
		out = append(out, topology.Position{Topic: p.GetTopic(), Partition: p.GetPartition(), Offset: p.GetOffset()})
	}
	return out
}

func holdersOut(hs []topology.Holder) (out []*peerpb.Holder) {
	for _, h := range hs {
		out = append(out, &peerpb.Holder{Instance: h.Instance, Address: h.Address, Generation: h.Generation, Owner: h.Owner})
	}
	return out
}

func holdersIn(hs []*peerpb.Holder) (out []topology.Holder) {
	for _, h := range hs {
		out = append(out, topology.Holder{Instance: h.GetInstance(), Address: h.GetAddress(), Generation: h.GetGeneration(), Owner: h.GetOwner()})
	}
	return out
}

// faults are the errors that travel.
var faults = map[peerpb.Fault]error{
	peerpb.Fault_FAULT_ELSEWHERE:   topology.ErrElsewhere,
	peerpb.Fault_FAULT_RESTORING:   topology.ErrRestoring,
	peerpb.Fault_FAULT_TOO_STALE:   topology.ErrTooStale,
	peerpb.Fault_FAULT_NOT_REACHED: topology.ErrNotReached,
	peerpb.Fault_FAULT_NO_VIEW:     topology.ErrNoView,
}

func faultOf(err error) peerpb.Fault {
	for f, known := range faults {
		if errors.Is(err, known) {
			return f
		}
	}
	return peerpb.Fault_FAULT_INTERNAL
}

func errorOf(f peerpb.Fault) error {
	if f == peerpb.Fault_FAULT_UNSPECIFIED {
		return nil
	}
	if err, known := faults[f]; known {
		return err
	}
	return errors.New("another worker could not read the row")
}
