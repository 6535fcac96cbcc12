package embedded

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/riferrei/srclient"
)

const (
	claimV1 = `{"type":"record","name":"Claim","fields":[{"name":"id","type":"string"}]}`
	claimV2 = `{"type":"record","name":"Claim","fields":[{"name":"id","type":"string"},{"name":"amount","type":"long","default":0}]}`
	claimV3 = `{"type":"record","name":"Claim","fields":[{"name":"id","type":"string"},{"name":"amount","type":"long"}]}`
)

func schemaOf(text string) schemaIn { return schemaIn{Schema: text} }

func quoted(text string) string { return strings.ReplaceAll(text, `"`, `\"`) }

// pair is a broker in memory with a registry on it.
func pair(t *testing.T) (*Broker, *Registry) {
	t.Helper()
	b := startBroker(t, "")
	return b, startRegistry(t, b.Addr())
}

func TestEveryEndpoint(t *testing.T) {
	b, r := pair(t)
	u := r.URL()
	call(t, "GET", u+"/", nil).is(200, `{}`)
	call(t, "GET", u+"/subjects", nil).is(200, `[]`)
	call(t, "GET", u+"/schemas/types", nil).is(200, `["AVRO"]`)
	call(t, "POST", u+"/subjects/claim-value/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	call(t, "POST", u+"/subjects/claim-value/versions", schemaOf(claimV2)).is(200, `{"id":2}`)
	call(t, "POST", u+"/subjects/claim-value/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	call(t, "POST", u+"/subjects/other/versions", schemaOf(claimV2)).is(200, `{"id":2}`)
	call(t, "GET", u+"/subjects?subjectPrefix=cl", nil).is(200, `["claim-value"]`)
	call(t, "GET", u+"/subjects/claim-value/versions", nil).is(200, `[1,2]`)
	v2 := `{"subject":"claim-value","version":2,"id":2,"schema":"` + quoted(claimV2) + `"}`
	call(t, "GET", u+"/subjects/claim-value/versions/2", nil).is(200, v2)
	call(t, "GET", u+"/subjects/claim-value/versions/latest", nil).is(200, v2)
	call(t, "GET", u+"/subjects/claim-value/versions/-1", nil).is(200, v2)
	call(t, "GET", u+"/subjects/claim-value/versions/1/schema", nil).is(200, claimV1)
	call(t, "POST", u+"/subjects/claim-value", schemaOf(claimV2)).is(200, v2)
	call(t, "GET", u+"/schemas/ids/1", nil).is(200, `{"schema":"`+quoted(claimV1)+`"}`)
	call(t, "GET", u+"/schemas/ids/1/schema", nil).is(200, claimV1)
	call(t, "GET", u+"/schemas/ids/2/subjects", nil).is(200, `["claim-value","other"]`)
	call(t, "GET", u+"/schemas/ids/2/versions", nil).is(200, `[{"subject":"claim-value","version":2},{"subject":"other","version":1}]`)
	call(t, "GET", u+"/config", nil).is(200, `{"compatibilityLevel":"BACKWARD"}`)
	call(t, "PUT", u+"/config", `{"compatibility":"full"}`).is(200, `{"compatibility":"FULL"}`)
	call(t, "GET", u+"/config/other", nil).fails(404, 40408)
	call(t, "GET", u+"/config/other?defaultToGlobal=true", nil).is(200, `{"compatibilityLevel":"FULL"}`)
	call(t, "PUT", u+"/config/other", `{"compatibility":"NONE"}`).is(200, `{"compatibility":"NONE"}`)
	call(t, "GET", u+"/config/other", nil).is(200, `{"compatibilityLevel":"NONE"}`)
	call(t, "DELETE", u+"/config/other", nil).is(200, `{"compatibilityLevel":"NONE"}`)
	call(t, "DELETE", u+"/config", nil).is(200, `{"compatibilityLevel":"FULL"}`)
	call(t, "GET", u+"/config", nil).is(200, `{"compatibilityLevel":"BACKWARD"}`)
	call(t, "GET", u+"/mode", nil).is(200, `{"mode":"READWRITE"}`)
	call(t, "GET", u+"/mode/other", nil).fails(404, 40409)
	call(t, "PUT", u+"/mode/other", `{"mode":"READONLY"}`).is(200, `{"mode":"READONLY"}`)
	call(t, "POST", u+"/subjects/other/versions", schemaOf(claimV1)).fails(422, 42205)
	call(t, "DELETE", u+"/mode/other", nil).is(200, `{"mode":"READONLY"}`)
	call(t, "POST", u+"/compatibility/subjects/claim-value/versions/latest", schemaOf(claimV1)).is(200, `{"is_compatible":true}`)
	call(t, "POST", u+"/compatibility/subjects/claim-value/versions", schemaOf(claimV3)).is(200, `{"is_compatible":true}`)
	call(t, "POST", u+"/compatibility/subjects/claim-value/versions/1?verbose=true", schemaOf(claimV3)).is(200,
		`{"is_compatible":false,"messages":["the new schema cannot read what version 1 wrote: /fields/amount: the writer has no such field and the reader no default"]}`)
	call(t, "POST", u+"/compatibility/subjects/unknown/versions/latest", schemaOf(claimV3)).is(200, `{"is_compatible":true}`)
	call(t, "DELETE", u+"/subjects/claim-value/versions/1", nil).is(200, `1`)
	call(t, "DELETE", u+"/subjects/claim-value", nil).is(200, `[2]`)
	reopened(t, b, r)
}

// reopened checks that a second registry on the same journal holds the same state.
func reopened(t *testing.T, b *Broker, r *Registry) {
	t.Helper()
	must(t, r.Close())
	again := startRegistry(t, b.Addr())
	for name, same := range map[string]bool{
		"subjects": maps.EqualFunc(r.state.subjects, again.state.subjects, maps.Equal[map[int]version, map[int]version]),
		"levels":   maps.Equal(r.state.levels, again.state.levels),
		"modes":    maps.Equal(r.state.modes, again.state.modes),
		"last id":  r.state.lastID == again.state.lastID,
	} {
		if !same {
			t.Errorf("%s differ after replay", name)
		}
	}
	must(t, again.Close())
}

func TestRefusals(t *testing.T) {
	_, r := pair(t)
	u := r.URL()
	call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	for _, c := range []struct {
		method, path string
		body         any
		status, code int
	}{
		{"GET", "/nothing/here", nil, 404, 404},
		{"GET", "/subjects/x/versions", nil, 404, 40401},
		{"GET", "/subjects/x/versions/1", nil, 404, 40401},
		{"GET", "/subjects/s/versions/9", nil, 404, 40402},
		{"GET", "/subjects/s/versions/0", nil, 422, 42202},
		{"GET", "/subjects/s/versions/2147483648", nil, 422, 42202},
		{"GET", "/subjects/s/versions/newest", nil, 422, 42202},
		{"GET", "/schemas/ids/9", nil, 404, 40403},
		{"GET", "/schemas/ids/9/versions", nil, 404, 40403},
		{"POST", "/subjects/x", schemaOf(claimV1), 404, 40401},
		{"POST", "/subjects/s", schemaOf(claimV2), 404, 40403},
		{"POST", "/subjects/s/versions", schemaOf(claimV3), 409, 409},
		{"POST", "/subjects/s/versions", schemaOf(`{"type":"claim"}`), 422, 42201},
		{"POST", "/subjects/s/versions", `{"schema":"{}","schemaType":"JSON"}`, 422, 42201},
		{"POST", "/subjects/s/versions", `{"schema":"\"int\"","references":[{"name":"a","subject":"b","version":1}]}`, 422, 42201},
		{"POST", "/subjects/s/versions", `{"schema":"\"int\"","ruleSet":{}}`, 422, 42201},
		{"POST", "/subjects/s/versions", `{"schema":"\"int\"","id":7}`, 422, 42205},
		{"POST", "/subjects/s/versions", `[]`, 400, 400},
		{"POST", "/subjects/s/versions", `{`, 400, 400},
		{"POST", "/subjects/s/versions", "{\"schema\":\"\xff\"}", 400, 400},
		{"POST", "/subjects/s/versions", schemaOf(strings.Repeat(" ", maxBody)), 413, 413},
		{"POST", "/subjects/%FF/versions", schemaOf(claimV1), 422, 42208},
		{"POST", "/subjects/a%0Ab/versions", schemaOf(claimV1), 422, 42208},
		{"POST", "/subjects/" + strings.Repeat("s", maxSubject+1) + "/versions", schemaOf(claimV1), 422, 42208},
		{"PUT", "/config", `{"compatibility":"SIDEWAYS"}`, 422, 42203},
		{"PUT", "/mode", `{"mode":"IMPORT"}`, 422, 42204},
		{"DELETE", "/config/s", nil, 404, 40408},
		{"DELETE", "/mode/s", nil, 404, 40409},
		{"DELETE", "/subjects/x", nil, 404, 40401},
		{"DELETE", "/subjects/s?permanent=true", nil, 404, 40405},
		{"DELETE", "/subjects/s/versions/1?permanent=true", nil, 404, 40407},
		{"POST", "/compatibility/subjects/s/versions/9", schemaOf(claimV1), 404, 40402},
	} {
		t.Run(c.method+c.path[:min(len(c.path), 40)], func(t *testing.T) {
			call(t, c.method, u+c.path, c.body).fails(c.status, c.code)
		})
	}
	a := call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV3))
	if !strings.Contains(a.body, "version 1") || !strings.Contains(a.body, "/fields/amount") {
		t.Fatalf("409 does not name the incompatibility: %s", a.body)
	}
	call(t, "GET", u+"/subjects", nil).is(200, `["s"]`)
}

func TestSubjectNames(t *testing.T) {
	b, r := pair(t)
	names := []string{"a.b_c-value", "a/b", "a//b", "..", "a b", "ä", "a+b", "a?b#c", "100%", `q"uote\`}
	for i, name := range names {
		path := "/subjects/" + url.PathEscape(name)
		text := fmt.Sprintf(`{"type":"fixed","name":"F","size":%d}`, i)
		if name == ".." {
			path = "/subjects/%2E%2E"
		}
		call(t, "POST", r.URL()+path+"/versions", schemaOf(text)).is(200, fmt.Sprintf(`{"id":%d}`, i+1))
		call(t, "GET", r.URL()+path+"/versions/latest/schema", nil).is(200, text)
	}
	if got := r.state.names(false); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Fatalf("got %q", got)
	}
	reopened(t, b, r)
}

// cleanJournal compacts all that a registry wrote: the last batch of a topic is
// never compacted, so another registry writes one first.
func cleanJournal(t *testing.T, b *Broker) {
	t.Helper()
	must(t, startRegistry(t, b.Addr()).Close())
	before := b.cluster.PartitionInfo(JournalTopic, 0).NumBytes
	must(t, b.Clean(deadline(t)))
	if after := b.cluster.PartitionInfo(JournalTopic, 0).NumBytes; after >= before {
		t.Fatalf("the journal was not compacted: %d bytes, then %d", before, after)
	}
}

func TestDeletion(t *testing.T) {
	b, r := pair(t)
	u := r.URL()
	for i, text := range []string{claimV1, claimV2} {
		call(t, "POST", u+"/subjects/s/versions", schemaOf(text)).is(200, fmt.Sprintf(`{"id":%d}`, i+1))
	}
	call(t, "PUT", u+"/config/s", `{"compatibility":"NONE"}`).is(200, `{"compatibility":"NONE"}`)
	call(t, "DELETE", u+"/subjects/s/versions/latest", nil).is(200, `2`)
	call(t, "DELETE", u+"/subjects/s/versions/2", nil).fails(404, 40406)
	call(t, "GET", u+"/subjects/s/versions", nil).is(200, `[1]`)
	call(t, "GET", u+"/subjects/s/versions?deleted=true", nil).is(200, `[1,2]`)
	call(t, "GET", u+"/subjects/s/versions?deletedOnly=true", nil).is(200, `[2]`)
	call(t, "GET", u+"/subjects/s/versions/2", nil).fails(404, 40402)
	call(t, "GET", u+"/schemas/ids/2/schema", nil).is(200, claimV2)
	call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV2)).is(200, `{"id":2}`)
	call(t, "GET", u+"/subjects/s/versions", nil).is(200, `[1,3]`)
	call(t, "DELETE", u+"/subjects/s", nil).is(200, `[1,3]`)
	call(t, "DELETE", u+"/subjects/s", nil).fails(404, 40404)
	call(t, "GET", u+"/subjects", nil).is(200, `[]`)
	call(t, "GET", u+"/subjects?deletedOnly=true", nil).is(200, `["s"]`)
	call(t, "GET", u+"/config/s", nil).fails(404, 40408)
	call(t, "DELETE", u+"/subjects/s?permanent=true", nil).is(200, `[1,2,3]`)
	call(t, "GET", u+"/subjects?deleted=true", nil).is(200, `[]`)
	call(t, "GET", u+"/schemas/ids/2", nil).fails(404, 40403)
	must(t, r.Close())
	cleanJournal(t, b)
	r = startRegistry(t, b.Addr())
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":3}`) // 1 and 2 are spent
	call(t, "GET", r.URL()+"/subjects/s/versions", nil).is(200, `[1]`)
	reopened(t, b, r)
}

func TestSrclient(t *testing.T) {
	_, r := pair(t)
	c := srclient.NewSchemaRegistryClient(r.URL())
	created, err := c.CreateSchema("claim-value", claimV1, srclient.Avro)
	must(t, err)
	_, err = c.CreateSchema("claim-value", claimV2, srclient.Avro)
	must(t, err)
	last, err := c.GetLatestSchema("claim-value")
	must(t, err)
	byID, err := c.GetSchema(created.ID())
	must(t, err)
	if last.Version() != 2 || last.ID() != 2 || byID.Schema() != claimV1 {
		t.Fatalf("latest %d id %d, by id %s", last.Version(), last.ID(), byID.Schema())
	}
	if byID.Codec() == nil || last.Codec() == nil {
		t.Fatal("no codec")
	}
	compatible, err := c.IsSchemaCompatible("claim-value", `{"type":"record","name":"Claim","fields":[{"name":"x","type":"int"}]}`, "latest", srclient.Avro)
	must(t, err)
	if compatible {
		t.Fatal("compatible")
	}
	_, err = c.CreateSchema("claim-value", `"int"`, srclient.Avro)
	var refused srclient.Error
	if !errors.As(err, &refused) || refused.Code != 409 {
		t.Fatalf("got %v", err)
	}
	level, err := c.ChangeSubjectCompatibilityLevel("claim-value", srclient.Full)
	must(t, err)
	versions, err := c.GetSchemaVersions("claim-value")
	must(t, err)
	if *level != srclient.Full || !slices.Equal(versions, []int{1, 2}) {
		t.Fatalf("%s %v", *level, versions)
	}
	must(t, c.DeleteSubject("claim-value", true))
	http.DefaultClient.CloseIdleConnections()
}
