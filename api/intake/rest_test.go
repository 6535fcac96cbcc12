package intake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"payerflow/api/access"
	"payerflow/api/intake"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
)

const plain = "application/json"

// said is the event of the source with one thing replaced.
func said(t testing.TB, old, replacement string) string {
	t.Helper()
	doc := withSynthetic(testData(t, "member-pcp-change.json"))
	if !strings.Contains(doc, old) {
		t.Fatalf("the example has no %s", old)
	}
	return strings.Replace(doc, old, replacement, 1)
}

func withSynthetic(doc string) string {
	return strings.Replace(doc, `"Metadata" : {`, `"Metadata" : { "Synthetic": false,`, 1)
}

// TestExampleOfTheSource: refused as it is, for the one thing that our doors
// want beside it; accepted with it.
func TestExampleOfTheSource(t *testing.T) {
	d := start(t, nil)
	doc := testData(t, "member-pcp-change.json")
	if got := d.refusal(d.post(plain, doc), 422); !slices.Equal(got, []string{"MISSING_FIELD /Metadata/Synthetic"}) {
		t.Fatalf("faults %q", got)
	}
	if d.count() != 0 {
		t.Fatal("a refused event was published")
	}
	_, e, headers := d.committed(d.post(plain, withSynthetic(doc)))
	var body map[string]any
	stage.Must(t, json.Unmarshal([]byte(e.Body), &body))
	if body["Updated Value"] != "Dr. Bryan Zelle" {
		t.Error("the body is another one")
	}
	golden(t, "testdata/member-pcp-change.golden.json", struct {
		Envelope events.Envelope
		Headers  map[string]string
	}{e, func() map[string]string { delete(headers, "traceparent"); return headers }()})
}

func golden(t *testing.T, path string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	stage.Must(t, err)
	if os.Getenv("UPDATE") != "" {
		stage.Must(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	stage.Must(t, err)
	if string(want) != string(got)+"\n" {
		t.Errorf("got %s", got)
	}
}

const camelEvent = `{"metadata":{"noun":"KaaS","verb":"Requested","object":"Topic","subobject":"Creation","transactionId":"t-1","timeStamp":"2026-11-21T11:00:00.5Z","sourceSystem":"kaas-ui","synthetic":true,"tags":["Unapproved","a,b","Unapproved"],"eventId":"e-1","subject":"topics/x"},"eventBody":{"topic":{"name":"claims.new"}}}`

func TestTypeInPartsAndCamelCase(t *testing.T) {
	d := start(t, nil)
	c, e, headers := d.committed(d.post(plain+"; charset=UTF-8", camelEvent))
	if c.ID != "e-1" || e.Type != "KaaS-Requested-Topic-Creation" || e.Key != "claims.new" || *e.EventSubject != "topics/x" || !e.Synthetic || e.TypeVersion != 1 || e.Publisher != "members" ||
		!slices.Equal(e.Tags, []string{"Unapproved", "a,b"}) || !e.At.Time().Equal(time.Date(2026, 11, 21, 11, 0, 0, 5e8, time.UTC)) {
		t.Errorf("envelope %+v", e)
	}
	if headers["ce_tags"] != "Unapproved,a%2Cb" || headers["ce_synthetic"] != "true" {
		t.Errorf("headers %v", headers)
	}
	for _, c := range []struct{ old, replacement, fault string }{
		{`"noun":"KaaS",`, ``, "MISSING_FIELD /metadata/noun"},
		{`"verb":"Requested","object":"Topic",`, `"verb":"Requested-Topic","object":"Creation",`, ""},
		{`"object":"Topic","subobject":"Creation",`, `"object":"Topic-Creation",`, "INVALID_VALUE /metadata/noun"},
		{`"noun":"KaaS",`, `"noun":"KaaS","eventType":"Member-PCP-Change",`, "INVALID_VALUE /metadata/eventType"},
		{`{"topic":`, `{"Event Type":"Member-PCP-Change","topic":`, "INVALID_VALUE /eventBody/Event Type"},
		{`"transactionId":"t-1",`, `"transactionId":"t-1","Transaction ID":"t-2",`, "DUPLICATE_NAME"},
		{`"synthetic":true`, `"synthetic":"true"`, "INVALID_VALUE /metadata/synthetic"},
		{`"synthetic":true`, `"synthetic":null`, "INVALID_VALUE /metadata/synthetic"},
		{`"synthetic":true`, `"synthetic":1`, "INVALID_VALUE /metadata/synthetic"},
		{`"synthetic":true`, `"synthetic":true,"color":"red"`, "UNKNOWN_FIELD /metadata/color"},
		{`"eventBody"`, `"more":1,"eventBody"`, "UNKNOWN_FIELD /more"},
		{`"eventBody"`, `"Event Body":{},"eventBody"`, "DUPLICATE_NAME"},
		{`"timeStamp":"2026-11-21T11:00:00.5Z"`, `"timeStamp":"2026-11-22T12:00:01Z"`, "INVALID_VALUE /metadata/timeStamp"},
		{`"timeStamp":"2026-11-21T11:00:00.5Z"`, `"timeStamp":"1999-12-31T23:59:59Z"`, "INVALID_VALUE /metadata/timeStamp"},
		{`"timeStamp":"2026-11-21T11:00:00.5Z"`, `"timeStamp":"201813051315400000000000"`, "INVALID_VALUE /metadata/timeStamp"},
		{`"timeStamp":"2026-11-21T11:00:00.5Z"`, `"timeStamp":"21.11.2026"`, "INVALID_VALUE /metadata/timeStamp"},
		{`"timeStamp":"2026-11-21T11:00:00.5Z",`, ``, "MISSING_FIELD /metadata/timeStamp"},
		{`"sourceSystem":"kaas-ui",`, `"sourceSystem":"",`, "MISSING_FIELD /metadata/sourceSystem"},
		{`"eventId":"e-1"`, `"eventId":"a\r\nb"`, "INVALID_VALUE /metadata/eventId"},
		{`"eventId":"e-1"`, `"eventId":"__e"`, "INVALID_VALUE /metadata/eventId"},
		{`"eventId":"e-1"`, `"eventId":"` + strings.Repeat("i", 256) + `"`, "INVALID_VALUE /metadata/eventId"},
		{`"eventId":"e-1"`, `"eventId":7`, "INVALID_VALUE /metadata/eventId"},
		{`"a,b"`, `"a\r\nb"`, "INVALID_VALUE /metadata/tags/1"},
		{`"a,b"`, `""`, "INVALID_VALUE /metadata/tags/1"},
		{`"a,b"`, `null`, "INVALID_VALUE /metadata/tags/1"},
		{`["Unapproved","a,b","Unapproved"]`, `"Unapproved"`, "INVALID_VALUE /metadata/tags"},
		{`"a,b"`, `"` + strings.Repeat("t", 129) + `"`, "INVALID_VALUE /metadata/tags/1"},
		{`"a,b"`, `"x"` + strings.Repeat(`,"y"`, 64), "INVALID_VALUE /metadata/tags"},
		{`"claims.new"`, `"a\nb"`, "INVALID_VALUE /eventBody/topic/name"},
		{`"claims.new"`, `{"a":1}`, "INVALID_VALUE /eventBody/topic/name"},
		{`{"topic":{"name":"claims.new"}}`, `[1]`, "INVALID_VALUE /eventBody"},
	} {
		a := d.post(plain, strings.Replace(camelEvent, c.old, c.replacement, 1))
		if c.fault == "" {
			if got := d.refusal(a, 422); len(got) == 0 {
				t.Error("other parts of the same name were taken")
			}
			continue
		}
		if got := d.refusal(a, 422); !strings.Contains(strings.Join(got, "\n"), c.fault) {
			t.Errorf("%s: faults %q, want %s", c.replacement, got, c.fault)
		}
	}
	if d.count() != 1 {
		t.Error("a refused event was published")
	}
}

// TestAllFaultsAtOnce: metadata, names and body in one answer, and no value.
func TestAllFaultsAtOnce(t *testing.T) {
	d := start(t, nil)
	doc := `{"Metadata":{"Transaction ID":"canary-1\n","User ID":"canary-2","user id":"canary-3","Time Stamp":"canary-4","Transaction Type":"UPDATE","Source System":"s","Synthetic":"canary-5","Color":"canary-6"},
		"Event Body":{"Event Type":"Member-PCP-Change","Previous Value":7,"Event Source":"x","Score":1e999999,"Score2":"canary-7"}}`
	a := d.post(plain, doc)
	want := []string{
		"INVALID_NUMBER /Event Body/Score", "UNKNOWN_FIELD /Event Body", "UNKNOWN_FIELD /Metadata/Color", "INVALID_VALUE /Metadata/Synthetic", "INVALID_VALUE /Metadata/Time Stamp",
		"INVALID_VALUE /Metadata/Transaction ID", "DUPLICATE_NAME /Metadata/user id", "UNKNOWN_FIELD /Metadata/user id",
		"MISSING_FIELD /Event Body/Updated Value", "INVALID_VALUE /Event Body/Previous Value",
	}
	got := d.refusal(a, 422)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("faults %q, want also %s", got, w)
		}
	}
	if strings.Contains(a.body, "canary") {
		t.Errorf("the answer repeats a value: %s", a.body)
	}
}

func TestIdentity(t *testing.T) {
	d := start(t, nil)
	id := func(header http.Header, doc string) string {
		t.Helper()
		header.Set("Content-Type", plain)
		c, _, _ := d.committed(d.send(header, strings.NewReader(doc)))
		return c.ID
	}
	none := http.Header{}
	first := id(none, said(t, "USER1", "USER1"))
	if again := id(none, said(t, `"Event Source" : "Inbound-Member-Call",`, "\"Event Source\":\n\"Inbound-Member-Call\",")); again != first {
		t.Error("the same event, written otherwise, has another id")
	}
	for _, other := range []string{said(t, "C7084816514A5D260", "C7084816514A5D261"), said(t, "Dr. John Smith", "Dr. Joan Smith"), said(t, `"Synthetic": false`, `"Synthetic": true`)} {
		if id(none, other) == first {
			t.Error("another event has the same id")
		}
	}
	keyed := id(http.Header{"Idempotency-Key": {"k-1"}}, said(t, "USER1", "USER1"))
	if keyed == first || keyed != id(http.Header{"Idempotency-Key": {"k-1"}}, said(t, "Dr. John Smith", "Dr. Joan Smith")) {
		t.Error("the id does not follow from the key alone")
	}
	if keyed != topology.UUIDv5("Idempotency-Key", "members", []byte("k-1")) {
		t.Error("the id is not the UUIDv5 of team and key")
	}
	d.caller.Store(&access.Principal{Team: "others", Scopes: d.caller.Load().Scopes})
	if keyed == id(http.Header{"Idempotency-Key": {"k-1"}}, said(t, "USER1", "USER1")) {
		t.Error("two teams share an id by their keys")
	}
	own := said(t, `"Synthetic": false`, `"Synthetic": false, "Event ID": "mine"`)
	if got := id(http.Header{"Idempotency-Key": {"k-1"}}, own); got != "mine" {
		t.Errorf("the event's own id became %s", got)
	}
	d.refusal(d.send(http.Header{"Content-Type": {plain}, "Idempotency-Key": {strings.Repeat("k", 256)}}, strings.NewReader(own)), 400)
	d.refusal(d.send(http.Header{"Content-Type": {plain}, "Idempotency-Key": {"a", "b"}}, strings.NewReader(own)), 400)
}

func TestScopes(t *testing.T) {
	d := start(t, nil)
	unknown := said(t, `"Event Type" : "Member-PCP-Change"`, `"Event Type" : "Member-Unknown"`)
	if got := d.refusal(d.post(plain, unknown), 422); !slices.Contains(got, "UNKNOWN_EVENT_TYPE /Event Body/Event Type") {
		t.Errorf("faults %q", got)
	}
	for _, secret := range []string{"Secret-Type", "CLAIMS"} { // neither scope nor type, and the answer does not tell which
		doc := strings.Replace(unknown, "Member-Unknown", secret, 1)
		if got := d.refusal(d.post(plain, doc), 403); !slices.Equal(got, []string{"NOT_PERMITTED /Event Body/Event Type"}) {
			t.Errorf("faults %q", got)
		}
	}
	d.caller.Store(&access.Principal{Team: "nobody"})
	d.refusal(d.post(plain, said(t, "USER1", "USER1")), 403)
	d.caller.Store(nil)
	d.refusal(d.post(plain, said(t, "USER1", "USER1")), 401)
}

func TestDeprecatedTypesAreTaken(t *testing.T) {
	d := start(t, nil)
	old, _, _ := d.committed(d.post(plain, `{"metadata":{"eventType":"Member-Old","transactionId":"t-1","timeStamp":"2026-11-21T11:00:00Z","sourceSystem":"s","synthetic":false},"eventBody":{}}`))
	current, _, _ := d.committed(d.post(plain, camelEvent))
	if !old.Deprecated || current.Deprecated {
		t.Errorf("deprecated: %v and %v", old.Deprecated, current.Deprecated)
	}
}

func TestBatches(t *testing.T) {
	d := start(t, nil)
	good, bad := said(t, "USER1", "USER2"), testData(t, "member-pcp-change.json")
	batch := func(contentType, doc string, status int, want ...int) intake.Results {
		t.Helper()
		a := d.send(http.Header{"Content-Type": {contentType}, "Idempotency-Key": {"b-1"}}, strings.NewReader(doc))
		var r intake.Results
		if err := json.Unmarshal([]byte(a.body), &r); err != nil || a.status != status {
			t.Fatalf("answer %d %.300s, want %d", a.status, a.body, status)
		}
		var got []int
		for i, one := range r.Results {
			got = append(got, one.Status)
			if (one.Status == 201) != (one.Committed != nil) || (one.Status == 201) != (one.Problem == nil) || one.Problem != nil && one.Problem.Status != one.Status {
				t.Errorf("result %d: %+v", i, one)
			}
			if one.Committed != nil {
				if _, _ = d.record(*one.Committed); one.ID != topology.UUIDv5("Idempotency-Key", "members", fmt.Appendf(nil, "b-1\n%d", i)) {
					t.Errorf("result %d: id %s", i, one.ID)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("results %v, want %v", got, want)
		}
		return r
	}
	batch(plain, "["+good+","+good+"]", 201, 201, 201)
	r := batch(plain, "["+good+","+bad+`,7,{"Metadata":{},"Metadata":{}},`+strings.Replace(good, "Member-PCP-Change", "Secret", 1)+"]", 207, 201, 422, 400, 422, 403)
	if got := faultsOf(r.Results[1].Problem); !slices.Equal(got, []string{"MISSING_FIELD /Metadata/Synthetic"}) {
		t.Errorf("faults %q", got)
	}
	line := strings.ReplaceAll(good, "\n", "")
	batch("application/x-ndjson", line+"\n\n{\n"+line+"\r\n"+line, 207, 201, 400, 201, 201)
	batch("application/x-ndjson", line, 201, 201)
	for _, c := range []struct {
		doc    string
		status int
	}{{"[]", 422}, {"[" + good, 400}, {"[" + good + "]x", 400}, {"[" + good + ",]", 400}, {"[" + strings.Repeat("1,", intake.MaxEvents) + "1]", 413}, {strings.Repeat("[", 100_000), 400}} {
		d.refusal(d.post(plain, c.doc), c.status)
	}
	d.refusal(d.post("application/x-ndjson", " \n\n"), 422)
	d.refusal(d.post("application/x-ndjson", strings.Repeat("1\n", intake.MaxEvents+1)), 413)
}

func TestTrace(t *testing.T) {
	d := start(t, nil)
	const sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	doc := said(t, "USER1", "USER1")
	_, _, headers := d.committed(d.send(http.Header{"Content-Type": {plain}, "Traceparent": {sent}}, strings.NewReader(doc)))
	if headers["traceparent"] != sent {
		t.Errorf("traceparent %q", headers["traceparent"])
	}
	for _, h := range []http.Header{{"Content-Type": {plain}}, {"Content-Type": {plain}, "Traceparent": {"00-bad"}}} {
		_, _, headers = d.committed(d.send(h, strings.NewReader(doc)))
		if got := headers["traceparent"]; len(got) != len(sent) || got == sent {
			t.Errorf("made traceparent %q", got)
		}
	}
}

func TestSDKClient(t *testing.T) {
	d := start(t, nil)
	e := cloudevents.NewEvent()
	e.SetID("sdk-1")
	e.SetSource("https://provider.example/schedules")
	e.SetType("KaaS-Requested-Topic-Creation")
	e.SetTime(now)
	e.SetExtension("synthetic", true)
	e.SetExtension("transactionid", "t-9")
	stage.Must(t, e.SetData(plain, map[string]any{"topic": map[string]string{"name": "claims.sdk"}}))
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(d.url + "/v1/events"))
	stage.Must(t, err)
	before := d.count()
	for _, ctx := range []func() error{
		func() error { return client.Send(cloudevents.WithEncodingBinary(t.Context()), e) },
		func() error { return client.Send(cloudevents.WithEncodingStructured(t.Context()), e) },
	} {
		if err := ctx(); !cloudevents.IsACK(err) {
			t.Fatalf("the SDK's client was refused: %v", err)
		}
	}
	if got := d.count() - before; got != 2 {
		t.Errorf("%d records", got)
	}
}
