package embedded

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Login is a name and a secret. It prints as the name.
type Login struct{ Username, Password string }

func (l Login) String() string       { return l.Username }
func (l Login) GoString() string     { return l.Username }
func (l Login) LogValue() slog.Value { return slog.StringValue(l.Username) }

// superuserMechanism is how the superuser says who it is. Others may use any
// mechanism that a credential was made for.
const superuserMechanism = "SCRAM-SHA-512"

// scramIterations are those that kfake tells every client, whatever is stored.
// The password is random, so that more would add nothing.
const scramIterations = 4096

// asked makes kfake ask everybody who they are, and look into access rules.
func (l Login) asked() []kfake.Opt {
	if l == (Login{}) {
		return nil
	}
	return []kfake.Opt{kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser(superuserMechanism, l.Username, l.Password)}
}

// saslFile is where kfake keeps who may come in, beside acls.json, which says
// what they may do. Both are written at each change and survive a restart.
const saslFile = "sasl.json"

// scramSecret is a credential as kfake stores it.
type scramSecret struct {
	Mechanism  string `json:"mechanism"`
	Salt       []byte `json:"salt"`
	SaltedPass []byte `json:"salted_pass"`
	Iterations int    `json:"iterations"`
}

// keep gives the superuser of a directory that was used before the password
// that it has now: what kfake finds stored replaces what it is told.
func (l Login) keep(dir string) error {
	if l == (Login{}) {
		return nil
	}
	path := filepath.Join(dir, saslFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // kfake begins with what it is told
	}
	if err != nil {
		return err
	}
	stored := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return err
	}
	users := map[string]scramSecret{}
	if have := stored["scram512"]; have != nil {
		if err := json.Unmarshal(have, &users); err != nil {
			return err
		}
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha512.New, l.Password, salt, scramIterations, sha512.Size)
	if err != nil {
		return err
	}
	users[l.Username] = scramSecret{superuserMechanism, salt, salted, scramIterations}
	if stored["scram512"], err = json.Marshal(users); err != nil {
		return err
	}
	if raw, err = json.Marshal(stored); err != nil {
		return err
	}
	return writeFile(path, raw)
}

// only lets nobody else use an endpoint, where there is somebody to ask for.
func (l Login) only(h endpoint) endpoint {
	if l == (Login{}) {
		return h
	}
	want := sha256.Sum256([]byte(l.Username + "\x00" + l.Password))
	return func(req *http.Request) (any, error) {
		user, password, _ := req.BasicAuth()
		got := sha256.Sum256([]byte(user + "\x00" + password))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return nil, errWho()
		}
		return h(req)
	}
}
