// This file answers: what would a rule or subscription in shadow mode do, if
// it were active?

package processors

import (
	"slices"
	"strings"
	"sync"

	"payerflow/tables"
)

// Shadow is what a rule or subscription in shadow mode says of one event.
type Shadow struct {
	Kind, Name string
	Already    bool // the subscription gets the event by what is active
	Failed     bool // the condition failed: nothing would be delivered
}

// noted are the shadows of an event, each rule and each subscription once.
func (run *routing) noted() (out []Shadow) {
	if len(run.shadows) == 0 {
		return nil
	}
	note := func(s Shadow) {
		at := slices.IndexFunc(out, func(o Shadow) bool { return o.Kind == s.Kind && o.Name == s.Name })
		if at < 0 {
			out = append(out, s)
			return
		}
		out[at].Already = out[at].Already && s.Already
		out[at].Failed = out[at].Failed && s.Failed
	}
	for _, h := range run.shadows {
		if h.ruleShadow {
			note(Shadow{tables.KindRoutingRule, h.rule, !h.failed && slices.Contains(run.hits, h.subscriber), h.failed})
		}
		if h.shadow {
			note(Shadow{tables.KindSubscription, h.ID(), false, h.failed})
		}
	}
	slices.SortFunc(out, func(a, b Shadow) int { return strings.Compare(a.Kind+"/"+a.Name, b.Kind+"/"+b.Name) })
	return out
}

// shadowHit is a target in shadow mode that an event came to.
type shadowHit struct {
	target
	failed bool
}

// ShadowCounts counts what rows in shadow mode would have done on this worker,
// since each was last written.
type ShadowCounts struct {
	mu     sync.Mutex
	counts map[shadowRow]*ShadowCount
}

type shadowRow struct {
	kind, name string
	version    int32
}

// ShadowCount is one row's count.
type ShadowCount struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version int32  `json:"version"`
	Would   int64  `json:"would" doc:"Events that it would have delivered or selected"`
	Already int64  `json:"already" doc:"Of these, events that the subscription got anyhow"`
	Failed  int64  `json:"failed" doc:"Events on which its condition failed"`
}

// note counts what was said of one event.
func (c *ShadowCounts) note(r *Rules, shadows []Shadow) {
	if c == nil || len(shadows) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range shadows {
		row := shadowRow{s.Kind, s.Name, r.Version(s.Kind, s.Name)}
		n := c.counts[row]
		if n == nil {
			n = &ShadowCount{Kind: s.Kind, Name: s.Name, Version: row.version}
			if c.counts == nil {
				c.counts = map[shadowRow]*ShadowCount{}
			}
			c.counts[row] = n
		}
		switch {
		case s.Failed:
			n.Failed++
		case s.Already:
			n.Already++
			n.Would++
		default:
			n.Would++
		}
	}
}

// Of are the counts of all rows that are in shadow mode by these rules, by kind
// and name, also of those that nothing came to. Others are forgotten.
func (c *ShadowCounts) Of(r *Rules) []ShadowCount {
	out := []ShadowCount{}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := map[shadowRow]*ShadowCount{}
	add := func(kind, name string) {
		row := shadowRow{kind, name, r.Version(kind, name)}
		n := c.counts[row]
		if n == nil {
			n = &ShadowCount{Kind: kind, Name: name, Version: row.version}
		}
		kept[row] = n
		out = append(out, *n)
	}
	for _, u := range sorted(r.rules) {
		if u.State == tables.StateShadow {
			add(tables.KindRoutingRule, u.ID())
		}
	}
	for _, s := range r.Subscriptions() {
		if s.State == tables.StateShadow {
			add(tables.KindSubscription, s.ID())
		}
	}
	c.counts = kept
	return out
}
