package rules

import (
	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) aggregations() resource[tables.Aggregation] {
	return resource[tables.Aggregation]{
		kind: tables.KindAggregation, noun: "aggregation", path: "/v1/aggregations", one: "/{team}/{name}", tag: "rules",
		id: tables.Aggregation.ID, find: (*processors.Rules).Aggregation, all: (*processors.Rules).Aggregations,
		shown: func(c caller, a tables.Aggregation) (tables.Aggregation, bool) { return a, c.Acts(a.Team) },
		may: func(c caller, a tables.Aggregation) error {
			if !c.Acts(a.Team) {
				return access.Forbidden("an aggregation is its team's")
			}
			for _, s := range a.Steps {
				if err := c.within(s.EventTypes); err != nil {
					return err
				}
			}
			if !c.Scopes.Admin && !c.MayPublish(a.Output) {
				return access.Forbidden("the token's publish scopes do not hold the output's event type")
			}
			return nil
		},
		says: func(a tables.Aggregation) []string {
			out := []string{a.ID(), a.Doc, a.Combine, a.Output, a.State}
			for _, s := range a.Steps {
				out = append(append(out, s.Name), s.EventTypes...)
			}
			return out
		},
		fill: func(c caller, a *tables.Aggregation) {
			team, name := halves(c.id)
			given(&a.Team, team)
			given(&a.Name, name)
			given(&a.State, tables.StateActive)
			given(&a.Synthetic, tables.Discard)
		},
	}
}

func (d *Door) registerAggregations(api huma.API) {
	r := d.aggregations()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
	turn(d, api, r, "pause", "Match nothing more; what waits is given up", func(a *tables.Aggregation) { a.State = tables.StatePaused })
	turn(d, api, r, "resume", "Begin anew, also after a quarantine", func(a *tables.Aggregation) { a.State = tables.StateActive })
}
