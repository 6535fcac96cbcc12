// This file answers: is the record of what everybody did whole, and in order?

package processors

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// AuditSigner signs the heads of chains. It follows from the deployment's
// secret, so that every worker signs alike.
type AuditSigner struct{ key ed25519.PrivateKey }

// NewAuditSigner derives the key.
func NewAuditSigner(secret []byte) AuditSigner {
	return AuditSigner{ed25519.NewKeyFromSeed(derived(secret, "payerflow audit heads"))}
}

// Public is the key that heads are checked with.
func (s AuditSigner) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Mark writes nothing: what a transaction worked with never changes.
func (s AuditSigner) Mark(string, []topology.Range) topology.Output { return topology.Output{} }

// Version is always 1.
func (s AuditSigner) Version() int64 { return 1 }

// Hash names the public key.
func (s AuditSigner) Hash() string {
	sum := sha256.Sum256(s.Public())
	return hex.EncodeToString(sum[:])
}

// ChainAudit numbers a record and ties it to the one before.
func ChainAudit(row tables.AuditHead, rec topology.Record[events.AuditReceived]) (tables.AuditHead, []topology.Output) {
	entry, err := json.Marshal(rec.Body)
	if err != nil {
		return row, rejected(events.InvalidValue, "", "the record has no JSON form")
	}
	if row.Number == row.Signed {
		row.Day = events.DateOf(rec.Source.Timestamp)
	}
	before := row.Hash
	row.Number++
	row.Hash = AuditHash(before, row.Number, entry)
	row.At = max(row.At, rec.Body.At)
	return row, []topology.Output{{Key: rec.Row, Value: events.AuditChained{Chain: rec.Row, Number: row.Number, Before: before, Hash: row.Hash,
		Entry: string(entry), At: rec.Body.At}}}
}

// AuditHash ties a record to the one before it, as events.AuditChained says.
func AuditHash(before string, number int64, entry []byte) string {
	h := sha256.New()
	previous, _ := hex.DecodeString(before)
	var start [sha256.Size]byte
	copy(start[:], previous)
	h.Write(start[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(number)))
	h.Write(entry)
	return hex.EncodeToString(h.Sum(nil))
}

// SignHead signs the end of a chain when its day is over.
func SignHead(row tables.AuditHead, w topology.Waking) (tables.AuditHead, []topology.Output) {
	signer, ok := w.Pinned.(AuditSigner)
	if !ok {
		return row, nil
	}
	head := events.AuditSigned{Chain: w.Key, Number: row.Number, Hash: row.Hash, Day: row.Day, At: events.InstantOf(w.Clock),
		Key: base64.StdEncoding.EncodeToString(signer.Public())}
	head.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(signer.key, SignedText(head)))
	row.Signed = row.Number
	return row, []topology.Output{{Key: w.Key, Value: head}}
}

// SignedText is what the signature of a head is over.
func SignedText(h events.AuditSigned) []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n%s", h.Chain, h.Number, h.Hash, h.Day)
}
