package portal

import (
	"encoding/json"
	"net/http"
	"strings"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/tables"
)

// fromPortal is the header without which a session counts for nothing. No other
// site can have a browser send it.
const fromPortal = "Payerflow-Portal"

// Carry puts a session's token in the place where a token stands, so that what
// follows sees no difference. A request with a token of its own is left alone.
func (d *Door) Carry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get(fromPortal) == "" {
			next.ServeHTTP(w, r)
			return
		}
		if d.cross.Check(r) != nil {
			crossOrigin(w)
			return
		}
		token := d.token(r)
		if token == "" {
			next.ServeHTTP(w, r)
			return
		}
		own := r.Clone(r.Context())
		own.Header.Del("Cookie")
		own.Header.Set("Authorization", "Bearer "+token)
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, own)
	})
}

func crossOrigin(w http.ResponseWriter) {
	problem.New(http.StatusForbidden, "CROSS_ORIGIN", "the request comes from another site; send it from the portal's own page, or with a token").Write(w)
}

// who is the session as the page is told of it. It holds no secret.
type who struct {
	SignedIn    bool          `json:"signedIn"`
	OIDC        bool          `json:"oidc"` // one can sign in there
	Token       string        `json:"token,omitempty"`
	Team        string        `json:"team,omitempty"`
	Application string        `json:"application,omitempty"`
	Scopes      tables.Scopes `json:"scopes"`
}

// show tells who is signed in, or how one can.
func (d *Door) show(w http.ResponseWriter, r *http.Request) {
	p, ok := access.From(r.Context())
	d.tell(w, p, ok)
}

func (d *Door) tell(w http.ResponseWriter, p access.Principal, signedIn bool) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(who{SignedIn: signedIn, OIDC: d.signIn != nil, Token: p.Token, Team: p.Team, Application: p.Application, Scopes: p.Scopes}) // the client may be gone
}

// begin makes a session of the token that came in the Authorization header. The
// guard has looked at it.
func (d *Door) begin(w http.ResponseWriter, r *http.Request) {
	p, ok := access.From(r.Context())
	if !ok || r.Header.Get(fromPortal) == "" || d.cross.Check(r) != nil {
		crossOrigin(w)
		return
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text, fits := d.seal(token, d.now())
	if !fits {
		tooLong().Write(w)
		return
	}
	http.SetCookie(w, cookie(text, secure(r), sessionLife))
	d.tell(w, p, true)
}

func tooLong() *problem.Problem {
	return problem.New(http.StatusRequestHeaderFieldsTooLarge, "TOKEN_TOO_LONG", "the token is longer than a browser keeps; have the provider put fewer claims into it")
}

// end takes the cookie back. The token stays good: who lost it revokes it.
func (d *Door) end(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(fromPortal) == "" || d.cross.Check(r) != nil {
		crossOrigin(w)
		return
	}
	for _, secure := range []bool{true, false} {
		http.SetCookie(w, cookie("", secure, -1e9))
	}
	w.WriteHeader(http.StatusNoContent)
}
