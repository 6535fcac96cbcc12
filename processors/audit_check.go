package processors

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"payerflow/events"
)

// AuditCheck follows the chains of an audit from their beginning, and says
// where the first link of each is broken. Records of a chain come in order.
type AuditCheck struct {
	key    ed25519.PublicKey
	chains map[string]*chainEnd
}

type chainEnd struct {
	number int64
	hash   string
	broken string
	hashes map[int64]string
}

// NewAuditCheck checks signatures with the deployment's public key.
func NewAuditCheck(key ed25519.PublicKey) *AuditCheck {
	return &AuditCheck{key: key, chains: map[string]*chainEnd{}}
}

// Link takes the next record of a chain; the text says what is wrong with it,
// "" where nothing is. After the first fault of a chain no more is said of it.
func (c *AuditCheck) Link(r events.AuditChained) string {
	end := c.end(r.Chain)
	if end.broken != "" {
		return ""
	}
	switch {
	case r.Number != end.number+1:
		end.broken = fmt.Sprintf("record %d follows record %d: what was between is missing, or was moved", r.Number, end.number)
	case r.Before != end.hash:
		end.broken = fmt.Sprintf("record %d is not tied to the record before it", r.Number)
	case r.Hash != AuditHash(r.Before, r.Number, []byte(r.Entry)):
		end.broken = fmt.Sprintf("record %d is not what it was when it was written", r.Number)
	default:
		end.number, end.hash = r.Number, r.Hash
		end.hashes[r.Number] = r.Hash
	}
	return end.broken
}

// Head takes a signed end. All records of its chain have been taken.
func (c *AuditCheck) Head(h events.AuditSigned) string {
	end := c.end(h.Chain)
	signature, err := base64.StdEncoding.DecodeString(h.Signature)
	switch {
	case err != nil || h.Key != base64.StdEncoding.EncodeToString(c.key) || !ed25519.Verify(c.key, SignedText(h), signature):
		return fmt.Sprintf("the signed end at record %d was not signed with this deployment's key", h.Number)
	case end.broken != "":
		return ""
	case end.number < h.Number:
		return fmt.Sprintf("record %d was signed, and the chain ends at record %d", h.Number, end.number)
	case end.hashes[h.Number] != h.Hash:
		return fmt.Sprintf("record %d is not the one that was signed", h.Number)
	}
	return ""
}

// Chains is how many there are, and Records how many records they hold.
func (c *AuditCheck) Chains() int { return len(c.chains) }

// Records are those that were found in order.
func (c *AuditCheck) Records() (n int64) {
	for _, end := range c.chains {
		n += end.number
	}
	return n
}

func (c *AuditCheck) end(chain string) *chainEnd {
	end := c.chains[chain]
	if end == nil {
		end = &chainEnd{hashes: map[int64]string{}}
		c.chains[chain] = end
	}
	return end
}
