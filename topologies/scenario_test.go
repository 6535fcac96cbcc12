package topologies_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/topologies"
)

// A scenario is a transcript: blocks of input lines, a line of dashes, and what
// the groups wrote. Lines that begin with # are for the reader. An input is
//
//	> <now> <topic> <key> <value> [ headers: name=value ...]
//
// or, for time that passes without a record,
//
//	> <now>
//
// with now as RFC 3339, which is also the record's time stamp. The key is taken
// as it stands, as a Go text where it begins with a quote, as n times c where
// it is n*c, and is absent where it is -. The value is one of
//
//	{...}                    a body, checked at the door and written as Avro
//	as:<subject>/<n> {...}   a body, unchecked, as that published version writes it
//	type:<name> {...}        a body, unchecked, of an event type younger than the schema
//	cut:<n> {...}            the first n bytes of a body written as Avro
//	raw:<hex>                bytes
//	null                     no value
//
// Of each row only the last state in a block is shown, without its nulls. A
// line "lists: <view> ..." shows the rows of these views too, which list others.
// UPDATE=1 writes what comes out, unless it holds a new `error:` line.
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob("../testdata/scenarios/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if got != string(text) && os.Getenv("UPDATE") == "1" && errorLines(got) <= errorLines(string(text)) {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("%s is now\n%s\nUPDATE=1 takes it over, unless there is a new error", path, got)
			}
			variations(t, string(text))
		})
	}
}

func errorLines(text string) (n int) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "error:") {
			n++
		}
	}
	return n
}

// play runs the input lines of a transcript and writes it anew.
func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	s := newStage(t)
	inOutput := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "----"):
			inOutput = true
			out.WriteString(line + "\n" + s.wrote())
		case line == "":
			inOutput = false
			out.WriteString("\n")
		case inOutput: // is written anew
		case strings.HasPrefix(line, "lists: "):
			out.WriteString(line + "\n")
			s.lists = strings.Fields(strings.TrimPrefix(line, "lists: "))
		case strings.HasPrefix(line, "> "):
			out.WriteString(line + "\n")
			s.play(line)
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		default:
			t.Fatalf("neither input nor remark: %s", line)
		}
	}
	return out.String()
}

// variations run the same records twice each, between records of other claims,
// and from the last to the first. The rows at the end are equal. Of control
// events and of bookings the order decides: the first to name a version wins,
// and the first to ask for a slot.
func variations(t *testing.T, text string) {
	t.Helper()
	plain, doubled, mixed, backwards := newStage(t), newStage(t), newStage(t), newStage(t)
	var inputs []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "> ") {
			inputs = append(inputs, strings.TrimSuffix(line, "\n"))
		}
	}
	for n, line := range inputs {
		plain.play(line)
		if _, passes := passing(line); passes {
			doubled.play(line)
			mixed.play(line)
			continue
		}
		now, rec := doubled.parse(line)
		doubled.pipe(now, rec)
		doubled.pipe(now, rec)
		for i, other := range unrelated {
			mixed.pipe(mixed.parse(fmt.Sprintf(other, now.Format(time.RFC3339Nano), fmt.Sprintf("unrelated-%d", (n+i)%3))))
		}
		now, rec = mixed.parse(line)
		mixed.pipe(now, rec)
	}
	for _, line := range slices.Backward(inputs) {
		backwards.play(line)
	}
	for _, s := range []*stage{plain, doubled, mixed, backwards} {
		s.pass(plain.latest)
	}
	want := plain.rows()
	others := map[string]*stage{"twice": doubled, "mixed": mixed, "backwards": backwards}
	for _, ordered := range []string{topologies.Control.Topic.Name, topologies.BookingRequests.Topic.Name, topologies.SlotRequests.Topic.Name} {
		if strings.Contains(text, "Z "+ordered+" ") {
			delete(others, "backwards")
		}
	}
	for name, s := range others {
		got := s.rows()
		want := maps.Clone(want)
		if name == "backwards" {
			standing(t, got)
			standing(t, want)
		}
		maps.DeleteFunc(got, func(key, _ string) bool { return strings.Contains(key, "unrelated-") })
		if !maps.Equal(got, want) {
			t.Errorf("%s, the rows are\n%v\nwant\n%v", name, got, want)
		}
	}
	if len(mixed.rows()) < len(want)+1 {
		t.Error("no unrelated rows")
	}
}

// passing is the time of a line on which nothing but time passes.
func passing(line string) (now time.Time, ok bool) {
	now, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(line, "> "))
	return now, err == nil
}

func (s *stage) play(line string) {
	s.t.Helper()
	if now, ok := passing(line); ok {
		s.pass(now)
		return
	}
	now, rec := s.parse(line)
	s.pipe(now, rec)
}

// standing leaves of what was said of invoices only what stands: how often it
// was said and taken back depends on when a payment was known, and not on the
// facts alone.
func standing(t *testing.T, rows map[string]string) {
	t.Helper()
	for key, row := range rows {
		var out strings.Builder
		for d := json.NewDecoder(strings.NewReader(row)); d.More(); {
			var doc map[string]any
			if err := d.Decode(&doc); err != nil {
				t.Fatal(err)
			}
			invoices, _ := doc["invoices"].([]any)
			for _, i := range invoices {
				invoice := i.(map[string]any)
				invoice["said"] = slices.DeleteFunc(invoice["said"].([]any), func(s any) bool {
					said := s.(map[string]any)
					void := said["revision"].(float64) < said["takenBack"].(float64)
					delete(said, "revision")
					delete(said, "takenBack")
					return void
				})
			}
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(b)
		}
		rows[key] = out.String()
	}
}

// unrelated are records of other claims, the last one not decodable.
var unrelated = []string{
	`> %s claims.claim.submitted %[2]s {"eventType":"CLAIM_SUBMITTED","claimId":"%[2]s","memberId":"m","providerId":"p","planId":"pl","claimType":"DENTAL","totalBilledAmount":"10.00","serviceDate":"2026-03-01","submittedAt":"%[1]s","requiresPriorAuth":false}`,
	`> %s claims.claim.paid %[2]s {"eventType":"CLAIM_PAID","claimId":"%[2]s","memberId":"m","providerId":"p","paymentId":"unrelated","paidAmount":"5.00","paidAt":"%[1]s"}`,
	`> %s claims.appeal.resolved %[2]s raw:00`,
}
