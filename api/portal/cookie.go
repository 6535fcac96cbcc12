package portal

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	// sessionLife is how long nobody has to sign in again, where the token lives
	// as long.
	sessionLife = 12 * time.Hour
	// secureName is bound to this host and to https by the browser.
	secureName = "__Host-payerflow"
	plainName  = "payerflow"
	// maxCookie is what every browser keeps.
	maxCookie = 3800
	// sessionSeal parts sessions from all else that is sealed.
	sessionSeal = "portal session"
)

// kept is what the cookie holds, sealed with the deployment's secret, so that
// every worker can open it and nobody else.
type kept struct {
	Token string    `json:"t"`
	Until time.Time `json:"u"`
}

// secure says whether the browser reached the page by https, also where
// something before this worker ends TLS: by its own word of where it is.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
}

// cookie carries a session. Browsers send it on requests of this site alone,
// and show it to no script.
func cookie(value string, secure bool, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: plainName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(life / time.Second)}
	if secure {
		c.Name, c.Secure = secureName, true
	}
	return c
}

// seal makes a session of a token; false where it is longer than browsers keep.
func (d *Door) seal(token string, now time.Time) (string, bool) {
	b, err := json.Marshal(kept{token, now.Add(sessionLife)})
	if err != nil {
		return "", false
	}
	text := d.guard.Seal(sessionSeal, b)
	return text, len(text) <= maxCookie
}

// token is that of the request's session; "" where there is none that holds.
func (d *Door) token(r *http.Request) string {
	for _, name := range []string{secureName, plainName} {
		c, err := r.Cookie(name)
		if err != nil {
			continue
		}
		b, ok := d.guard.Open(sessionSeal, c.Value)
		var k kept
		if ok && json.Unmarshal(b, &k) == nil && d.now().Before(k.Until) {
			return k.Token
		}
	}
	return ""
}
