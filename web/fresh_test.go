package web_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources are what the portal is built from; stamp.ts holds the same list.
var sources = []string{"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "stamp.ts", "src", "dist"}

// TestBuiltFromTheseSources: what is committed in dist was built from the
// sources beside it, and nobody changed it by hand. It needs no Node.
func TestBuiltFromTheseSources(t *testing.T) {
	b, err := os.ReadFile("dist/built.txt")
	if err != nil {
		t.Fatalf("%v: make portal", err)
	}
	built := map[string]string{}
	for line := range strings.Lines(string(b)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("built.txt: %q", line)
		}
		built[name] = sum
	}
	there := map[string]string{}
	for _, s := range sources {
		sums(t, s, there)
	}
	delete(there, "dist/built.txt")
	if len(there) < 20 {
		t.Fatalf("only %d files", len(there))
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if built[name] != there[name] {
			t.Errorf("%s is not what dist was built from: make portal", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(built)) {
		if there[name] == "" {
			t.Errorf("%s is gone since dist was built: make portal", name)
		}
	}
}

func sums(t *testing.T, root string, into map[string]string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		into[filepath.ToSlash(name)] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var inNavigation = regexp.MustCompile(`label: "([^"]+)", group: "[^"]+", icon: `)

// TestPagesAreDocumented: docs/portal.md says of each page in the navigation who
// it is for and what it shows, and of no other.
func TestPagesAreDocumented(t *testing.T) {
	index, err := os.ReadFile("src/pages/index.ts")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/portal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "| --- | --- | --- |\n")
	table, _, ok := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("docs/portal.md has no table of pages")
	}
	said := map[string]bool{}
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		said[name] = true
	}
	for _, m := range inNavigation.FindAllSubmatch(index, -1) {
		if !said[string(m[1])] {
			t.Errorf("docs/portal.md says nothing of the page %s", m[1])
		}
		delete(said, string(m[1]))
	}
	for name := range said {
		t.Errorf("docs/portal.md has a page %s, which is not in the navigation", name)
	}
}

// TestPagesHoldNothingInline: the portal's policy takes no script and no style
// that stands in the page.
func TestPagesHoldNothingInline(t *testing.T) {
	b, err := os.ReadFile(path.Join("dist", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if strings.Contains(page, "<style") || strings.Contains(page, " style=") || strings.Contains(page, "javascript:") {
		t.Error("a style or script in the page")
	}
	for _, tag := range strings.Split(page, "<script")[1:] {
		if open, _, _ := strings.Cut(tag, ">"); !strings.Contains(open, " src=\"/portal/assets/") {
			t.Errorf("<script%s>", open)
		}
	}
}
