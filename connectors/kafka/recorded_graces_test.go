package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// TestDryRunOfGracePolicies reads the newest row of every member from the table.
func TestDryRunOfGracePolicies(t *testing.T) {
	broker, schemas := stage.Cluster(t)
	table := topologies.GracePeriods.TableOf()
	serde, err := table.Codec.Bind(schemas, table.Topic.Name)
	stage.Must(t, err)
	_, err = schemas.Register(table.Topic.Subject(), table.Codec.Schema())
	stage.Must(t, err)
	c, err := kafka.Dial(t.Context(), []string{broker.Addr()})
	stage.Must(t, err)
	defer c.Close()
	r := kafka.Required.CappedTo(1)
	changes, err := c.Diff(t.Context(), []topology.Topic{table.Topic}, r)
	stage.Must(t, err)
	stage.Must(t, c.Apply(t.Context(), changes, r, func(kafka.Change) {}))
	row := func(paid bool) []byte {
		due := events.Date(20484) // 2026-01-31
		i := tables.GraceInvoice{InvoiceID: "i", Said: []tables.GraceSaid{}, DueOn: due, Billed: &tables.InvoiceBilled{ID: "b", PlanID: "plan", DueOn: due, Premium: 100}}
		r := tables.GracePeriods{MemberID: "m", Invoices: []tables.GraceInvoice{i}, Graces: []tables.Grace{}, Enrollments: []tables.GraceEnrollment{}, Marks: []string{}, Payments: []tables.GracePayment{}}
		if paid {
			id := i.InvoiceID
			r.Payments = append(r.Payments, tables.GracePayment{PaymentID: "p", InvoiceID: &id, Amount: 100, At: events.InstantOf((due - 1).Time())})
		}
		value, err := serde.Encode(r)
		stage.Must(t, err)
		return value
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	stage.Must(t, err)
	defer client.Close()
	put := func(key string, value []byte) {
		stage.Must(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: table.Topic.Name, Key: []byte(key), Value: value}).FirstErr())
	}
	for n := range 20 {
		put(fmt.Sprint("m", n), row(false))
	}
	put("m0", row(true))
	put("m1", nil)
	put("\x01m2", row(false)) // synthetic

	short := tables.DefaultGracePolicy
	short.Effective, short.Days = 20454, 10
	trial := processors.GraceTrial{Before: processors.NewGracePolicies(nil, 0), After: processors.NewGracePolicies([]tables.GracePolicy{short}, 1), Day: 20513} // 2026-03-01
	stage.Must(t, kafka.Recorded{Brokers: []string{broker.Addr()}, Schemas: schemas}.TryGraces(t.Context(), &trial))
	if got := trial.Compare(true); got.Members != 19 || got.Changed != 18 || len(got.Moves) != 1 || got.Moves[0].To != tables.GraceExpired {
		t.Errorf("found %+v", got)
	}
}
