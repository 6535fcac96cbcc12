package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// noteFolds says with which fold the tables of groups are begun of which nobody
// has said so.
func (v *versionLog) noteFolds(ctx context.Context) error {
	if v.e.cfg.Follows {
		return nil
	}
	for _, g := range v.e.groups {
		state, fold := v.now(), v.e.cfg.Folds[g.Name]
		if fold == "" || state.Fold(g.Name) != "" || !state.Runs(g.View.Name, g.Name, g.Shadows) {
			continue
		}
		if _, err := v.append(ctx, versions.Record{Kind: versions.Folded, View: g.View.Name, Group: g.Name, Fold: fold, By: v.e.instance, At: time.Now().UTC()}); err != nil {
			return err
		}
	}
	return nil
}

// foldChanged says whether the group's table was begun with another fold than
// this worker's, so that it may hold rows that this one would not give.
func (g *group) foldChanged() bool {
	return topology.FoldChanged(g.e.versions.now().Fold(g.Name), g.e.cfg.Folds[g.Name])
}

// FoldedBy are the fingerprints of today's folds, for Start to note.
func (r *Replay) FoldedBy(folds map[string]string) { r.folds = folds }

// begunBy is what Start notes of a version's fold: "" where it goes on with a
// table that it has.
func (r *Replay) begunBy(ctx context.Context, d topology.Declared) (string, error) {
	at, err := r.positions(ctx, d)
	for _, next := range at {
		if next > 0 {
			return "", err
		}
	}
	return r.folds[d.Name], err
}

// Folds are the fingerprints of the folds that groups' tables were begun with,
// as far as they are known.
func (r *Replay) Folds(ctx context.Context) (map[string]string, error) {
	state, err := r.state(ctx)
	out := map[string]string{}
	for _, g := range r.groups {
		if fold := state.Fold(g.Name); fold != "" {
			out[g.Name] = fold
		}
	}
	return out, err
}

// Same notes that a group's fold of now gives the rows that its table holds.
func (r *Replay) Same(ctx context.Context, group, fold string) error {
	d, err := r.declared(group)
	if err != nil {
		return err
	}
	return r.say(ctx, versions.Record{Kind: versions.Folded, View: d.View.Name, Group: group, Fold: fold, Same: true})
}
