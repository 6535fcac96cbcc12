package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/api"
)

// brittle serves the rows 0 to 29, ten an answer, and breaks as a test says.
func brittle(t *testing.T, breaks func(w http.ResponseWriter, cursor string) bool) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cursor := r.URL.Query().Get("cursor")
		from := 0
		_, _ = fmt.Sscan(cursor, &from)
		w.Header().Set("Trailer", "Payerflow-Next, Payerflow-Rows")
		if from == 0 {
			fmt.Fprintln(w, "key")
		}
		fmt.Fprintln(w, from)
		if breaks(w, cursor) {
			return
		}
		for i := from + 1; i < from+10; i++ {
			fmt.Fprintln(w, i)
		}
		if from < 20 {
			w.Header().Set("Payerflow-Next", fmt.Sprint(from+10))
		}
		w.Header().Set("Payerflow-Rows", "10")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestExportsGoOn(t *testing.T) {
	want := "key\n"
	for i := range 30 {
		want += fmt.Sprintln(i)
	}
	broke := map[string]bool{}
	base := brittle(t, func(_ http.ResponseWriter, cursor string) bool {
		if broke[cursor] || cursor == "" {
			return false
		}
		broke[cursor] = true
		panic(http.ErrAbortHandler)
	})
	file := filepath.Join(t.TempDir(), "claims.csv")
	run := func(want int, args ...string) string {
		t.Helper()
		_, stderr, code := cli(t, "", append([]string{"view", "export", "claim-status", "--url", base, "--token", "x"}, args...)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		return stderr
	}
	run(0, "--file", file)
	whole := func() {
		t.Helper()
		b, err := os.ReadFile(file)
		if info, _ := os.Stat(file); err != nil || string(b) != want || info.Mode().Perm() != 0o600 {
			t.Fatalf("%q %v", b, err)
		}
		if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	whole()
	// One that is refused on its way goes on later, and only with its own question.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused := true
	base = brittle(t, func(w http.ResponseWriter, cursor string) bool {
		if cursor == "20" && refused {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	if stderr := run(exitUnavailable, "--file", file); !strings.Contains(stderr, "--resume") {
		t.Error(stderr)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a part of an export has its name")
	}
	if info, err := os.Stat(file + ".part"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	run(exitUsage, "--file", file, "--resume", "--where", "true")
	refused = false
	run(0, "--file", file, "--resume")
	whole()
	run(exitUsage, "--format", "xlsx")
	run(exitUsage, "--resume")
}

// TestViewsAreAskedFromTheCommandLine reads, queries, adds up and exports the
// rows of a worker.
func TestViewsAreAskedFromTheCommandLine(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	if _, stderr, code := cli(t, "", append([]string{"publish", "--file", root(t, "testdata/events/claims-day.ndjson")}, tg.flags()...)...); code != 0 {
		t.Fatal(stderr)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		out, stderr, code := cli(t, "", append([]string{"view"}, append(args, "--url", base)...)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		return out
	}
	var all, page api.Rows
	within(t, 60*time.Second, "as many rows by a query as in the list", func() bool {
		all, page = api.Rows{}, api.Rows{}
		denied := 0
		if get(t, base+"/v1/views/claim-status?limit=1000", &all) != 200 {
			return false
		}
		for _, r := range all.Rows {
			if r.Value.(map[string]any)["status"] == "DENIED" {
				denied++
			}
		}
		out := run(0, "query", "claim-status", "--where", `row.status == "DENIED"`, "--sort", "-statusAt", "--fields", "claimId,status,statusAt", "--limit", "1000", "-o", "json")
		return json.Unmarshal([]byte(out), &page) == nil && len(page.Rows) == denied && denied > 0 && len(all.Rows) == 40
	})
	times := []string{}
	for _, r := range page.Rows {
		times = append(times, r.Value.(map[string]any)["statusAt"].(string))
	}
	if !slices.IsSortedFunc(times, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%v", times)
	}
	if out := run(0, "aggregate", "claim-status", "--by", "status", "--sum", "billed"); !strings.Contains(out, `"DENIED"`) || !strings.Contains(out, "total") {
		t.Error(out)
	}
	file := filepath.Join(t.TempDir(), "all.csv")
	run(0, "export", "claim-status", "--file", file, "--chunk", "7", "--fields", "claimId,status")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
	if err != nil || len(cells) != len(all.Rows)+1 {
		t.Errorf("%d lines of %d rows: %v", len(cells), len(all.Rows), err)
	}
	run(exitFailed, "query", "claim-status", "--where", "row.nothing == 1")
	run(exitNotFound, "export", "nothing")
}
