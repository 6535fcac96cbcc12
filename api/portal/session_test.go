package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/api/portal"
	"payerflow/internal/stage"
	"payerflow/tables"
)

const inPortal = "Payerflow-Portal"

// built stands for what Vite builds.
var built = fstest.MapFS{
	"index.html":         {Data: []byte("<!doctype html><div id=portal></div>")},
	"assets/page-1.js":   {Data: []byte(strings.Repeat("console.log('a');", 100))},
	"built.txt":          {Data: []byte("sums")},
	"assets/mark-1.svg":  {Data: []byte("<svg/>")},
	"assets/style-1.css": {Data: []byte("a{}")},
}

type desk struct {
	*stage.Stage
	guard   *access.Guard
	handler http.Handler
}

func newDesk(t *testing.T, guard func(*stage.Stage) *access.Guard, signIn *access.SignIn) desk {
	t.Helper()
	s := stage.New(t, stage.Options{})
	g := guard(s)
	door, err := portal.New(portal.Options{Files: built, Guard: g, SignIn: signIn})
	stage.Must(t, err)
	h := api.New(stage.NoViews, api.Options{Version: "test", Guard: g, Doors: []api.Door{door}, Carry: door.Carry})
	s.Serve(h)
	return desk{s, g, h}
}

func byToken(s *stage.Stage) *access.Guard { return s.Guard() }

// cookie signs in with a token, and is what the browser keeps.
func (d desk) cookie(token string, header ...string) *http.Cookie {
	d.Helper()
	a := d.Want(http.StatusOK, `"signedIn":true`, d.Ask(token, http.MethodPost, "/portal/session", nil, append(header, inPortal, "1")...))
	cookies := (&http.Response{Header: a.Header}).Cookies()
	if len(cookies) != 1 {
		d.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0]
}

func TestASessionIsASealedCookie(t *testing.T) {
	d := newDesk(t, byToken, nil)
	id, token := d.Token("care", tables.Scopes{Read: []string{"claim-status"}})
	c := d.cookie(token)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || c.MaxAge != 12*3600 {
		t.Errorf("%+v", c)
	}
	if strings.Contains(c.Value, token[3:]) || strings.Contains(c.Value, id) {
		t.Error("the cookie shows the token")
	}
	if s := d.cookie(token, "Origin", strings.Replace(d.URL, "http://", "https://", 1), "Sec-Fetch-Site", "same-origin"); !s.Secure || !strings.HasPrefix(s.Name, "__Host-") {
		t.Errorf("over https: %+v", s)
	}
	pair := c.Name + "=" + c.Value
	who := d.Want(http.StatusOK, `"team":"care"`, d.Ask("", http.MethodGet, "/portal/session", nil, "Cookie", pair, inPortal, "1"))
	if strings.Contains(string(who.Body), token) {
		t.Error("the page is told the token")
	}
	d.Want(http.StatusOK, "", d.Ask("", http.MethodGet, "/v1/views", nil, "Cookie", pair, inPortal, "1"))
	d.Revoke(id)
	stage.Await(t, "a revoked token's session to end", func() bool {
		return d.Ask("", http.MethodGet, "/v1/views", nil, "Cookie", pair, inPortal, "1").Status == http.StatusUnauthorized
	})
}

// TestWhatASessionDoesNotOpen: the cookie counts on the page's own requests
// alone, whatever another site has the browser send.
func TestWhatASessionDoesNotOpen(t *testing.T) {
	d := newDesk(t, byToken, nil)
	_, token := d.Token("care", tables.Scopes{Admin: true})
	c := d.cookie(token)
	pair := c.Name + "=" + c.Value
	for name, try := range map[string]struct {
		method string
		header []string
		status int
	}{
		"without the header":         {http.MethodGet, []string{"Cookie", pair}, http.StatusUnauthorized},
		"from another site":          {http.MethodPost, []string{"Cookie", pair, inPortal, "1", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"from another origin":        {http.MethodPost, []string{"Cookie", pair, inPortal, "1", "Origin", "https://elsewhere.example"}, http.StatusForbidden},
		"changed":                    {http.MethodGet, []string{"Cookie", c.Name + "=" + c.Value[1:], inPortal, "1"}, http.StatusUnauthorized},
		"a token as it is":           {http.MethodGet, []string{"Cookie", c.Name + "=" + token, inPortal, "1"}, http.StatusUnauthorized},
		"sealed for something else":  {http.MethodGet, []string{"Cookie", c.Name + "=" + d.guard.Seal("cursor", []byte(`{"t":"`+token+`","u":"2999-01-01T00:00:00Z"}`)), inPortal, "1"}, http.StatusUnauthorized},
		"a session that is too old":  {http.MethodGet, []string{"Cookie", c.Name + "=" + d.guard.Seal("portal session", []byte(`{"t":"`+token+`","u":"2020-01-01T00:00:00Z"}`)), inPortal, "1"}, http.StatusUnauthorized},
		"with a bad token beside it": {http.MethodGet, []string{"Cookie", pair, inPortal, "1", "Authorization", "Bearer pf_x"}, http.StatusUnauthorized},
	} {
		if a := d.Ask("", try.method, "/v1/views", nil, try.header...); a.Status != try.status {
			t.Errorf("%s: %d, want %d: %.200s", name, a.Status, try.status, a.Body)
		}
	}
	d.Want(http.StatusUnauthorized, "INVALID_TOKEN", d.Ask("pf_"+strings.Repeat("0", 64), http.MethodPost, "/portal/session", nil, inPortal, "1"))
	d.Want(http.StatusForbidden, "CROSS_ORIGIN", d.Ask(token, http.MethodPost, "/portal/session", nil))
	d.Want(http.StatusForbidden, "CROSS_ORIGIN", d.Ask("", http.MethodDelete, "/portal/session", nil, "Cookie", pair))
	out := d.Want(http.StatusNoContent, "", d.Ask("", http.MethodDelete, "/portal/session", nil, "Cookie", pair, inPortal, "1"))
	for _, c := range (&http.Response{Header: out.Header}).Cookies() {
		if c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("signed out: %+v", c)
		}
	}
	d.Want(http.StatusOK, `"signedIn":false`, d.Ask("", http.MethodGet, "/portal/session", nil))
}

func TestThePageAndItsFiles(t *testing.T) {
	d := newDesk(t, byToken, nil)
	for _, path := range []string{"/portal/", "/portal/claims/CLM-1", "/"} {
		a := d.Want(http.StatusOK, "id=portal", d.Ask("", http.MethodGet, path, nil))
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %s", path, csp)
		}
		if a.Header.Get("Cache-Control") != "no-cache" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	plain := d.Want(http.StatusOK, "console.log", d.Ask("", http.MethodGet, "/portal/assets/page-1.js", nil, "Accept-Encoding", "gzip;q=0"))
	if !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") || plain.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%v", plain.Header)
	}
	packed := d.Want(http.StatusOK, "\x1f\x8b", d.Ask("", http.MethodGet, "/portal/assets/page-1.js", nil, "Accept-Encoding", "br, gzip"))
	if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.Body) >= len(plain.Body) {
		t.Errorf("%v, %d bytes", packed.Header, len(packed.Body))
	}
	d.Want(http.StatusNotFound, "another version of the portal", d.Ask("", http.MethodGet, "/portal/assets/page-0.js", nil))
	d.Want(http.StatusNotFound, "", d.Ask("", http.MethodGet, "/portal/assets/../built.txt", nil))
	d.Want(http.StatusUnauthorized, "TOKEN_MISSING", d.Ask("", http.MethodGet, "/v1/views", nil))
}
