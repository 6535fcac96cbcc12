package topologies_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// combining are the router and the group behind it, with a clock.
type combining struct {
	mediator
	now    time.Time
	n      int
	copies []events.Envelope // of the subscription demo/all

	inputs  []input  // of the group
	emitted []string // by the group, encoded
}

// input is a fact, or with none a tick.
type input struct {
	clock time.Time
	fact  *topology.Raw
}

func newCombining(t *testing.T, files ...string) *combining {
	t.Helper()
	c := &combining{mediator: mediator{t: t, memory: &codecs.Memory{}, rules: processors.NewRules(mediatorTypes(), []byte("0123456789abcdef0123456789abcdef"))}, now: mediatorNow}
	var err error
	if c.driver, err = topology.NewDriver([]topology.Declared{topologies.Router.Declare(), topologies.Aggregations.Declare()}, c.memory, c.now); err != nil {
		t.Fatal(err)
	}
	c.driver.Pins = map[string]func() (topology.Pinned, error){topologies.Router.Name: func() (topology.Pinned, error) { return processors.NewInForce(c.rules, c.now), nil }}
	for _, file := range files {
		for _, row := range documents(t, "../testdata/rules/"+file) {
			c.write(row)
		}
	}
	c.subscribe("demo", "all", nil)
	return c
}

func documents(t *testing.T, path string) (rows []map[string]any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var row map[string]any
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

// write puts a row of a file, as the door fills it in.
func (c *combining) write(row map[string]any) {
	c.t.Helper()
	if row["parts"] == nil {
		row["state"], row["synthetic"] = tables.StateActive, tables.Discard
		c.put(tables.KindAggregation, fmt.Sprint(row["team"], "/", row["name"]), row)
		return
	}
	schema, err := json.Marshal(row["schema"])
	if err != nil {
		c.t.Fatal(err)
	}
	var parts []string
	for _, p := range row["parts"].([]any) {
		parts = append(parts, p.(string))
	}
	row["schema"], row["state"], row["version"], row["name"] = string(schema), tables.StateActive, 1, strings.Join(parts, "-")
	c.put(tables.KindEventType, row["name"].(string), row)
}

// says publishes an event of a type, whose key is the value of its one field.
func (c *combining) says(eventType, field, key string, at time.Time, tags ...string) []topology.Written {
	c.t.Helper()
	c.n++
	return c.event(events.Envelope{ID: fmt.Sprint("e", c.n), Type: events.Type(eventType), TypeVersion: 1, Key: events.ID(key), At: events.InstantOf(at), TransactionID: fmt.Sprint("tx-", c.n), SourceSystem: "ward",
		Tags: tags, Publisher: "demo", ReceivedAt: events.InstantOf(c.now), Digest: fmt.Sprintf("%064d", c.n), Body: events.Body(fmt.Sprintf(`{%q:%q}`, field, key))})
}

func (c *combining) event(e events.Envelope) []topology.Written {
	c.t.Helper()
	return c.noted(c.receive(e))
}

// until moves the clock, in steps as ticks do.
func (c *combining) until(to time.Time) []topology.Written {
	c.t.Helper()
	var all []topology.Written
	for step := max(time.Second, to.Sub(c.now)/50); c.now.Before(to); {
		if c.now = c.now.Add(step); c.now.After(to) {
			c.now = to
		}
		c.inputs = append(c.inputs, input{clock: c.now})
		if err := c.driver.Advance(c.now); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, c.noted(c.driver.Took())...)
	}
	return all
}

func (c *combining) noted(all []topology.Written) []topology.Written {
	c.t.Helper()
	serde, err := topologies.Deliveries.Codec.Bind(c.memory, "consumer.demo.all")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, w := range all {
		switch {
		case w.Parked != nil:
			c.t.Errorf("parked: %+v", w.Parked)
		case w.Topic == topologies.AggregationMatched.Topic.Name && w.Group == topologies.Router.Name:
			c.inputs = append(c.inputs, input{fact: &topology.Raw{Topic: w.Topic, Key: []byte(w.Key), Value: w.Value, Headers: w.Headers, Timestamp: w.Source.Timestamp}})
		case w.Topic == topologies.Firehose.Topic.Name && w.Group == topologies.Aggregations.Name && w.Dropped == "":
			c.emitted = append(c.emitted, string(w.Value))
		}
		if w.Topic == "consumer.demo.all" && w.Dropped == "" {
			e, err := serde.Decode(w.Value)
			if err != nil {
				c.t.Fatal(err)
			}
			if e.SourceSystem == processors.AggregatedSource {
				c.copies = append(c.copies, e)
			}
		}
	}
	return all
}

func (c *combining) body(e events.Envelope) (b processors.AggregatedBody) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(e.Body), &b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (c *combining) aggregated() (rows []tables.Aggregated) {
	c.t.Helper()
	serde, err := topologies.Aggregations.Rows.Bind(c.memory, topologies.Aggregations.Name+"-table")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, value := range c.driver.Rows(topologies.Aggregations.Name + "-table") {
		row, err := serde.Decode(value)
		if err != nil {
			c.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// The shipped example: admitted, then discharged, no follow-up within 7 days.
func TestNoFollowUpWithinSevenDays(t *testing.T) {
	c := newCombining(t, "follow-up-types.yaml", "no-follow-up.yaml")
	const day = 24 * time.Hour
	stay := func(member string, followUp time.Duration) {
		c.says("Member-Admitted-Facility", "memberId", member, c.now.Add(-3*day))
		c.says("Member-Discharged-Facility", "memberId", member, c.now)
		if followUp > 0 {
			c.says("Member-Attended-FollowUp", "memberId", member, c.now.Add(followUp))
		}
	}
	start := c.now
	stay("missed-"+canary, 0)
	stay("seen", 20*time.Hour)
	c.says("Member-Discharged-Facility", "memberId", "never admitted", c.now)
	c.until(start.Add(7 * day))
	stay("later", 0)
	if len(c.copies) != 0 {
		t.Fatal("told before the lateness had passed")
	}
	c.until(start.Add(8 * day))
	if len(c.copies) != 1 {
		t.Fatalf("%d outputs, want the one of who missed it", len(c.copies))
	}
	e := c.copies[0]
	b := c.body(e)
	if string(e.Type) != "Member-Missed-FollowUp" || e.At.Time() != start.Add(7*day) || e.Publisher != "demo" || e.TransactionID != "tx-2" || b.Count != 2 || len(b.Steps) != 2 || b.Steps[0].Name != "admitted" || *b.ElapsedMs != 3*86_400_000 {
		t.Errorf("%+v %s", e, string(e.Body))
	}
	if string(e.Key) != string(b.Key) && string(b.Key) != events.Redacted || strings.Contains(string(e.Key), canary) {
		t.Error("the key is not hashed")
	}
	c.until(start.Add(60 * day).Add(30 * day))
	if len(c.copies) != 2 || len(c.aggregated()) != 0 {
		t.Errorf("%d outputs, %d rows are left", len(c.copies), len(c.aggregated()))
	}
}

// The shipped example: SLA of a step, by state tag.
func TestSLAOfAStepByState(t *testing.T) {
	c := newCombining(t, "step-types.yaml", "step-sla.yaml")
	start := c.now
	for i := range 20 {
		c.says("Request-Started-Step", "requestId", fmt.Sprint("r", i), start, "state:OH")
		c.says("Request-Finished-Step", "requestId", fmt.Sprint("r", i), start.Add(time.Duration(i+1)*time.Minute), "state:OH", "vip")
	}
	c.says("Request-Started-Step", "requestId", "slow", start, "state:IN")
	c.until(start.Add(30 * time.Minute)) // tells what is measured
	c.until(start.Add(72 * time.Hour))
	kinds := map[string][]events.Envelope{}
	for _, e := range c.copies {
		kinds[string(e.Type)] = append(kinds[string(e.Type)], e)
	}
	measured, summed, breached := kinds["Request-Measured-Step"], kinds["Request-Summed-Step"], kinds["Request-Breached-Step"]
	if len(measured) != 20 || len(breached) != 1 || len(summed) != 24 {
		t.Fatalf("%d measured, %d breached, %d summed", len(measured), len(breached), len(summed))
	}
	if !slices.Equal(measured[0].Tags, []string{"state:OH", "vip"}) || *c.body(measured[0]).ElapsedMs%60_000 != 0 {
		t.Errorf("%+v", measured[0])
	}
	b := c.body(summed[12])
	if b.Key != "state:OH" || b.Count != 20 || b.Values["longest"] != "1200000" || b.Values["p95"] == "" {
		t.Errorf("%+v of %s", b.Values, string(b.Key))
	}
	if p95, _ := events.ParseDecimal(string(b.Values["p95"])); p95.Compare(decimal(t, "1140000")) < 0 || p95.Compare(decimal(t, "1200000")) > 0 {
		t.Errorf("p95 %s", string(b.Values["p95"]))
	}
	if string(breached[0].Key) != "slow" || !slices.Equal(breached[0].Tags, []string{"state:IN"}) {
		t.Errorf("%+v", breached[0])
	}
}

func decimal(t *testing.T, text string) events.Decimal {
	t.Helper()
	d, err := events.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What the team may not see is in no fact, no row and no output.
func TestFactsHoldWhatTheTeamMaySee(t *testing.T) {
	c := newCombining(t, "follow-up-types.yaml")
	sum := tables.Aggregation{Team: "demo", Name: "paid", Combine: tables.AggregateWindow, Key: "/claimId", Output: "Member-Missed-FollowUp", Synthetic: tables.Discard, State: tables.StateActive,
		Steps:  []tables.AggregationStep{{Name: "claims", EventTypes: []string{"CLAIM_SUBMITTED"}}},
		Window: &tables.AggregationWindow{Shape: tables.ShapeTumbling, Size: "1h"}}
	c.put(tables.KindAggregation, sum.ID(), sum)
	all := c.event(claimReceived("e1", "state:OH"))
	all = append(all, c.until(c.now.Add(2*time.Hour))...)
	facts := 0
	for _, w := range all {
		if w.Topic == topologies.AggregationMatched.Topic.Name {
			facts++
		}
		if w.Group == topologies.Aggregations.Name || w.Topic == topologies.AggregationMatched.Topic.Name {
			if bytes.Contains(w.Value, []byte(canary)) || strings.Contains(w.Key, canary) {
				t.Errorf("%s shows what the team may not see", w.Topic)
			}
			for _, h := range w.Headers {
				if bytes.Contains(h.Value, []byte(canary)) {
					t.Errorf("%s: header %s shows what the team may not see", w.Topic, h.Key)
				}
			}
		}
	}
	if facts != 1 || len(c.copies) != 1 {
		t.Errorf("%d facts, %d outputs", facts, len(c.copies))
	}
}

// A change starts anew, and what the old version still emits goes nowhere.
func TestOutputsOfAnOldVersionAreDropped(t *testing.T) {
	c := newCombining(t, "follow-up-types.yaml", "no-follow-up-soon.yaml")
	c.says("Member-Admitted-Facility", "memberId", "m1", c.now)
	c.says("Member-Discharged-Facility", "memberId", "m1", c.now)
	a, _ := c.rules.Aggregation("demo/no-follow-up-soon")
	a.Doc = "another version"
	c.put(tables.KindAggregation, a.ID(), a)
	all := c.until(c.now.Add(2 * time.Minute))
	if !slices.Contains(topicsOf(all), "dropped "+processors.StaleAggregation) || len(c.copies) != 0 {
		t.Errorf("%v", topicsOf(all))
	}
	c.until(c.now.Add(30 * time.Hour))
	if n := len(c.aggregated()); n != 0 {
		t.Errorf("%d rows of the old version are left %+v", n, c.aggregated())
	}
	c.says("Member-Admitted-Facility", "memberId", "m1", c.now)
	c.says("Member-Discharged-Facility", "memberId", "m1", c.now)
	c.until(c.now.Add(10 * time.Second))
	if len(c.copies) != 1 || c.body(c.copies[0]).Version != 2 {
		t.Errorf("%d outputs of the new version", len(c.copies))
	}
}

// Synthetic events make synthetic outputs, and only where the team wants them.
func TestSyntheticEventsStayApart(t *testing.T) {
	c := newCombining(t, "follow-up-types.yaml", "no-follow-up-soon.yaml")
	c.subscribe("demo", "all", func(s *tables.Subscription) { s.Synthetic = tables.PassThrough })
	send := func(policy string) {
		a, _ := c.rules.Aggregation("demo/no-follow-up-soon")
		a.Synthetic = policy
		c.put(tables.KindAggregation, a.ID(), a)
		for i, eventType := range []string{"Member-Admitted-Facility", "Member-Discharged-Facility"} {
			c.n++
			c.event(events.Envelope{ID: fmt.Sprint("s", c.n), Type: events.Type(eventType), TypeVersion: 1, Key: "m1", At: events.InstantOf(c.now), TransactionID: "t", Publisher: "demo", Synthetic: true,
				ReceivedAt: events.InstantOf(c.now), Digest: fmt.Sprintf("%064d", i), Body: `{"memberId":"m1"}`})
		}
		c.until(c.now.Add(10 * time.Second))
	}
	send(tables.Discard)
	if len(c.copies) != 0 {
		t.Error("synthetic events were used")
	}
	send(tables.PassThrough)
	if len(c.copies) != 1 || !c.copies[0].Synthetic {
		t.Errorf("%d outputs", len(c.copies))
	}
}

// Facts and ticks, given again in the same order to a group that knows no
// rules, make the same rows and the same outputs.
func TestAReplayMakesTheSame(t *testing.T) {
	c := newCombining(t, "follow-up-types.yaml", "no-follow-up-soon.yaml")
	for i := range 12 {
		member := fmt.Sprint("m", i)
		c.says("Member-Admitted-Facility", "memberId", member, c.now)
		c.says("Member-Discharged-Facility", "memberId", member, c.now)
		if i%3 == 0 {
			c.says("Member-Attended-FollowUp", "memberId", member, c.now.Add(time.Second))
		}
		c.until(c.now.Add(2 * time.Second))
	}
	c.until(c.now.Add(10 * time.Second))
	if len(c.copies) != 8 || len(c.emitted) != 8 {
		t.Fatalf("%d outputs, %d copies", len(c.emitted), len(c.copies))
	}
	driver, err := topology.NewDriver([]topology.Declared{topologies.Aggregations.Declare()}, c.memory, mediatorNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range c.inputs {
		if in.fact == nil {
			err = driver.Advance(in.clock)
		} else {
			err = driver.Pipe(*in.fact)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var emitted []string
	for _, w := range driver.Took() {
		if w.Topic == topologies.Firehose.Topic.Name {
			emitted = append(emitted, string(w.Value))
		}
	}
	if !slices.Equal(emitted, c.emitted) {
		t.Errorf("%d outputs, want the same %d", len(emitted), len(c.emitted))
	}
	table := topologies.Aggregations.Name + "-table"
	want, got := c.driver.Rows(table), driver.Rows(table)
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for key, value := range want {
		if !bytes.Equal(value, got[key]) {
			t.Error("a row is another")
		}
	}
}
