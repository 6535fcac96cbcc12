package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/internal/topology"
	"payerflow/processors"
)

type aggregateInput struct {
	By        string `query:"by" maxLength:"128" doc:"Field whose values make the groups; without it, all rows are one"`
	Sum       string `query:"sum" maxLength:"128" doc:"Field of numbers or money to add up"`
	Min       string `query:"min" maxLength:"128" doc:"Field whose least value is wanted"`
	Max       string `query:"max" maxLength:"128" doc:"Field whose greatest value is wanted"`
	Where     string `query:"where" maxLength:"4096" doc:"CEL over the fields of a row; of all rows without it"`
	Synthetic bool   `query:"synthetic" doc:"Of the rows of synthetic events instead"`
}

// Aggregate is what the rows of a view say together.
type Aggregate struct {
	View       string  `json:"view" doc:"Name of the view"`
	By         string  `json:"by,omitempty" doc:"Field whose values make the groups"`
	Groups     []Group `json:"groups" doc:"From the largest on"`
	Total      Group   `json:"total" doc:"All groups together"`
	Suppressed int     `json:"suppressed,omitempty" doc:"Groups of which nothing is told: of fewer than 11 people, or the smallest other one where the total would tell the rest"`
	Looked     int     `json:"looked,omitempty" doc:"Rows that were looked at, which are all; absent where the total is suppressed"`
	Failed     int     `json:"failed,omitempty" doc:"Rows on which the condition gave no answer"`
}

// Group is the rows with one value of the field.
type Group struct {
	Value      json.RawMessage `json:"value,omitempty" doc:"The field's value; null where rows have none; absent where it may not be told"`
	Count      *int64          `json:"count,omitempty" doc:"Rows"`
	Sum        *string         `json:"sum,omitempty" doc:"Of the field sum, as exact decimal text"`
	Min        json.RawMessage `json:"min,omitempty" doc:"Of the field min"`
	Max        json.RawMessage `json:"max,omitempty" doc:"Of the field max"`
	Suppressed bool            `json:"suppressed,omitempty" doc:"Count and values are withheld"`
}

type aggregateOutput struct{ Body Aggregate }

// registerAggregate counts and adds up rows by a field.
func (s *surface) registerAggregate(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "aggregate-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/aggregate", Tags: []string{"views"},
		Summary:     "Count and add up rows of " + v.Name,
		Description: "Over all rows, whichever worker has them: a million of them, 15 s of work and 500 million units of cost at most, else it is refused. To readers who may not see all classes of the view, groups of fewer than 11 people are suppressed.",
		Errors:      append([]int{http.StatusNotAcceptable}, viewFaults...), Parameters: freshness(), Middlewares: append(notWatched(), s.reading(v, "view.aggregate")...),
	}, func(ctx context.Context, in *aggregateInput) (*aggregateOutput, error) {
		v := now(ctx, v)
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		l, err := s.languages.get(v)
		if err != nil {
			return nil, err
		}
		a, faults := l.Aggregate(mask, processors.RowAggregation{By: in.By, Where: in.Where, Sum: in.Sum, Min: in.Min, Max: in.Max})
		if len(faults) > 0 {
			return nil, faulty(faults)
		}
		done, err := s.begin(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
		c := &scan{view: v.Name, synthetic: in.Synthetic, reach: s.bounds.whole, spent: a.Spent}
		if err := s.each(ctx, c, topology.Place{}, func(row topology.Answer) (bool, error) { return false, tooMany(a.Add(row.Row)) }); err != nil {
			return nil, err
		}
		if c.stopped != "" {
			return nil, problem.New(http.StatusUnprocessableEntity, "TOO_MANY_ROWS", fmt.Sprintf("an aggregate is of all rows, and looks through %d of them, for %s, at most: filter, or export", c.reach.rows, c.reach.time))
		}
		out := aggregateOf(v.Name, in.By, a)
		if !out.Total.Suppressed {
			out.Looked = c.looked
		}
		audit.Shows(ctx, len(out.Groups)-out.Suppressed)
		return &aggregateOutput{out}, nil
	})
}

func tooMany(err error) error {
	if errors.Is(err, processors.ErrRowGroups) {
		return problem.New(http.StatusUnprocessableEntity, "TOO_MANY_GROUPS", fmt.Sprintf("the field has more than %d values: filter, or take another", processors.MaxRowGroups))
	}
	if err != nil {
		return unshowable()
	}
	return nil
}

func aggregateOf(view, by string, a *processors.RowAggregate) Aggregate {
	groups, total := a.Result()
	out := Aggregate{View: view, By: by, Groups: []Group{}, Total: groupOf(total), Failed: a.Failed()}
	out.Total.Value = nil
	for _, g := range groups {
		out.Groups = append(out.Groups, groupOf(g))
		if g.Suppressed {
			out.Suppressed++
		}
	}
	return out
}

func groupOf(g *processors.RowGroup) Group {
	if g.Suppressed {
		return Group{Value: g.Name, Suppressed: true}
	}
	out := Group{Value: g.Name, Count: &g.Count, Min: g.Min, Max: g.Max}
	if g.Sum != nil {
		text := decimal(g.Sum)
		out.Sum = &text
	}
	return out
}

// decimal is a number with as many decimals as it takes, two at least where it
// is no whole number.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	n, exact := r.FloatPrec()
	if !exact {
		n = 15
	}
	return r.FloatString(max(n, 2))
}
