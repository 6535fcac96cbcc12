// This file answers: what becomes of a proposed change?

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

type proposal struct {
	tables.Proposal
	writer string // By of the control event
	after  *Rules // what an APPLY or EXPIRE makes of the rules; nil: nothing
}

func (p *proposal) team() string { return p.By.Team }

func (p *proposal) put(r *Rules, version int32) {
	r.proposals[p.ID] = row[tables.Proposal]{version, p.Proposal}
}

func (p *proposal) drop(r *Rules) { delete(r.proposals, p.ID) }

func (p *proposal) checkDrop(*Rules) []events.Fault {
	if p.Open() || p.Expires() {
		return fault(RowInUse, "", "the proposal is not over: withdraw it, or wait until it has expired")
	}
	return nil
}

// check is of what is proposed: it must be something that could come into
// force now.
func (p *proposal) check(r *Rules) []events.Fault {
	var f faults
	f.unless(len(p.ID) <= maxNameBytes && legalToken.MatchString(p.ID), InvalidName, "/id", "letters, digits and hyphens")
	_, exists := r.proposals[p.ID]
	f.unless(!exists, events.InvalidValue, "", "a proposal is written once: make another")
	f.unless(p.State == tables.ProposalProposed, events.InvalidValue, "/state", "a proposal begins as PROPOSED")
	f.unless(len(p.Approvals)+len(p.Undo)+len(p.Kept) == 0 && p.Ended == nil, events.InvalidValue, "", "approvals come from others")
	f.unless(p.By.Token == p.writer && r.knows(p.By), events.InvalidValue, "/by", "must be who writes it")
	f.unless(len(p.Why) <= maxReasonBytes, "TOO_MANY", "/why", "at most 500 bytes")
	f.unless(len(p.Changes) > 0, events.MissingField, "/changes", "name at least one change")
	f.short("/changes", len(p.Changes))
	if len(f) > 0 {
		return f
	}
	for i, c := range p.Changes {
		for _, policy := range r.Covering(c) {
			for _, team := range r.teams(c) {
				f.unless(policy.MayPropose(p.By, team), NotPermitted, item("/changes", i), "the approval policy "+policy.Name+" lets others propose this")
			}
		}
	}
	_, wrong := r.trial(events.Control{By: p.By.Token, Why: p.Why}, p.Changes)
	return append(f, wrong...)
}

// knows says whether a decider is as its token says. Who has no token of ours
// was checked at the door.
func (r *Rules) knows(d tables.Decider) bool {
	t, ours := r.tokens[d.Token]
	return !ours || t.value.Team == d.Team && t.value.Application == d.Application && t.value.Scopes.Admin == d.Admin && !t.value.Revoked
}

// Proposal finds a proposal by id.
func (r *Rules) Proposal(id string) (tables.Proposal, bool) { return find(r.proposals, id) }

// Proposals are all proposals by id.
func (r *Rules) Proposals() []tables.Proposal { return sorted(r.proposals) }

// decided is the proposal of an act on it.
func (r *Rules) decided(c events.Control) (entry, []events.Fault) {
	found, ok := r.proposals[c.Name]
	if c.Kind != tables.KindProposal || !ok {
		return nil, fault(UnknownRow, "", "there is no such proposal")
	}
	p := &proposal{Proposal: found.value}
	p.Approvals = slices.Clip(p.Approvals)
	var by tables.Decider
	if faults := strictly(c.Row, &by); len(faults) > 0 {
		return nil, faults
	}
	if by.Token != c.By || !r.knows(by) {
		return nil, fault(events.InvalidValue, "/token", "must be who decides")
	}
	d := tables.Decision{By: by, Why: c.Why, At: c.At.Time()}
	return p, p.decide(r, c, d)
}

func (p *proposal) decide(r *Rules, c events.Control, d tables.Decision) []events.Fault {
	if c.Act == events.ControlExpire {
		return p.expire(r, c, d)
	}
	if !p.Open() {
		return fault(AlreadyDecided, "", "the proposal is "+p.State)
	}
	if !p.Until.IsZero() && !d.At.Before(p.Until) {
		return fault(AlreadyDecided, "", "the time of the proposal is over")
	}
	ours := d.By.Admin || d.By.Token == p.By.Token || d.By.Team == p.By.Team
	switch c.Act {
	case events.ControlApprove:
		return p.approve(r, d)
	case events.ControlReject:
		p.State, p.Ended = tables.ProposalRejected, &d
		return unless(d.By.Admin || r.MayDecide(p.Proposal, d.By), NotPermitted, "a proposal is rejected by who may approve it, or an administrator")
	case events.ControlWithdraw:
		p.State, p.Ended = tables.ProposalWithdrawn, &d
		return unless(ours, NotPermitted, "a proposal is withdrawn by its team, or an administrator")
	}
	if f := unless(ours || r.MayDecide(p.Proposal, d.By), NotPermitted, "a proposal is applied by its team, by who may approve it, or an administrator"); f != nil {
		return f
	}
	if missing := r.Wanting(p.Proposal); missing != "" {
		return fault(ApprovalNeeded, "", missing)
	}
	p.State, p.Ended, p.Undo = tables.ProposalActive, &d, r.undo(p.Changes)
	var faults []events.Fault
	if c.Why == "" {
		c.Why = p.Why
	}
	p.after, faults = r.trial(c, p.Changes)
	return faults
}

func unless(ok bool, code, reason string) []events.Fault {
	if ok {
		return nil
	}
	return fault(code, "", reason)
}

func (p *proposal) approve(r *Rules, d tables.Decision) []events.Fault {
	covering := r.covering(p.Changes)
	switch {
	case len(covering) == 0:
		return fault(NotPermitted, "", "no policy covers the proposal: it needs no approval, apply it")
	case slices.ContainsFunc(p.Approvals, func(a tables.Decision) bool { return a.By.Token == d.By.Token }):
		return fault(AlreadyDecided, "", "this token has approved the proposal before")
	case d.By.Token == p.By.Token && !r.MayDecide(p.Proposal, d.By):
		return fault(SelfApproval, "", "who proposed a change does not approve it")
	case !r.MayDecide(p.Proposal, d.By):
		return fault(NotPermitted, "", "the approval policies name others to approve this")
	}
	p.Approvals = append(p.Approvals, d)
	if r.Wanting(p.Proposal) == "" {
		p.State = tables.ProposalApproved
	}
	return nil
}

// expire ends a proposal whose time is over. Rows that it changed and that
// nobody changed since go back to what they were.
func (p *proposal) expire(r *Rules, c events.Control, d tables.Decision) []events.Fault {
	if !p.Expires() || d.At.Before(p.Until) {
		return fault(AlreadyDecided, "", "the proposal does not end now")
	}
	if p.State == tables.ProposalActive {
		next := r.attempt()
		for _, left := range next.through(c, p.Undo) {
			p.Kept = append(p.Kept, left.change.Kind+"/"+left.change.Name)
		}
		p.after = next
	}
	p.State, p.Ended = tables.ProposalExpired, &d
	return nil
}
