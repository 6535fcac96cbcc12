package main

import (
	"io/fs"
	"strings"

	"payerflow/api/access"
	"payerflow/api/portal"
	"payerflow/web"
)

// newPortal is the portal that is built into this binary.
func (a *app) newPortal(guard *access.Guard) (*portal.Door, error) {
	files, err := fs.Sub(web.Dist, "dist")
	if err != nil {
		return nil, err
	}
	return portal.New(portal.Options{Files: files, Guard: guard, SignIn: a.signIn()})
}

// signIn is how people prove who they are at the provider that is configured;
// nil: they sign in by token alone.
func (a *app) signIn() *access.SignIn {
	c := a.cfg.Security.OIDC
	p := a.provider()
	if p == nil || c.ClientID == "" {
		return nil
	}
	return access.NewSignIn(p, access.SignInClient{ID: c.ClientID, Secret: c.ClientSecret, Scopes: strings.Fields(c.SignInScopes),
		Redirect: strings.TrimSuffix(c.PortalURL, "/") + portal.ReturnPath})
}
