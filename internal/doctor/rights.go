package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// Operations as Kafka names them.
const (
	read     = "READ"
	write    = "WRITE"
	describe = "DESCRIBE"
	alter    = "ALTER"
)

// needs are the operations that a worker makes on each topic.
func needs(groups []topology.Declared) map[string][]string {
	out := map[string][]string{}
	need := func(t topology.Topic, ops ...string) {
		for _, op := range append(ops, describe) {
			if t.Name != "" && !slices.Contains(out[t.Name], op) {
				out[t.Name] = append(out[t.Name], op)
			}
		}
	}
	need(topology.Members, read, write)
	need(topology.Versions, read, write)
	for _, g := range groups {
		need(g.Table, read, write)
		need(g.Ticks, read, write)
		need(g.View.Topic, write)
		if g.Shadows != "" {
			need(g.ReplayDLQ(), write)
		}
		if g.Ticks.Name != "" {
			need(g.Ticks.DLQ(), write)
		}
		for _, in := range g.Inputs {
			need(in.Topic, read)
			need(in.Topic.DLQ(), write)
			need(in.Via, read, write)
		}
		for _, t := range slices.Concat(g.Joins, g.Lookups) {
			need(t.Topic, read)
		}
		for _, o := range g.Emits() {
			if !o.Routed {
				need(o.Topic, write)
			}
		}
	}
	return out
}

// principal is whose rights are judged.
type principal string

const (
	worker  principal = "worker"
	replica principal = "replica"
)

func (p principal) grant() string { return "grant them to this " + string(p) + "'s principal" }

// rights are the checks of what the cluster lets us do.
func rights(ctx context.Context, client *kafka.Client, s Setup, topics map[string]kafka.TopicFacts) []Finding {
	authorizer := client.Authorizer(ctx)
	if authorizer == kafka.NoAuthorizer {
		return []Finding{ok("rights", "none: the cluster has no authorizer, everybody may do everything")}
	}
	out := []Finding{asked(authorizer), topicRights(worker, needs(s.Groups), topics), clusterRights(client.ClusterRights(ctx))}
	names := consumerGroups(s.Groups)
	if may, err := kafka.GroupRights(ctx, s.Brokers, names, s.Client...); err != nil {
		out = append(out, skipped("rights on groups", notTold+": "+err.Error()))
	} else {
		out = append(out, groupRights(worker, names, may, read, describe))
	}
	if !s.ExactlyOnce {
		return append(out, skipped("rights on transactional ids", "engine.guarantee is at-least-once"))
	}
	may := map[string]bool{}
	for _, g := range names {
		id := topology.TransactionalIDs(g) + "doctor"
		allowed, err := client.TransactionalRight(ctx, id)
		if err != nil {
			return append(out, skipped("rights on transactional ids", notTold+": "+err.Error()))
		}
		may[g] = allowed
	}
	return append(out, transactionalRights(names, may))
}

// asked says what the findings on rights rest on.
func asked(a kafka.Authorizer) Finding {
	if a == kafka.HasAuthorizer {
		return ok("rights", "the cluster answers for its access rules: see below")
	}
	return skipped("rights", "whether there is an authorizer: "+notTold)
}

// clusterRights are those by which teams' access rules follow their
// subscriptions.
func clusterRights(may []string, err error) Finding {
	const check = "rights on the cluster"
	switch lacks := without([]string{alter, describe}, may); {
	case err != nil:
		return skipped(check, notTold+": "+err.Error())
	case may == nil:
		return skipped(check, notTold)
	case len(lacks) > 0:
		return warn(check, "missing: "+strings.Join(lacks, ", "), worker.grant()+", or teams' access rules do not follow their subscriptions")
	}
	return ok(check, "teams' access rules can follow their subscriptions")
}

func topicRights(p principal, needs map[string][]string, topics map[string]kafka.TopicFacts) Finding {
	lacks, silent := lackingTopics(needs, topics)
	return p.judge("rights on topics", lacks, silent, len(needs))
}

func lackingTopics(needs map[string][]string, topics map[string]kafka.TopicFacts) (lacks []string, silent int) {
	for name, ops := range needs {
		f := topics[name]
		switch {
		case f.Missing: // that is a finding of its own
		case f.Denied:
			lacks = append(lacks, name+": "+strings.Join(ops, ", "))
		case f.May == nil:
			silent++
		default:
			if l := without(ops, f.May); len(l) > 0 {
				lacks = append(lacks, name+": "+strings.Join(l, ", "))
			}
		}
	}
	return lacks, silent
}

func groupRights(p principal, groups []string, may map[string][]string, ops ...string) Finding {
	lacks, silent := lackingGroups(groups, may, ops...)
	return p.judge("rights on groups", lacks, silent, len(groups))
}

func lackingGroups(groups []string, may map[string][]string, want ...string) (lacks []string, silent int) {
	for _, g := range groups {
		ops, told := may[g]
		if !told {
			silent++
		} else if l := without(want, ops); len(l) > 0 {
			lacks = append(lacks, g+": "+strings.Join(l, ", "))
		}
	}
	return lacks, silent
}

func transactionalRights(groups []string, may map[string]bool) Finding {
	var lacks []string
	for _, g := range groups {
		if !may[g] {
			lacks = append(lacks, topology.TransactionalIDs(g)+"*: WRITE, DESCRIBE")
		}
	}
	f := worker.judge("rights on transactional ids", lacks, 0, len(groups))
	if f.State == OK {
		f.Found = fmt.Sprintf("DESCRIBE on all %d; WRITE is shown only by writing, see isolation", len(groups))
	}
	return f
}

func (p principal) judge(check string, lacks []string, silent, all int) Finding {
	slices.Sort(lacks)
	switch {
	case len(lacks) > 0:
		return fail(check, "missing on "+some(lacks), p.grant())
	case silent > 0:
		return skipped(check, fmt.Sprintf("%d of %d: %s", silent, all, notTold))
	}
	return ok(check, fmt.Sprintf("all that a %s needs, on %d", p, all))
}

func without(want, have []string) (lacks []string) {
	for _, op := range want {
		if !slices.Contains(have, op) && !slices.Contains(have, "ALL") {
			lacks = append(lacks, op)
		}
	}
	return lacks
}
