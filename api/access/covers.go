package access

import (
	"slices"
	"strings"

	"payerflow/tables"
)

// Covers says whether every name that a pattern matches, also one that is
// still to come, is matched by one of the scopes. A star of the pattern stands
// for itself here: only a star of the scope takes it, and takes as well
// whatever it stands for.
func Covers(scopes []string, pattern string) bool {
	return pattern != "" && plain(pattern) && tables.Matches(slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !plain(s) }), pattern)
}

// plain says whether a pattern has no special character but the star.
func plain(pattern string) bool { return !strings.ContainsAny(pattern, `?[]\/`) }
