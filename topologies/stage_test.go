package topologies_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// stage is a driver with its registry.
type stage struct {
	t       *testing.T
	memory  *codecs.Memory
	driver  *topology.Driver
	generic *codecs.Generic
	bodies  *codecs.Bodies
	failed  []string
	rules   *processors.Rules
	latest  time.Time
	lists   []string // views that list rows, and are shown
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, memory: &codecs.Memory{}}
	driver, err := topology.NewDriver(folding(), s.memory, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s.rules = processors.NewRules(nil, []byte("0123456789abcdef0123456789abcdef"))
	driver.Pins = map[string]func() (topology.Pinned, error){topologies.GracePeriods.Name: func() (topology.Pinned, error) { return s.rules.Graces(), nil }}
	s.driver, s.generic, s.bodies = driver, codecs.NewGeneric(s.memory), codecs.NewBodies(s.memory)
	return s
}

// folding are the groups that fold what they read. Of those that are pinned to
// rules the grace periods are among them: the stage folds the rules itself. The
// router's scenarios are in mediator_test.go.
func folding() []topology.Declared {
	return slices.DeleteFunc(slices.Clone(topologies.All), func(g topology.Declared) bool {
		return g.Pinned && g.Name != topologies.GracePeriods.Name
	})
}

func (s *stage) pipe(now time.Time, rec topology.Raw) {
	s.latest = later(s.latest, now)
	if rec.Topic == topologies.Control.Topic.Name {
		s.change(rec)
	}
	if err := s.driver.Advance(now); err != nil {
		s.failed = append(s.failed, fmt.Sprintf("error: %v\n", err))
	}
	if err := s.driver.Pipe(rec); err != nil {
		s.failed = append(s.failed, fmt.Sprintf("error: %v\n", err))
	}
}

// change folds a control event into the rules that groups are pinned to.
func (s *stage) change(rec topology.Raw) {
	s.t.Helper()
	serde, err := topologies.Control.Codec.Bind(s.memory, rec.Topic)
	if err != nil {
		s.t.Fatal(err)
	}
	if c, err := serde.Decode(rec.Value); err == nil {
		s.rules, _ = s.rules.Apply([]processors.Change{{Offset: s.rules.Offset(), Control: c}})
	}
}

// pass moves the clock to where no record is.
func (s *stage) pass(now time.Time) {
	s.latest = later(s.latest, now)
	if err := s.driver.Advance(now); err != nil {
		s.failed = append(s.failed, fmt.Sprintf("error: %v\n", err))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *stage) parse(line string) (time.Time, topology.Raw) {
	s.t.Helper()
	line, headers, _ := strings.Cut(strings.TrimPrefix(line, "> "), " headers: ")
	parts := strings.SplitN(line, " ", 4)
	if len(parts) != 4 {
		s.t.Fatalf("%s: want now, topic, key and value", line)
	}
	now, err := time.Parse(time.RFC3339Nano, parts[0])
	if err != nil {
		s.t.Fatal(err)
	}
	at := slices.IndexFunc(topologies.Shared(), func(t topology.Topic) bool { return t.Name == parts[1] })
	if at < 0 {
		s.t.Fatalf("no topic %s", parts[1])
	}
	topic := topologies.Shared()[at]
	rec := topology.Raw{Topic: topic.Name, Key: s.key(parts[2]), Value: s.value(topic, parts[3])}
	for _, h := range strings.Fields(headers) {
		name, value, _ := strings.Cut(h, "=")
		rec.Headers = append(rec.Headers, topology.Header{Key: name, Value: []byte(value)})
	}
	return now, rec
}

func (s *stage) key(text string) []byte {
	s.t.Helper()
	if text == "-" {
		return nil
	}
	if strings.HasPrefix(text, `"`) {
		key, err := strconv.Unquote(text)
		if err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		return []byte(key)
	}
	if count, c, ok := strings.Cut(text, "*"); ok {
		n, err := strconv.Atoi(count)
		if err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		return []byte(strings.Repeat(c, n))
	}
	return []byte(text)
}

func (s *stage) value(topic topology.Topic, text string) []byte {
	s.t.Helper()
	kind, body, _ := strings.Cut(text, " ")
	switch {
	case text == "null":
		return nil
	case strings.HasPrefix(text, "raw:"):
		b, err := hex.DecodeString(strings.TrimPrefix(text, "raw:"))
		if err != nil {
			s.t.Fatal(err)
		}
		return append([]byte{}, b...)
	case strings.HasPrefix(text, "as:"):
		schema, err := os.ReadFile("../testdata/schemas/" + strings.TrimPrefix(kind, "as:") + ".avsc")
		if err != nil {
			s.t.Fatal(err)
		}
		return s.write(string(schema), body)
	case strings.HasPrefix(text, "cut:"):
		n, err := strconv.Atoi(strings.TrimPrefix(kind, "cut:"))
		if err != nil {
			s.t.Fatal(err)
		}
		return s.value(topic, body)[:n]
	case strings.HasPrefix(text, "type:"):
		schema, err := codecs.AvroSchema(topic.Name)
		if err != nil {
			s.t.Fatal(err)
		}
		return s.write(strings.Replace(schema, `["UNKNOWN", `, `["UNKNOWN", "`+strings.TrimPrefix(kind, "type:")+`", `, 1), body)
	}
	checked, faults := codecs.CheckBody([]byte(text))
	if len(faults) > 0 {
		s.t.Fatalf("%s: %+v", text, faults)
	}
	b, err := s.bodies.Encode(topic, checked)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// write encodes a body with a schema of the scenario's choice.
func (s *stage) write(text, body string) []byte {
	s.t.Helper()
	schema, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := decodeNumbers(strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("%s: %v", body, err)
	}
	b, err := codecs.FromJSON(schema, v)
	if err != nil {
		s.t.Fatalf("%s: %v", body, err)
	}
	id, err := s.memory.ID("", text)
	if err != nil {
		s.t.Fatal(err)
	}
	return codecs.Frame(id, b)
}

// wrote says what was written since the last call: parked records, what goes
// out, and the rows of views. Lists are shown where the scenario asks for them,
// and what groups tell each other never is: it shows in their rows.
func (s *stage) wrote() string {
	s.t.Helper()
	took := slices.DeleteFunc(s.driver.Took(), func(w topology.Written) bool { return w.Parked == nil && !s.shows(w) })
	last := map[string]int{}
	for i, w := range took {
		if w.Parked == nil && w.Dropped == "" && strings.HasSuffix(w.Topic, "-table") {
			last[w.Topic+w.Key] = i
		}
	}
	var out strings.Builder
	for i, w := range took {
		switch {
		case w.Parked != nil:
			line := fmt.Sprintf("dlq %s %s %s", strings.TrimSuffix(w.Topic, ".dlq"), w.Parked.Code, w.Parked.Pointer)
			out.WriteString(strings.TrimSpace(line) + "\n")
		case w.Dropped != "":
			fmt.Fprintf(&out, "dropped %s %s\n", w.Topic, w.Dropped)
		case !strings.HasSuffix(w.Topic, "-table") || last[w.Topic+w.Key] == i:
			fmt.Fprintf(&out, "%s %s %s\n", kindOf(w.Topic), shownKey(w.Key), s.show(w.Value))
		}
	}
	for _, line := range s.failed {
		out.WriteString(line)
	}
	s.failed = nil
	return out.String()
}

func (s *stage) shows(w topology.Written) bool {
	if w.Dropped != "" {
		return true
	}
	for _, g := range folding() {
		if w.Topic == g.Table.Name {
			return g.View.Name != "" && (!g.View.Lists || slices.Contains(s.lists, g.View.Name))
		}
		if slices.ContainsFunc(g.Streams(), func(t topology.Topic) bool { return t.Name == w.Topic }) {
			return false
		}
	}
	return true
}

// kindOf names what was written: a row, an entry of a list, or what goes out.
func kindOf(topic string) string {
	for _, g := range folding() {
		if g.View.Lists && g.Table.Name == topic {
			return g.View.Name
		}
	}
	if strings.HasSuffix(topic, "-table") {
		return "row"
	}
	return "out " + topic
}

func shownKey(stored string) string {
	key, synthetic := topology.EntityKey(stored)
	if under, suffix := topology.SplitUnder(key); suffix != "" {
		key = under + " > " + suffix
	}
	if synthetic {
		return "synthetic:" + shownKey(key)
	}
	if key, suffix := topology.SplitUnder(key); suffix != "" {
		return key + "/" + topology.IDOf(suffix)
	}
	return key
}

// nulls are fields without a value; a quote within a text has a backslash in
// front, so that no text matches.
var nulls = regexp.MustCompile(`,"[A-Za-z0-9]+":null`)

func (s *stage) show(value []byte) string {
	s.t.Helper()
	if len(value) == 0 {
		return "gone"
	}
	doc, err := s.generic.Decode(value)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(nulls.ReplaceAll(doc, nil))
}

// rows are the rows of all views, by view and key.
func (s *stage) rows() map[string]string {
	s.t.Helper()
	rows := map[string]string{}
	for _, g := range folding() {
		if g.View.Name == "" {
			continue
		}
		for key, row := range s.rowsOf(g) {
			rows[g.View.Name+" "+key] = row
		}
	}
	return rows
}

// rowsOf are the rows of one group, by key.
func (s *stage) rowsOf(g topology.Declared) map[string]string {
	s.t.Helper()
	rows := map[string]string{}
	for stored, value := range s.driver.Rows(g.Table.Name) {
		rows[shownKey(stored)] = s.show(value)
	}
	return rows
}
