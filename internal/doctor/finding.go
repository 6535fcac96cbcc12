package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// State is how a check ended, from the best to the worst.
type State string

// Skipped also stands for what the other side does not tell.
const (
	OK      State = "ok"
	Skipped State = "skipped"
	Warn    State = "warn"
	Fail    State = "fail"
)

var severity = []State{OK, Skipped, Warn, Fail}

func worse(a, b State) State {
	if slices.Index(severity, b) > slices.Index(severity, a) {
		return b
	}
	return a
}

// Finding is the outcome of one check. It holds no key, no body and no secret.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Found string `json:"found"`
	Do    string `json:"do"` // what to do; "" where there is nothing to do
}

// Count says how many findings are in a state.
func Count(findings []Finding, s State) (n int) {
	for _, f := range findings {
		if f.State == s {
			n++
		}
	}
	return n
}

func ok(check, found string) Finding       { return Finding{check, OK, found, ""} }
func skipped(check, found string) Finding  { return Finding{check, Skipped, found, ""} }
func warn(check, found, do string) Finding { return Finding{check, Warn, found, do} }
func fail(check, found, do string) Finding { return Finding{check, Fail, found, do} }

const notTold = "not told"

// named is how many examples a finding names.
const named = 3

// some names the first few of many.
func some(all []string) string {
	if len(all) <= named {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:named], "; "), len(all)-named)
}
