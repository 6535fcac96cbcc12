package access

import (
	"errors"
	"net/http"

	"payerflow/api/problem"
	"payerflow/tables"
)

const kindToken = tables.KindToken

var (
	errNoGuard = errors.New("nobody checks tokens here")
	errMissing = errors.New("send a token: Authorization: Bearer pf_…")
	errForm    = errors.New("the Authorization header is not one bearer token")
	errForeign = errors.New("the OpenID provider's token is not valid here: signature, issuer, audience, times or the team's claim")
)

// Stale is the answer where the rules may be older than they must be.
func Stale() *problem.Problem {
	p := problem.New(http.StatusServiceUnavailable, "RULES_STALE", "the rules are not known to be the latest, so that nothing is decided by them; try again")
	p.RetryAfter = 1
	return p
}

// Forbidden is the answer where a token's scopes do not reach.
func Forbidden(detail string) *problem.Problem {
	return problem.New(http.StatusForbidden, "FORBIDDEN", detail)
}

func unauthorized(code string, why error) *problem.Problem {
	p := problem.New(http.StatusUnauthorized, code, why.Error())
	p.Challenge = `Bearer realm="payerflow"`
	if code != "TOKEN_MISSING" {
		p.Challenge += `, error="invalid_token"`
	}
	return p
}

// Ended is the answer where a request's token ended while it was answered, or
// the rules became too old, as the cause of its context says.
func Ended(cause error) *problem.Problem {
	if errors.Is(cause, errRevoked) || errors.Is(cause, errExpired) {
		return unauthorized("INVALID_TOKEN", cause)
	}
	return Stale()
}
