package topologies_test

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources are the packages that are read, lowest first. Rows follow from the code
// of all but the codecs, which only say how it is written.
var sources = []string{"events", "tables", "codecs", "processors", "topologies"}

// source is the code of these packages, with what each name means.
type source struct {
	fset  *token.FileSet
	files map[string][]byte // by path
	info  types.Info
	decls map[types.Object]ast.Node
	pkgs  map[string]*types.Package
}

// readSource reads the packages below a folder. A file whose path is in
// instead has that text.
func readSource(t *testing.T, root string, instead map[string]string) *source {
	t.Helper()
	s := &source{fset: token.NewFileSet(), files: map[string][]byte{}, decls: map[types.Object]ast.Node{}, pkgs: map[string]*types.Package{},
		info: types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	config := types.Config{Importer: s.importer(t)}
	for _, name := range sources {
		paths, err := filepath.Glob(filepath.Join(root, name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var files []*ast.File
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, err := os.ReadFile(path)
			if other := instead[name+"/"+filepath.Base(path)]; other != "" {
				text = []byte(other)
			}
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(s.fset, path, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			s.files[path] = text
			files = append(files, file)
		}
		if s.pkgs["payerflow/"+name], err = config.Check("payerflow/"+name, s.fset, files, &s.info); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			s.declare(f)
		}
	}
	return s
}

// importer knows the packages that were read, and all others as they are built.
func (s *source) importer(t *testing.T) types.Importer {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "payerflow/topologies").Output()
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		built[path] = file
	}
	export := importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(built[path]) })
	return importing(func(path string) (*types.Package, error) {
		if p := s.pkgs[path]; p != nil {
			return p, nil
		}
		return export.Import(path)
	})
}

type importing func(string) (*types.Package, error)

func (f importing) Import(path string) (*types.Package, error) { return f(path) }

// declare notes where the names of a file's top level are declared.
func (s *source) declare(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			s.decls[s.info.Defs[d.Name]] = d
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					s.decls[s.info.Defs[spec.Name]] = spec
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						s.decls[s.info.Defs[name]] = spec
					}
				}
			}
		}
	}
}

// groups are the variables in All, in its order.
func (s *source) groups() (out []types.Object) {
	all := s.decls[s.pkgs["payerflow/topologies"].Scope().Lookup("All")].(*ast.ValueSpec).Values[0].(*ast.CompositeLit)
	for _, e := range all.Elts {
		out = append(out, s.info.Uses[e.(*ast.CallExpr).Fun.(*ast.SelectorExpr).X.(*ast.Ident)])
	}
	return out
}

// behind is all code that follows from a name: its declaration, and those of
// all names in it, without comments, layout and what only readers see.
func (s *source) behind(root types.Object) string {
	texts, todo := map[string]string{}, []types.Object{root}
	for len(todo) > 0 {
		o := todo[0]
		todo = todo[1:]
		name := o.Pkg().Path() + "." + o.Name() + " " + reflect.TypeOf(o).Elem().Name()
		if f, is := o.(*types.Func); is {
			name = f.FullName()
		}
		if _, done := texts[name]; done {
			continue
		}
		if c, is := o.(*types.Const); is {
			texts[name] = c.Val().ExactString()
			if c.Val().Kind() == constant.Unknown {
				panic(name)
			}
			continue
		}
		var uses []types.Object
		texts[name], uses = s.text(s.decls[o])
		todo = append(todo, uses...)
	}
	var all []string
	for name, text := range texts {
		all = append(all, name+" "+text)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// forReaders are fields of a group that rows do not follow from.
var forReaders = []string{"Doc", "View", "Shadows", "Via"}

// text is the code of a declaration, and the names in it.
func (s *source) text(n ast.Node) (text string, uses []types.Object) {
	if n == nil {
		return "", nil
	}
	var without [][2]token.Pos
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, is := n.Key.(*ast.Ident); is && slices.Contains(forReaders, key.Name) {
				without = append(without, [2]token.Pos{n.Pos(), n.End()})
				return false
			}
		case *ast.Field:
			if n.Tag != nil {
				without = append(without, [2]token.Pos{n.Tag.Pos(), n.Tag.End()})
				tag, _ := strconv.Unquote(n.Tag.Value)
				text += " " + reflect.StructTag(tag).Get("avro")
			}
		case *ast.Ident:
			if o := s.info.Uses[n]; o != nil && s.follows(o) {
				uses = append(uses, origin(o))
			}
		}
		return true
	})
	return text + s.tokens(n, without), uses
}

func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}

// follows says whether rows follow from a name: it is declared at the top of a
// package of ours, or is a method, and is no topic.
func (s *source) follows(o types.Object) bool {
	if o.Pkg() == nil || o.Pkg().Name() == "codecs" || s.pkgs[o.Pkg().Path()] == nil || s.decls[origin(o)] == nil {
		return false
	}
	_, is := o.(*types.Var)
	return !is || !strings.Contains(o.Type().String(), "topology.Topic") && !strings.Contains(o.Type().String(), "topology.Stream[")
}

// tokens are those of a node's text, but for some places.
func (s *source) tokens(n ast.Node, without [][2]token.Pos) string {
	file := s.fset.File(n.Pos())
	from, to := file.Offset(n.Pos()), file.Offset(n.End())
	text := s.files[file.Name()][from:to]
	var scan scanner.Scanner
	scan.Init(token.NewFileSet().AddFile("", 1, len(text)), text, nil, 0)
	var out []string
	for {
		at, tok, lit := scan.Scan()
		pos := n.Pos() + at - 1
		switch {
		case tok == token.EOF:
			return strings.Join(out, " ")
		case tok == token.SEMICOLON, tok == token.COMMA: // layout decides about some
		case slices.ContainsFunc(without, func(w [2]token.Pos) bool { return pos >= w[0] && pos < w[1] }):
		case lit != "":
			out = append(out, lit)
		default:
			out = append(out, tok.String())
		}
	}
}
