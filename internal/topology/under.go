package topology

import (
	"cmp"
	"fmt"
	"strings"
)

// Row under a key: its stored key is the record's key, a separator and a
// suffix. It lives in the partition of the key. See docs/adr/0010.

// Sub is a row under a key.
type Sub struct {
	Suffix string
	Row    any
}

// Under folds each record into a row under its key: the one that suffix names.
// Rows under a key are in the order of their suffixes' numbers, see Ordered.
func Under[S Row, E Event](in Input[S], suffix func(E) string) Input[S] {
	in.edge.Suffix = func(body any) string { return suffix(body.(E)) }
	return in
}

// orderDigits are the hexadecimal digits of a suffix's number.
const orderDigits = 8

// Ordered is a suffix that puts a row among those under its key: rows are in
// the order of their numbers, and those of one number in an order of their own.
func Ordered(number uint32, id string) string { return fmt.Sprintf("@%08x%s", number, id) }

// OrderOf is the number of a suffix that Ordered made, and 0 of any other.
func OrderOf(suffix string) (number uint32) {
	if len(suffix) <= orderDigits || suffix[0] != '@' {
		return 0
	}
	for _, c := range []byte(suffix[1 : 1+orderDigits]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0
		}
		number = number<<4 | uint32(c)
	}
	return number
}

// CompareSuffixes orders rows under a key: by number, then in any order that
// stays the same.
func CompareSuffixes(a, b string) int {
	return cmp.Or(cmp.Compare(OrderOf(a), OrderOf(b)), cmp.Compare(a, b))
}

// IDOf is what Ordered put behind the number; of another suffix, the suffix.
func IDOf(suffix string) string {
	if len(suffix) > orderDigits && suffix[0] == '@' {
		return suffix[1+orderDigits:]
	}
	return suffix
}

// RowUnder is the key of a row under another key.
func RowUnder(key, suffix string) string { return key + spaceEnd + suffix }

// SplitUnder parts the key of a row: suffix is "" of one that is under none.
func SplitUnder(row string) (key, suffix string) {
	key, suffix, _ = strings.Cut(row, spaceEnd)
	return key, suffix
}

// PrefixOf is how many bytes of a stored key stand before its suffix, and the
// suffix's number: all rows under one key share what stands before. A row under
// no key has no suffix. The engine's local copies are kept in this order: see
// rowlog.Options.
func PrefixOf(stored string) (n int, number uint32) {
	i := strings.Index(stored, spaceEnd)
	if i < 0 {
		return len(stored), 0
	}
	n = i + len(spaceEnd)
	return n, OrderOf(stored[n:])
}

// Own is the row of the group's own table at a key that has the partition of
// the record's: as the open transaction has left it, the zero row where there
// is none.
func Own[S Row](r Reader, key string) (row S, found bool) {
	row, found = r.Row(key).(S)
	return row, found
}
