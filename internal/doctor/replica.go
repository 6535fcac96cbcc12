package doctor

import (
	"context"
	"maps"
	"slices"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// ReplicaNeeds is what a replica may do on the cluster, and no more. Kafka lets
// whoever may READ or WRITE a topic DESCRIBE it too.
type ReplicaNeeds struct {
	Topics map[string][]string // operations by name
	Groups []string            // that it may DESCRIBE
	// WaitTopics and WaitGroups are for min_position with the token of a publish
	// alone: READ, and DESCRIBE.
	WaitTopics, WaitGroups []string
}

// NeedsOfReplica are those of a replica that follows some views, nil: all. It
// serves them all: what it does not follow is watched and asked for all the
// same. Whether a copy is fresh is seen in the inputs of its group and in what
// is repartitioned on the way, and in the positions of the groups there; that
// nothing but markers lies between, in the records.
func NeedsOfReplica(groups []topology.Declared, views []string) ReplicaNeeds {
	n := ReplicaNeeds{Topics: map[string][]string{
		topology.Members.Name:               {read, write, describe},
		topology.Versions.Name:              {read, write, describe},
		topologies.Control.Topic.Name:       {read, describe},
		topologies.AuditReceived.Topic.Name: {write, describe},
	}}
	reads := func(t string) { n.Topics[t] = []string{read, describe} }
	for _, g := range groups {
		if g.View.Name == "" {
			continue
		}
		reads(g.Table.Name)
		n.waits(topology.WayTo(groups, g.Name, []string{topologies.Firehose.Topic.Name}))
		if views != nil && !slices.Contains(views, g.View.Name) {
			continue
		}
		n.Groups = append(n.Groups, consumerGroups([]topology.Declared{g})...)
		for _, in := range g.Inputs {
			reads(in.Topic.Name)
			reads(in.Via.Name)
		}
	}
	n.WaitTopics = slices.DeleteFunc(n.WaitTopics, func(t string) bool { return slices.Contains(n.Topics[t], read) })
	n.WaitGroups = slices.DeleteFunc(n.WaitGroups, func(g string) bool { return slices.Contains(n.Groups, g) })
	return n
}

func (n *ReplicaNeeds) waits(w topology.Way) {
	add := func(to *[]string, name string) {
		if !slices.Contains(*to, name) {
			*to = append(*to, name)
		}
	}
	for _, s := range w.Steps {
		add(&n.WaitTopics, s.Topic)
		add(&n.WaitGroups, s.Group)
		for _, t := range s.Writes {
			add(&n.WaitTopics, t)
		}
	}
}

// ReplicaRights are the checks of what the cluster lets a replica do, alone.
func ReplicaRights(ctx context.Context, s Setup) ([]Finding, error) {
	client, err := kafka.Dial(ctx, s.Brokers, s.Client...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	n := NeedsOfReplica(s.Groups, s.Views)
	topics, err := client.TopicFacts(ctx, slices.Concat(slices.Collect(maps.Keys(n.Topics)), n.WaitTopics)...)
	if err != nil {
		return nil, err
	}
	return replicaRights(ctx, client, s, topics), nil
}

func replicaRights(ctx context.Context, client *kafka.Client, s Setup, topics map[string]kafka.TopicFacts) []Finding {
	authorizer := client.Authorizer(ctx)
	if authorizer == kafka.NoAuthorizer {
		return []Finding{ok("rights", "none: the cluster has no authorizer, everybody may do everything")}
	}
	n := NeedsOfReplica(s.Groups, s.Views)
	out := []Finding{asked(authorizer), topicRights(replica, n.Topics, topics)}
	may, err := kafka.GroupRights(ctx, s.Brokers, slices.Concat(n.Groups, n.WaitGroups), s.Client...)
	if err != nil {
		return append(out, skipped("rights on groups", notTold+": "+err.Error()))
	}
	return append(out, groupRights(replica, n.Groups, may, describe), n.waitRights(topics, may))
}

// waitRights are those that a replica can do without.
func (n ReplicaNeeds) waitRights(topics map[string]kafka.TopicFacts, may map[string][]string) Finding {
	const check = "rights to wait"
	needs := map[string][]string{}
	for _, t := range n.WaitTopics {
		needs[t] = []string{read, describe}
	}
	onTopics, silent := lackingTopics(needs, topics)
	onGroups, silentToo := lackingGroups(n.WaitGroups, may, describe)
	f := replica.judge(check, append(onTopics, onGroups...), silent+silentToo, len(n.WaitTopics)+len(n.WaitGroups))
	if f.State == Fail {
		f.State, f.Do = Warn, replica.grant()+", or min_position with the token of a publish is refused here"
	}
	return f
}
