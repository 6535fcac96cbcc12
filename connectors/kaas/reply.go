package kaas

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io"
	"strings"

	_ "github.com/emersion/go-message/charset" // replies come in any
	"github.com/emersion/go-message/mail"

	"payerflow/internal/topology"
)

// Replies are the addresses that answers go to: one for each request, which
// nobody can make who has not seen the letter.
type Replies struct {
	key    []byte
	domain string
}

const (
	replyUser = "kaas+"
	codeBytes = 10
)

// NewReplies makes the addresses of a domain from the deployment's secret.
func NewReplies(secret []byte, domain string) (Replies, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "payerflow kaas reply", sha256.Size)
	return Replies{key, strings.ToLower(domain)}, err
}

// Address is where answers to a request go.
func (r Replies) Address(requestID string) string {
	return replyUser + requestID + "." + r.code(requestID) + "@" + r.domain
}

// Request is the request that an address answers; false for any other address.
func (r Replies) Request(address string) (requestID string, ok bool) {
	user, domain, _ := strings.Cut(strings.ToLower(strings.TrimSpace(address)), "@")
	rest, ours := strings.CutPrefix(user, replyUser)
	id, code, coded := strings.Cut(rest, ".")
	if !ours || !coded || domain != r.domain || !hmac.Equal([]byte(code), []byte(r.code(id))) {
		return "", false
	}
	return id, true
}

func (r Replies) code(requestID string) string {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(requestID))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:codeBytes]))
}

// ErrUndecided says that a mail is no answer.
var ErrUndecided = errors.New("the first word of the answer is neither APPROVE nor REJECT")

// Reply is an approver's answer.
type Reply struct {
	ID       string // of the mail, the same each time that it is read
	From     string
	Approved bool
}

// words are the first words of an answer.
var words = map[string]bool{"approve": true, "approved": true, "reject": false, "rejected": false}

// ReadReply reads a mail. It fails with ErrUndecided where the text does not
// say what was decided, and for what no person wrote.
func ReadReply(raw []byte) (r Reply, err error) {
	m, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return r, ErrUndecided
	}
	defer m.Close()
	if auto := m.Header.Get("Auto-Submitted"); auto != "" && !strings.EqualFold(auto, "no") {
		return r, ErrUndecided
	}
	if from, err := m.Header.AddressList("From"); err == nil && len(from) == 1 {
		r.From = from[0].Address
	}
	sum := sha256.Sum256(raw)
	r.ID = topology.UUIDv5("kaas reply", m.Header.Get("Message-Id"), sum[:])
	for {
		part, err := m.NextPart()
		if err != nil {
			return r, ErrUndecided
		}
		if _, inline := part.Header.(*mail.InlineHeader); !inline {
			continue
		}
		if kind, _, _ := part.Header.(*mail.InlineHeader).ContentType(); kind != "" && kind != "text/plain" {
			continue
		}
		approved, decided := decision(part.Body)
		if !decided {
			return r, ErrUndecided
		}
		r.Approved = approved
		return r, nil
	}
}

// maxText is how much of an answer is looked at.
const maxText = 64 << 10

// decision is the first word of the first line that is not empty.
func decision(text io.Reader) (approved, decided bool) {
	lines := bufio.NewScanner(io.LimitReader(text, maxText))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		approved, decided = words[strings.ToLower(strings.TrimRight(fields[0], ".,!:;"))]
		return approved, decided
	}
	return false, false
}
