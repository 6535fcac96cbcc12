package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/topologies"
)

func TestRegistryMode(t *testing.T) {
	for _, c := range []struct {
		mode    string
		missing int
		state   State
	}{
		{"READWRITE", 0, OK}, {"READWRITE", 3, OK}, {"READONLY", 0, Warn}, {"READONLY", 1, Fail}, {"IMPORT", 1, Fail}, {"", 0, Skipped},
	} {
		judged(t, mode(c.mode, c.missing), c.state, c.mode)
	}
}

func TestCompatibility(t *testing.T) {
	for _, c := range []struct {
		levels map[string][]string
		state  State
		says   string
	}{
		{map[string][]string{"BACKWARD": {"a", "b"}}, OK, "BACKWARD on 2"},
		{map[string][]string{"BACKWARD": {"a"}, "FULL_TRANSITIVE": {"b"}}, Warn, "FULL_TRANSITIVE on 1 subjects (b)"},
		{map[string][]string{"BACKWARD": {"a"}, "NONE": {"b"}}, Fail, "NONE on 1 subjects (b)"},
		{map[string][]string{"FORWARD": {"a"}, "FULL": {"b"}}, Fail, "FORWARD"},
		{map[string][]string{"BACKWARD": {"a"}, notTold: {"b"}}, Skipped, notTold},
	} {
		judged(t, compatibility(c.levels), c.state, c.says)
	}
}

func TestSchemas(t *testing.T) {
	judged(t, schemas(0, 43), OK, "43 of 43")
	judged(t, schemas(1, 43), Fail, "42 of 43")
}

// TestRegistryThatTellsLittle stands for registries without modes, and for one
// whose clock is wrong.
func TestRegistryThatTellsLittle(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		if r.URL.Path == "/subjects" {
			_, _ = w.Write([]byte(`[]`))
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error_code":40401,"message":"not here"}`))
	}))
	defer s.Close()
	setup := Setup{Registry: codecs.OpenRegistry(s.URL), Subjects: topologies.Subjects()[:1]}
	found, at := registry(t.Context(), setup)
	for i, want := range []State{OK, Skipped, Skipped, Fail} { // answers, mode, levels, schemas
		if found[i].State != want {
			t.Errorf("%v, want %s", found[i], want)
		}
	}
	judged(t, clock(at), Fail, "ahead of the registry's")
}

func TestPasswordIsNotShown(t *testing.T) {
	found, _ := registry(t.Context(), Setup{Registry: codecs.OpenRegistry("http://user:canary@127.0.0.1:1"), Subjects: topologies.Subjects()})
	judged(t, found[0], Fail, "does not answer")
	for _, f := range found {
		if strings.Contains(f.Found+f.Do, "canary") || strings.Contains(f.Found+f.Do, "user") {
			t.Errorf("%v", f)
		}
	}
}
