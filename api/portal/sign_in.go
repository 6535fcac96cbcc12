package portal

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"payerflow/api/access"
)

const (
	// signInLife is how long somebody may take at the provider.
	signInLife = 10 * time.Minute
	signInName = "payerflow-sign-in"
	signInSeal = "portal sign-in"
)

// leaving is what this browser alone holds while it is at the provider.
type leaving struct {
	access.Attempt
	To    string    `json:"to"`
	Until time.Time `json:"u"`
}

// leave sends the browser to the OpenID provider.
func (d *Door) leave(w http.ResponseWriter, r *http.Request) {
	attempt := access.Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: access.Verifier()}
	to, err := d.signIn.Begin(r.Context(), attempt)
	if err != nil {
		d.back(w, r, "ISSUER_AWAY")
		return
	}
	b, err := json.Marshal(leaving{attempt, inPortal(r.URL.Query().Get("to")), d.now().Add(signInLife)})
	if err != nil {
		d.back(w, r, "SIGN_IN_FAILED")
		return
	}
	// Lax: the way back comes from the provider's site.
	http.SetCookie(w, &http.Cookie{Name: signInName, Value: d.guard.Seal(signInSeal, b), Path: signInPath, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: d.signIn.Secure(), MaxAge: int(signInLife / time.Second)})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusFound)
}

// comeBack exchanges the provider's code for a token, and makes a session of it.
func (d *Door) comeBack(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: signInName, Path: signInPath, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: d.signIn.Secure(), MaxAge: -1})
	l, ok := d.left(r)
	if !ok || r.URL.Query().Get("state") != l.State {
		d.back(w, r, "SIGN_IN_EXPIRED")
		return
	}
	token, err := d.signIn.Redeem(r.Context(), r.URL.Query().Get("code"), l.Attempt)
	if err != nil { // its text may hold what the provider said
		d.back(w, r, "SIGN_IN_FAILED")
		return
	}
	text, fits := d.seal(token, d.now())
	if !fits {
		d.back(w, r, "TOKEN_TOO_LONG")
		return
	}
	http.SetCookie(w, cookie(text, d.signIn.Secure(), sessionLife))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, l.To, http.StatusFound)
}

// left is what the browser brought back.
func (d *Door) left(r *http.Request) (l leaving, ok bool) {
	c, err := r.Cookie(signInName)
	if err != nil {
		return l, false
	}
	b, ok := d.guard.Open(signInSeal, c.Value)
	return l, ok && json.Unmarshal(b, &l) == nil && d.now().Before(l.Until)
}

// back shows the sign-in page with what went wrong.
func (d *Door) back(w http.ResponseWriter, r *http.Request, code string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, root+"?failed="+url.QueryEscape(code), http.StatusFound)
}

// inPortal keeps addresses of the portal, and makes all others its first page.
func inPortal(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, root) || strings.Contains(to, `\`) {
		return root
	}
	return u.String()
}
