package intake_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"payerflow/api/intake"
	"payerflow/internal/stage"
)

const (
	ceJSON  = "application/cloudevents+json"
	ceBatch = "application/cloudevents-batch+json"
)

const ceEvent = `{"specversion":"1.0","id":"ce-1","source":"https://kaas.example/ui","type":"KaaS-Requested-Topic-Creation","time":"2026-11-21T11:00:00Z","synthetic":false,"transactionid":"t-1","userid":"u-1","transactiontype":"CREATE","tags":"b%2C1,a","priority":3,"dataschema":"https://kaas.example/schema","datacontenttype":"application/json","data":{"topic":{"name":"claims.ce"}}}`

func TestStructuredCloudEvent(t *testing.T) {
	d := start(t, nil)
	c, e, headers := d.committed(d.post(ceJSON+"; charset=utf-8", ceEvent))
	if c.ID != "ce-1" || e.Key != "claims.ce" || e.SourceSystem != "https://kaas.example/ui" || e.UserID != "u-1" || e.TransactionType != "CREATE" || !slices.Equal(e.Tags, []string{"a", "b,1"}) ||
		e.Extensions["priority"] != "3" || e.Extensions["dataschema"] == "" || string(e.Body) != `{"topic":{"name":"claims.ce"}}` {
		t.Errorf("envelope %+v %v", e, e.Extensions)
	}
	if headers["ce_priority"] != "3" || headers["ce_source"] != "https://kaas.example/ui" || headers["ce_tags"] != "a,b%2C1" {
		t.Errorf("headers %v", headers)
	}
	// without time it happened now; without transaction id the key field names the entity
	_, e, _ = d.committed(d.post(ceJSON, `{"specversion":"1.0","id":"ce-2","source":"/s","sourcesystem":"KAAS 1","type":"KaaS-Requested-Topic-Creation","synthetic":"true","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data_base64":"`+
		base64.StdEncoding.EncodeToString([]byte(`{"topic":{"name":7}}`))+`"}`))
	if e.At != e.ReceivedAt || e.Key != "7" || !e.Synthetic || e.SourceSystem != "KAAS 1" {
		t.Errorf("envelope %+v", e)
	}
}

func TestStructuredRefusals(t *testing.T) {
	d := start(t, nil)
	for _, c := range []struct {
		old, replacement string
		status           int
		fault            string
	}{
		{`"synthetic":false,`, ``, 422, "MISSING_FIELD /synthetic"},
		{`"synthetic":false,`, `"synthetic":"yes",`, 422, "INVALID_VALUE /synthetic"},
		{`"specversion":"1.0"`, `"specversion":"0.3"`, 422, "INVALID_VALUE /specversion"},
		{`"specversion":"1.0",`, ``, 422, "INVALID_VALUE /specversion"},
		{`"id":"ce-1",`, ``, 422, "MISSING_FIELD /id"},
		{`"id":"ce-1"`, `"id":"a\u000d\u000ab"`, 422, "INVALID_VALUE /id"},
		{`"id":"ce-1"`, `"id":"\ud800"`, 422, "INVALID_VALUE /id"},
		{`"id":"ce-1"`, `"id":"ce-1","ID":"ce-2"`, 422, "DUPLICATE_NAME /ID"},
		{`"source":"https://kaas.example/ui",`, ``, 422, "MISSING_FIELD /source"},
		{`"source":"https://kaas.example/ui"`, `"source":"%zz"`, 422, "INVALID_CLOUDEVENT"},
		{`"type":"KaaS-Requested-Topic-Creation"`, `"type":{"a":1}`, 422, "INVALID_VALUE /type"},
		{`"time":"2026-11-21T11:00:00Z"`, `"time":"yesterday"`, 422, "INVALID_VALUE /time"},
		{`"tags":"b%2C1,a"`, `"tags":"a,,b"`, 422, "INVALID_VALUE /tags"},
		{`"tags":"b%2C1,a"`, `"tags":"a%0D%0Ab"`, 422, "INVALID_VALUE /tags/0"},
		{`"tags":"b%2C1,a"`, `"tags":["a"]`, 422, "INVALID_VALUE /tags"},
		{`"priority":3`, `"priority":3.5`, 422, "INVALID_VALUE /priority"},
		{`"priority":3`, `"Priority":3`, 422, "UNKNOWN_FIELD"},
		{`"priority":3`, `"priority":"a\nb"`, 422, "INVALID_VALUE /priority"},
		{`"priority":3`, `"priority":"` + strings.Repeat("p", 1025) + `"`, 422, "INVALID_VALUE /priority"},
		{`"priority":3`, `"traceparent":"00-1"`, 422, "INVALID_VALUE /traceparent"},
		{`"priority":3`, `"":3`, 422, "UNKNOWN_FIELD"},
		{`"datacontenttype":"application/json"`, `"datacontenttype":"text/xml"`, 422, "INVALID_VALUE /datacontenttype"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":"text"`, 422, "INVALID_VALUE /data"},
		{`,"data":{"topic":{"name":"claims.ce"}}`, ``, 422, "MISSING_FIELD /data"},
		{`"data":{`, `"data_base64":"e30=","data":{`, 422, "DUPLICATE_NAME /data"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data_base64":"?"`, 422, "INVALID_VALUE /data_base64"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":{"a":"\udc00"}`, 422, "INVALID_TEXT /data"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":{"a":1,"A":2}`, 422, "AMBIGUOUS_NAME /data"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":{"a":1e999999}`, 422, "INVALID_NUMBER /data"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, 422, "TOO_DEEP"},
		{`"data":{"topic":{"name":"claims.ce"}}`, `"data":{"a":` + strings.Repeat("[", 100_000), 400, "INVALID_JSON"},
	} {
		if got := d.refusal(d.post(ceJSON, strings.Replace(ceEvent, c.old, c.replacement, 1)), c.status); !strings.Contains(strings.Join(got, "\n"), c.fault) {
			t.Errorf("%.60s: faults %q, want %s", c.replacement, got, c.fault)
		}
	}
	if d.count() != 0 {
		t.Error("a refused event was published")
	}
}

func TestBatchOfCloudEvents(t *testing.T) {
	d := start(t, nil)
	a := d.post(ceBatch, "["+ceEvent+","+strings.Replace(ceEvent, `"synthetic":false,`, "", 1)+","+strings.Replace(ceEvent, "ce-1", "ce-3", 1)+"]")
	var r intake.Results
	stage.Must(t, json.Unmarshal([]byte(a.body), &r))
	if a.status != 207 || len(r.Results) != 3 || r.Results[0].Status != 201 || r.Results[1].Status != 422 || r.Results[2].ID != "ce-3" {
		t.Fatalf("answer %d %s", a.status, a.body)
	}
	if a := d.post(ceBatch, "["+ceEvent+"]"); a.status != 201 {
		t.Errorf("answer %d", a.status)
	}
	d.refusal(d.post(ceBatch, ceEvent), 400)
}

func TestBinaryCloudEvent(t *testing.T) {
	d := start(t, nil)
	header := func(change ...string) http.Header {
		h := http.Header{"Content-Type": {plain}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"bin-1"}, "Ce-Source": {"/s"}, "Ce-Type": {"KaaS-Requested-Topic-Creation"},
			"Ce-Synthetic": {"false"}, "Ce-Subject": {"caf%C3%A9%20x"}, "Ce-Tags": {"a%252Cb,c"}, "Ce-Priority": {"3"}}
		for i := 0; i < len(change); i += 2 {
			h[change[i]] = []string{change[i+1]}
		}
		return h
	}
	const data = ` {"topic":{"name":"claims.bin"}} `
	c, e, _ := d.committed(d.send(header(), strings.NewReader(data)))
	if c.ID != "bin-1" || e.Key != "claims.bin" || string(*e.EventSubject) != "café x" || !slices.Equal(e.Tags, []string{"a,b", "c"}) || e.Extensions["priority"] != "3" {
		t.Errorf("envelope %+v", e)
	}
	for _, c := range []struct{ name, value, fault string }{
		{"Ce-Synthetic", "", "MISSING_FIELD header.ce-synthetic"},
		{"Ce-Id", "a%0D%0Ab", "INVALID_VALUE header.ce-id"},
		{"Ce-Id", "a%zz", "INVALID_VALUE header.ce-id"},
		{"Ce-Tags", "x%250D%250Ay", "INVALID_VALUE header.ce-tags/0"},
		{"Ce-Specversion", "2.0", "INVALID_VALUE header.ce-specversion"},
		{"Ce-Source", "", "MISSING_FIELD header.ce-source"},
		{"Ce-Pri_ority", "x", "UNKNOWN_FIELD"},
		{"Ce-Time", "now", "INVALID_VALUE header.ce-time"},
	} {
		if got := d.refusal(d.send(header(c.name, c.value), strings.NewReader(data)), 422); !strings.Contains(strings.Join(got, "\n"), c.fault) {
			t.Errorf("%s %s: faults %q, want %s", c.name, c.value, got, c.fault)
		}
	}
	twice := header()
	twice["Ce-Id"] = []string{"a", "b"}
	if got := d.refusal(d.send(twice, strings.NewReader(data)), 422); !slices.Contains(got, "DUPLICATE_NAME header.ce-id") {
		t.Errorf("faults %q", got)
	}
	d.refusal(d.send(header(), strings.NewReader("{")), 400)
	d.refusal(d.send(header(), strings.NewReader("")), 400)
	if got := d.refusal(d.send(header(), strings.NewReader("[]")), 422); !slices.Contains(got, "INVALID_VALUE ") {
		t.Errorf("faults %q", got)
	}
	d.refusal(d.send(header("Content-Type", "text/xml"), strings.NewReader("<a/>")), 415)
}
