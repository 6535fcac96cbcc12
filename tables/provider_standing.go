package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ProviderStanding is when a provider is credentialed, and in which networks,
// keyed by providerId. Facts are sorted by event time; all else follows from
// them, so that the same facts in any order give the same row.
type ProviderStanding struct {
	ProviderID    events.ID         `avro:"providerId" json:"providerId" class:"PUBLIC"`
	Credentialing []CredentialSpan  `avro:"credentialing" json:"credentialing"` // by first day
	Networks      []NetworkStanding `avro:"networks" json:"networks"`           // by network and plan
	Marks         []string          `avro:"marks" json:"marks" class:"PUBLIC"`  // contradictions, sorted
	Facts         []StandingFact    `avro:"facts" json:"facts"`
}

// CredentialSpan is a status of credentialing from a day on, until the next.
type CredentialSpan struct {
	From   events.Date `avro:"from" json:"from" class:"PUBLIC" from:"effectiveDate"`
	Status string      `avro:"status" json:"status" class:"PUBLIC" from:"credentialingStatus,eventType"`
	By     string      `avro:"by" json:"by" class:"PUBLIC"` // id of the fact that began it
}

// NetworkStanding is when a provider is in one network: for a plan of which
// something was told apart, or without a plan for all others. The network ""
// is what credentialing says of networks, and counts where there is no other.
type NetworkStanding struct {
	NetworkID events.ID  `avro:"networkId" json:"networkId" class:"PUBLIC"`
	PlanID    *events.ID `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	In        []DaySpan  `avro:"in" json:"in"`
}

// StandingFact is one event about a provider's standing. Status is that of the
// credentials, "" on a network update.
type StandingFact struct {
	ID            string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Type          events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At            events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"approvedAt,deniedAt,expiredAt,suspendedAt,updatedAt"`
	NetworkStatus string         `avro:"networkStatus" json:"networkStatus" class:"PUBLIC"`
	NetworkID     *events.ID     `avro:"networkId" json:"networkId,omitempty" class:"PUBLIC"`
	PlanID        *events.ID     `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	From          events.Date    `avro:"from" json:"from" class:"PUBLIC" from:"effectiveDate"`
	To            *events.Date   `avro:"to" json:"to,omitempty" class:"PUBLIC" from:"terminationDate"` // last day
}

// Because returns the ids of the events that made the row.
func (p ProviderStanding) Because() topology.Because {
	ids := make([]string, 0, len(p.Facts))
	for _, f := range p.Facts {
		ids = append(ids, f.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the event time of the latest fact.
func (p ProviderStanding) LatestEventAt() time.Time {
	if len(p.Facts) == 0 {
		return time.Time{}
	}
	return p.Facts[len(p.Facts)-1].At.Time()
}

// CredentialedOn says whether the provider's credentials are approved on a day.
func (p ProviderStanding) CredentialedOn(day events.Date) bool {
	return ApprovedOn(p.Credentialing, day)
}

// InNetworkOn says whether a network that a plan uses has the provider on a day.
func (p ProviderStanding) InNetworkOn(day events.Date, plan events.ID) bool {
	return NetworkOn(p.Networks, day, plan)
}

// Credentialing statuses that the event types stand for.
const (
	CredentialsApproved  = "APPROVED"
	CredentialsDenied    = "DENIED"
	CredentialsExpired   = "EXPIRED"
	CredentialsSuspended = "SUSPENDED"
)

// ApprovedOn says whether the status on a day is APPROVED.
func ApprovedOn(spans []CredentialSpan, day events.Date) bool {
	status := ""
	for _, s := range spans {
		if s.From <= day {
			status = s.Status
		}
	}
	return status == CredentialsApproved
}

// NetworkOn says whether any network has the provider for a plan on a day.
// What credentialing says of networks counts where no network said anything.
func NetworkOn(networks []NetworkStanding, day events.Date, plan events.ID) bool {
	told := slices.ContainsFunc(networks, func(n NetworkStanding) bool { return n.NetworkID != "" })
	for i, n := range networks {
		if told && n.NetworkID == "" || n.PlanID != nil && *n.PlanID != plan {
			continue
		}
		apart := n.PlanID == nil && slices.ContainsFunc(networks[i:], func(o NetworkStanding) bool {
			return o.NetworkID == n.NetworkID && o.PlanID != nil && *o.PlanID == plan
		})
		if !apart && slices.ContainsFunc(n.In, func(s DaySpan) bool { return s.Has(day) }) {
			return true
		}
	}
	return false
}

// ToldStanding is what a provider's row tells those who hang on it: its facts.
type ToldStanding struct {
	ProviderID events.ID      `avro:"providerId" json:"providerId" class:"PHI"` // of care that somebody gets
	Facts      []StandingFact `avro:"facts" json:"facts"`
	Over       bool           `avro:"over" json:"over" class:"PUBLIC"` // there is no such row any more
}

// EventType names what follows from a row.
func (t ToldStanding) EventType() string { return "STANDING_TOLD" }

// Subject is whose row it is.
func (t ToldStanding) Subject() string { return string(t.ProviderID) }

// OccurredAt is nowhere: the record's time stamp counts.
func (t ToldStanding) OccurredAt() time.Time { return time.Time{} }

// Validate finds nothing wrong.
func (t ToldStanding) Validate() error { return nil }

// Suffix is none: there is one for each row.
func (t ToldStanding) Suffix() string { return "" }

// Stamped says that the record's time stamp is the event time.
func (t ToldStanding) Stamped() {}

// Removed says that there is no such row any more.
func (t ToldStanding) Removed() ToldStanding {
	return ToldStanding{ProviderID: t.ProviderID, Facts: []StandingFact{}, Over: true}
}
