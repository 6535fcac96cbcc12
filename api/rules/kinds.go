package rules

import (
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// rowDoor is what proposals ask of a kind of rows.
type rowDoor struct {
	read       func(c caller, name string, text json.RawMessage) (id, row string, err error)
	proposable func(c caller, change tables.ProposedChange) error
	masked     func(c caller, row string) json.RawMessage // nil for ""
	sees       func(c caller, past []processors.Past) bool
	owns       func(c caller, name string) bool // may change the row as it is, by policy or without
	normal     func(row string) map[string]json.RawMessage
}

// door gives proposals what they ask of a resource.
func (r resource[T]) door() rowDoor {
	return rowDoor{read: r.readProposed, proposable: r.proposable,
		masked: func(c caller, text string) json.RawMessage {
			var row T
			if text == "" || json.Unmarshal([]byte(text), &row) != nil {
				return nil
			}
			row, _ = r.shown(c, row)
			out, err := json.Marshal(row)
			if err != nil {
				return nil
			}
			return out
		},
		sees: func(c caller, past []processors.Past) bool {
			for i := len(past) - 1; i >= 0; i-- {
				var row T
				if past[i].Row != "" && json.Unmarshal([]byte(past[i].Row), &row) == nil {
					_, sees := r.shown(c, row)
					return sees
				}
			}
			return false
		},
		owns: func(c caller, name string) bool {
			row, ok := r.find(c.rules, name)
			return ok && (c.Scopes.Admin || r.may(c, row) == nil)
		},
		normal: func(text string) (members map[string]json.RawMessage) {
			var row T
			_ = json.Unmarshal([]byte(text), &row) // the rules took it: it is a row
			b, _ := json.Marshal(row)
			_ = json.Unmarshal(b, &members)
			return members
		}}
}

// readProposed reads a row strictly, and fills in what it leaves open.
func (r resource[T]) readProposed(c caller, name string, text json.RawMessage) (string, string, error) {
	c.id = name
	row, err := decode(r, c, text)
	if err != nil {
		return "", "", err
	}
	r.fill(c, &row)
	out, err := json.Marshal(row)
	return r.id(row), string(out), err
}

// proposable says whether the caller may propose a change: one that no policy
// covers must be one that the caller may make. Policies say for themselves who
// may propose.
func (r resource[T]) proposable(c caller, change tables.ProposedChange) error {
	c.id = change.Name
	old, there := r.find(c.rules, c.id)
	var row T
	switch covered := len(c.rules.Covering(change)) > 0; {
	case !covered && there && r.may(c, old) != nil,
		!covered && change.Act == events.ControlPut && (json.Unmarshal([]byte(change.Row), &row) != nil || r.may(c, row) != nil):
		return notYours()
	case change.Act == events.ControlDelete && there && r.droppable != nil && r.droppable(old) != nil:
		return errStillActive
	}
	return nil
}

func (d *Door) policies() resource[tables.ApprovalPolicy] {
	return resource[tables.ApprovalPolicy]{
		kind: tables.KindPolicy, noun: "approval policy", path: "/v1/approval-policies", one: "/{name}", tag: "changes",
		id: func(p tables.ApprovalPolicy) string { return p.Name }, find: (*processors.Rules).Policy, all: (*processors.Rules).Policies,
		shown: func(_ caller, p tables.ApprovalPolicy) (tables.ApprovalPolicy, bool) { return p, true },
		may: func(c caller, _ tables.ApprovalPolicy) error {
			if c.Scopes.Admin {
				return nil
			}
			return access.Forbidden("approval policies are made by administrators")
		},
		says: func(p tables.ApprovalPolicy) []string {
			return []string{p.Name, p.Doc, strings.Join(p.Kinds, " "), strings.Join(p.Teams, " ")}
		},
		fill: func(c caller, p *tables.ApprovalPolicy) {
			given(&p.Name, c.id)
			if p.Approvals == 0 {
				p.Approvals = 1
			}
		},
	}
}

func (d *Door) registerPolicies(api huma.API) {
	r := d.policies()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
}
