package portal

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"payerflow/api/problem"
)

// files are the built portal, each also compressed.
type files struct {
	index file
	named map[string]file // by name below assets
}

type file struct {
	kind          string
	plain, packed []byte // packed is nil where it is no smaller
}

// policy lets the page have its own files and talk to its own origin, and
// nothing else: no script and no style in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are those of the files that there are, whatever the machine says.
var types = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".html": "text/html; charset=utf-8", ".woff2": "font/woff2", ".json": "application/json"}

func readFiles(built fs.FS) (files, error) {
	f := files{named: map[string]file{}}
	err := fs.WalkDir(built, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		if asset, ok := strings.CutPrefix(name, "assets/"); ok {
			f.named[asset] = packed(name, b)
		} else if name == "index.html" {
			f.index = packed(name, b)
		}
		return nil
	})
	if err == nil && f.index.plain == nil {
		err = errors.New("the portal was not built into this binary: make portal")
	}
	return f, err
}

func packed(name string, b []byte) file {
	f := file{plain: b, kind: types[path.Ext(name)]}
	if f.kind == "" {
		f.kind = mime.TypeByExtension(path.Ext(name))
	}
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression) // the level is one of its own
	_, _ = w.Write(b)                                         // into memory
	_ = w.Close()
	if small.Len() < len(b) {
		f.packed = small.Bytes()
	}
	return f
}

// page is the portal's one page, whatever the address says.
func (f files) page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-cache")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	f.index.send(w, r)
}

// asset is a file whose name has its hash: it never changes.
func (f files) asset(w http.ResponseWriter, r *http.Request) {
	a, there := f.named[strings.TrimPrefix(r.URL.Path, assetsPath)]
	if !there {
		problem.New(http.StatusNotFound, "NOT_FOUND", "this file is of another version of the portal: load the page again").Write(w)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	a.send(w, r)
}

func (f file) send(w http.ResponseWriter, r *http.Request) {
	h, b := w.Header(), f.plain
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Encoding")
	if f.packed != nil && takesGzip(r.Header.Get("Accept-Encoding")) {
		b = f.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = io.Copy(w, bytes.NewReader(b)) // the client may be gone
}

// takesGzip says whether a client names gzip, and does not refuse it.
func takesGzip(accept string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.TrimSpace(weight) != "q=0"
		}
	}
	return false
}
