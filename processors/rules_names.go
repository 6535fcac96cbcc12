package processors

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a row may hold.
const (
	maxNameBytes    = 60 // of a team, subscription or rule: two of them and a prefix fit into a topic's name
	maxTypeBytes    = 200
	maxPatternBytes = 200
	maxTagBytes     = 128
	maxListed       = 1000 // items of one list
	maxFields       = 2000
	maxReasonBytes  = 500
)

var (
	legalTeam    = regexp.MustCompile(`^[a-z0-9]+(-+[a-z0-9]+)*$`)
	legalToken   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	legalType    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	legalPattern = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._*-]*$`)
	legalClass   = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
)

// name holds a team, subscription, rule or application to what a topic's name
// may be made of.
func (f *faults) name(at, name string) {
	f.unless(len(name) <= maxNameBytes && legalTeam.MatchString(name), InvalidName, at,
		fmt.Sprintf("lower-case letters, digits and hyphens between them, at most %d", maxNameBytes))
}

func (f *faults) class(at, class string) {
	f.unless(len(class) <= maxNameBytes && legalClass.MatchString(class), InvalidName, at, "upper-case letters, digits and underscores, a letter first")
}

// patterns holds names and patterns of event types or views to their characters.
func (f *faults) patterns(at string, patterns []string) {
	f.short(at, len(patterns))
	for i, p := range patterns {
		f.unless(len(p) <= maxPatternBytes && legalPattern.MatchString(p), InvalidName, item(at, i), "letters, digits and -_.*")
	}
}

func (f *faults) tags(at string, tags []string) {
	f.short(at, len(tags))
	for i, t := range tags {
		f.unless(LegalTag(t), InvalidName, item(at, i), fmt.Sprintf("1 to %d bytes without control characters", maxTagBytes))
	}
}

// LegalTag says whether a text may be a tag: UTF-8, 1 to 128 bytes, and no
// control character, so that no tag ends a header's line.
func LegalTag(tag string) bool {
	if tag == "" || len(tag) > maxTagBytes || !utf8.ValidString(tag) {
		return false
	}
	for _, c := range tag {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return false
		}
	}
	return true
}

func (f *faults) short(at string, n int) {
	f.unless(n <= maxListed, "TOO_MANY", at, fmt.Sprintf("at most %d", maxListed))
}

func item(at string, i int) string { return at + "/" + strconv.Itoa(i) }

// teamOf is the team in team/name.
func teamOf(id string) string {
	team, _, _ := strings.Cut(id, "/")
	return team
}
