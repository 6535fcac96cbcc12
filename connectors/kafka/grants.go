package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/tables"
)

// grant is one access rule of a team's principal.
type grant struct {
	team    string
	kind    kmsg.ACLResourceType // topic or group
	name    string
	pattern kadm.ACLPattern
	allowed kadm.ACLOperation
}

const principalPrefix = "User:team-"

// grantsOf are the rules that follow from subscriptions: their team reads and
// sees their topic, and commits in groups that begin with its name. A paused
// subscription gives none; one in quarantine keeps them, since what was
// delivered is the team's.
func grantsOf(subs []tables.Subscription) map[grant]bool {
	out := map[grant]bool{}
	for _, s := range subs {
		if checkTeam(s.Team) != nil || s.State != tables.StateActive && s.State != tables.StateQuarantined {
			continue
		}
		out[grant{s.Team, kmsg.ACLResourceTypeTopic, s.Topic(), kadm.ACLPatternLiteral, kadm.OpRead}] = true
		out[grant{s.Team, kmsg.ACLResourceTypeTopic, s.Topic(), kadm.ACLPatternLiteral, kadm.OpDescribe}] = true
		out[grant{s.Team, kmsg.ACLResourceTypeGroup, s.Team + ".", kadm.ACLPatternPrefixed, kadm.OpRead}] = true
	}
	return out
}

// ours says whether we make rules like this one. Others are somebody else's,
// and stay.
func (g grant) ours() bool {
	if checkTeam(g.team) != nil {
		return false
	}
	topic := g.kind == kmsg.ACLResourceTypeTopic && g.pattern == kadm.ACLPatternLiteral && strings.HasPrefix(g.name, tables.ConsumerTopicPrefix)
	group := g.kind == kmsg.ACLResourceTypeGroup && g.pattern == kadm.ACLPatternPrefixed && g.name == g.team+"."
	return topic || group
}

// rule is the grant as the cluster is asked for it.
func (g grant) rule() *kadm.ACLBuilder {
	b := kadm.NewACLs().ResourcePatternType(g.pattern).Operations(g.allowed).Allow(principalPrefix + g.team).AllowHosts("*")
	if g.kind == kmsg.ACLResourceTypeTopic {
		return b.Topics(g.name)
	}
	return b.Groups(g.name)
}

// granted are the rules of teams that the cluster has and that we make; none
// where it has no authorizer.
func (c *Client) granted(ctx context.Context) (map[grant]bool, error) {
	results, err := c.admin.DescribeACLs(ctx, kadm.NewACLs().AnyResource().ResourcePatternType(kadm.ACLPatternAny).Operations(kadm.OpAny).Allow().AllowHosts())
	out := map[grant]bool{}
	for _, r := range results {
		err = errors.Join(err, r.Err)
		for _, d := range r.Described {
			team, named := strings.CutPrefix(d.Principal, principalPrefix)
			if g := (grant{team, d.Type, d.Name, d.Pattern, d.Operation}); named && d.Host == "*" && d.Permission == kmsg.ACLPermissionTypeAllow && g.ours() {
				out[g] = true
			}
		}
	}
	return out, err
}

// Grant makes the access rules of all teams what these subscriptions, which are
// all there are, give them: what is missing is added, what no active
// subscription gives is taken away. It says how many rules it changed. A
// cluster without an authorizer refuses nothing to anybody, and is left so.
func (c *Client) Grant(ctx context.Context, all []tables.Subscription) (changed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	have, err := c.granted(ctx)
	if errors.Is(err, kerr.SecurityDisabled) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("access rules: %w", err)
	}
	want := grantsOf(all)
	for g := range have {
		if want[g] {
			continue
		}
		taken, err := c.admin.DeleteACLs(ctx, g.rule())
		for _, r := range taken {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			return changed, fmt.Errorf("take access to %s from team %s: %w", g.name, g.team, err)
		}
		changed++
	}
	for g := range want {
		if have[g] {
			continue
		}
		given, err := c.admin.CreateACLs(ctx, g.rule())
		for _, r := range given {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			return changed, fmt.Errorf("give access to %s to team %s: %w", g.name, g.team, err)
		}
		changed++
	}
	return changed, nil
}
