package verify

import (
	"maps"
	"slices"
)

// Outcome says how a check ended.
type Outcome string

// Outcomes of a check.
const (
	Equal     Outcome = "equal"
	Different Outcome = "different"
	Undecided Outcome = "undecided"
)

// Report is what all checks found. It holds no key and no value.
type Report struct {
	Outcome Outcome `json:"outcome"`
	Checks  []Check `json:"checks"`
}

// Check is what one check looked at, and what it found.
type Check struct {
	Name     string           `json:"name"`
	Outcome  Outcome          `json:"outcome"`
	Counts   map[string]int64 `json:"counts"`             // what was looked at
	Findings []Finding        `json:"findings,omitempty"` // what differs, by kind and place
	Why      []string         `json:"why,omitempty"`      // what could not be decided
}

// Finding is one kind of difference in one place.
type Finding struct {
	Kind      string   `json:"kind"`
	Where     string   `json:"where"`               // a topic, a view, a chain
	Count     int64    `json:"count"`               //
	KeyHashes []string `json:"keyHashes,omitempty"` // of the first few
	Fields    []string `json:"fields,omitempty"`    // of rows that differ, sorted
	At        []string `json:"at,omitempty"`        // partition/offset of the first few
}

// few is how many examples a finding names.
const few = 5

func newCheck(name string) *Check {
	return &Check{Name: name, Outcome: Equal, Counts: map[string]int64{}}
}

// found notes a difference; hash and at may be "".
func (c *Check) found(kind, where, hash, at string, fields ...string) {
	c.Outcome = Different
	i := slices.IndexFunc(c.Findings, func(f Finding) bool { return f.Kind == kind && f.Where == where })
	if i < 0 {
		i = len(c.Findings)
		c.Findings = append(c.Findings, Finding{Kind: kind, Where: where})
	}
	f := &c.Findings[i]
	f.Count++
	if hash != "" && len(f.KeyHashes) < few {
		f.KeyHashes = append(f.KeyHashes, hash)
	}
	if at != "" && len(f.At) < few {
		f.At = append(f.At, at)
	}
	for _, name := range fields {
		if !slices.Contains(f.Fields, name) {
			f.Fields = append(f.Fields, name)
			slices.Sort(f.Fields)
		}
	}
}

// undecided notes what could not be looked at. A difference that was found
// stays one.
func (c *Check) undecided(why string) {
	if c.Outcome == Equal {
		c.Outcome = Undecided
	}
	if !slices.Contains(c.Why, why) {
		c.Why = append(c.Why, why)
	}
}

// Sum puts checks together: one that differs makes all differ, else one that
// could not be decided makes all undecided.
func Sum(checks ...*Check) Report {
	r := Report{Outcome: Equal, Checks: []Check{}}
	for _, c := range checks {
		r.Checks = append(r.Checks, *c)
		switch {
		case c.Outcome == Different:
			r.Outcome = Different
		case c.Outcome == Undecided && r.Outcome == Equal:
			r.Outcome = Undecided
		}
	}
	return r
}

// Kinds are the kinds of differences of all checks, sorted, each once.
func (r Report) Kinds() []string {
	kinds := map[string]bool{}
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			kinds[f.Kind] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// Broken is a check that could not be made at all.
func Broken(name string, err error) *Check {
	c := newCheck(name)
	c.undecided(err.Error())
	return c
}
