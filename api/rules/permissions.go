package rules

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) permissions() resource[tables.Permission] {
	return resource[tables.Permission]{
		kind: tables.KindPermission, noun: "permission", path: "/v1/permissions", one: "/{team}/{name}", tag: "rules",
		id: tables.Permission.ID, all: (*processors.Rules).Permissions,
		find: func(r *processors.Rules, id string) (tables.Permission, bool) {
			for _, p := range r.Permissions() {
				if p.ID() == id {
					return p, true
				}
			}
			return tables.Permission{}, false
		},
		shown: func(c caller, p tables.Permission) (tables.Permission, bool) { return p, c.Acts(p.Team) },
		may: func(c caller, _ tables.Permission) error {
			if c.Scopes.Admin {
				return nil
			}
			return access.Forbidden("what a team may see is said by administrators")
		},
		says: func(p tables.Permission) []string { return append([]string{p.ID()}, p.EventTypes...) },
		fill: func(c caller, p *tables.Permission) {
			holder, class := halves(c.id)
			team, application, _ := strings.Cut(holder, ":")
			given(&p.Team, team)
			given(&p.Application, application)
			given(&p.Class, class)
		},
	}
}

func (d *Door) registerPermissions(api huma.API) {
	r := d.permissions()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
}
