package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Authorizer says whether the cluster refuses anything to anybody.
type Authorizer string

// What a cluster says of its authorizer.
const (
	NoAuthorizer  Authorizer = "none"
	HasAuthorizer Authorizer = "present"
	NotTold       Authorizer = "not told"
)

// Authorizer asks for access rules: a cluster without an authorizer says that
// it has none.
func (c *Client) Authorizer(ctx context.Context) Authorizer {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	b := kadm.NewACLs().AnyResource().ResourcePatternType(kmsg.ACLResourcePatternTypeAny).
		Operations(kmsg.ACLOperationAny).Allow().Deny().AllowHosts().DenyHosts()
	results, err := c.admin.DescribeACLs(ctx, b)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	switch {
	case err == nil, errors.Is(err, kerr.ClusterAuthorizationFailed):
		return HasAuthorizer
	case errors.Is(err, kerr.SecurityDisabled):
		return NoAuthorizer
	}
	return NotTold
}

// GroupRights are what we may do with consumer groups, as READ. A group for
// which the cluster does not tell is absent.
func GroupRights(ctx context.Context, brokers, groups []string, opts ...Option) (map[string][]string, error) {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.DescribeGroups), 5) // from 6 on, nothing is said of a group that has not been used yet
	c, err := Dial(ctx, brokers, append(opts, kgo.MaxVersions(versions))...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	out := map[string][]string{}
	for _, g := range groups {
		described, err := c.admin.DescribeGroups(ctx, g)
		switch {
		case errors.Is(err, kerr.GroupAuthorizationFailed):
			out[g] = []string{}
		case err != nil:
			return nil, fmt.Errorf("group %s: %w", g, err)
		case described[g].AuthorizedOperations != nil:
			out[g] = operations(described[g].AuthorizedOperations)
		}
	}
	return out, nil
}

// ClusterRights are what we may do with the cluster itself, as ALTER; nil where
// it does not tell.
func (c *Client) ClusterRights(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeClusterAuthorizedOperations = true
	resp, err := req.RequestWith(ctx, c.kafka)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if resp.ClusterAuthorizedOperations < 0 {
		return nil, nil // the smallest number there is stands for not told
	}
	out := []string{}
	for op := kmsg.ACLOperationRead; op <= kmsg.ACLOperationIdempotentWrite; op++ {
		if resp.ClusterAuthorizedOperations>>op&1 == 1 {
			out = append(out, op.String())
		}
	}
	return out, nil
}

// TransactionalRight says whether we may see a transactional id, which who may
// write with it also may. The protocol has no question for the right to write.
func (c *Client) TransactionalRight(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	described, err := c.admin.DescribeTransactions(ctx, id)
	if err == nil {
		err = described[id].Err
	}
	switch {
	case err == nil, errors.Is(err, kerr.TransactionalIDNotFound):
		return true, nil
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return false, nil
	}
	return false, fmt.Errorf("transactional ids: %w", err)
}
