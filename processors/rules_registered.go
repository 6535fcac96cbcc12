package processors

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"payerflow/tables"
)

// registered is a registered type with what has been worked out about it. It
// is shared by all rules in which the row is the same.
type registered struct {
	tables.EventType
	language func() (*language, error) // nil, error: no condition can be asked of it
	masks    memo[Mask]                // by the classes that may be seen
}

// register takes over the language of the row before, where the schema is the
// same.
func register(t tables.EventType, before *registered) *registered {
	if before != nil && before.Schema == t.Schema {
		return &registered{EventType: t, language: before.language}
	}
	return &registered{EventType: t, language: sync.OnceValues(func() (*language, error) { return newLanguage(t.Schema) })}
}

// mask is what readers who may see the classes see of the type.
func (t *registered) mask(classes map[string]bool, secret []byte) *Mask {
	key := strings.Join(slices.Sorted(maps.Keys(classes)), " ")
	return t.masks.of(key, func() *Mask { return NewMask(t.EventType, classes, secret) })
}

// Mask is what a team, or one application of it, may see of an event type. An
// unknown type has a mask that withholds everything.
func (r *Rules) Mask(team, application, eventType string) *Mask {
	t := r.types[eventType].value
	if t == nil {
		return NewMask(tables.EventType{Name: eventType}, nil, r.secret)
	}
	return t.mask(r.Classes(team, application, eventType), r.secret)
}

// sights remembers what each team sees of each type.
type sights struct {
	mu     sync.Mutex
	byTeam map[string]map[string]*Mask
}

// sight is Mask for a whole team and a registered type.
func (r *Rules) sight(team string, t *registered) *Mask {
	s := r.sights
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.byTeam[team][t.Name]; ok {
		return m
	}
	if s.byTeam == nil {
		s.byTeam = map[string]map[string]*Mask{}
	}
	if s.byTeam[team] == nil {
		s.byTeam[team] = map[string]*Mask{}
	}
	m := t.mask(r.Classes(team, "", t.Name), r.secret)
	s.byTeam[team][t.Name] = m
	return m
}

// forget is for when a team's permissions change, clear for when a type does.
func (s *sights) forget(team string) { delete(s.byTeam, team) }
func (s *sights) clear()             { s.byTeam = nil }

// EventType finds a registered type.
func (r *Rules) EventType(name string) (tables.EventType, bool) {
	t := r.types[name].value
	if t == nil {
		return tables.EventType{}, false
	}
	return t.EventType, true
}

// EventTypes are all registered types by name.
func (r *Rules) EventTypes() []tables.EventType {
	all := make([]tables.EventType, 0, len(r.types))
	for _, t := range sorted(r.types) {
		all = append(all, t.EventType)
	}
	return all
}
