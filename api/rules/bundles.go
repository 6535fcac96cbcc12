package rules

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// BundleRow is a row of a bundle.
type BundleRow struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name,omitempty"`
	Version int32           `json:"version,omitempty"`
	Row     json.RawMessage `json:"row"`
}

// Bundle is a set of rows as they were last written.
type Bundle struct {
	Offset int64       `json:"offset"`
	Rows   []BundleRow `json:"rows"`
}

// Planning asks how rows differ from what is in force.
type Planning struct {
	Rows  []RowChange `json:"rows" maxItems:"1000"`
	Prune bool        `json:"prune,omitempty" doc:"Also delete what the token may change and the rows do not hold; types of the catalogue stay"`
}

// Plan is what would be changed, in the order of kinds and names.
type Plan struct {
	Offset  int64     `json:"offset"`
	Changes []Planned `json:"changes"`
	Same    int       `json:"same" doc:"Rows that are as they should be"`
}

// Planned is one change of a plan, as it can be proposed.
type Planned struct {
	What    string   `json:"what" enum:"create,change,delete"`
	Differs []string `json:"differs,omitempty" doc:"JSON pointers into the row"`
	RowChange
}

func (d *Door) registerBundles(api huma.API) {
	op := d.proposals().operation(http.MethodGet, "/v1/bundle", "export", "All rows that the token's team has, as they were last written; types of the catalogue only where they were changed")
	huma.Register(api, op, func(ctx context.Context, _ *struct{}) (*struct{ Body Bundle }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		return &struct{ Body Bundle }{d.bundle(c)}, nil
	})
	op = d.proposals().operation(http.MethodPost, "/v1/bundle/plan", "plan", "How rows differ from what is in force; nothing is changed")
	op.MaxBodyBytes = maxBody
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body Planning }) (*struct{ Body Plan }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		plan, err := d.plan(c, in.Body)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Plan }{plan}, nil
	})
}

// bundle are the rows that are the caller's, by kind and name.
func (d *Door) bundle(c caller) Bundle {
	out := Bundle{Offset: c.rules.Offset(), Rows: []BundleRow{}}
	for _, kind := range processors.ProposedKinds() {
		k := d.kinds[kind]
		for _, name := range c.rules.Names(kind) {
			past := c.rules.Past(kind, name)
			text, ok := c.rules.Written(kind, name)
			if !ok || len(past) == 1 && past[0].Offset < 0 || !k.owns(c, name) {
				continue
			}
			out.Rows = append(out.Rows, BundleRow{kind, name, c.rules.Version(kind, name), json.RawMessage(text)})
		}
	}
	return out
}

func (d *Door) plan(c caller, in Planning) (Plan, error) {
	out := Plan{Offset: c.rules.Offset(), Changes: []Planned{}}
	held := map[string]bool{}
	for _, a := range in.Rows {
		k, known := d.kinds[a.Kind]
		if !known {
			return out, problem.New(http.StatusUnprocessableEntity, "ROW_REFUSED", "no rows of this kind are in bundles: "+strings.Join(processors.ProposedKinds(), ", "))
		}
		name, text, err := k.read(c, a.Name, a.Row)
		if err != nil {
			return out, err
		}
		if held[a.Kind+"/"+name] {
			return out, problem.New(http.StatusUnprocessableEntity, "ROW_REFUSED", "the rows hold "+a.Kind+" "+name+" twice")
		}
		held[a.Kind+"/"+name] = true
		version := c.rules.Version(a.Kind, name)
		p := Planned{What: "create", RowChange: RowChange{Kind: a.Kind, Name: name, Act: events.ControlPut, Version: &version, Row: json.RawMessage(text)}}
		if has, ok := c.rules.Written(a.Kind, name); ok {
			p.What, p.Differs = "change", differing(k.normal(has), k.normal(text))
			if len(p.Differs) == 0 {
				out.Same++
				continue
			}
		}
		out.Changes = append(out.Changes, p)
	}
	if in.Prune {
		for _, r := range d.bundle(c).Rows {
			if _, ours := c.rules.Catalogue(r.Name); !held[r.Kind+"/"+r.Name] && (!ours || r.Kind != tables.KindEventType) {
				out.Changes = append(out.Changes, Planned{What: "delete", RowChange: RowChange{Kind: r.Kind, Name: r.Name, Act: events.ControlDelete, Version: &r.Version}})
			}
		}
	}
	slices.SortStableFunc(out.Changes, func(a, b Planned) int { return strings.Compare(a.Kind+" "+a.Name, b.Kind+" "+b.Name) })
	return out, nil
}

// differing are the members in which two rows differ, as JSON pointers.
func differing(a, b map[string]json.RawMessage) (out []string) {
	for name, v := range a {
		if string(b[name]) != string(v) {
			out = append(out, "/"+name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, "/"+name)
		}
	}
	slices.Sort(out)
	return out
}
