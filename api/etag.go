package api

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"payerflow/internal/topology"
	"payerflow/processors"
)

// etag stands for a row as a reader sees it. It is a weak one: as_of moves while
// the row stays.
func etag(a topology.Answer, mask *processors.RowMask) string {
	var parts [3 * sha256.Size]byte
	for i, part := range [][]byte{[]byte(a.Incarnation), []byte(mask.ID()), a.Stored} {
		sum := sha256.Sum256(part)
		copy(parts[i*sha256.Size:], sum[:])
	}
	sum := sha256.Sum256(parts[:])
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// matches says whether If-None-Match names a tag; it compares weakly (RFC 9110).
func matches(header, tag string) bool {
	for name := range strings.SplitSeq(header, ",") {
		if name = strings.TrimSpace(name); name == "*" || strings.TrimPrefix(name, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
