package rules_test

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// streamDoor is a stream that goes on for as long as it may.
type streamDoor struct{}

func (streamDoor) Open(*http.Request) bool { return false }
func (streamDoor) Register(mux *http.ServeMux, _ huma.API) {
	mux.HandleFunc("GET /v1/stream", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
}

const schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"memberId":{"type":"string"},"pcp":{"type":"string"}},"required":["memberId"],"additionalProperties":false}`

func pcpChange() map[string]any {
	return map[string]any{"parts": []string{"Member", "PCP", "Change"}, "doc": "A member has another primary care provider", "schema": schema, "keyField": "/memberId",
		"tags": []string{"pcp-canary"}, "sample": `{"memberId":"m-canary","pcp":"p1"}`,
		"fields": []tables.Field{{Pointer: "/memberId", Class: "PII"}, {Pointer: "/pcp", Class: "PUBLIC"}}}
}

// TestFromTypeToSubscription goes the way of a team: register, grant, subscribe.
func TestFromTypeToSubscription(t *testing.T) {
	s := start(t)
	owner := s.token("membership", tables.Scopes{Publish: []string{"Member-*"}})
	team := s.token("care", tables.Scopes{Subscribe: []string{"Member-*"}})
	const path = "/v1/event-types/Member-PCP-Change"
	a := s.Want(201, `"version":1`, s.Ask(owner, "PUT", path+"?why=first", pcpChange()))
	if a.Header.Get("ETag") != `"1"` || a.JSON(t)["row"].(map[string]any)["owner"] != "membership" {
		t.Errorf("%s %s", a.Header.Get("ETag"), a.Body)
	}
	s.Want(428, "VERSION_REQUIRED", s.Ask(owner, "PUT", path, pcpChange()))
	s.Want(412, "VERSION_CONFLICT", s.Ask(owner, "PUT", path, pcpChange(), "If-Match", `"7"`))
	s.Want(200, `"version":2`, s.Ask(owner, "POST", path+"/classify", map[string]any{"fields": []tables.Field{{Pointer: "/pcp", Class: "PHI"}}}))

	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/permissions/care/PII", map[string]any{}))
	a = s.Want(200, `"PII"`, s.Ask(team, "POST", "/v1/redaction/preview", map[string]any{"team": "care", "eventType": "Member-PCP-Change"}))
	if body := a.JSON(t)["body"].(map[string]any); body["memberId"] != "m-canary" || body["pcp"] == "p1" {
		t.Errorf("preview %v", body)
	}
	s.Want(201, `"ACTIVE"`, s.Ask(team, "PUT", "/v1/subscriptions/care/pcp", map[string]any{"eventTypes": []string{"Member-PCP-*"}}))
	if ends, err := admin(t, s).ListEndOffsets(t.Context(), "consumer.care.pcp"); err != nil || ends.Error() != nil {
		t.Errorf("no topic: %v %v", err, ends.Error())
	}
	rights(t, s, "consumer.care.pcp", 2)

	for query, found := range map[string]bool{"pcp-canary": true, "MEMBERSHIP primary": true, "/pcp": true, "nothing-like-that": false} {
		a := s.Want(200, "rows", s.Ask(team, "GET", "/v1/event-types?q="+strings.ReplaceAll(query, " ", "+"), nil))
		if strings.Contains(string(a.Body), `"Member-PCP-Change"`) != found {
			t.Errorf("search for %q: %.300s", query, a.Body)
		}
	}
	a = s.Want(200, "", s.Ask(s.token("other", tables.Scopes{}), "GET", path, nil))
	if strings.Contains(string(a.Body), "m-canary") {
		t.Errorf("a sample is shown to who may not see its class: %s", a.Body)
	}

	s.Want(409, "STILL_ACTIVE", s.Ask(team, "DELETE", "/v1/subscriptions/care/pcp", nil))
	s.Want(409, "STILL_ACTIVE", s.Ask(team, "DELETE", "/v1/subscriptions/care/pcp/topic", nil))
	s.Want(200, `"PAUSED"`, s.Ask(team, "POST", "/v1/subscriptions/care/pcp/pause", nil))
	rights(t, s, "consumer.care.pcp", 0)
	s.Want(200, `"ACTIVE"`, s.Ask(team, "POST", "/v1/subscriptions/care/pcp/resume", nil))
	rights(t, s, "consumer.care.pcp", 2)
	s.Want(200, "", s.Ask(team, "POST", "/v1/subscriptions/care/pcp/pause", nil))
	s.Want(204, "", s.Ask(team, "DELETE", "/v1/subscriptions/care/pcp", nil))
	s.Want(404, "ROW_NOT_FOUND", s.Ask(team, "GET", "/v1/subscriptions/care/pcp", nil))
	s.Want(204, "", s.Ask(team, "DELETE", "/v1/subscriptions/care/pcp/topic", nil))
	s.Want(200, `"DEPRECATED"`, s.Ask(owner, "POST", path+"/deprecate", nil))
	s.Want(204, "", s.Ask(owner, "DELETE", path, nil))
}

func admin(t *testing.T, s *stack) *kadm.Client {
	t.Helper()
	opts, err := kafka.Security{Login: root}.Options()
	stage.Must(t, err)
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(s.Broker.Addr()))...)
	stage.Must(t, err)
	t.Cleanup(c.Close)
	return kadm.NewClient(c)
}

// rights waits until a topic has so many access rules.
func rights(t *testing.T, s *stack, topic string, n int) {
	t.Helper()
	a := admin(t, s)
	stage.Await(t, "rights on the topic", func() bool {
		results, err := a.DescribeACLs(t.Context(), kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations().Allow().AllowHosts())
		stage.Must(t, err)
		found := 0
		for _, r := range results {
			found += len(r.Described)
		}
		return found == n
	})
}

func TestNewVersionOfAType(t *testing.T) {
	s := start(t)
	const path = "/v1/event-types/Member-PCP-Change"
	s.Want(201, "", s.Ask(s.admin, "PUT", path, pcpChange()))
	next := strings.Replace(schema, `"pcp":{"type":"string"}`, `"pcp":{"type":"string"},"since":{"type":"string"}`, 1)
	a := s.Want(200, `"version":2`, s.Ask(s.admin, "POST", path+"/versions", map[string]any{"schema": next}))
	if row := a.JSON(t)["row"].(map[string]any); row["version"] != 2.0 || len(row["fields"].([]any)) != 2 {
		t.Errorf("the new field is classified, or the version is another: %v", row)
	}
	s.Want(422, "INVALID_SCHEMA", s.Ask(s.admin, "POST", path+"/versions", map[string]any{"schema": `{"type":7}`}))
}

// TestFaultsPoint sends rows that cannot be, and wants places and no values.
func TestFaultsPoint(t *testing.T) {
	s := start(t)
	for path, c := range map[string]struct {
		body string
		want []string
	}{
		"/v1/event-types/Member-PCP-Change": {`{"parts":["Member"],"schema":"{\"type\":\"canary\"}","fields":[{"pointer":"canary","class":"x"}],"state":"canary"}`,
			[]string{"/parts", "/schema", "/fields/0/pointer", "/fields/0/class", "/state"}},
		"/v1/subscriptions/care/x":   {`{"eventTypes":["canary!"],"delivery":"webhook","partitions":99}`, []string{"/eventTypes/0", "/delivery", "NOT_BUILT", "/partitions"}},
		"/v1/subscriptions/care/y":   {`{"canary":1}`, []string{"UNKNOWN_FIELD"}},
		"/v1/subscriptions/care/z":   {`{"team":"care","team":"canary"}`, []string{"INVALID_JSON"}},
		"/v1/subscriptions/care/u":   {`{"team":"canary"}`, []string{"INVALID_VALUE"}},
		"/v1/subscriptions/care/v":   {`{"eventTypes":`, []string{"INVALID_JSON"}},
		"/v1/routing-rules/care/r":   {`{"eventTypes":["CLAIM_*"],"condition":"body.canary ==","destination":"other/canary"}`, []string{"/condition", "OTHER_TEAM"}},
		"/v1/permissions/care/PHI":   {`{"class":7}`, []string{"/class"}},
		"/v1/permissions/Care/PHI":   {`{}`, []string{"/team"}},
		"/v1/permissions/care:x/PHI": {`{"eventTypes":["canary?"]}`, []string{"/eventTypes/0"}},
	} {
		a := s.Want(422, "errors", s.Ask(s.admin, "PUT", path, c.body))
		for _, want := range c.want {
			if !strings.Contains(string(a.Body), want) {
				t.Errorf("%s: no %s in %s", path, want, a.Body)
			}
		}
		if strings.Contains(string(a.Body), "canary") {
			t.Errorf("%s: a value is repeated in %s", path, a.Body)
		}
		if a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", path, a.Header.Get("Content-Type"))
		}
	}
	s.Want(413, "", s.Ask(s.admin, "PUT", "/v1/subscriptions/care/x", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`))
}

// TestWhoMayWhat tries what each token must not do.
func TestWhoMayWhat(t *testing.T) {
	s := start(t)
	reader := s.token("care", tables.Scopes{Read: []string{"*"}})
	subscriber := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	publisher := s.token("membership", tables.Scopes{Publish: []string{"Member-*"}})
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/routing-rules/care/wide", map[string]any{"eventTypes": []string{"*"}}))
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/subscriptions/other/theirs", map[string]any{"eventTypes": []string{"CLAIM_*"}}))
	s.Want(201, "", s.Ask(publisher, "PUT", "/v1/event-types/Member-PCP-Change", pcpChange()))
	sub := func(types ...string) map[string]any { return map[string]any{"eventTypes": types} }
	for name, c := range map[string]struct {
		token, method, path string
		body                any
		status              int
	}{
		"no token":                          {"", "GET", "/v1/event-types", nil, 401},
		"a type it does not own":            {subscriber, "POST", "/v1/event-types/Member-PCP-Change/deprecate", struct{}{}, 403},
		"a type for another owner":          {publisher, "PUT", "/v1/event-types/Member-New-Type", map[string]any{"owner": "care", "parts": []string{"Member", "New", "Type"}, "schema": schema}, 403},
		"a type outside its scopes":         {publisher, "PUT", "/v1/event-types/Claim-New-Type", map[string]any{"parts": []string{"Claim", "New", "Type"}, "schema": schema}, 403},
		"a type of the catalogue":           {publisher, "POST", "/v1/event-types/CLAIM_PAID/classify", map[string]any{"fields": []tables.Field{{Pointer: "/claimId", Class: "PUBLIC"}}}, 403},
		"a subscription of another team":    {subscriber, "PUT", "/v1/subscriptions/other/mine", sub("CLAIM_PAID"), 403},
		"another team's by its body":        {subscriber, "PUT", "/v1/subscriptions/care/mine", map[string]any{"team": "other", "eventTypes": []string{"CLAIM_PAID"}}, 403},
		"a type beyond its scopes":          {subscriber, "PUT", "/v1/subscriptions/care/mine", sub("INVOICE_GENERATED"), 403},
		"a wildcard beyond its scopes":      {subscriber, "PUT", "/v1/subscriptions/care/mine", sub("CLAIM_PAID", "CLAIM*"), 403},
		"every type by naming none":         {subscriber, "PUT", "/v1/subscriptions/care/mine", sub(), 403},
		"more by a rule of its team":        {subscriber, "PUT", "/v1/subscriptions/care/mine", map[string]any{"eventTypes": []string{"CLAIM_PAID"}, "rules": []string{"wide"}}, 403},
		"more by rules alone":               {subscriber, "PUT", "/v1/subscriptions/care/mine", map[string]any{"rules": []string{"wide"}}, 403},
		"a rule beyond its scopes":          {subscriber, "PUT", "/v1/routing-rules/care/mine", sub("*"), 403},
		"a rule of another team":            {subscriber, "PUT", "/v1/routing-rules/other/mine", sub("CLAIM_PAID"), 403},
		"a rule that it may not have made":  {subscriber, "DELETE", "/v1/routing-rules/care/wide", nil, 403},
		"to subscribe with a reader's":      {reader, "PUT", "/v1/subscriptions/care/mine", sub("CLAIM_PAID"), 403},
		"to see another's subscription":     {subscriber, "GET", "/v1/subscriptions/other/theirs", nil, 404},
		"to pause another's subscription":   {subscriber, "POST", "/v1/subscriptions/other/theirs/pause", struct{}{}, 404},
		"to delete another's subscription":  {subscriber, "DELETE", "/v1/subscriptions/other/theirs", nil, 404},
		"to delete another's topic":         {subscriber, "DELETE", "/v1/subscriptions/other/gone/topic", nil, 403},
		"a permission":                      {subscriber, "PUT", "/v1/permissions/care/PHI", struct{}{}, 403},
		"a token":                           {subscriber, "POST", "/v1/tokens", map[string]any{"team": "care", "scopes": struct{}{}}, 403},
		"to see another token":              {subscriber, "GET", "/v1/tokens/" + strings.Split(s.admin, "_")[1], nil, 404},
		"to revoke another token":           {subscriber, "POST", "/v1/tokens/" + strings.Split(s.admin, "_")[1] + "/revoke", struct{}{}, 404},
		"another's eyes":                    {subscriber, "POST", "/v1/redaction/preview", map[string]any{"team": "other", "eventType": "CLAIM_PAID"}, 403},
		"values of its own tried out":       {subscriber, "POST", "/v1/redaction/preview", map[string]any{"team": "care", "eventType": "CLAIM_PAID", "body": map[string]any{"claimId": "c"}}, 403},
		"a token as a parameter of the URL": {"", "GET", "/v1/event-types?access_token=" + s.admin, nil, 401},
	} {
		a := s.Ask(c.token, c.method, c.path, c.body)
		if a.Status != c.status {
			t.Errorf("%s: %d, want %d: %.300s", name, a.Status, c.status, a.Body)
		}
	}
	s.Want(201, "", s.Ask(subscriber, "PUT", "/v1/subscriptions/care/mine", sub("CLAIM_*", "CLAIM_PAID")))
	for _, path := range []string{"/v1/subscriptions", "/v1/routing-rules", "/v1/permissions", "/v1/tokens"} {
		a := s.Want(200, "rows", s.Ask(subscriber, "GET", path, nil))
		if strings.Contains(string(a.Body), "other") || strings.Contains(string(a.Body), "platform") {
			t.Errorf("%s shows another team's: %s", path, a.Body)
		}
	}
}

// TestOneOfManyWritersWins lets several write the same version.
func TestOneOfManyWritersWins(t *testing.T) {
	s := start(t)
	const path = "/v1/permissions/care/PHI"
	s.Want(201, "", s.Ask(s.admin, "PUT", path, struct{}{}))
	var mu sync.Mutex
	var wg sync.WaitGroup
	counts := map[int]int{}
	for range 8 {
		wg.Go(func() {
			a := s.Ask(s.admin, "PUT", path, map[string]any{"eventTypes": []string{"CLAIM_*"}}, "If-Match", `"1"`)
			mu.Lock()
			defer mu.Unlock()
			counts[a.Status]++
		})
	}
	wg.Wait()
	if counts[200] != 1 || counts[412] != 7 {
		t.Errorf("answers: %v", counts)
	}
}

// TestRevocationEndsStreams: an open stream ends within 2 s, and the token
// opens nothing more.
func TestRevocationEndsStreams(t *testing.T) {
	s := start(t)
	token := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/stream", nil)
	stage.Must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	opened, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		resp, err := http.DefaultClient.Do(req)
		opened <- err
		if err == nil {
			defer resp.Body.Close()
			_, _ = resp.Body.Read(make([]byte, 1))
		}
	}()
	stage.Must(t, <-opened)
	select {
	case <-ended:
		t.Fatal("the stream ended by itself")
	case <-time.After(500 * time.Millisecond):
	}
	began := time.Now()
	s.Want(200, `"revoked":true`, s.Ask(s.admin, "POST", "/v1/tokens/"+strings.Split(token, "_")[1]+"/revoke", nil))
	select {
	case <-ended:
		t.Logf("ended %s after the revocation was asked for", time.Since(began))
	case <-time.After(2*time.Second - time.Since(began)):
		t.Fatal("the stream goes on 2 s after the revocation")
	}
	s.Want(401, "INVALID_TOKEN", s.Ask(token, "GET", "/v1/event-types", nil))
}

// TestNothingWithoutTheLog: a broker that is gone makes doors refuse, within
// the bound and no value later.
func TestNothingWithoutTheLog(t *testing.T) {
	s := start(t)
	stage.Must(t, s.Broker.Close())
	stage.Within(t, kafka.Fresh+2*time.Second, "503", func() bool { return s.Ask(s.admin, "GET", "/v1/event-types", nil).Status == 503 })
	s.Want(503, "RULES_STALE", s.Ask(s.admin, "PUT", "/v1/permissions/care/PHI", struct{}{}))
	s.Want(503, "RULES_STALE", s.Ask("", "GET", "/v1/event-types", nil))
	s.Want(503, "not ready", s.Ask("", "GET", "/readyz", nil))
	s.Want(200, "ok", s.Ask("", "GET", "/livez", nil))
}

// TestNoSecretIsShown looks for token texts and hashes wherever they might be.
func TestNoSecretIsShown(t *testing.T) {
	s := start(t)
	token := s.token("care", tables.Scopes{Read: []string{"*"}})
	var shown strings.Builder
	for _, path := range []string{"/v1/tokens", "/v1/tokens/" + strings.Split(token, "_")[1], "/v1/registry", "/v1/registry/asyncapi", "/openapi.json"} {
		shown.Write(s.Want(200, "", s.Ask(s.admin, "GET", path, nil)).Body)
	}
	s.Ask(token+"x", "GET", "/v1/tokens", nil)
	s.Ask(token, "PUT", "/v1/subscriptions/care/x", token)
	rules, err := s.Control.Rules()
	stage.Must(t, err)
	for _, text := range []string{shown.String(), s.Logged.String()} {
		for _, secret := range []string{strings.SplitN(token, "_", 3)[2], strings.SplitN(s.admin, "_", 3)[2], string(stage.Secret())} {
			if strings.Contains(text, secret) {
				t.Error("a secret is shown")
			}
		}
		for _, row := range rules.Tokens() {
			if strings.Contains(text, row.Hash) {
				t.Error("a hash is shown")
			}
		}
	}
	a := s.Want(201, "pf_", s.Ask(s.admin, "POST", "/v1/tokens", map[string]any{"team": "care", "scopes": struct{}{}}))
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(string(a.Body), `"hash":"`+rules.Tokens()[0].Hash) {
		t.Errorf("%v", a.Header)
	}
	s.Want(422, "/expiresAt", s.Ask(s.admin, "POST", "/v1/tokens", map[string]any{"team": "care", "scopes": struct{}{}, "expiresAt": "2090-01-01T00:00:00Z"}))
}

// TestAsyncAPI holds the export to the schema of AsyncAPI 3.0.0.
func TestAsyncAPI(t *testing.T) {
	s := start(t)
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/event-types/Member-PCP-Change", pcpChange()))
	f, err := os.Open("testdata/asyncapi-3.0.0.json.gz")
	stage.Must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	stage.Must(t, err)
	spec, err := jsonschema.UnmarshalJSON(z)
	stage.Must(t, err)
	c := jsonschema.NewCompiler()
	stage.Must(t, c.AddResource("asyncapi.json", spec))
	compiled, err := c.Compile("asyncapi.json")
	stage.Must(t, err)
	a := s.Want(200, "", s.Ask(s.admin, "GET", "/v1/registry/asyncapi", nil))
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(a.Body)))
	stage.Must(t, err)
	if err := compiled.Validate(doc); err != nil {
		t.Errorf("%.2000v", err)
	}
	var d struct {
		Channels   map[string]struct{ Messages map[string]any }
		Components struct{ Messages map[string]any }
	}
	stage.Must(t, json.Unmarshal(a.Body, &d))
	if d.Components.Messages["Member-PCP-Change"] == nil || d.Channels["claims.claim.paid"].Messages["CLAIM_PAID"] == nil ||
		len(d.Channels["v1-events"].Messages) != len(d.Components.Messages) || len(d.Components.Messages) < 34 {
		t.Errorf("messages %d", len(d.Components.Messages))
	}
	broken := strings.Replace(string(a.Body), `"action":"send"`, `"action":"shout"`, 1)
	doc, err = jsonschema.UnmarshalJSON(strings.NewReader(broken))
	stage.Must(t, err)
	if compiled.Validate(doc) == nil {
		t.Error("the schema takes everything")
	}
}

func TestLists(t *testing.T) {
	s := start(t)
	seen, after := map[string]bool{}, ""
	for range 20 {
		a := s.Want(200, "rows", s.Ask(s.admin, "GET", "/v1/event-types?limit=7&after="+after, nil)).JSON(t)
		for _, r := range a["rows"].([]any) {
			name := r.(map[string]any)["name"].(string)
			if seen[name] {
				t.Errorf("%s twice", name)
			}
			seen[name] = true
		}
		next, more := a["next"].(string)
		if !more {
			break
		}
		after = next
	}
	if len(seen) < 33 {
		t.Errorf("%d types listed", len(seen))
	}
}
