package tables

import (
	"slices"
	"time"
)

// Proposal is a set of changes that come into force together; name: a short
// id. What it says is written once; its state follows from decisions.
type Proposal struct {
	ID        string           `json:"id"`
	Changes   []ProposedChange `json:"changes"` // of different rows
	By        Decider          `json:"by"`
	Why       string           `json:"why"`
	Until     time.Time        `json:"until,omitzero"` // then it expires, and what it changed goes back
	State     string           `json:"state"`
	Approvals []Decision       `json:"approvals,omitempty"`
	Ended     *Decision        `json:"ended,omitempty"` // who applied, rejected or withdrew it
	Undo      []ProposedChange `json:"undo,omitempty"`  // of an active one: what brings the rows back that it changed
	Kept      []string         `json:"kept,omitempty"`  // of an expired one: kind/name of rows that were not brought back
}

// ProposedChange is a change of one row.
type ProposedChange struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Act     string `json:"act"`           // PUT or DELETE
	Version int32  `json:"version"`       // that the row has now; 0: it is new
	Row     string `json:"row,omitempty"` // JSON of the row
}

// Decider is who proposes or decides.
type Decider struct {
	Token       string `json:"token"` // id of the token, or principal
	Team        string `json:"team"`
	Application string `json:"application,omitempty"`
	Admin       bool   `json:"admin,omitempty"`
}

// Decision is what somebody decided, and when.
type Decision struct {
	By  Decider   `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// States of a proposal.
const (
	ProposalProposed  = "PROPOSED"
	ProposalApproved  = "APPROVED"
	ProposalRejected  = "REJECTED"
	ProposalActive    = "ACTIVE"
	ProposalWithdrawn = "WITHDRAWN"
	ProposalExpired   = "EXPIRED"
)

// Open says whether the proposal still waits for decisions.
func (p Proposal) Open() bool { return p.State == ProposalProposed || p.State == ProposalApproved }

// Expires says whether the proposal has an end that is still to come about.
func (p Proposal) Expires() bool {
	return !p.Until.IsZero() && (p.Open() || p.State == ProposalActive)
}

// ApprovalPolicy says which changes want approval; name: Name.
type ApprovalPolicy struct {
	Name      string   `json:"name"`
	Kinds     []string `json:"kinds"`             // of rows; "*": all that can be proposed
	Teams     []string `json:"teams"`             // whose rows: names or patterns; a policy is the row of no team, which "*" matches
	Propose   []string `json:"propose,omitempty"` // teams, or team:application, or patterns; none: the row's own team, and administrators
	Approve   []string `json:"approve,omitempty"` // the same; none: administrators
	Approvals int      `json:"approvals"`         // how many must approve
	Proposer  bool     `json:"proposerMayApprove,omitempty"`
	Doc       string   `json:"doc,omitempty"`
}

// Covers says whether a change of a row of one of the teams wants approval.
func (p ApprovalPolicy) Covers(kind string, teams ...string) bool {
	return (slices.Contains(p.Kinds, "*") || slices.Contains(p.Kinds, kind)) &&
		slices.ContainsFunc(teams, func(t string) bool { return Matches(p.Teams, t) })
}

// MayPropose says whether somebody may propose a change of a row of a team.
func (p ApprovalPolicy) MayPropose(d Decider, team string) bool {
	if len(p.Propose) == 0 {
		return d.Admin || d.Team == team
	}
	return d.among(p.Propose)
}

// MayApprove says whether somebody may approve what another proposed.
func (p ApprovalPolicy) MayApprove(d, proposer Decider) bool {
	if d.Token == proposer.Token && !p.Proposer {
		return false
	}
	if len(p.Approve) == 0 {
		return d.Admin
	}
	return d.among(p.Approve)
}

func (d Decider) among(patterns []string) bool {
	return Matches(patterns, d.Team) || d.Application != "" && Matches(patterns, d.Team+":"+d.Application)
}
