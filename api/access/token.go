package access

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"payerflow/tables"
)

const (
	tokenPrefix = "pf_"
	idBytes     = 10
	secretBytes = 32
	keyLabel    = "token"
	// MinSecret is how many bytes the deployment's secret has at least.
	MinSecret = 32
)

// Keyring makes and recognizes the secrets of tokens, and seals cursors. Its
// keys follow from the deployment's secret, so that a copy of the rules opens
// nothing.
type Keyring struct {
	nobody []byte
	seal   cipher.AEAD
	hashes sync.Pool // of hash.Hash with the key, so that a request makes none
}

// NewKeyring derives the key from the deployment's secret.
func NewKeyring(secret []byte) (*Keyring, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the deployment's secret has %d bytes; it needs %d", len(secret), MinSecret)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, keyLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	seal, err := sealer(secret)
	if err != nil {
		return nil, err
	}
	k := &Keyring{nobody: make([]byte, sha256.Size), seal: seal}
	k.hashes.New = func() any { return hmac.New(sha256.New, key) }
	_, err = rand.Read(k.nobody)
	return k, err
}

// ReadSecret reads the deployment's secret from a file that no one else may
// read. One of root's that our group may read counts as such: that is how
// Kubernetes hands secrets to a user without rights.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("secret file: %w", err)
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	if owner == nil || readByOthers(info.Mode().Perm(), owner.Uid, os.Getuid()) {
		return nil, fmt.Errorf("secret file %s may be read by others; chmod 600 it", path)
	}
	b, err := os.ReadFile(path)
	if err == nil && len(b) < MinSecret {
		err = fmt.Errorf("secret file %s has %d bytes; it needs %d, as from: head -c 32 /dev/urandom", path, len(b), MinSecret)
	}
	return b, err
}

func readByOthers(mode fs.FileMode, owner uint32, self int) bool {
	if owner == 0 && self != 0 {
		return mode&0o037 != 0
	}
	return mode&0o077 != 0
}

// Mint makes a token of a row that lacks its id and hash: the row, and the
// text that is shown once.
func (k *Keyring) Mint(t tables.Token) (tables.Token, string) {
	id, secret := make([]byte, idBytes), make([]byte, secretBytes)
	_, _ = rand.Read(id) // never fails
	_, _ = rand.Read(secret)
	text := base64.RawURLEncoding.EncodeToString(secret)
	t.ID = hex.EncodeToString(id)
	t.Hash = hex.EncodeToString(k.hash(text))
	return t, tokenPrefix + t.ID + "_" + text
}

func (k *Keyring) hash(secret string) []byte {
	h := k.hashes.Get().(hash.Hash)
	defer k.hashes.Put(h)
	h.Reset()
	_, _ = h.Write([]byte(secret)) // never fails
	return h.Sum(nil)
}

// parse takes a token's text apart. What is not one has no parts.
func parse(text string) (id, secret string) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(rest) != hex.EncodedLen(idBytes)+1+base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", ""
	}
	id, secret, _ = strings.Cut(rest, "_")
	return id, secret
}

// Recognizes says whether a text is the token of a row. It does the same work
// for a row that is not there.
func (k *Keyring) recognizes(secret string, row tables.Token, there bool) bool {
	want, err := hex.DecodeString(row.Hash)
	if err != nil || len(want) != sha256.Size {
		want, there = k.nobody, false
	}
	return hmac.Equal(k.hash(secret), want) && there
}

// Holds says whether a text is the token of a row, whatever its state.
func (k *Keyring) Holds(text string, row tables.Token) bool {
	id, secret := parse(text)
	return k.recognizes(secret, row, id != "" && id == row.ID)
}

// ID is the id within a token's text, which is no secret; "" where it is none.
func ID(text string) string {
	id, _ := parse(text)
	return id
}

var (
	errUnknown = errors.New("the token is not known; it may be mistyped, or of another deployment")
	errRevoked = errors.New("the token was revoked")
	errExpired = errors.New("the token has expired")
)
