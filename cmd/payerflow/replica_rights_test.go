package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"payerflow/connectors/kafka"
	"payerflow/internal/doctor"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// restricted is a user of a test's broker who may do what is granted to it, and
// nothing else.
type restricted struct {
	t     *testing.T
	admin *kadm.Client
	login kafka.Login
}

func newRestricted(t *testing.T, tg target) restricted {
	t.Helper()
	r := restricted{t, kadm.NewClient(tg.client(t)), newLogin("replica")}
	made, err := r.admin.AlterUserSCRAMs(context.Background(), nil, []kadm.UpsertSCRAM{{User: r.login.Username, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: r.login.Password}})
	if err != nil || made.Error() != nil {
		t.Fatal(err, made.Error())
	}
	return r
}

func (r restricted) rule(b *kadm.ACLBuilder) *kadm.ACLBuilder {
	return b.ResourcePatternType(kadm.ACLPatternLiteral).Allow("User:" + r.login.Username).AllowHosts("*")
}

func (r restricted) allow(b *kadm.ACLBuilder) {
	r.t.Helper()
	rs, err := r.admin.CreateACLs(context.Background(), r.rule(b))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, one := range rs {
		if one.Err != nil {
			r.t.Fatal(one.Err)
		}
	}
}

func (r restricted) forbid(b *kadm.ACLBuilder) {
	r.t.Helper()
	rs, err := r.admin.DeleteACLs(context.Background(), r.rule(b))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, one := range rs {
		if one.Err != nil || len(one.Deleted) == 0 {
			r.t.Fatal("nothing was taken away: ", one.Err)
		}
	}
}

// grant gives what docs/security.md says that a replica of a view needs.
func (r restricted) grant(view string) {
	group := topologies.All[slices.IndexFunc(topologies.All, func(g topology.Declared) bool { return g.View.Name == view })]
	reads, groups := []string{topology.Members.Name, topology.Versions.Name, topologies.Control.Topic.Name}, []string{group.Name}
	for _, g := range topologies.All {
		if g.View.Name != "" {
			reads = append(reads, g.Table.Name)
		}
	}
	for _, in := range group.Inputs {
		reads = append(reads, in.Topic.Name, in.Via.Name)
		if in.Whole {
			groups = append(groups, topology.FeedingGroup(group.Name, in.Topic.Partitions))
		}
	}
	r.allow(kadm.NewACLs().Topics(slices.Compact(slices.Sorted(slices.Values(reads)))...).Operations(kadm.OpRead, kadm.OpDescribe))
	r.allow(kadm.NewACLs().Topics(topology.Members.Name, topology.Versions.Name, topologies.AuditReceived.Topic.Name).Operations(kadm.OpWrite))
	r.allow(kadm.NewACLs().Groups(slices.Compact(slices.Sorted(slices.Values(groups)))...).Operations(kadm.OpDescribe))
}

// TestAReplicaNeedsNoMoreThanItSays runs one as a user who may do what
// docs/security.md says, and nothing else; then without one of its rights.
func TestAReplicaNeedsNoMoreThanItSays(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "") // never a broker of somebody else's
	tg := servers(t)
	const view, claim = "claim-status", "CLM-RIGHTS"
	user := newRestricted(t, tg)
	user.grant(view)
	_, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "partitions", func() bool { return get(t, base+"/readyz", nil) == 200 })
	token := publishClaim(t, tg, base, claim)
	t.Setenv("PAYERFLOW_BROKER_SASL_USERNAME", user.login.Username)
	t.Setenv("PAYERFLOW_BROKER_SASL_PASSWORD", user.login.Password)

	_, copied := tg.replica(t, t.TempDir(), "--views", view)
	within(t, time.Minute, "a replica that is ready", func() bool { return get(t, copied+"/readyz", nil) == 200 })
	row := copied + "/v1/views/" + view + "/" + claim + "?max_staleness=1m"
	within(t, time.Minute, "a copy's answer", func() bool {
		var row struct {
			AsOf struct {
				Replica bool     `json:"replica"`
				Age     *float64 `json:"age_seconds"`
				Lag     *int64   `json:"lag"`
			} `json:"as_of"`
		}
		return get(t, copied+"/v1/views/"+view+"/"+claim+"?max_staleness=1m", &row) == 200 && row.AsOf.Replica && row.AsOf.Age != nil && row.AsOf.Lag != nil
	})
	found, code := examined(t, tg, "--dev", "--as", "views", "--views", view)
	if code != exitOK || found["rights on topics"].State != doctor.OK || found["rights on groups"].State != doctor.OK || found["rights to wait"].State != doctor.Warn {
		t.Errorf("exit %d: %v", code, found)
	}
	t.Run("to wait", func(t *testing.T) {
		var p struct{ Code, Detail string }
		if status := get(t, row+"&wait=20s&min_position="+token, &p); status != 504 || !strings.Contains(p.Detail, "no right") {
			t.Errorf("%d %+v", status, p)
		}
		n := doctor.NeedsOfReplica(topologies.All, []string{view})
		user.allow(kadm.NewACLs().Topics(n.WaitTopics...).Operations(kadm.OpRead, kadm.OpDescribe))
		user.allow(kadm.NewACLs().Groups(n.WaitGroups...).Operations(kadm.OpDescribe))
		if status := get(t, row+"&wait=20s&min_position="+token, nil); status != 200 {
			t.Errorf("with the rights to wait: %d", status)
		}
	})
	for what, missing := range missingRights() {
		t.Run("without "+what, func(t *testing.T) {
			user.forbid(missing())
			p, base := tg.replica(t, t.TempDir(), "--views", view)
			p.await(`this replica lacks .*` + what + `.*doctor --as views`)
			found, code := examined(t, tg, "--dev", "--as", "views", "--views", view)
			if f := found["rights on topics"].Found + found["rights on groups"].Found; code != exitDifferent || !strings.Contains(f, what) {
				t.Errorf("exit %d: %s", code, f)
			}
			user.allow(missing())
			within(t, time.Minute, "ready with it", func() bool { return get(t, base+"/readyz", nil) == 200 })
			p.await(`this replica has all rights`)
		})
	}
}

// missingRights are some of each kind, by what is said of them.
func missingRights() map[string]func() *kadm.ACLBuilder {
	group := topologies.ClaimStatus.Declare()
	out := map[string]func() *kadm.ACLBuilder{}
	for _, name := range []string{group.Table.Name, group.Vias()[0].Name, group.Inputs[0].Topic.Name, topologies.Control.Topic.Name} {
		out[name+": READ"] = func() *kadm.ACLBuilder { return kadm.NewACLs().Topics(name).Operations(kadm.OpRead) }
	}
	for _, name := range []string{group.Name, topology.FeedingGroup(group.Name, 6)} {
		out[name+": DESCRIBE"] = func() *kadm.ACLBuilder { return kadm.NewACLs().Groups(name).Operations(kadm.OpDescribe) }
	}
	return out
}
