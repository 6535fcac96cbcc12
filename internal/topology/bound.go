package topology

import (
	"errors"
	"fmt"
)

// Bound is a declared group with its codecs connected to a registry.
type Bound struct {
	Declared
	Rows    AnySerde
	Tables  map[string]AnySerde // joined and looked-up tables by topic
	inputs  []AnySerde
	outputs map[string]AnySerde
}

// Bind connects the codecs of a group. It does no I/O.
func Bind(d Declared, s Schemas) (*Bound, error) {
	b := &Bound{Declared: d, Tables: map[string]AnySerde{}, outputs: map[string]AnySerde{}}
	var errs []error
	bind := func(f binder, topic string) AnySerde {
		serde, err := f(s, topic)
		errs = append(errs, err)
		return serde
	}
	b.Rows = bind(d.BindRows, d.Table.Name)
	for _, in := range d.Inputs {
		b.inputs = append(b.inputs, bind(in.Bind, in.Topic.Name))
	}
	for _, t := range append(append([]TableRef(nil), d.Joins...), d.Lookups...) {
		b.Tables[t.Topic.Name] = bind(t.Bind, t.Topic.Name)
	}
	for _, o := range d.Emits() {
		b.outputs[o.Topic.Name] = bind(o.Bind, o.Topic.Name)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("group %s: %w", d.Name, err)
	}
	return b, nil
}
