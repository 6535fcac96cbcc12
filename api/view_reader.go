package api

import (
	"context"
	"slices"
	"strings"
	"sync"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// surface is what all ways of reading views share.
type surface struct {
	views topology.Views
	guard *access.Guard // nil lets nobody in
	masks masks

	languages languages
	bounds    bounds
	turns     chan struct{} // of those who look through rows
	exports   chan struct{} // of those who export
	watches   watches
}

func newSurface(views topology.Views, guard *access.Guard, b bounds) *surface {
	return &surface{views: views, guard: guard, bounds: b, turns: make(chan struct{}, b.scans), exports: make(chan struct{}, b.scans)}
}

// masks remembers what readers see, for as long as the rules decide the same.
type masks struct {
	mu   sync.Mutex
	hash string // of the rules
	of   map[maskOf]*processors.RowMask
	made map[string]*processors.RowMask // by view and classes, whatever the rules
}

type maskOf struct{ view, version, team, application, opened string }

// maxMasks bounds what is remembered; readers are few.
const maxMasks = 4096

// sight is what the reader of a view sees at this moment. The glass counts
// where the reader would not see everything without it, and is written down
// then.
func (s *surface) sight(ctx context.Context, v topology.Served) (*processors.RowMask, error) {
	p, ok := access.From(ctx)
	if !ok {
		return nil, access.Forbidden("the token's scopes do not let it read this view")
	}
	rules, err := s.guard.Rules()
	if err != nil {
		return nil, access.Stale()
	}
	reason, broken := p.Breaks(v.Name)
	if !p.MayRead(v.Name) {
		if !broken {
			return nil, access.Forbidden("the token's scopes do not let it read this view")
		}
		audit.Breaks(ctx, reason)
		return s.shows(ctx, v, s.whole(rules, v)), nil
	}
	if p.Scopes.Admin {
		return s.shows(ctx, v, s.whole(rules, v)), nil
	}
	m := s.mask(rules, v, p, nil)
	if m.SeesAll() {
		return s.shows(ctx, v, m), nil
	}
	if broken {
		audit.Breaks(ctx, reason)
		return s.shows(ctx, v, s.whole(rules, v)), nil
	}
	if opened, why := p.Opened(); len(opened) > 0 {
		audit.Breaks(ctx, why)
		m = s.mask(rules, v, p, opened)
	}
	return s.shows(ctx, v, m), nil
}

// shows has the audit name the classes that are shown.
func (s *surface) shows(ctx context.Context, v topology.Served, m *processors.RowMask) *processors.RowMask {
	audit.ShowsOf(ctx, m.Shown(v.Classes))
	return m
}

func (s *surface) whole(rules *processors.Rules, v topology.Served) *processors.RowMask {
	if m := s.masks.known(rules, maskOf{view: v.Name, version: v.Version}); m != nil {
		return m
	}
	return s.wholeAnew(rules, v)
}

func (s *surface) wholeAnew(rules *processors.Rules, v topology.Served) *processors.RowMask {
	return s.masks.get(rules, maskOf{view: v.Name, version: v.Version}, func() (string, func() *processors.RowMask) {
		return v.Name + " " + v.Version, func() *processors.RowMask { return rules.WholeRows(v) }
	})
}

func (s *surface) mask(rules *processors.Rules, v topology.Served, p access.Principal, opened []string) *processors.RowMask {
	if m := s.masks.known(rules, maskOf{v.Name, v.Version, p.Team, p.Application, strings.Join(opened, ",")}); m != nil {
		return m
	}
	return s.maskAnew(rules, v, p, opened)
}

func (s *surface) maskAnew(rules *processors.Rules, v topology.Served, p access.Principal, opened []string) *processors.RowMask {
	return s.masks.get(rules, maskOf{v.Name, v.Version, p.Team, p.Application, strings.Join(opened, ",")}, func() (string, func() *processors.RowMask) {
		classes := rules.RowClasses(p.Team, p.Application, v.EventTypes)
		for _, c := range opened {
			classes[c] = true
		}
		names := make([]string, 0, len(classes))
		for c := range classes {
			names = append(names, c)
		}
		slices.Sort(names)
		return v.Name + " " + v.Version + " " + strings.Join(names, ","), func() *processors.RowMask { return rules.RowMask(v, classes) }
	})
}

// known finds a mask that get has returned for these rules; nil: none.
func (m *masks) known(rules *processors.Rules, of maskOf) *processors.RowMask {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rules.RoutingHash() != m.hash {
		return nil
	}
	return m.of[of]
}

// get finds a mask by the rules' hash and the reader, else by its classes, and
// compiles it where neither has been asked for.
func (m *masks) get(rules *processors.Rules, of maskOf, classes func() (string, func() *processors.RowMask)) *processors.RowMask {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hash := rules.RoutingHash(); hash != m.hash || len(m.of) >= maxMasks {
		m.hash, m.of = hash, map[maskOf]*processors.RowMask{}
	}
	if mask, ok := m.of[of]; ok {
		return mask
	}
	name, compile := classes()
	mask, ok := m.made[name]
	if !ok {
		if mask = compile(); m.made == nil || len(m.made) >= maxMasks {
			m.made = map[string]*processors.RowMask{}
		}
		m.made[name] = mask
	}
	m.of[of] = mask
	return mask
}
