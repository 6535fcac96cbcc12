package topology

import (
	"fmt"
)

// Emission is an encoded output of a fold.
type Emission struct {
	Topic   Topic // of a routed stream the name alone: Partitions is 0
	Key     string
	Value   []byte
	Headers []Header
}

// caused encodes all that a fold asked for, and what follows from the change
// of its row.
func (b *Bound) caused(key string, before, after any, outputs []Output) ([]Emission, *Parked, error) {
	emit, parked, err := b.encode(outputs)
	if err != nil || parked != nil || len(b.Follows) == 0 {
		return emit, parked, err
	}
	more, parked, err := b.follow(key, before, after)
	return append(emit, more...), parked, err
}

func (b *Bound) encode(outputs []Output) (emit []Emission, parked *Parked, err error) {
	for _, o := range outputs {
		if reject, ok := o.Value.(Reject); ok {
			return nil, &Parked{Code: reject.ReasonCode, Pointer: reject.At, Reason: reject.Reason}, nil
		}
		to, err := b.Route(o)
		if err != nil {
			return nil, &Parked{Code: UnroutedOutput, Reason: err.Error()}, nil
		}
		value, err := b.outputs[to.Topic.Name].Encode(o.Value)
		if err != nil {
			parked, err := notCoded(err, OutputNotCoded, "an output for "+to.Topic.Name+" cannot be written")
			return nil, parked, err
		}
		e := Emission{to.Topic, o.Key, value, o.Headers}
		if to.Routed {
			e.Topic = Topic{Name: o.Topic}
		}
		emit = append(emit, e)
		for _, also := range o.Also {
			if !to.Routed || !to.names(also) {
				return nil, &Parked{Code: UnroutedOutput, Reason: b.misnamed(o.Value, to).Error()}, nil
			}
			e.Topic = Topic{Name: also}
			emit = append(emit, e)
		}
	}
	return emit, nil, nil
}

// Mark encodes the record that says what a transaction was pinned to, if
// there is to be one.
func (b *Bound) Mark(p Pinned, worker string, ranges []Range) ([]Emission, error) {
	mark := p.Mark(worker, ranges)
	if mark.Value == nil {
		return nil, nil
	}
	emit, parked, err := b.encode([]Output{mark})
	if parked != nil {
		err = fmt.Errorf("group %s: its marker: %s", b.Name, parked.Reason)
	}
	return emit, err
}
