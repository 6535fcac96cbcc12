package processors_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// permute calls f with every order of the facts.
func permute(facts []fact, f func([]fact)) {
	facts = slices.Clone(facts)
	var rec func(int)
	rec = func(n int) {
		if n == len(facts) {
			f(facts)
			return
		}
		for i := n; i < len(facts); i++ {
			facts[n], facts[i] = facts[i], facts[n]
			rec(n + 1)
			facts[n], facts[i] = facts[i], facts[n]
		}
	}
	rec(0)
}

// rowSerde writes rows as their table does.
func rowSerde(t interface{ Fatal(...any) }) topology.Serde[tables.ClaimStatus] {
	const table = "claim-status.v1-claims-consumer-table"
	serde, err := codecs.NewAvro[tables.ClaimStatus](table, 2<<20).Bind(&codecs.Memory{}, table)
	if err != nil {
		t.Fatal(err)
	}
	return serde
}

func TestEveryOrderGivesTheSameRow(t *testing.T) {
	serde := rowSerde(t)
	for name, facts := range map[string][]fact{
		"a plain claim":         {submitted(1), approved(2), paid(3, "y", 144, billing), paid(4, "y", 144, mirror)},
		"all at one instant":    {submitted(1), approved(1), denied(1), paid(1, "y", 144, billing), appeal(1, events.OutcomeUpheld), appeal(1, events.OutcomeOverturned, withAmounts)},
		"one kind, one instant": {approved(1), approved(1, pays(100, 80, 20)), approved(1, pays(90, 80, 10)), approved(1, pays(80, 80, 0))},
		"appeals at two levels": {submitted(1), denied(2), appeal(3, events.OutcomeUpheld), appeal(4, events.OutcomePartiallyOverturned), appeal(5, events.OutcomeOverturned, withAmounts), paid(6, "y", 170, billing)},
		"payments that disagree": {paid(1, "y", 1, mirror), paid(2, "y", 2, nobody), paid(3, "y", 3, billing), paid(4, "y", 4, mirror), paid(5, "z", 5, nobody),
			paid(5, "z", 6, nobody)},
		"systems that disagree": {told(1, "x", decided), told(1, "y", decided, overturns), told(1, "y", received), told(1, "x", wanted), told(2, "z", wanted), denied(0)},
		"backwards":             {paid(1, "y", 144, billing), approved(2), submitted(3), denied(4), submitted(5), paid(6, "z", -144, billing)},
		"members that differ":   {approved(1, func(e *events.ClaimAdjudicated) { e.MemberID, e.ProviderID = "m2", "p2" }), denied(1), paid(1, "y", 1, mirror, func(e *events.ClaimPaid) { e.MemberID = "m3" }), submitted(1, func(e *events.ClaimSubmitted) { e.MemberID = "m4" }), submitted(1)},
		"sums beyond range":     {paid(1, "a", 0, billing, most), paid(1, "b", 0, billing, most), paid(1, "c", -5, mirror), paid(2, "d", 0, nobody, least), paid(2, "e", 0, billing, least), approved(0)},
	} {
		facts = numbered(facts...)
		want := fold(t, facts)
		wantBytes, err := serde.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		permute(facts, func(order []fact) {
			got := fold(t, order)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: order %s gives another row\n%+v\n%+v", name, idsOf(order), got, want)
			}
			if b, err := serde.Encode(got); err != nil || !bytes.Equal(b, wantBytes) {
				t.Fatalf("%s: order %s gives other bytes, %v", name, idsOf(order), err)
			}
		})
	}
}

func most(e *events.ClaimPaid)  { e.PaidAmount = events.MaxMoney }
func least(e *events.ClaimPaid) { e.PaidAmount = -events.MaxMoney }

func idsOf(facts []fact) (ids []string) {
	for _, f := range facts {
		ids = append(ids, f.id)
	}
	return ids
}

// anyFact draws a fact of few ids, times, amounts and payments, so that they
// meet often.
func anyFact(t *rapid.T) fact {
	at := rapid.IntRange(0, 3).Draw(t, "at")
	pick := func(name string, values ...string) string { return rapid.SampledFrom(values).Draw(t, name) }
	amount := func(name string) *events.Money {
		return some(rapid.SampledFrom([]events.Money{0, 1, 2, 3, 14400, -14400, events.MaxMoney, -events.MaxMoney}).Draw(t, name))
	}
	maybe := func(name string) *events.Money {
		if rapid.Bool().Draw(t, name+"?") {
			return nil
		}
		return amount(name)
	}
	member, provider := events.ID(pick("member", "m", "m", "m2")), events.ID(pick("provider", "p", "p", "p2"))
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return submitted(at, func(e *events.ClaimSubmitted) {
			e.MemberID, e.ProviderID, e.TotalBilledAmount, e.ClaimType = member, provider, *amount("billed"), pick("type", "DENTAL", "PHARMACY")
			e.RequiresPriorAuth = rapid.Bool().Draw(t, "wants")
			if rapid.Bool().Draw(t, "names") {
				e.PriorAuthID, e.ServiceCode = some(events.ID(pick("auth", "auth", "auth2"))), some(pick("service", "1", "2"))
			}
		})
	case 1:
		return approved(at, func(e *events.ClaimAdjudicated) {
			e.MemberID, e.ProviderID, e.TotalBilledAmount = member, provider, amount("billed")
			e.AllowedAmount, e.PaidAmount, e.MemberResponsibility = amount("allowed"), amount("paid"), amount("owed")
			e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied = maybe("deductible"), maybe("copay"), maybe("coinsurance")
		})
	case 2:
		return denied(at, func(e *events.ClaimAdjudicated) {
			e.MemberID, e.ProviderID, e.DenialReasonCode = member, provider, some(pick("code", "CO-4", "CO-9"))
		})
	case 3:
		return paid(at, pick("payment", "y", "y", "z"), 0, pick("by", billing, mirror, nobody), func(e *events.ClaimPaid) {
			e.MemberID, e.ProviderID, e.PaidAmount = member, provider, *amount("paid")
		})
	case 4:
		state := rapid.SampledFrom([]events.Type{received, inReview, wanted, decided}).Draw(t, "state")
		return told(at, pick("system", "x", "y", "z"), state, func(e *events.AppealUpdated) {
			e.MemberID, e.ProviderID, e.AppealID = member, provider, events.ID(pick("appeal", "a", "a", "b"))
			e.Level, e.Text = some(pick("level", "FIRST", "SECOND")), some(events.Text(pick("text", "1", "2")))
			if e.Outcome != nil {
				e.Outcome = some(pick("outcome", events.OutcomeUpheld, events.OutcomeOverturned))
			}
			if e.InformationDueDate != nil {
				e.InformationDueDate = some(events.Date(rapid.IntRange(20600, 20603).Draw(t, "due")))
			}
		})
	case 5:
		return came(at, func(e *events.ClaimEDI) {
			e.MemberID, e.PatientControlNumber = some(member), some(events.ID(pick("account", "1", "2")))
			if rapid.Bool().Draw(t, "not matched") {
				e.MemberID, e.ProviderID, e.PatientControlNumber = nil, nil, nil
			}
		})
	case 6:
		return sent(at, pick("payment", "y", "z"), rapid.IntRange(0, 2).Draw(t, "dollars"), pick("code", "1", "4", "22"))
	default:
		return appeal(at, pick("outcome", events.OutcomeUpheld, events.OutcomeOverturned, events.OutcomePartiallyOverturned), func(e *events.AppealResolved) {
			e.MemberID, e.ProviderID, e.AppealID = member, provider, events.ID(pick("appeal", "a", "b"))
			e.AllowedAmount, e.PaidAmount, e.MemberResponsibility = maybe("allowed"), maybe("paid"), maybe("owed")
		})
	}
}

func TestAnyOrderAndDuplicationGivesTheSameRow(t *testing.T) {
	serde := rowSerde(t)
	rapid.Check(t, func(t *rapid.T) {
		var facts []fact
		for i := range rapid.IntRange(1, 12).Draw(t, "facts") {
			f := anyFact(t)
			f.id = fmt.Sprintf("e%02d", i)
			facts = append(facts, f)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		want := fold(t, facts)
		wantBytes, err := serde.Encode(want)
		if err != nil {
			t.Fatalf("a row that cannot be written: %v", err)
		}
		if back, err := serde.Decode(wantBytes); err != nil || !reflect.DeepEqual(back, want) {
			t.Fatalf("the row does not come back: %v\n%+v\n%+v", err, want, back)
		}
		again := slices.Clone(facts)
		for range random.IntN(len(facts) + 1) {
			again = append(again, facts[random.IntN(len(facts))])
		}
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		got := fold(t, again)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("order %s gives another row\n%+v\n%+v", idsOf(again), got, want)
		}
		if b, err := serde.Encode(got); err != nil || !bytes.Equal(b, wantBytes) {
			t.Fatalf("order %s gives other bytes, %v", idsOf(again), err)
		}
	})
}

// What a row says besides its history follows from it: history is sorted, each
// fact once, marks are sorted, each once.
func TestRowsAreSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.ClaimStatus
		for range rapid.IntRange(1, 12).Draw(t, "facts") {
			f := anyFact(t)
			f.id = fmt.Sprintf("e%02d", rapid.IntRange(0, 8).Draw(t, "id"))
			row, _ = step(row, f)
		}
		ids := map[[2]string]bool{}
		for i, h := range row.History {
			id := [2]string{h.ID, string(h.Type)}
			if ids[id] || (i > 0 && h.At < row.History[i-1].At) {
				t.Fatalf("history %+v", row.History)
			}
			ids[id] = true
		}
		if !slices.IsSorted(row.Marks) || len(slices.Compact(slices.Clone(row.Marks))) != len(row.Marks) {
			t.Fatalf("marks %v", row.Marks)
		}
		if row.Status == "" || row.ClaimID != claimID {
			t.Fatalf("status %q", row.Status)
		}
	})
}
