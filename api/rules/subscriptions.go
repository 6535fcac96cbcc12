package rules

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) subscriptions() resource[tables.Subscription] {
	return resource[tables.Subscription]{
		kind: tables.KindSubscription, noun: "subscription", path: "/v1/subscriptions", one: "/{team}/{name}", tag: "subscriptions",
		id: tables.Subscription.ID, find: (*processors.Rules).Subscription, all: (*processors.Rules).Subscriptions,
		shown: func(c caller, s tables.Subscription) (tables.Subscription, bool) { return s, c.Acts(s.Team) },
		may:   caller.maySubscribe,
		says: func(s tables.Subscription) []string {
			return slices.Concat([]string{s.ID(), s.State, s.Delivery}, s.EventTypes, s.Rules, s.Tags.AllOf, s.Tags.AnyOf)
		},
		fill: func(c caller, s *tables.Subscription) {
			team, name := halves(c.id)
			given(&s.Team, team)
			given(&s.Name, name)
			given(&s.State, tables.StateActive)
			given(&s.Synthetic, tables.Discard)
			given(&s.Delivery, tables.DeliverTopic)
			if s.Partitions == 0 {
				s.Partitions = 1
			}
		},
		droppable: func(s tables.Subscription) error {
			if s.State == tables.StateActive {
				return problem.New(http.StatusConflict, "STILL_ACTIVE", "the subscription is active: pause it first, and delete it when its team has read what it wants to keep")
			}
			return nil
		},
	}
}

// maySubscribe holds a subscription to the token's scopes: its own event
// types, and those of the rules that it names.
func (c caller) maySubscribe(s tables.Subscription) error {
	if !c.Acts(s.Team) {
		return access.Forbidden("a subscription is its team's")
	}
	if len(s.EventTypes) > 0 || len(s.Rules) == 0 {
		if err := c.within(s.EventTypes); err != nil {
			return err
		}
	}
	for _, name := range s.Rules {
		if u, ok := c.rules.RoutingRule(s.Team + "/" + name); ok {
			if err := c.within(u.EventTypes); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Door) registerSubscriptions(api huma.API) {
	r := d.subscriptions()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
	turn(d, api, r, "pause", "Send nothing more to a subscription, and take its team's rights on its topic away",
		func(s *tables.Subscription) { s.State = tables.StatePaused })
	turn(d, api, r, "resume", "Send to a subscription again, also after a quarantine; what came meanwhile is not made up for",
		func(s *tables.Subscription) { s.State = tables.StateActive })
	turn(d, api, r, "shadow", "Count what a subscription would get, and send nothing", func(s *tables.Subscription) { s.State = tables.StateShadow })
	d.registerTopicDeletion(api, r)
}

// registerTopicDeletion is the explicit act by which a topic goes.
func (d *Door) registerTopicDeletion(api huma.API, r resource[tables.Subscription]) {
	op := r.operation(http.MethodDelete, r.path+r.one+"/topic", "delete-topic-of", "Delete the consumer topic of a subscription that is paused or deleted")
	op.Description = "What it holds is lost. Answered when it is gone: once every router has applied the pause, and its open transactions have ended, which takes some seconds."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(api, op, func(ctx context.Context, in *getInput) (*struct{}, error) {
		c, err := d.who(ctx, in.id())
		if err != nil {
			return nil, err
		}
		s, there := r.find(c.rules, c.id)
		if !there {
			s = tables.Subscription{Team: in.team, Name: in.name, State: tables.StatePaused}
			if !c.Acts(s.Team) || !c.Scopes.Admin && len(c.Scopes.Subscribe) == 0 {
				return nil, access.Forbidden("a subscription is its team's")
			}
		} else if err := c.maySubscribe(s); err != nil {
			return nil, err
		}
		if s.State == tables.StateActive {
			return nil, r.droppable(s)
		}
		var known *problem.Problem
		if err := d.Log.DeleteConsumerTopic(ctx, in.team, in.name); errors.As(err, &known) {
			return nil, known
		} else if err != nil {
			d.Logger.Warn("a consumer topic cannot be deleted", "error", err)
			return nil, problem.New(http.StatusServiceUnavailable, "TOPIC_NOT_DELETED", "the topic could not be deleted yet; try again")
		}
		return nil, nil
	})
}

func halves(id string) (team, name string) {
	team, name, _ = strings.Cut(id, "/")
	return team, name
}
