package kaas

import (
	"errors"
	"strings"
	"testing"
)

func mailOf(header, text string) []byte {
	return []byte("From: Ann <ann@payerflow.example>\r\nMessage-ID: <m1@x>\r\n" + header + "\r\n" + strings.ReplaceAll(text, "\n", "\r\n"))
}

func TestRepliesAreRead(t *testing.T) {
	const both = "Content-Type: multipart/alternative; boundary=b\r\n"
	for name, c := range map[string]struct {
		header, text string
		approved     bool
		undecided    bool
	}{
		"approved":             {"", "APPROVE\n", true, false},
		"with words after":     {"", "\n  Approved, go on.\n", true, false},
		"rejected":             {"", "reject: not now\n> APPROVE\n", false, false},
		"base64":               {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n", "QVBQUk9WRQ==\n", true, false},
		"another charset":      {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n", "REJECT=2C f=FCr heute\n", false, false},
		"two forms":            {both, "--b\nContent-Type: text/html\n\n<b>REJECT</b>\n--b\nContent-Type: text/plain\n\nAPPROVE\n--b--\n", true, false},
		"html alone":           {"Content-Type: text/html\r\n", "APPROVE\n", false, true},
		"an attachment":        {"Content-Type: multipart/mixed; boundary=b\r\n", "--b\nContent-Type: text/plain\nContent-Disposition: attachment\n\nAPPROVE\n--b--\n", false, true},
		"quoted alone":         {"", "> APPROVE\n", false, true},
		"a signature":          {"", "Best regards\nAPPROVE\n", false, true},
		"a longer word":        {"", "approver here\n", false, true},
		"nothing":              {"", "", false, true},
		"written by a program": {"Auto-Submitted: auto-replied\r\n", "APPROVE\n", false, true},
	} {
		r, err := ReadReply(mailOf(c.header, c.text))
		if errors.Is(err, ErrUndecided) != c.undecided || err == nil && (r.Approved != c.approved || r.From != "ann@payerflow.example" || r.ID == "") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	a, _ := ReadReply(mailOf("", "APPROVE\n"))
	b, _ := ReadReply(mailOf("", "APPROVE\n"))
	c, _ := ReadReply(mailOf("", "APPROVE it\n"))
	if a.ID != b.ID || a.ID == c.ID {
		t.Error("a mail that is read again is another, or another is the same")
	}
}

func TestReplyAddresses(t *testing.T) {
	r, err := NewReplies([]byte(strings.Repeat("s", 32)), "Payerflow.example")
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewReplies([]byte(strings.Repeat("t", 32)), "payerflow.example")
	longest := strings.Repeat("r", 40)
	for _, id := range []string{"r-1", longest} {
		address := r.Address(id)
		if user, _, _ := strings.Cut(address, "@"); len(user) > 64 { // RFC 5321
			t.Errorf("%d octets before the @", len(user))
		}
		if got, ok := r.Request(strings.ToUpper(address)); !ok || got != id {
			t.Errorf("%s: %q %v", address, got, ok)
		}
		for _, wrong := range []string{"", "kaas@payerflow.example", strings.Replace(address, "+", "+x", 1), strings.Replace(address, "@payerflow", "@other", 1), other.Address(id), address[1:]} {
			if got, ok := r.Request(wrong); ok {
				t.Errorf("%s is taken for %s", wrong, got)
			}
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add(mailOf("", "APPROVE\n"))
	f.Add(mailOf("Content-Type: multipart/mixed; boundary=b\r\n", "--b\nContent-Type: text/plain\n\nREJECT\n--b--\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\x00\r\n\r\n--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ReadReply(raw)
		if err != nil && !errors.Is(err, ErrUndecided) {
			t.Errorf("another error: %v", err)
		}
		if err == nil && r.ID == "" {
			t.Error("an answer without identity")
		}
	})
}
