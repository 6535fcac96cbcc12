package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"payerflow/tables"
)

// OIDC says which OpenID provider's tokens are taken, and what their claims mean.
type OIDC struct {
	Issuer      string
	Audience    string
	TeamClaim   string // holds the team; a token without it is refused
	ScopesClaim string // holds scopes: a text with spaces between, or a list; see ParseScopes
}

const (
	discoveryTimeout = 5 * time.Second
	discoveryPause   = time.Second // after a failure
)

// Provider is an Issuer whose description is asked for when it is first needed.
type Provider struct {
	oidc   OIDC
	client *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
	failed   time.Time
}

// NewProvider asks nothing yet. client may be nil.
func NewProvider(o OIDC, client *http.Client) *Provider {
	if client == nil {
		client = &http.Client{Timeout: discoveryTimeout}
	}
	return &Provider{oidc: o, client: client}
}

// Check verifies signature, issuer, audience and times of a JWT, and reads the
// team and its scopes.
func (p *Provider) Check(ctx context.Context, token string) (Principal, time.Time, error) {
	v, err := p.ready(ctx)
	if err != nil {
		return Principal{}, time.Time{}, err
	}
	t, err := v.Verify(ctx, token)
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") { // its wrapped error is lost in a text
			err = ErrIssuerAway
		}
		return Principal{}, time.Time{}, err
	}
	claims := map[string]any{}
	if err := t.Claims(&claims); err != nil {
		return Principal{}, time.Time{}, err
	}
	team, _ := claims[p.oidc.TeamClaim].(string)
	if team == "" {
		return Principal{}, time.Time{}, errors.New("no team")
	}
	return Principal{Token: "oidc:" + t.Subject, Team: team, Scopes: ParseScopes(words(claims[p.oidc.ScopesClaim]))}, t.Expiry, nil
}

// ready gives the verifier, once the provider has described itself.
func (p *Provider) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verifier != nil {
		return p.verifier, nil
	}
	if time.Since(p.failed) < discoveryPause {
		return nil, ErrIssuerAway
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.WithoutCancel(ctx), p.client), discoveryTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.oidc.Issuer)
	if err != nil {
		p.failed = time.Now()
		return nil, ErrIssuerAway
	}
	// The context is kept for fetching keys: it must outlive this request.
	p.verifier = provider.VerifierContext(oidc.ClientContext(context.Background(), p.client), &oidc.Config{ClientID: p.oidc.Audience})
	return p.verifier, nil
}

// ParseScopes reads scopes as claims and the command line write them:
// publish:PATTERN, subscribe:PATTERN, read:VIEW, break-glass:NAME, admin, audit. Others, which are for
// somebody else, are passed over.
func ParseScopes(words []string) (s tables.Scopes) {
	for _, w := range words {
		act, pattern, _ := strings.Cut(w, ":")
		switch {
		case w == "admin":
			s.Admin = true
		case w == "audit":
			s.Audit = true
		case pattern == "":
		case act == "publish":
			s.Publish = append(s.Publish, pattern)
		case act == "subscribe":
			s.Subscribe = append(s.Subscribe, pattern)
		case act == "read":
			s.Read = append(s.Read, pattern)
		case act == "break-glass":
			s.BreakGlass = append(s.BreakGlass, pattern)
		}
	}
	return s
}

// words are the texts of a claim.
func words(claim any) (out []string) {
	switch c := claim.(type) {
	case string:
		return strings.Fields(c)
	case []any:
		for _, v := range c {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}
