package processors

import (
	"slices"
	"strings"
	"sync"

	"payerflow/tables"
)

// typeIndex finds who may get an event of one type: first by the value of a
// field that conditions compare with constants, then by tags. So the cost of
// an event follows what it matches, and not what there is.
type typeIndex struct {
	make   func()
	any    bucket        // whoever needs no certain value
	fields []*fieldIndex // whoever needs one
	shape  *shape
	want   *wanted
	tries  int              // distinct conditions
	masks  map[string]*Mask // by team
}

// fieldIndex are the targets by the value that their condition wants of a field.
type fieldIndex struct {
	equality
	values map[string]*bucket
}

// bucket are targets by a tag that an event must have for them.
type bucket struct {
	always []target
	tagged map[string][]target
}

// target is a subscriber that gets an event if a rule's condition holds.
type target struct {
	*subscriber
	rule       string // its id, or that of an aggregation; "" for none
	try        *try
	ruleShadow bool // the rule is in shadow mode
}

// try is a condition with its place among those of a type.
type try struct {
	*condition
	order int
}

// index is made type by type, when the first event of a type comes.
type index struct {
	cover func() *cover
	types map[string]*typeIndex
	calls failures
}

func newIndex(r *Rules) *index {
	x := &index{cover: sync.OnceValue(func() *cover { return newCover(r) }), types: make(map[string]*typeIndex, len(r.types))}
	for name := range r.types {
		t := &typeIndex{}
		t.make = sync.OnceFunc(func() { t.fill(r, name, x.cover()) })
		x.types[name] = t
	}
	return x
}

// Warm makes now what routing would make when the first event of each type
// comes.
func (r *Rules) Warm() {
	for _, t := range r.index.types {
		t.make()
	}
}

func (t *typeIndex) fill(r *Rules, name string, c *cover) {
	of := r.types[name].value
	t.masks, t.want = map[string]*Mask{}, &wanted{}
	targets := t.targets(r, of, c)
	if l, err := of.language(); err == nil {
		t.shape = l.body
	}
	by, tags := selective(targets), rarity(targets)
	fields := map[string]*fieldIndex{}
	for _, g := range targets {
		if t.masks[g.Team] == nil {
			t.masks[g.Team] = r.sight(g.Team, of)
		}
		e, ok := g.narrowest(by)
		if !ok {
			t.any.add(g, tags)
			continue
		}
		f := fields[e.key()]
		if f == nil {
			f = &fieldIndex{e, map[string]*bucket{}}
			fields[e.key()] = f
			t.fields = append(t.fields, f)
			t.want.add(use{root: e.root, path: e.path, whole: true})
		}
		for _, v := range e.values {
			if f.values[v] == nil {
				f.values[v] = &bucket{}
			}
			f.values[v].add(g, tags)
		}
	}
}

// targets are all that an event of the type may go to. Rules that the type
// does not suit, or that look at what their team may not see, have none.
func (t *typeIndex) targets(r *Rules, of *registered, c *cover) (all []target) {
	for _, s := range c.direct.of(of.Name) {
		all = append(all, target{subscriber: s})
	}
	tries := map[string]*try{}
	asked := func(condition string) *try {
		run := tries[condition]
		if run == nil && condition != "" {
			l, _ := of.language() // fits: there is one
			run = &try{l.condition(condition), len(tries)}
			tries[condition] = run
			run.wants(t.want)
		}
		return run
	}
	for _, s := range c.steps.of(of.Name) {
		if len(r.unfitStep(s.match.aggregation, s.match.step, of)) == 0 {
			all = append(all, target{s, s.ID(), asked(s.match.aggregation.Steps[s.match.step].Condition), false})
		}
	}
	for _, u := range c.rules.of(of.Name) {
		if len(r.unfit(u, of)) > 0 {
			continue
		}
		run := asked(u.Condition)
		for _, s := range c.users[u.ID()] {
			if s.takes(u, of.Name) {
				all = append(all, target{s, u.ID(), run, u.State == tables.StateShadow})
			}
		}
	}
	t.tries = len(tries)
	return all
}

func (e equality) key() string { return e.root + "\x00" + strings.Join(e.path, "\x00") }

// selective counts the values that conditions want of each field.
func selective(targets []target) map[string]int {
	values := map[string]map[string]bool{}
	for _, g := range targets {
		if g.try == nil {
			continue
		}
		for _, e := range g.try.equals {
			if values[e.key()] == nil {
				values[e.key()] = map[string]bool{}
			}
			for _, v := range e.values {
				values[e.key()][v] = true
			}
		}
	}
	counts := map[string]int{}
	for key, of := range values {
		counts[key] = len(of)
	}
	return counts
}

// narrowest is the equality of a target's condition on the field with the most
// values.
func (g target) narrowest(by map[string]int) (equality, bool) {
	if g.try == nil || len(g.try.equals) == 0 {
		return equality{}, false
	}
	return slices.MaxFunc(g.try.equals, func(a, b equality) int {
		if n := by[a.key()] - by[b.key()]; n != 0 {
			return n
		}
		return strings.Compare(a.key(), b.key())
	}), true
}

// required are the tags of which a target needs each.
func (g target) required() []string {
	if g.try == nil {
		return g.Tags.AllOf
	}
	return append(slices.Clip(g.try.tags), g.Tags.AllOf...)
}

func rarity(targets []target) map[string]int {
	counts := map[string]int{}
	for _, g := range targets {
		for _, tag := range g.required() {
			counts[tag]++
		}
	}
	return counts
}

// add puts a target where the rarest tag leads that it needs.
func (b *bucket) add(g target, rarity map[string]int) {
	leads := g.Tags.AnyOf
	if all := g.required(); len(all) > 0 {
		leads = []string{slices.MinFunc(all, func(a, b string) int {
			if n := rarity[a] - rarity[b]; n != 0 {
				return n
			}
			return strings.Compare(a, b)
		})}
	}
	if len(leads) == 0 {
		b.always = append(b.always, g)
		return
	}
	if b.tagged == nil {
		b.tagged = map[string][]target{}
	}
	for _, tag := range leads {
		b.tagged[tag] = append(b.tagged[tag], g)
	}
}
