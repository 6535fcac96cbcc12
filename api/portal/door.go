package portal

import (
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
)

// Paths of the portal. What is not a file or a session is the page itself,
// which finds its own way by the address.
const (
	root        = "/portal/"
	assetsPath  = root + "assets/"
	sessionPath = root + "session"
	signInPath  = root + "sign-in/oidc"
)

// ReturnPath is where an OpenID provider sends people back to.
const ReturnPath = signInPath + "/return"

// Options are what the portal stands on.
type Options struct {
	Files  fs.FS // the built portal
	Guard  *access.Guard
	SignIn *access.SignIn // nil: by token alone
}

// Door serves the portal.
type Door struct {
	files  files
	guard  *access.Guard
	signIn *access.SignIn
	cross  *http.CrossOriginProtection
	now    func() time.Time
}

// New reads the built portal.
func New(o Options) (*Door, error) {
	f, err := readFiles(o.Files)
	if err != nil {
		return nil, err
	}
	return &Door{files: f, guard: o.Guard, signIn: o.SignIn, cross: http.NewCrossOriginProtection(), now: time.Now}, nil
}

// Register adds the paths. They are the page's own, and in no description.
func (d *Door) Register(mux *http.ServeMux, _ huma.API) {
	mux.Handle("GET /{$}", http.RedirectHandler(root, http.StatusFound))
	mux.Handle("GET "+strings.TrimSuffix(root, "/"), http.RedirectHandler(root, http.StatusFound))
	mux.HandleFunc("GET "+root, d.files.page)
	mux.HandleFunc("GET "+assetsPath, d.files.asset)
	mux.HandleFunc("GET "+sessionPath, d.show)
	mux.HandleFunc("POST "+sessionPath, d.begin)
	mux.HandleFunc("DELETE "+sessionPath, d.end)
	if d.signIn != nil {
		mux.HandleFunc("GET "+signInPath, d.leave)
		mux.HandleFunc("GET "+ReturnPath, d.comeBack)
	}
}

// Open lets everybody have the page. A session begins with a token, and one
// that is there is looked at with its token.
func (d *Door) Open(r *http.Request) bool {
	p := r.URL.Path
	if p != "/" && p != strings.TrimSuffix(root, "/") && !strings.HasPrefix(p, root) {
		return false
	}
	if p != sessionPath {
		return true
	}
	return r.Method == http.MethodDelete || r.Method != http.MethodPost && r.Header.Get("Authorization") == ""
}
