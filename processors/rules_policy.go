package processors

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

const maxApprovals = 10

// legalWho is a team, team:application, or a pattern of them. Owners of the
// catalogue's types have spaces.
var legalWho = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9 .:*_-]*$`)

type policy struct{ tables.ApprovalPolicy }

func (p *policy) team() string { return "" }

func (p *policy) put(r *Rules, version int32) {
	r.policies[p.Name] = row[tables.ApprovalPolicy]{version, p.ApprovalPolicy}
}

func (p *policy) drop(r *Rules)                   { delete(r.policies, p.Name) }
func (p *policy) checkDrop(*Rules) []events.Fault { return nil }

func (p *policy) check(*Rules) []events.Fault {
	var f faults
	f.name("/name", p.Name)
	legal := append(ProposedKinds(), "*")
	f.unless(len(p.Kinds) > 0, events.MissingField, "/kinds", "name at least one kind of rows, or *")
	f.short("/kinds", len(p.Kinds))
	for i, k := range p.Kinds {
		f.oneOf(item("/kinds", i), k, legal...)
	}
	f.unless(len(p.Teams) > 0, events.MissingField, "/teams", `name the teams whose rows it covers, or "*"`)
	f.who("/teams", p.Teams)
	f.who("/propose", p.Propose)
	f.who("/approve", p.Approve)
	f.unless(p.Approvals >= 1 && p.Approvals <= maxApprovals, events.InvalidValue, "/approvals", fmt.Sprintf("1 to %d", maxApprovals))
	return f
}

func (f *faults) who(at string, patterns []string) {
	f.short(at, len(patterns))
	for i, p := range patterns {
		f.unless(len(p) <= maxPatternBytes && legalWho.MatchString(p), InvalidName, item(at, i), "a team, team:application, or a pattern of them")
	}
}

// Policy finds an approval policy by name.
func (r *Rules) Policy(name string) (tables.ApprovalPolicy, bool) { return find(r.policies, name) }

// Policies are all approval policies by name.
func (r *Rules) Policies() []tables.ApprovalPolicy { return sorted(r.policies) }

// Covering are the policies that a change of a row falls under, by name: those
// of the team that has the row, and of the one that is to have it.
func (r *Rules) Covering(c tables.ProposedChange) (out []tables.ApprovalPolicy) {
	if len(r.policies) == 0 || !rowKinds()[c.Kind].proposed {
		return nil
	}
	teams := r.teams(c)
	for _, name := range slices.Sorted(maps.Keys(r.policies)) {
		if p := r.policies[name].value; p.Covers(c.Kind, teams...) {
			out = append(out, p)
		}
	}
	return out
}

func (r *Rules) teams(c tables.ProposedChange) (out []string) {
	k := rowKinds()[c.Kind]
	if e, ok := k.entry(r, c.Name); ok {
		out = append(out, e.team())
	}
	if c.Act == events.ControlPut {
		if e, _, faults := k.decode(events.Control{Kind: c.Kind, Name: c.Name, Row: c.Row}); len(faults) == 0 {
			out = append(out, e.team())
		}
	}
	return out
}

// guard refuses a direct change of a row that a policy covers.
func (r *Rules) guard(c events.Control) []events.Fault {
	if r.passing || c.Act != events.ControlPut && c.Act != events.ControlDelete {
		return nil
	}
	covering := r.Covering(tables.ProposedChange{Kind: c.Kind, Name: c.Name, Act: c.Act, Row: c.Row})
	if len(covering) == 0 {
		return nil
	}
	return fault(ApprovalNeeded, "", "the approval policy "+covering[0].Name+" covers this row: propose the change")
}

// covering are the policies of all changes of a proposal, each once.
func (r *Rules) covering(changes []tables.ProposedChange) (out []tables.ApprovalPolicy) {
	seen := map[string]bool{}
	for _, c := range changes {
		for _, p := range r.Covering(c) {
			if !seen[p.Name] {
				seen[p.Name] = true
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b tables.ApprovalPolicy) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Wanting says what a proposal still needs, "" for nothing: each policy that
// covers a change of it wants as many approvals as it says, of those whom it
// names.
func (r *Rules) Wanting(p tables.Proposal) string {
	for _, policy := range r.covering(p.Changes) {
		n := 0
		for _, a := range p.Approvals {
			if policy.MayApprove(a.By, p.By) {
				n++
			}
		}
		if n < policy.Approvals {
			return fmt.Sprintf("the approval policy %s wants %d approvals, and %d are there", policy.Name, policy.Approvals, n)
		}
	}
	return ""
}

// MayDecide says whether somebody may approve or reject a proposal.
func (r *Rules) MayDecide(p tables.Proposal, d tables.Decider) bool {
	return slices.ContainsFunc(r.covering(p.Changes), func(policy tables.ApprovalPolicy) bool { return policy.MayApprove(d, p.By) })
}
