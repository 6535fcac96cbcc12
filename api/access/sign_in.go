package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// SignIn has people prove who they are at an OpenID provider, by the
// authorization code flow with PKCE.
type SignIn struct {
	provider *Provider
	client   SignInClient

	mu    sync.Mutex
	found *oidc.Provider
}

// SignInClient is what the provider knows the portal by.
type SignInClient struct {
	ID       string
	Secret   string // "" for a public client
	Redirect string // where the provider sends people back to
	Scopes   []string
}

// Attempt is one sign-in: what only the browser that began it can bring back.
type Attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
}

// Verifier makes the secret of PKCE.
func Verifier() string { return oauth2.GenerateVerifier() }

// NewSignIn asks nothing yet.
func NewSignIn(p *Provider, c SignInClient) *SignIn { return &SignIn{provider: p, client: c} }

// Secure says whether people come back by https.
func (s *SignIn) Secure() bool { return strings.HasPrefix(s.client.Redirect, "https://") }

// Begin is the provider's address for an attempt. It fails with ErrIssuerAway.
func (s *SignIn) Begin(ctx context.Context, a Attempt) (string, error) {
	_, c, err := s.ready(ctx)
	if err != nil {
		return "", err
	}
	return c.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Redeem exchanges a code for a token that opens doors here: the access token
// where it is a JWT for us, else the ID token.
func (s *SignIn) Redeem(ctx context.Context, code string, a Attempt) (string, error) {
	p, c, err := s.ready(ctx)
	if err != nil {
		return "", err
	}
	ctx = oidc.ClientContext(ctx, s.provider.client)
	t, err := c.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return "", err
	}
	text, _ := t.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: s.client.ID}).Verify(ctx, text)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return "", errors.New("the ID token is of another sign-in")
	}
	for _, token := range []string{t.AccessToken, text} {
		if _, _, err = s.provider.Check(ctx, token); err == nil {
			return token, nil
		}
	}
	return "", err
}

// ready gives the provider, once it has described itself.
func (s *SignIn) ready(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		ctx, cancel := context.WithTimeout(oidc.ClientContext(context.WithoutCancel(ctx), s.provider.client), discoveryTimeout)
		defer cancel()
		p, err := oidc.NewProvider(ctx, s.provider.oidc.Issuer)
		if err != nil {
			return nil, nil, ErrIssuerAway
		}
		s.found = p
	}
	return s.found, &oauth2.Config{ClientID: s.client.ID, ClientSecret: s.client.Secret, Endpoint: s.found.Endpoint(),
		RedirectURL: s.client.Redirect, Scopes: s.client.Scopes}, nil
}
