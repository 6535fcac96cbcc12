package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"payerflow/api/access"
)

// provider is an OpenID provider with one key.
func provider(t *testing.T, key *rsa.PrivateKey) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", answer(map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/keys",
		"authorization_endpoint": s.URL + "/a", "token_endpoint": s.URL + "/t", "id_token_signing_alg_values_supported": []string{"RS256"}}))
	mux.HandleFunc("/keys", answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}}))
	return s
}

func signed(t *testing.T, key any, alg jose.SignatureAlgorithm, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := j.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOpenIDTokens(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := provider(t, key)
	p := access.NewProvider(access.OIDC{Issuer: s.URL, Audience: "payerflow", TeamClaim: "team", ScopesClaim: "scope"}, nil)
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": s.URL, "aud": "payerflow", "sub": "u1", "team": "billing", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
			"scope": "openid read:claim-status subscribe:CLAIM_*"}
		for k, v := range change {
			c[k] = v
			if v == nil {
				delete(c, k)
			}
		}
		return c
	}
	who, until, err := p.Check(t.Context(), signed(t, key, jose.RS256, claims(nil)))
	if err != nil || who.Team != "billing" || !who.MayRead("claim-status") || !who.MaySubscribe("CLAIM_PAID") || who.MayPublish("CLAIM_PAID") || who.Scopes.Admin || time.Until(until) < 50*time.Minute {
		t.Fatalf("%+v %v", who, err)
	}
	if who, _, err := p.Check(t.Context(), signed(t, key, jose.RS256, claims(map[string]any{"scope": []string{"admin", "publish:X"}}))); err != nil || !who.Scopes.Admin {
		t.Errorf("scopes as a list: %+v %v", who, err)
	}
	for name, token := range map[string]string{
		"another key":      signed(t, other, jose.RS256, claims(nil)),
		"a shared secret":  signed(t, []byte("0123456789abcdef0123456789abcdef"), jose.HS256, claims(nil)),
		"another issuer":   signed(t, key, jose.RS256, claims(map[string]any{"iss": "https://elsewhere"})),
		"another audience": signed(t, key, jose.RS256, claims(map[string]any{"aud": "other"})),
		"expired":          signed(t, key, jose.RS256, claims(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})),
		"no end":           signed(t, key, jose.RS256, claims(map[string]any{"exp": nil})),
		"no team":          signed(t, key, jose.RS256, claims(map[string]any{"team": nil})),
		"team of a list":   signed(t, key, jose.RS256, claims(map[string]any{"team": []string{"billing"}})),
		"unsigned":         "eyJhbGciOiJub25lIn0.eyJ0ZWFtIjoiYmlsbGluZyJ9.",
		"no token":         "x",
	} {
		if who, _, err := p.Check(t.Context(), token); err == nil || errors.Is(err, access.ErrIssuerAway) || who.Team != "" {
			t.Errorf("%s: %+v %v", name, who, err)
		}
	}
}

func TestProviderMayComeLater(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := provider(t, key)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	p := access.NewProvider(access.OIDC{Issuer: away.URL, Audience: "payerflow", TeamClaim: "team"}, nil)
	if _, _, err := p.Check(t.Context(), "x"); !errors.Is(err, access.ErrIssuerAway) {
		t.Errorf("%v", err)
	}
	p = access.NewProvider(access.OIDC{Issuer: s.URL, Audience: "payerflow", TeamClaim: "team"}, nil)
	text := signed(t, key, jose.RS256, map[string]any{"iss": s.URL, "aud": "payerflow", "sub": "u", "team": "billing", "exp": time.Now().Add(time.Hour).Unix()})
	if _, _, err := p.Check(t.Context(), "x"); err == nil || errors.Is(err, access.ErrIssuerAway) { // describes itself, keys are not fetched yet
		t.Errorf("%v", err)
	}
	s.Close()
	if _, _, err := p.Check(t.Context(), text); !errors.Is(err, access.ErrIssuerAway) {
		t.Errorf("keys that cannot be had: %v", err)
	}
}
