package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/tables"
)

// rules are what the control log says up to one offset, as far as it decides
// who gets what and sees what.
type rules struct {
	types         map[string]tables.EventType
	subscriptions map[string]tables.Subscription
	conditions    map[string]tables.RoutingRule
	permissions   map[string]tables.Permission
	graces        map[string]tables.GracePolicy

	sights  map[string]map[string]bool // classes by team and type, as they are asked for
	classed map[string]lines           // by type
	plain   map[string][]string        // topics by what decides about them without a condition
}

// rulebook is the rules from each offset on at which they changed.
type rulebook struct {
	offsets []int64 // next offset of the control log, ascending
	at      []*rules
	unsure  string // what of the control log is not understood
}

// upTo are the rules of a snapshot that had read the log up to an offset.
func (b *rulebook) upTo(offset int64) int {
	i, exact := slices.BinarySearch(b.offsets, offset)
	if !exact {
		i--
	}
	return i
}

// rulebookOf folds the control log: a change counts where it names the next
// version of its row.
func (l *Log) rulebookOf(ctx context.Context, f Flow) (*rulebook, error) {
	read, _, err := decoder(codecs.NewAvro[events.Control](f.Control, eventBytes), l.Schemas, f.Control)
	if err != nil {
		return nil, err
	}
	now := &rules{types: map[string]tables.EventType{}, subscriptions: map[string]tables.Subscription{}, conditions: map[string]tables.RoutingRule{}, permissions: map[string]tables.Permission{}, graces: map[string]tables.GracePolicy{}}
	versions := map[string]int32{}
	for _, t := range f.Types {
		now.types[t.Name] = t
		versions[tables.KindEventType+"/"+t.Name] = 1
	}
	book := &rulebook{offsets: []int64{0}, at: []*rules{now}}
	proposals := map[string]tables.Proposal{}
	held, err := l.held(ctx, false, f.Control)
	if err != nil {
		return nil, err
	}
	err = l.read(ctx, held, false, func(r *kgo.Record) error {
		c, err := read(r.Value)
		if err != nil {
			return unless(faulty(err), err)
		}
		next := now.clone()
		if book.take(next, versions, proposals, c) {
			now = next
			book.offsets, book.at = append(book.offsets, r.Offset+1), append(book.at, now)
		}
		return nil
	})
	return book, err
}

func (r *rules) clone() *rules {
	return &rules{maps.Clone(r.types), maps.Clone(r.subscriptions), maps.Clone(r.conditions), maps.Clone(r.permissions), maps.Clone(r.graces), nil, nil, nil}
}

// take applies a change; false where it is refused or decides nothing here.
func (b *rulebook) take(r *rules, versions map[string]int32, proposals map[string]tables.Proposal, c events.Control) bool {
	id := c.Kind + "/" + c.Name
	if c.Version != versions[id]+1 {
		return false
	}
	if c.Kind == tables.KindProposal {
		versions[id]++
		return b.proposed(r, versions, proposals, c)
	}
	if !r.put(c.Kind, c.Name, c.Act, c.Row, c.Why) {
		return false
	}
	versions[id]++
	if c.Act == events.ControlDelete {
		versions[id] = 0
	}
	return true
}

// proposed follows a proposal; its changes come into force when it is applied.
func (b *rulebook) proposed(r *rules, versions map[string]int32, proposals map[string]tables.Proposal, c events.Control) bool {
	var p tables.Proposal
	switch c.Act {
	case events.ControlPut:
		if json.Unmarshal([]byte(c.Row), &p) == nil {
			proposals[c.Name] = p
		}
	case events.ControlApply:
		for _, change := range proposals[c.Name].Changes {
			id := change.Kind + "/" + change.Name
			r.put(change.Kind, change.Name, change.Act, change.Row, "")
			if versions[id]++; change.Act == events.ControlDelete {
				versions[id] = 0
			}
		}
		return true
	case events.ControlExpire:
		b.unsure = "a proposal expired: what it brought back is not followed"
	}
	return false
}

func (r *rules) put(kind, name, act, row, why string) bool {
	switch kind {
	case tables.KindEventType:
		return change(r.types, name, act, row, nil)
	case tables.KindSubscription:
		return change(r.subscriptions, name, act, row, func(s *tables.Subscription) { s.State, s.Reason = tables.StateQuarantined, why })
	case tables.KindRoutingRule:
		return change(r.conditions, name, act, row, func(u *tables.RoutingRule) { u.State, u.Reason = tables.StateQuarantined, why })
	case tables.KindPermission:
		return change(r.permissions, name, act, row, nil)
	case tables.KindGracePolicy:
		return change(r.graces, name, act, row, nil)
	}
	return true // of a kind that has no part here, but has versions
}

func change[T any](rows map[string]T, name, act, row string, quarantine func(*T)) bool {
	v, there := rows[name]
	switch act {
	case events.ControlPut:
		var read T
		if json.Unmarshal([]byte(row), &read) != nil {
			return false
		}
		rows[name] = read
		return true
	case events.ControlDelete:
		delete(rows, name)
	case events.ControlQuarantine:
		if there && quarantine != nil {
			quarantine(&v)
			rows[name] = v
		}
	}
	return there
}

// sees are the classes that a whole team may see of a type.
func (r *rules) sees(team, eventType string) map[string]bool {
	key := team + "\x00" + eventType
	if r.sights[key] != nil {
		return r.sights[key]
	}
	classes := map[string]bool{tables.ClassPublic: true}
	for _, p := range r.permissions {
		if p.Team == team && p.Application == "" && (len(p.EventTypes) == 0 || tables.Matches(p.EventTypes, eventType)) {
			classes[p.Class] = true
		}
	}
	if r.sights == nil {
		r.sights = map[string]map[string]bool{}
	}
	r.sights[key] = classes
	return classes
}

// lines are the classes of a type's fields.
func (r *rules) lines(eventType string) lines {
	if r.classed == nil {
		r.classed = map[string]lines{}
	}
	ls, known := r.classed[eventType]
	if !known {
		ls = linesOf(r.types[eventType])
		r.classed[eventType] = ls
	}
	return ls
}

const mostPlain = 10_000 // tags are many

// gets are the topics of the subscriptions that get an event. Where it hangs on
// a condition that cannot be judged here, it is among those that may.
func (r *rules) gets(e events.Envelope, judge *judge) (must, may []string) {
	what := f("%s %t %q", e.Type, e.Synthetic, e.Tags)
	if topics, known := r.plain[what]; known {
		return slices.Clone(topics), nil
	}
	asked := false
	for _, s := range r.subscriptions {
		if s.State != tables.StateActive || e.Synthetic && s.Synthetic != tables.PassThrough || !s.Tags.Takes(e.Tags) {
			continue
		}
		topic := f("%s%s.%s", tables.ConsumerTopicPrefix, s.Team, s.Name)
		if len(s.Rules) == 0 && tables.Matches(s.EventTypes, string(e.Type)) {
			must = append(must, topic)
			continue
		}
		yes, perhaps := false, false
		for _, u := range r.conditions {
			sent := u.Destination == s.Team+"/"+s.Name
			named := u.Team == s.Team && slices.Contains(s.Rules, u.Name) && (len(s.EventTypes) == 0 || tables.Matches(s.EventTypes, string(e.Type)))
			if u.State != tables.StateActive || !sent && !named || !tables.Matches(u.EventTypes, string(e.Type)) {
				continue
			}
			asked = true
			holds, sure := judge.holds(u.Condition, e, r, s.Team)
			yes, perhaps = yes || sure && holds, perhaps || !sure
		}
		if yes {
			must = append(must, topic)
		} else if perhaps {
			may = append(may, topic)
		}
	}
	slices.Sort(must)
	slices.Sort(may)
	if !asked && len(r.plain) < mostPlain {
		if r.plain == nil {
			r.plain = map[string][]string{}
		}
		r.plain[what] = slices.Clone(must)
	}
	return must, may
}

func f(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// teamOf is the team of a consumer topic: names of teams have no dots.
func teamOf(topic string) string {
	team, _, _ := strings.Cut(strings.TrimPrefix(topic, tables.ConsumerTopicPrefix), ".")
	return team
}
