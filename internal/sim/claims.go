package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// claimGroups are the groups that make a claim's row: what happened to it, what
// it is joined with, and the lists that it stands in.
var claimGroups = []topology.Declared{
	topologies.ClaimStatus.Declare(), topologies.ClaimPriorAuth.Declare(), topologies.ClaimGrace.Declare(), topologies.PriorAuths.Declare(),
	topologies.GracePeriods.Declare(), topologies.ClaimsByMember.Declare(), topologies.ClaimsByProvider.Declare(),
}

// claimTables are those whose rows follow from the facts alone, whatever the
// order and the time in which they were folded.
var claimTables = []string{topologies.ClaimStatus.Name, topologies.PriorAuths.Name, topologies.ClaimsByMember.Name, topologies.ClaimsByProvider.Name}

// facts are claims of two members that name three prior authorizations, what
// was decided about these, and premiums that the members owe.
var facts = sync.OnceValue(func() (all []topology.Raw) {
	bodies := codecs.NewBodies(&schemas)
	add := func(topic topology.Topic, key, text string, a ...any) {
		body, faults := codecs.CheckBody(fmt.Appendf(nil, text, a...))
		if len(faults) > 0 {
			panic(fmt.Sprintf("%s: %+v", topic.Name, faults))
		}
		value, err := bodies.Encode(topic, body)
		if err != nil {
			panic(err)
		}
		all = append(all, topology.Raw{Topic: topic.Name, Key: []byte(key), Value: value, Timestamp: epoch,
			Headers: []topology.Header{{Key: topology.HeaderID, Value: fmt.Append(nil, "f", len(all))}}})
	}
	for c := range 4 {
		claim, member := fmt.Sprint("c", c), fmt.Sprint("m", c%2)
		add(topologies.ClaimSubmitted.Topic, claim, `{"eventType":"CLAIM_SUBMITTED","claimId":%q,"memberId":%q,"providerId":"p%d","planId":"pl","claimType":"DENTAL","totalBilledAmount":"250.00","serviceDate":"2026-0%d-05","submittedAt":"2026-03-1%dT00:00:00Z","requiresPriorAuth":true,"priorAuthId":"pa%d"}`,
			claim, member, c%2, 1+c, c, c%3)
		if c%2 == 0 {
			add(topologies.ClaimSubmitted.Topic, claim, `{"eventType":"CLAIM_SUBMITTED","claimId":%q,"memberId":"m%d","providerId":"p1","planId":"pl","claimType":"DENTAL","totalBilledAmount":"250.00","serviceDate":"2026-03-05","submittedAt":"2026-03-09T00:00:00Z","requiresPriorAuth":true,"priorAuthId":"pa%d"}`,
				claim, (c+1)%2, (c+1)%3)
			add(topologies.ClaimAdjudicated.Topic, claim, `{"eventType":"CLAIM_DENIED","claimId":%q,"memberId":%q,"providerId":"p0","denialReasonCode":"CO-197","denialReasonText":"none","appealDeadline":"2026-09-06","adjudicatedAt":"2026-03-20T00:00:00Z"}`, claim, member)
		}
	}
	for d := range 3 {
		auth := fmt.Sprint("pa", d)
		add(topologies.PriorAuthDecided.Topic, auth, `{"eventType":"PRIOR_AUTH_APPROVED","priorAuthId":%q,"memberId":"m%d","providerId":"p0","planId":"pl","decidedAt":"2026-02-0%dT00:00:00Z","effectiveDate":"2026-02-01","expirationDate":"2026-03-31"}`, auth, d%2, 1+d)
		add(topologies.PriorAuthDecided.Topic, auth, `{"eventType":"PRIOR_AUTH_DENIED","priorAuthId":%q,"memberId":"m0","providerId":"p0","planId":"pl","decidedAt":"2026-02-0%dT00:00:00Z","denialReasonCode":"CO-50","denialReasonText":"none"}`, auth, 6-2*d)
	}
	for m := range 2 {
		for month := 1; month <= 2; month++ {
			add(topologies.InvoiceGenerated.Topic, fmt.Sprint("m", m), `{"eventType":"INVOICE_GENERATED","invoiceId":"i%d-%d","memberId":"m%[1]d","planId":"pl","premiumCents":100,"periodStart":"2026-0%[2]d-01","periodEnd":"2026-0%[2]d-28","dueDate":"2026-0%d-01","generatedAt":"2026-01-0%[2]dT00:00:00Z","aptcCents":50}`, m, month, month+1)
		}
	}
	add(topologies.PaymentCompleted.Topic, "m0", `{"eventType":"PAYMENT_COMPLETED","paymentId":"y","memberId":"m0","invoiceId":"i0-1","amountCents":100,"completedAt":"2026-03-30T00:00:00Z"}`)
	return all
})

var schemas codecs.Memory

// claims is the world of claims: facts in any order, most of them there, some
// twice, some astray.
func claims(r *rand.Rand) *world {
	graces := processors.NewRules(nil, []byte("0123456789abcdef0123456789abcdef")).Graces()
	w := &world{bind: func(*Sim) []*topology.Bound { return claimCodecs() }, until: epoch.Add(48 * time.Hour), steps: 3000, check: checkClaims,
		pins: map[string]func() topology.Pinned{topologies.GracePeriods.Name: func() topology.Pinned { return graces }}}
	partitions := map[string]int{}
	for _, g := range claimCodecs() {
		for _, in := range g.Inputs {
			partitions[in.Topic.Name] = in.Topic.Partitions
		}
		w.groups = append(w.groups, g.Declared)
	}
	for _, rec := range facts() {
		if r.IntN(8) == 0 {
			continue
		}
		n := partitions[rec.Topic]
		rec.Partition = topology.Partition(rec.Key, n)
		if r.IntN(8) == 0 { // hashed by another client
			rec.Partition = int32(r.IntN(n))
		}
		w.inputs = append(w.inputs, rec)
		if r.IntN(6) == 0 {
			w.inputs = append(w.inputs, rec)
		}
	}
	r.Shuffle(len(w.inputs), func(i, j int) { w.inputs[i], w.inputs[j] = w.inputs[j], w.inputs[i] })
	return w
}

// claimCodecs are the groups with their codecs. They have read their schemas
// once for all runs; a registry that is away shows in work.take.
var claimCodecs = sync.OnceValue(func() []*topology.Bound {
	var groups []topology.Declared
	for _, d := range claimGroups {
		groups = append(groups, small(d))
	}
	return bind(groups, &schemas)
})

// small is a group with a quarter of its partitions: with as many as it has,
// most would stay empty.
func small(d topology.Declared) topology.Declared {
	few := func(t *topology.Topic) { t.Partitions = (t.Partitions + 3) / 4 }
	d.Inputs, d.Outputs, d.Follows = slices.Clone(d.Inputs), slices.Clone(d.Outputs), slices.Clone(d.Follows)
	few(&d.Table)
	few(&d.Ticks)
	for i := range d.Inputs {
		few(&d.Inputs[i].Topic)
		few(&d.Inputs[i].Via)
	}
	for i := range d.Outputs {
		few(&d.Outputs[i].Topic)
	}
	for i := range d.Follows {
		few(&d.Follows[i].Topic)
	}
	return d
}

// checkClaims compares rows with what a driver makes of the same records: one
// at a time, without batches, partitions, workers and faults.
func checkClaims(s *Sim) (wrong []string) {
	d, err := topology.NewDriver(claimGroups, &schemas, epoch)
	if err != nil {
		return []string{err.Error()}
	}
	d.Pins = map[string]func() (topology.Pinned, error){topologies.GracePeriods.Name: func() (topology.Pinned, error) {
		return s.world.pins[topologies.GracePeriods.Name](), nil
	}}
	for _, rec := range s.world.inputs {
		rec.Partition = 0
		if err := d.Pipe(rec); err != nil {
			return []string{err.Error()}
		}
	}
	if err := d.Advance(s.world.until); err != nil {
		return []string{err.Error()}
	}
	for _, g := range s.world.groups {
		if slices.Contains(claimTables, g.Name) {
			if n := differ(d.Rows(g.Table.Name), s.broker.table(g)); n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d rows of %s are not those of a driver", n, g.Table.Name))
			}
		}
		for _, in := range g.Inputs {
			s.broker.all(in.Topic.DLQ().Name, func(r *topology.Raw) {
				wrong = append(wrong, fmt.Sprintf("%s parked a record: %s", g.Name, r.Header(headerCode)))
			})
		}
	}
	return wrong
}
