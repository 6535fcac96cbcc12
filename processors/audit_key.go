// This file answers: whom was a read about, for one who has the key already?

package processors

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// AuditKeys hash entities' keys for the audit: one who knows a key and holds
// the deployment's secret finds the reads of it; the log alone tells nobody.
type AuditKeys struct{ key []byte }

// auditHashBytes of an HMAC-SHA-256 are kept: enough that no two keys meet.
const auditHashBytes = 16

// NewAuditKeys derives the key.
func NewAuditKeys(secret []byte) AuditKeys {
	return AuditKeys{derived(secret, "payerflow audit keys")}
}

// Hash stands for one key, in hex.
func (k AuditKeys) Hash(key string) string {
	h := hmac.New(sha256.New, k.key)
	_, _ = h.Write([]byte(key)) // never fails
	return hex.EncodeToString(h.Sum(nil)[:auditHashBytes])
}

// Hashes stand for several keys: sorted, each once, with commas.
func (k AuditKeys) Hashes(keys []string) string {
	out := make([]string, 0, len(keys))
	for _, key := range keys {
		out = append(out, k.Hash(key))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ",")
}
