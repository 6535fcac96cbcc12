package rules

import (
	"cmp"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) gracePolicies() resource[tables.GracePolicy] {
	return resource[tables.GracePolicy]{
		kind: tables.KindGracePolicy, noun: "grace policy", path: "/v1/grace-policies", one: "/{team}/{name}", tag: "rules",
		id: tables.GracePolicy.ID, find: (*processors.Rules).GracePolicy, all: (*processors.Rules).GracePolicies,
		shown: func(_ caller, p tables.GracePolicy) (tables.GracePolicy, bool) { return p, true },
		may: func(c caller, _ tables.GracePolicy) error {
			if c.Scopes.Admin {
				return nil
			}
			return access.Forbidden("grace policies are made by administrators, or proposed where an approval policy lets others")
		},
		says: func(p tables.GracePolicy) []string { return []string{p.ID(), p.Zone, p.Doc} },
		fill: func(c caller, p *tables.GracePolicy) {
			plan, effective := halves(c.id)
			given(&p.Plan, plan)
			if p.Effective == 0 {
				_ = p.Effective.UnmarshalText([]byte(effective)) // else the name does not agree, and is refused
			}
			p.AptcMonths = cmp.Or(p.AptcMonths, tables.DefaultGracePolicy.AptcMonths)
			p.AptcPaysMonths = cmp.Or(p.AptcPaysMonths, tables.DefaultGracePolicy.AptcPaysMonths)
			p.Days = cmp.Or(p.Days, tables.DefaultGracePolicy.Days)
			given(&p.Zone, tables.DefaultGracePolicy.Zone)
		},
	}
}

func (d *Door) registerGracePolicies(api huma.API) {
	r := d.gracePolicies()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
}
