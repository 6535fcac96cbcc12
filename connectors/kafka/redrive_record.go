package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

var handledTopic = topologies.DeadLetterHandled.Topic.Name

// take handles one chosen dead letter.
func (r *redrive) take(ctx context.Context, dl DeadLetter) error {
	act, id := events.DeadLetterDropped, dl.letter.Metadata.EventID
	if !r.h.Drop {
		rec, refused, err := r.record(dl)
		if err != nil {
			return err
		}
		if refused != nil {
			r.refuse(dl.At, *refused)
			return nil
		}
		act = events.DeadLetterRedriven
		r.add(rec)
	}
	if err := r.settled(dl.At, id, act, !r.h.Drop && r.h.Mend != nil); err != nil {
		return err
	}
	if r.h.DryRun {
		r.out.Done++
		r.batch, r.bytes = nil, 0
		return nil
	}
	if r.dead++; r.dead >= redriveRecords || r.bytes >= redriveBytes {
		return r.commit(ctx)
	}
	return nil
}

func (r *redrive) refuse(at Coordinates, why RefusedBy) {
	why.At = at
	r.unbroken[at.Partition] = false
	r.out.Refused[why.Code]++
	if len(r.out.Faults) < maxRefusedBy {
		r.out.Faults = append(r.out.Faults, why)
	}
}

// record is the record that goes back: same key, same headers, the partition
// of its key, or where it came from without one.
func (r *redrive) record(dl DeadLetter) (*kgo.Record, *RefusedBy, error) {
	m := dl.letter.Metadata
	if m.OriginalTopic != r.to {
		return nil, &RefusedBy{Code: refusedOrigin, Reason: "it is not a dead letter of " + r.to}, nil
	}
	key, value := dl.letter.OriginalKey, dl.letter.OriginalPayload
	if r.h.Mend != nil {
		var refused *RefusedBy
		var err error
		if key, value, refused, err = r.mended(dl); refused != nil || err != nil {
			return nil, refused, err
		}
	}
	id := ""
	if m.EventID != nil {
		id = *m.EventID
	}
	rec := &kgo.Record{Topic: r.to, Partition: m.OriginalPartition, Key: key, Value: value, Headers: dl.headersOf(id)}
	if key != nil || int(rec.Partition) >= r.partitions || rec.Partition < 0 {
		rec.Partition = topology.Partition(key, r.partitions)
	}
	if r.limit > 0 && sizeOf(rec) > r.limit {
		return nil, &RefusedBy{Code: refusedTooLarge, Reason: "the record is larger than its topic takes"}, nil
	}
	return rec, nil, nil
}

// mended is the record's key and value after the change that was asked for.
func (r *redrive) mended(dl DeadLetter) (key, value []byte, refused *RefusedBy, err error) {
	if dl.Fault != "" {
		return nil, nil, &RefusedBy{Code: refusedPayload, Reason: "what does not decode cannot be changed: " + dl.Fault}, nil
	}
	doc, err := r.h.Mend(dl)
	if err == nil {
		key, value, err = r.d.payload.mend(r.to, doc)
	}
	var faults *FaultsError
	switch {
	case errors.As(err, &faults):
		return nil, nil, &RefusedBy{Code: refusedMend, Reason: faults.Error(), Faults: faults.Faults}, nil
	case errors.Is(err, ErrNotMended):
		return nil, nil, &RefusedBy{Code: refusedMend, Reason: err.Error()}, nil
	}
	return key, value, nil, err
}

// sizeOf is at least what a record takes in a batch of its own.
func sizeOf(r *kgo.Record) int {
	const frame, each = 100, 12
	n := frame + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += each + len(h.Key) + len(h.Value)
	}
	return n
}
