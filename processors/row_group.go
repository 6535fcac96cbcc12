package processors

import (
	"cmp"
	"encoding/json"
	"math/big"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"payerflow/events"
)

// MinCell is how many people a group has at least that is shown to readers who
// may not see all classes: CMS cell size suppression policy, no cell of 1 to 10.
const MinCell = 11

// measure is a field whose values are added up or compared.
type measure struct {
	path []string
	of   reflect.Type
}

// summable says whether values of a type can be added up.
func summable(t reflect.Type) bool {
	switch k := t.Kind(); {
	case t == reflect.TypeFor[events.Money]():
		return true
	case rowScalar(t) == types.IntType, rowScalar(t) == types.DoubleType:
		return k != reflect.String
	}
	return false
}

// RowGroup is what was counted of one group.
type RowGroup struct {
	Name       json.RawMessage // the field's value
	Count      int64
	Sum        *big.Rat
	Min, Max   json.RawMessage // nil: no row has a value
	Suppressed bool            // nothing but the name may be shown, and that only where it is not nil

	members map[string]bool // up to MinCell people
	low, up ref.Val
}

func (a *RowAggregate) group(name json.RawMessage) *RowGroup {
	g := &RowGroup{Name: name, members: map[string]bool{}}
	if a.sum != nil {
		g.Sum = new(big.Rat)
	}
	return g
}

func (g *RowGroup) add(a *RowAggregate, row reflect.Value) {
	l := a.query.language
	g.Count++
	if a.restricted && len(g.members) < MinCell && a.member != nil {
		if m := l.valueAt(row, a.member); m.IsValid() && m.String() != "" {
			g.members[m.String()] = true
		}
	}
	if a.sum != nil {
		if v := l.valueAt(row, a.sum.path); v.IsValid() {
			g.Sum.Add(g.Sum, exactly(v))
		}
	}
	if a.min != nil {
		g.low, g.Min = further(g.low, g.Min, l.valueAt(row, a.min.path), types.IntNegOne)
	}
	if a.max != nil {
		g.up, g.Max = further(g.up, g.Max, l.valueAt(row, a.max.path), types.IntOne)
	}
}

// exactly is a number without loss.
func exactly(v reflect.Value) *big.Rat {
	switch k := v.Kind(); {
	case v.Type() == reflect.TypeFor[events.Money]():
		return big.NewRat(v.Int(), 100)
	case k == reflect.Float32 || k == reflect.Float64:
		if r := new(big.Rat).SetFloat64(v.Float()); r != nil {
			return r
		}
		return new(big.Rat)
	case k >= reflect.Uint && k <= reflect.Uint64:
		return new(big.Rat).SetInt(new(big.Int).SetUint64(v.Uint()))
	}
	return new(big.Rat).SetInt64(v.Int())
}

// further is the value that lies further on to one side.
func further(have ref.Val, text json.RawMessage, v reflect.Value, side ref.Val) (ref.Val, json.RawMessage) {
	if !v.IsValid() {
		return have, text
	}
	value := rowValue(v)
	if have != nil {
		c, ok := value.(traits.Comparer)
		if !ok || c.Compare(have) != side {
			return have, text
		}
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return have, text
	}
	return value, b
}

// cell is how many people a group has; where rows name none, how many rows.
func (g *RowGroup) cell(a *RowAggregate) int64 {
	if a.member != nil {
		return int64(len(g.members))
	}
	return g.Count
}

// Result is the groups in the order of their count and name, and all together.
// Where a reader may not see all classes, groups of fewer than MinCell people
// are suppressed; so is the smallest other group where the total would tell
// what is missing, and the total where it would all the same.
func (a *RowAggregate) Result() (groups []*RowGroup, total *RowGroup) {
	for _, g := range a.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y *RowGroup) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(string(x.Name), string(y.Name)))
	})
	if a.restricted {
		a.suppress(groups)
	}
	if a.byHidden {
		for _, g := range groups {
			if g.Suppressed {
				g.Name = nil
			}
		}
	}
	return groups, a.total
}

// suppress goes through groups from the smallest on: each that is too small,
// then as many as it takes until what is suppressed is one cell of MinCell at
// least, and not of one group alone.
func (a *RowAggregate) suppress(groups []*RowGroup) {
	a.total.Suppressed = a.total.Count > 0 && a.total.cell(a) < MinCell
	people, hidden := int64(0), 0
	bySize := slices.SortedFunc(slices.Values(groups), func(x, y *RowGroup) int {
		return cmp.Or(cmp.Compare(x.cell(a), y.cell(a)), cmp.Compare(x.Count, y.Count), cmp.Compare(string(x.Name), string(y.Name)))
	})
	for _, g := range bySize {
		if g.cell(a) >= MinCell && (hidden == 0 || hidden > 1 && people >= MinCell) {
			break
		}
		g.Suppressed = true
		hidden++
		people += g.cell(a)
	}
	a.total.Suppressed = a.total.Suppressed || hidden == 1 || hidden > 0 && people < MinCell
}
