package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"payerflow/internal/verify"
)

// tested is what the auditor said of one planted defect.
type tested struct {
	Defect string   `json:"defect"`
	Where  string   `json:"where"`
	Wanted []string `json:"wanted"`
	Found  []string `json:"found"`
	Right  bool     `json:"right"`
}

// verifySelfTest fills a scratch with a real flow and plants defects in it, one
// at a time: the auditor must find each, and nothing else.
func (a *app) verifySelfTest(ctx context.Context) (err error) {
	s, err := a.startScratch(ctx)
	if s != nil && s.stop != nil {
		defer func() { err = errors.Join(err, s.stop()) }()
	}
	if err == nil {
		err = s.fill(ctx)
	}
	if err != nil {
		return coded(verifyUndecided, err)
	}
	results, err := s.test(ctx)
	if err != nil {
		return coded(verifyUndecided, err)
	}
	rows, wrong := [][]string{}, 0
	for _, r := range results {
		rows = append(rows, []string{r.Defect, r.Where, strings.Join(r.Found, ", "), fmt.Sprint(r.Right)})
		if !r.Right {
			wrong++
		}
	}
	if err := a.show(results, []string{"planted", "in", "found", "right"}, rows); err != nil {
		return err
	}
	if wrong > 0 {
		return coded(exitFailed, fmt.Errorf("%d of %d defects were not found as they are", wrong, len(results)))
	}
	return nil
}

// test looks at the scratch as it is, then with each defect.
func (s *scratch) test(ctx context.Context) ([]tested, error) {
	p, err := s.planting()
	if err != nil {
		return nil, err
	}
	whole := func() verify.Report {
		answers := p.Answers
		return s.everything(ctx, verify.Planted{Log: p.Log, Answers: &answers, Chain: p.Chain})
	}
	var last verify.Report
	if err := s.await(ctx, "folded", func() bool { last = whole(); return allFolded(last) }); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.Join(judged("", "", nil, last).Found, ", "))
	}
	results := []tested{judged("nothing", "", nil, whole())}
	for _, d := range p.Defects() {
		planted, err := d.Plant(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", d.Name, d.Where, err)
		}
		results = append(results, judged(d.Name, d.Where, []string{d.Finds}, s.everything(ctx, planted)))
		if planted.Undo != nil {
			if err := planted.Undo(); err != nil {
				return nil, err
			}
		}
	}
	c, err := p.Log.Stored(ctx, nil, nil)
	straight := tested{Defect: "records written straight, without a store", Wanted: []string{string(verify.Undecided)}, Found: []string{string(c.Outcome)}}
	straight.Right = c.Outcome == verify.Undecided
	return append(results, straight), err
}

func judged(defect, where string, want []string, r verify.Report) tested {
	t := tested{Defect: defect, Where: where, Wanted: want, Found: r.Kinds()}
	t.Right = slices.Equal(t.Wanted, t.Found) && (len(want) > 0) == (r.Outcome == verify.Different) && r.Outcome != verify.Undecided
	for _, c := range r.Checks {
		if c.Outcome == verify.Undecided {
			t.Found = append(t.Found, c.Why...)
		}
	}
	return t
}

// allFolded says whether every view of which there is a model has rows, all of
// them as they must be, and none of them moves any more.
func allFolded(r verify.Report) bool {
	views := 0
	for _, c := range r.Checks {
		if !strings.HasPrefix(c.Name, "view ") {
			continue
		}
		if views++; c.Counts["rows"] == 0 || c.Counts["equal"] != c.Counts["rows"] || c.Counts["moving"] > 0 {
			return false
		}
	}
	return views == len(verifiable()) && r.Outcome == verify.Equal
}

// everything makes all checks, with what is planted.
func (s *scratch) everything(ctx context.Context, p verify.Planted) verify.Report {
	o := verifyFlags{parts: map[string]*bool{}, audit: auditToVerify(), wait: 30 * time.Second}
	o.audit.Chain = p.Chain
	for _, part := range verifyParts {
		o.parts[part.name] = new(bool)
	}
	return s.app.allChecks(ctx, p.Log, p.Answers, o)
}
