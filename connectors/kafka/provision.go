package kafka

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// teamName is what the rules let a team be called. It has no dot: what begins
// with "consumer.<team>." or "<team>." is that team's alone.
var teamName = regexp.MustCompile(`^[a-z0-9]+(-+[a-z0-9]+)*$`)

const maxTeamName = 60

// TeamNameError says that a team of this name can have no principal, and what
// would be legal.
type TeamNameError struct{ Team string }

func (e *TeamNameError) Error() string {
	return fmt.Sprintf("team %q: a team's name has at most %d lower-case letters, digits, and hyphens between them", e.Team, maxTeamName)
}

func checkTeam(team string) error {
	if len(team) > maxTeamName || !teamName.MatchString(team) {
		return &TeamNameError{team}
	}
	return nil
}

// ErrPartitions says that a consumer topic has another number of partitions
// than the subscription wants.
var ErrPartitions = errors.New("the number of partitions of a topic stays: entities would lose their order. Make another subscription")

// CreateConsumerTopic makes the topic of a subscription as it is declared, or
// sets what differs, and returns when the cluster tells of it. Replication is
// that of the firehose, at most what the catalogue asks for. A topic that has
// another number of partitions is [ErrPartitions].
func (c *Client) CreateConsumerTopic(ctx context.Context, s tables.Subscription) error {
	if err := checkTeam(s.Team); err != nil {
		return err
	}
	r, err := c.replication(ctx)
	if err != nil {
		return err
	}
	changes, err := c.Diff(ctx, []topology.Topic{topologies.ConsumerTopic(s)}, r)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		if ch.Kind == PartitionCount {
			return fmt.Errorf("topic %s has %s, the subscription wants %s: %w", ch.Topic, ch.Have, ch.Want, ErrPartitions)
		}
	}
	if err := c.Apply(ctx, changes, r, func(Change) {}); err != nil {
		return err
	}
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		missing, err := c.missing(ctx, s.Topic())
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("topic %s: %w", s.Topic(), kerr.UnknownTopicOrPartition)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)), backoff.WithMaxElapsedTime(askTimeout))
	return err
}

// replication is that of the firehose, which somebody chose for this cluster.
func (c *Client) replication(ctx context.Context) (Replication, error) {
	firehose := topologies.Firehose.Topic.Name
	topics, err := c.topicsNow(ctx, firehose)
	if err == nil {
		err = topics[firehose].Err
	}
	if err != nil {
		return Replication{}, fmt.Errorf("topic %s (run: payerflow topics apply): %w", firehose, err)
	}
	return Required.CappedTo(topics[firehose].Partitions.NumReplicas()), nil
}

// missing are those of the topics that the cluster says do not exist. A broker
// may not have heard yet of one that was just made.
func (c *Client) missing(ctx context.Context, names ...string) (out []string, err error) {
	if len(names) == 0 {
		return nil, nil // asking about none would ask about all
	}
	topics, err := c.topicsNow(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	for _, name := range names {
		switch err := topics[name].Err; {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			out = append(out, name)
		case err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, err)
		}
	}
	return out, nil
}

// scramIterations are the fewest that a broker takes. Passwords here have 128
// random bits: more iterations would add nothing.
const scramIterations = 4096

// ErrHasCredentials says that a team has a password already, which nobody can
// read again.
var ErrHasCredentials = errors.New("the team has a password already, which was shown once; a new one takes its place with --rotate")

// TeamUser is the name of a team's principal.
func TeamUser(team string) string { return "team-" + team }

// SetCredentials gives a team's principal its password, for SCRAM-SHA-512. It is
// [ErrHasCredentials] where there is one, unless it is to be replaced. It
// grants nothing: see [Client.Grant].
func (c *Client) SetCredentials(ctx context.Context, team, password string, replace bool) (Login, error) {
	l := Login{Username: TeamUser(team), Password: password, Mechanism: Scram512}
	if err := checkTeam(team); err != nil {
		return Login{}, err
	}
	if !replace {
		have, err := c.admin.DescribeUserSCRAMs(ctx, l.Username)
		if err != nil {
			return Login{}, fmt.Errorf("credentials of %s: %w", l.Username, err)
		}
		if u := have[l.Username]; u.Err == nil && len(u.CredInfos) > 0 {
			return Login{}, ErrHasCredentials
		} else if u.Err != nil && !errors.Is(u.Err, kerr.ResourceNotFound) {
			return Login{}, fmt.Errorf("credentials of %s: %w", l.Username, u.Err)
		}
	}
	set, err := c.admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: l.Username, Mechanism: kadm.ScramSha512, Iterations: scramIterations, Password: password}})
	if err = errors.Join(err, set.Error()); err != nil {
		return Login{}, fmt.Errorf("credentials of %s: %w", l.Username, err)
	}
	return l, nil
}
