package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/tables"
)

// Scratch is where defects are planted: topics that hold something, in a
// cluster that nobody else needs.
type Scratch struct {
	Log      *Log
	Answers  Answers
	Table    string // of claim-status
	Redacted string // consumer topic of a team that may not see PHI
	Seen     string // of one that may; all keys are plain
	Domain   string // domain topic with several events of one key
	Chain    string
	Flow     Flow
}

// Planted is a scratch with one defect: what to look at in place of what.
type Planted struct {
	Log     *Log
	Answers *Answers
	Chain   string
	Undo    func() error // nil: nothing to undo
}

// Defect is something that the auditor must find, and nothing else.
type Defect struct {
	Name  string
	Where string
	Finds string // the kind
	Plant func(context.Context) (Planted, error)
}

// Defects are all that can be planted.
func (s Scratch) Defects() (out []Defect) {
	in := func(topic string) {
		for _, d := range []struct {
			name, finds string
			edit        func([]*kgo.Record) ([]*kgo.Record, error)
		}{{"a lost event", "lost", s.lose}, {"a doubled event", "doubled", s.double}, {"two events of a key swapped", "swapped", s.swap}} {
			out = append(out, s.inCopy(d.name, topic, d.finds, d.edit))
		}
	}
	in(s.Redacted)
	in(s.Domain)
	return append(out,
		Defect{"a row of the table altered", s.Table, "different", s.alterRow},
		Defect{"an answer of HTTP altered", "claim-status", "different", s.alterAnswer},
		s.inCopy("a copy that is not redacted", s.Redacted, "unredacted", s.unredact),
		s.inCopy("a delivery that is missing", s.Seen, "missing delivery", s.withhold),
		Defect{"a link of the audit broken", s.Chain, "broken audit link", s.breakLink})
}

// inCopy plants by editing a copy of a topic.
func (s Scratch) inCopy(name, topic, finds string, edit func([]*kgo.Record) ([]*kgo.Record, error)) Defect {
	return Defect{name, topic, finds, func(ctx context.Context) (Planted, error) {
		to := "planted." + strings.ReplaceAll(finds, " ", "-") + "." + topic
		l := *s.Log
		l.Instead = map[string]string{topic: to}
		return Planted{Log: &l, Answers: s.asked(), Chain: s.Chain}, s.Log.copied(ctx, topic, to, edit)
	}}
}

func (s Scratch) asked() *Answers {
	a := s.Answers
	return &a
}

var errTooFew = errors.New("the scratch flow is too small to plant this")

// pair finds two neighbours of one key and one partition that the router wrote.
func pair(all []*kgo.Record) (i, j int, err error) {
	last := map[string]int{}
	for j, r := range all {
		if header(r, "ce_id") == nil {
			continue
		}
		key := fmt.Sprintf("%d %s", r.Partition, r.Key)
		if i, came := last[key]; came {
			return i, j, nil
		}
		last[key] = j
	}
	return 0, 0, errTooFew
}

func (s Scratch) lose(all []*kgo.Record) ([]*kgo.Record, error) {
	i, _, err := pair(all) // a later one of its key is there
	return slices.Delete(slices.Clone(all), i, i+1), err
}

func (s Scratch) double(all []*kgo.Record) ([]*kgo.Record, error) {
	i, _, err := pair(all)
	return slices.Insert(slices.Clone(all), i+1, all[i]), err
}

func (s Scratch) swap(all []*kgo.Record) ([]*kgo.Record, error) {
	i, j, err := pair(all)
	out := slices.Clone(all)
	out[i], out[j] = out[j], out[i]
	return out, err
}

// withhold leaves out the last copy that came from one partition of the
// firehose.
func (s Scratch) withhold(all []*kgo.Record) ([]*kgo.Record, error) {
	if len(all) == 0 {
		return nil, errTooFew
	}
	murmur := kgo.StickyKeyPartitioner(nil).ForTopic(s.Flow.Firehose)
	of := func(r *kgo.Record) int { return murmur.Partition(r, s.Flow.Partitions) }
	last := map[int]*kgo.Record{}
	for _, r := range all {
		last[of(r)] = r
	}
	drop := last[of(all[0])]
	return slices.DeleteFunc(slices.Clone(all), func(r *kgo.Record) bool { return r == drop }), nil
}

// unredact writes into one copy what its reader may not see.
func (s Scratch) unredact(all []*kgo.Record) ([]*kgo.Record, error) {
	serde, err := codecs.NewAvro[events.Envelope](s.Flow.Firehose, 2<<20).Bind(s.Log.Schemas, s.Flow.Firehose)
	if err != nil {
		return nil, err
	}
	for i, r := range all {
		e, err := serde.Decode(r.Value)
		if err != nil {
			return nil, err
		}
		shown := strings.Replace(string(e.Body), redacted, "something", 1)
		if shown == string(e.Body) {
			continue
		}
		e.Body = events.Body(shown)
		out, altered := slices.Clone(all), *r
		altered.Value, err = serde.Encode(e)
		out[i] = &altered
		return out, err
	}
	return nil, errTooFew
}

// alterRow writes another state of one row to the table's own topic, and takes
// it back afterwards.
func (s Scratch) alterRow(ctx context.Context) (Planted, error) {
	serde, err := codecs.NewAvro[tables.ClaimStatus](s.Table, rowBytes).Bind(s.Log.Schemas, s.Table)
	if err != nil {
		return Planted{}, err
	}
	held, err := s.Log.held(ctx, false, s.Table)
	if err != nil {
		return Planted{}, err
	}
	last := map[string]*kgo.Record{}
	if err := s.Log.read(ctx, held, true, func(r *kgo.Record) error { last[string(r.Key)] = r; return nil }); err != nil {
		return Planted{}, err
	}
	for _, r := range last {
		if r.Value == nil {
			continue
		}
		row, err := serde.Decode(r.Value)
		if err != nil {
			return Planted{}, err
		}
		row.StatusAt++
		altered := *r
		if altered.Value, err = serde.Encode(row); err != nil {
			return Planted{}, err
		}
		back := func() error { return s.Log.write(ctx, s.Table, []*kgo.Record{r}) }
		return Planted{Log: s.Log, Answers: s.asked(), Chain: s.Chain, Undo: back}, s.Log.write(ctx, s.Table, []*kgo.Record{&altered})
	}
	return Planted{}, errTooFew
}

// alterAnswer puts something between the auditor and the server that alters
// the first row of a batch.
func (s Scratch) alterAnswer(context.Context) (Planted, error) {
	a := s.asked()
	a.client = &http.Client{Transport: &altering{}}
	return Planted{Log: s.Log, Answers: a, Chain: s.Chain}, nil
}

// altering changes one answer, on its way.
type altering struct{ done bool }

func (t *altering) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || t.done || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	text := bytes.Replace(body.Bytes(), []byte(`"status":"`), []byte(`"status":"X`), 1)
	t.done = len(text) != body.Len()
	resp.Body, resp.ContentLength = readCloser{bytes.NewReader(text)}, int64(len(text))
	return resp, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// breakLink alters what one link of a copy of the chain says.
func (s Scratch) breakLink(ctx context.Context) (Planted, error) {
	serde, err := codecs.NewAvro[events.AuditChained](s.Chain, 4*eventBytes).Bind(s.Log.Schemas, s.Chain)
	if err != nil {
		return Planted{}, err
	}
	to := "planted.link." + s.Chain
	return Planted{Log: s.Log, Answers: s.asked(), Chain: to}, s.Log.copied(ctx, s.Chain, to, func(all []*kgo.Record) ([]*kgo.Record, error) {
		if len(all) == 0 {
			return nil, errTooFew
		}
		out, altered := slices.Clone(all), *all[len(all)/2]
		link, err := serde.Decode(altered.Value)
		if err != nil {
			return nil, err
		}
		var entry events.AuditReceived
		if err := json.Unmarshal([]byte(link.Entry), &entry); err != nil {
			return nil, err
		}
		entry.Actor += "x"
		text, err := json.Marshal(entry)
		if err != nil {
			return nil, err
		}
		link.Entry = string(text)
		altered.Value, err = serde.Encode(link)
		out[len(all)/2] = &altered
		return out, err
	})
}
