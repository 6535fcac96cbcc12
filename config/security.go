package config

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
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
	// ClientID is what the provider knows the portal by; empty: one signs in by token alone.
	ClientID string `koanf:"client-id" env:"PAYERFLOW_SECURITY_OIDC_CLIENT_ID"`
	// ClientSecret is its secret, where the provider gave one; it is never printed.
	ClientSecret string `koanf:"client-secret" env:"PAYERFLOW_SECURITY_OIDC_CLIENT_SECRET" secret:"true"`
	// PortalURL is where browsers reach this deployment: the provider sends them back to /portal/sign-in/oidc/return there.
	PortalURL string `koanf:"portal-url" env:"PAYERFLOW_SECURITY_OIDC_PORTAL_URL"`
	// SignInScopes are what the portal asks the provider for, by spaces; openid is one of them.
	SignInScopes string `koanf:"sign-in-scopes" env:"PAYERFLOW_SECURITY_OIDC_SIGN_IN_SCOPES"`
}

// DefaultSecurity keeps the secret beside the data, and takes nobody else's tokens.
func DefaultSecurity() Security {
	return Security{OIDC: OIDC{Audience: "payerflow", TeamClaim: "team", ScopesClaim: "scope", SignInScopes: "openid"}}
}

// Validate returns every fault at once. Whether the secret is there shows when it is read.
func (s Security) Validate() error { return s.OIDC.Validate() }

// Validate returns every fault at once.
func (o OIDC) Validate() error {
	if o.Issuer == "" {
		if o.ClientID != "" {
			return fault("security.oidc.client-id", "is set, and there is no issuer", "security.oidc.issuer with it")
		}
		return nil
	}
	var faults []error
	if !reachable(o.Issuer) {
		faults = append(faults, fault("security.oidc.issuer", "is not the address of a provider", "https:// and a host; http:// on this machine alone"))
	}
	for _, f := range []struct{ key, value string }{{"audience", o.Audience}, {"team-claim", o.TeamClaim}, {"scopes-claim", o.ScopesClaim}} {
		if f.value == "" {
			faults = append(faults, fault("security.oidc."+f.key, "is empty", "a value where there is an issuer"))
		}
	}
	if o.ClientID != "" {
		if !reachable(o.PortalURL) {
			faults = append(faults, fault("security.oidc.portal-url", "is not where browsers reach the portal", "https:// and a host; http:// on this machine alone"))
		}
		if !slices.Contains(strings.Fields(o.SignInScopes), "openid") {
			faults = append(faults, fault("security.oidc.sign-in-scopes", "lack openid", "openid, and what the provider needs beside it"))
		}
	}
	return errors.Join(faults...)
}

// reachable says whether a text is an address that tokens may travel to.
func reachable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && onThisMachine(u.Hostname()))
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
