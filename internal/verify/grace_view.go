package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/tables"
)

// GraceTopics names what grace-periods folds and who does, where its clock
// stands, and where policies change.
type GraceTopics struct {
	Invoices, Received, Completed, Missed, Activated, Terminated Follower
	Ticks, Control                                               string
}

// graceModel is a keyed model that also knows how late it is.
type graceModel struct {
	*keyed[GraceFacts, tables.GracePeriods]
	clocks     map[int32]time.Time // by partition
	partitions int
}

// GracePeriods checks grace-periods, and whether what had to be said when a
// date passed was said. Of members of whom Billing said something of that
// itself, and of those with more than a row keeps, nothing is judged.
func (l *Log) GracePeriods(ctx context.Context, v View, t GraceTopics, http *Answers, wait time.Duration) (*Check, error) {
	m, err := keyedOf[GraceFacts, tables.GracePeriods](l, v.Table, l.graceSources(t), nil)
	if err != nil {
		return nil, err
	}
	versions, err := l.policies(ctx, t.Control)
	if err != nil {
		return nil, err
	}
	g := &graceModel{keyed: m, clocks: map[int32]time.Time{}}
	if err := g.readClocks(ctx, l, t.Ticks); err != nil {
		return nil, err
	}
	m.make = func(key string, f *GraceFacts) (tables.GracePeriods, bool) { return GraceRow(key, f, versions[0]) }
	m.skips = func(f *GraceFacts) bool {
		return f.Others || len(f.Bills) > keptInvoices || len(f.Payments) > keptPayments || len(f.Activated)+len(f.Terminated) > keptPayments
	}
	if len(versions) > 1 {
		m.also = func(key string, f *GraceFacts) (rows []any) {
			for _, older := range versions[1:] { // a row follows a change at its next event
				row, _ := GraceRow(key, f, older)
				rows = append(rows, row)
			}
			return rows
		}
	}
	return l.rows(ctx, v, g, http, wait)
}

// Up to these a row surely keeps everything.
const keptInvoices, keptPayments = 24, 50

// policies are all sets of grace policies that were in force, the newest first.
func (l *Log) policies(ctx context.Context, control string) (versions []Policies, err error) {
	book, err := l.rulebookOf(ctx, Flow{Control: control})
	if err != nil {
		return nil, err
	}
	var last map[string]tables.GracePolicy
	for _, r := range slices.Backward(book.at) {
		if versions == nil || !maps.Equal(r.graces, last) {
			versions, last = append(versions, slices.Collect(maps.Values(r.graces))), r.graces
		}
	}
	return versions, nil
}

// readClocks finds the last tick of each partition.
func (m *graceModel) readClocks(ctx context.Context, l *Log, ticks string) error {
	held, err := l.held(ctx, true, ticks)
	if err != nil {
		return err
	}
	m.partitions = len(held[ticks])
	return l.read(ctx, held, false, func(r *kgo.Record) error {
		var tick struct{ Clock time.Time }
		if err := json.Unmarshal(r.Value, &tick); err != nil {
			return fmt.Errorf("%s/%s: %w", ticks, place(r), err)
		}
		m.clocks[r.Partition] = tick.Clock
		return nil
	})
}

// judge says whether something was due by the clock and not said, or is said
// though nothing follows for it.
func (m *graceModel) judge(stored string, row any) (kinds []string) {
	g := row.(tables.GracePeriods)
	key := strings.TrimPrefix(stored, syntheticMark)
	partition := kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(key)}, max(1, m.partitions))
	if due := g.Due(); !due.IsZero() && !due.After(m.clocks[int32(partition)]) {
		kinds = append(kinds, "not said")
	}
	for _, i := range g.Invoices {
		deadlines := i.Deadlines()
		for _, s := range i.Said {
			if s.Stands() && !slices.ContainsFunc(deadlines, func(d tables.GraceDeadline) bool { return d.Type == s.Type }) {
				kinds = append(kinds, "said without a reason")
			}
		}
	}
	return kinds
}

func (l *Log) graceSources(t GraceTopics) func(taking[GraceFacts]) ([]source, error) {
	return func(to taking[GraceFacts]) ([]source, error) {
		var all gathered
		all.add(premiumFacts[events.InvoiceGenerated](l, t.Invoices, to))
		all.add(premiumFacts[events.PaymentReceived](l, t.Received, to))
		all.add(premiumFacts[events.PaymentCompleted](l, t.Completed, to))
		all.add(premiumFacts[events.PaymentMissed](l, t.Missed, to))
		all.add(premiumFacts[events.EnrollmentActivated](l, t.Activated, to))
		all.add(premiumFacts[events.EnrollmentTerminated](l, t.Terminated, to))
		return all.sources, all.err
	}
}

func premiumFacts[E event](l *Log, f Follower, to taking[GraceFacts]) (source, error) {
	return factsOf(l, f, eventBytes, to, func(g *GraceFacts, id string, e E) { g.Add(id, e) })
}
