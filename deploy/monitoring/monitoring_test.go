package monitoring_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"payerflow/deploy/monitoring"
)

type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (out []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(read(t, "rules.yml"), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	documented = regexp.MustCompile("(?m)^\\| `(payerflow_[a-z0-9_]+)` \\| ([a-z]+) \\| ([a-z_, ]*) \\|")
	used       = regexp.MustCompile(`\b(payerflow_[a-z0-9_]+)\b(?:\{([^}]*)\})?`)
	matched    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouped    = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// metrics are those of docs/metrics.md, which a test holds to what is
// registered: labels by the name that a query uses.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, m := range documented.FindAllStringSubmatch(string(read(t, "../../docs/metrics.md")), -1) {
		labels := append(strings.Split(m[3], ", "), "instance", "job", "le")
		names := []string{m[1]}
		if m[2] == "histogram" {
			names = []string{m[1] + "_bucket", m[1] + "_sum", m[1] + "_count"}
		}
		for _, n := range names {
			all[n] = labels
		}
	}
	if len(all) < 50 {
		t.Fatalf("docs/metrics.md names %d metrics", len(all))
	}
	return all
}

// exists holds a query to metrics and labels that there are.
func exists(t *testing.T, all map[string][]string, where, expr string) {
	t.Helper()
	var labels []string
	for _, m := range used.FindAllStringSubmatch(expr, -1) {
		of, there := all[m[1]]
		if !there {
			t.Errorf("%s: there is no metric %s", where, m[1])
		}
		labels = append(labels, of...)
		for _, l := range matched.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(of, l[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
	}
	for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(m[1], ",") {
			if l = strings.TrimSpace(l); len(labels) > 0 && !slices.Contains(labels, l) {
				t.Errorf("%s: nothing in it has the label %s", where, l)
			}
		}
	}
}

// TestAlerts: each uses metrics that exist, names how urgent it is, has a page
// that says what to do and names it, and is tried by promtool's tests.
func TestAlerts(t *testing.T) {
	all, tried := metrics(t), string(read(t, "rules_test.yml"))
	pages := map[string]bool{}
	for _, r := range rules(t) {
		exists(t, all, r.Alert+r.Record, r.Expr)
		if r.Alert == "" {
			continue
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has severity %q", r.Alert, s)
		}
		page := filepath.Base(r.Annotations["runbook"])
		pages[page] = true
		b, err := os.ReadFile(filepath.Join("../../docs/runbooks", page))
		if err != nil || r.Annotations["runbook"] != "docs/runbooks/"+page || !bytes.Contains(b, []byte("`"+r.Alert+"`")) {
			t.Errorf("%s has no runbook that names it: %v", r.Alert, err)
		}
		if !strings.Contains(tried, "alertname: "+r.Alert+"\n") && !strings.Contains(tried, "alertname: "+r.Alert+",") {
			t.Errorf("%s is not tried in rules_test.yml", r.Alert)
		}
	}
	there, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil || len(there) != len(pages) {
		t.Errorf("%d runbooks for %d that alerts lead to, %v", len(there), len(pages), err)
	}
}

// TestDashboards: each query uses metrics that exist, and the files are what
// the code makes. UPDATE=1 writes them.
func TestDashboards(t *testing.T) {
	all := metrics(t)
	for _, d := range monitoring.Dashboards() {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				exists(t, all, d.Title+": "+p.Title, q.Expr)
			}
		}
		var b bytes.Buffer
		to := json.NewEncoder(&b)
		to.SetEscapeHTML(false)
		to.SetIndent("", "  ")
		if err := to.Encode(d); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("dashboards", d.UID+".json")
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(read(t, file), b.Bytes()) {
			t.Errorf("%s is not what the code makes: UPDATE=1 go test ./deploy/monitoring", file)
		}
	}
}

// TestQueriesFor writes the dashboards' queries as rules, for promtool to read:
// make test-alerts.
func TestQueriesFor(t *testing.T) {
	file := os.Getenv("QUERIES_TO")
	if file == "" {
		t.Skip("make test-alerts has promtool read the queries")
	}
	var named []map[string]string
	for _, d := range monitoring.Dashboards() {
		for _, p := range d.Panels {
			named = append(named, map[string]string{"record": "payerflow:panel", "expr": strings.ReplaceAll(p.Targets[0].Expr, "$__rate_interval", "5m")})
			named[len(named)-1]["record"] += ":" + strings.ReplaceAll(d.UID, "-", "_") + "_" + string(rune('a'+p.ID-1))
		}
	}
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": named}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
