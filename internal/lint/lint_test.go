// Package lint holds the house rules as tests.
package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

const module = "payerflow/"

// rank of each package: imports go strictly downward.
var rank = map[string]int{
	"deploy/monitoring": 0, "internal/observe": 0, "internal/observe/export": 1,
	"events": 0, "internal/topology": 0, "tables": 1, "codecs": 2, "processors": 3, "topologies": 4,
	"web": 0, "internal/rowlog": 0, "internal/versions": 0, "internal/batching": 1, "client": 0, "internal/engine": 5, "internal/traffic": 5, "internal/sim": 5, "connectors/kafka": 5, "connectors/store": 5, "api/access": 5, "api/problem": 3, "api/audit": 4, "api/intake/intakepb": 0, "api/intake/intakepb/intakepbconnect": 1,
	"config": 6, "internal/embedded": 6, "internal/doctor": 6, "api/intake": 6, "api/consume": 6, "api/rules": 6, "api/compliance": 6, "api/deadletters": 6, "api/portal": 6, "connectors/kaas": 6, "connectors/hydrate": 6, "connectors/past": 7, "connectors/expire": 7, "connectors/refill": 7, "api/stored": 8,
	"api/consume/consumepb": 0, "api/consume/consumepb/consumepbconnect": 1,
	"internal/verify": 3, "internal/peers": 6, "internal/peers/peerpb": 0, "internal/peers/peerpb/peerpbconnect": 1,
	"api": 7, "api/booking": 7, "internal/stage": 7, "cmd/payerflow": 9, "internal/lint": 9, "internal/chaos": 9,
}

// testsOnly is a package that stands in no binary.
const testsOnly = "internal/stage"

// mayImport lists who may import what from outside.
var mayImport = map[string][]string{
	"github.com/lovoo/goka":     {"internal/engine"},
	"github.com/IBM/sarama":     {"internal/engine"},
	"github.com/twmb/franz-go":  {"internal/engine", "internal/embedded", "internal/verify", "internal/observe", "connectors/kafka", "connectors/hydrate", "connectors/past", "connectors/expire", "connectors/refill"},
	"go.mongodb.org":            {"connectors/store"},
	"github.com/FerretDB":       {"internal/embedded"},
	"github.com/hamba/avro":     {"codecs", "internal/embedded"},
	"github.com/riferrei":       {"codecs"},
	"github.com/spf13/cobra":    {"cmd/payerflow"},
	"github.com/danielgtaylor":  {"api", "api/booking", "api/audit", "api/compliance", "api/intake", "api/consume", "api/rules", "api/deadletters", "api/portal", "api/stored"},
	"github.com/cockroachdb":    nil, // docs/adr/0004-own-row-log.md
	"payerflow/internal/engine": {"cmd/payerflow"},
}

func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "payerflow/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		pkg, imports, _ := strings.Cut(line, ":")
		pkgs[strings.TrimPrefix(pkg, module)] = strings.Fields(imports)
	}
	return pkgs
}

func TestImportsGoDownward(t *testing.T) {
	for pkg, imports := range packages(t) {
		own, known := rank[pkg]
		if !known {
			t.Errorf("%s has no rank: give it one here and in CONTRIBUTING.md", pkg)
		}
		for _, imp := range imports {
			if to, ours := strings.CutPrefix(imp, module); ours && rank[to] >= own {
				t.Errorf("%s (%d) must not import %s (%d)", pkg, own, to, rank[to])
			}
			if imp == module+testsOnly {
				t.Errorf("%s must not import %s: tests alone do", pkg, testsOnly)
			}
			for prefix, allowed := range mayImport {
				if strings.HasPrefix(imp, prefix) && !contains(allowed, pkg) {
					t.Errorf("%s must not import %s", pkg, imp)
				}
			}
		}
	}
	for _, imp := range packages(t)["events"] {
		if strings.Contains(imp, ".") {
			t.Errorf("events imports %s; it knows the standard library only", imp)
		}
	}
}

// TestTheAuditorSharesNothing: what checks the engine and the folds must not
// be made of them.
func TestTheAuditorSharesNothing(t *testing.T) {
	imports := packages(t)["internal/verify"]
	if len(imports) == 0 {
		t.Fatal("there is no auditor")
	}
	for _, imp := range imports {
		if to, ours := strings.CutPrefix(imp, module); ours && !contains([]string{"events", "tables", "codecs"}, to) {
			t.Errorf("internal/verify must not import %s", to)
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

var picture = regexp.MustCompile(`(?s)(<!-- picture: generated, see make draw -->\n).*?(<!-- end of picture -->)`)

// TestPictureInReadme holds the README's picture to the declarations.
func TestPictureInReadme(t *testing.T) {
	generated(t, "README.md", picture, "```mermaid\n"+topology.Overview(topologies.All, topologies.Catalogue)+"```\n")
}

var viewTable = regexp.MustCompile(`(?s)(<!-- views: generated, see make draw -->\n).*?(<!-- end of views -->)`)

// TestViewsInDocs holds the list of views in docs/views.md to the declarations.
func TestViewsInDocs(t *testing.T) {
	var lines []string
	for _, g := range topologies.All {
		if v := g.View; v.Name != "" {
			classes := strings.Join(v.Classes, ", ")
			if classes == "" {
				classes = "none"
			}
			lines = append(lines, "| `"+v.Name+"` | "+v.Key+" | "+v.Doc+" | "+classes+" |\n")
		}
	}
	slices.Sort(lines)
	table := "| view | key | what a row says | classes |\n|---|---|---|---|\n"
	generated(t, filepath.Join("docs", "views.md"), viewTable, table+strings.Join(lines, ""))
}

// generated holds what stands between two marks of a file to what is declared.
func generated(t *testing.T, file string, marks *regexp.Regexp, declared string) {
	t.Helper()
	path := filepath.Join("..", "..", file)
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := marks.ReplaceAllString(string(have), "${1}"+strings.ReplaceAll(declared, "$", "$$")+"${2}")
	if string(have) == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("what is generated in %s is stale; run make draw", file)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
