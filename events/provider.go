package events

import (
	"log/slog"
	"time"
)

// Event types of the provider domain.
const (
	TypeCredentialingApproved  Type = "CREDENTIALING_APPROVED"
	TypeCredentialingDenied    Type = "CREDENTIALING_DENIED"
	TypeCredentialingExpired   Type = "CREDENTIALING_EXPIRED"
	TypeCredentialingSuspended Type = "CREDENTIALING_SUSPENDED"
	TypeNetworkUpdated         Type = "NETWORK_UPDATED"
)

// InNetwork is the standing of a provider whom a plan's network has; any other
// word says that it has not.
const InNetwork = "IN_NETWORK"

// CredentialingChanged says that the plan approved, denied or suspended a
// provider's credentials, or that they ran out. Each type has its own time.
// Topic provider.credentialing.status_changed, key providerId.
type CredentialingChanged struct {
	Type                Type     `avro:"eventType" json:"eventType"`
	SchemaVersion       string   `avro:"schemaVersion" json:"schemaVersion"`
	ProviderID          ID       `avro:"providerId" json:"providerId"`
	NPI                 ID       `avro:"npi" json:"npi"`
	ProviderName        Text     `avro:"providerName" json:"providerName"`
	Specialty           *string  `avro:"specialty" json:"specialty,omitempty"`
	CredentialingStatus string   `avro:"credentialingStatus" json:"credentialingStatus"`
	NetworkStatus       string   `avro:"networkStatus" json:"networkStatus"`
	EffectiveDate       Date     `avro:"effectiveDate" json:"effectiveDate"`
	ApprovedAt          *Instant `avro:"approvedAt" json:"approvedAt,omitempty"`
	DeniedAt            *Instant `avro:"deniedAt" json:"deniedAt,omitempty"`
	ExpiredAt           *Instant `avro:"expiredAt" json:"expiredAt,omitempty"`
	SuspendedAt         *Instant `avro:"suspendedAt" json:"suspendedAt,omitempty"`
	ReasonText          *Text    `avro:"reasonText" json:"reasonText,omitempty"`
}

func (e CredentialingChanged) EventType() string    { return string(e.Type) }
func (e CredentialingChanged) Subject() string      { return string(e.ProviderID) }
func (e CredentialingChanged) LogValue() slog.Value { return logged(e.Type) }

// OccurredAt is the time of the event's own type, the zero Time where it is
// absent.
func (e CredentialingChanged) OccurredAt() time.Time {
	if _, at := e.own(); at != nil {
		return at.Time()
	}
	return time.Time{}
}

// own is the field of time that the type has, and its value.
func (e CredentialingChanged) own() (string, *Instant) {
	switch e.Type {
	case TypeCredentialingApproved:
		return "approvedAt", e.ApprovedAt
	case TypeCredentialingDenied:
		return "deniedAt", e.DeniedAt
	case TypeCredentialingExpired:
		return "expiredAt", e.ExpiredAt
	case TypeCredentialingSuspended:
		return "suspendedAt", e.SuspendedAt
	}
	return "", nil
}

// Validate returns the first field that the event type requires and is absent.
func (e CredentialingChanged) Validate() error {
	name, at := e.own()
	if name == "" {
		return unknownType()
	}
	return missing(text("providerId", e.ProviderID), text("npi", e.NPI), text("providerName", e.ProviderName),
		text("credentialingStatus", e.CredentialingStatus), text("networkStatus", e.NetworkStatus), optional(name, at))
}

// NetworkUpdated says that a provider joins or leaves a network. Without a
// plan it holds for every plan that uses the network.
// Topic provider.network.updated, key providerId.
type NetworkUpdated struct {
	Type                  Type    `avro:"eventType" json:"eventType"`
	SchemaVersion         string  `avro:"schemaVersion" json:"schemaVersion"`
	ProviderID            ID      `avro:"providerId" json:"providerId"`
	NPI                   *ID     `avro:"npi" json:"npi,omitempty"`
	NetworkID             ID      `avro:"networkId" json:"networkId"`
	PlanID                *ID     `avro:"planId" json:"planId,omitempty"`
	NetworkStatus         string  `avro:"networkStatus" json:"networkStatus"`
	PreviousNetworkStatus *string `avro:"previousNetworkStatus" json:"previousNetworkStatus,omitempty"`
	NetworkTier           *string `avro:"networkTier" json:"networkTier,omitempty"`
	EffectiveDate         Date    `avro:"effectiveDate" json:"effectiveDate"`
	TerminationDate       *Date   `avro:"terminationDate" json:"terminationDate,omitempty"` // last day, nil while open
	UpdatedAt             Instant `avro:"updatedAt" json:"updatedAt"`
}

func (e NetworkUpdated) EventType() string     { return string(e.Type) }
func (e NetworkUpdated) Subject() string       { return string(e.ProviderID) }
func (e NetworkUpdated) OccurredAt() time.Time { return e.UpdatedAt.Time() }
func (e NetworkUpdated) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e NetworkUpdated) Validate() error {
	if e.Type != TypeNetworkUpdated {
		return unknownType()
	}
	return missing(text("providerId", e.ProviderID), text("networkId", e.NetworkID), text("networkStatus", e.NetworkStatus))
}
