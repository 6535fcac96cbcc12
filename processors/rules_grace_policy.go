package processors

import (
	"fmt"
	"regexp"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// Bounds of a grace policy.
const (
	maxGraceDays   = 366
	maxGraceMonths = 12
)

var legalPlan = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._:-]*|\*)$`)

type gracePolicy struct{ tables.GracePolicy }

// team is none: a plan's policy belongs to no team, which "*" of an approval
// policy matches.
func (p *gracePolicy) team() string { return "" }

func (p *gracePolicy) put(r *Rules, version int32) {
	r.graces[p.ID()] = row[tables.GracePolicy]{version, p.GracePolicy}
}

func (p *gracePolicy) drop(r *Rules)                   { delete(r.graces, p.ID()) }
func (p *gracePolicy) checkDrop(*Rules) []events.Fault { return nil }

func (p *gracePolicy) check(*Rules) []events.Fault {
	var f faults
	f.unless(len(p.Plan) <= maxNameBytes && legalPlan.MatchString(p.Plan), InvalidName, "/plan", `a plan's id, or "*"`)
	year := p.Effective.Time().Year()
	f.unless(year >= 2000 && year < 2200, events.InvalidValue, "/effective", "a day from 2000 to 2199")
	f.unless(p.Days >= 1 && p.Days <= maxGraceDays, events.InvalidValue, "/days", fmt.Sprintf("1 to %d", maxGraceDays))
	f.unless(p.AptcMonths >= 1 && p.AptcMonths <= maxGraceMonths, events.InvalidValue, "/aptcMonths", fmt.Sprintf("1 to %d", maxGraceMonths))
	f.unless(p.AptcPaysMonths >= 1 && p.AptcPaysMonths <= p.AptcMonths, events.InvalidValue, "/aptcPaysMonths", "1 to aptcMonths: claims of the first month are paid")
	_, err := time.LoadLocation(p.Zone)
	f.unless(err == nil && p.Zone != "" && p.Zone != "Local", events.InvalidValue, "/zone", "an IANA zone, such as America/New_York")
	f.unless(len(p.Doc) <= maxReasonBytes, "TOO_MANY", "/doc", "at most 500 bytes")
	return f
}

// GracePolicy finds a grace policy by plan/effective.
func (r *Rules) GracePolicy(id string) (tables.GracePolicy, bool) { return find(r.graces, id) }

// GracePolicies are all grace policies by id.
func (r *Rules) GracePolicies() []tables.GracePolicy { return sorted(r.graces) }

// Graces are the grace policies as grace periods go by them.
func (r *Rules) Graces() GracePolicies {
	p := r.graced()
	p.offset = r.offset
	return p
}
