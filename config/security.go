package config

import (
	"errors"
	"net"
	"net/url"
)

// Security says how secrets of this deployment are kept, and whose tokens open its doors.
type Security struct {
	// SecretFile holds the secret from which the hashes of tokens and of withheld keys follow: 32 bytes or more, readable by this user alone, the same on every worker.
	// Empty stands for the file secret in engine.data-dir.
	SecretFile string `koanf:"secret-file" env:"PAYERFLOW_SECURITY_SECRET_FILE"`
	// OIDC says which OpenID provider's tokens are taken beside our own.
	OIDC OIDC `koanf:"oidc"`
}

// OIDC says which OpenID provider's bearer tokens open doors, and what their claims mean.
type OIDC struct {
	// Issuer is the provider's address, as its tokens name it; empty for none. It must be https, but on this machine.
	Issuer string `koanf:"issuer" env:"PAYERFLOW_SECURITY_OIDC_ISSUER"`
	// Audience is who the tokens must be for.
	Audience string `koanf:"audience" env:"PAYERFLOW_SECURITY_OIDC_AUDIENCE"`
	// TeamClaim holds the team; a token without it is refused.
	TeamClaim string `koanf:"team-claim" env:"PAYERFLOW_SECURITY_OIDC_TEAM_CLAIM"`
	// ScopesClaim holds what a token may do: publish:PATTERN, subscribe:PATTERN, read:VIEW, admin.
	ScopesClaim string `koanf:"scopes-claim" env:"PAYERFLOW_SECURITY_OIDC_SCOPES_CLAIM"`
}

// DefaultSecurity keeps the secret beside the data, and takes nobody else's tokens.
func DefaultSecurity() Security {
	return Security{OIDC: OIDC{Audience: "payerflow", TeamClaim: "team", ScopesClaim: "scope"}}
}

// Validate returns every fault at once. Whether the secret is there shows when it is read.
func (s Security) Validate() error { return s.OIDC.Validate() }

// Validate returns every fault at once.
func (o OIDC) Validate() error {
	if o.Issuer == "" {
		return nil
	}
	var faults []error
	if u, err := url.Parse(o.Issuer); err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())) {
		faults = append(faults, fault("security.oidc.issuer", "is not the address of a provider", "https:// and a host; http:// on this machine alone"))
	}
	for _, f := range []struct{ key, value string }{{"audience", o.Audience}, {"team-claim", o.TeamClaim}, {"scopes-claim", o.ScopesClaim}} {
		if f.value == "" {
			faults = append(faults, fault("security.oidc."+f.key, "is empty", "a value where there is an issuer"))
		}
	}
	return errors.Join(faults...)
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
