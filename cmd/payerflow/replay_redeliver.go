package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"payerflow/api/access"
	"payerflow/connectors/kafka"
	"payerflow/connectors/past"
	"payerflow/connectors/store"
	"payerflow/events"
)

// idOf names a request, so that the same goes on where it was cut short. It
// tells nothing of the keys.
func (o *redelivering) idOf(secret []byte, keys []string) (string, error) {
	same := *o
	slices.Sort(keys)
	same.Keys = strings.Join(keys, "\n")
	text, err := json.Marshal(same)
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(append([]byte("redelivery "), text...)) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil)[:8]), err
}

// turnOf is the id of the request's run that is to go on: the last, or after a
// whole one, where it is to be done again, the next.
func turnOf(id string, all []kafka.Redelivered, again bool) string {
	name := id
	for n := 2; ; n++ {
		i := slices.IndexFunc(all, func(r kafka.Redelivered) bool { return r.ID == name })
		next := fmt.Sprintf("%s-%d", id, n)
		later := slices.ContainsFunc(all, func(r kafka.Redelivered) bool { return r.ID == next })
		if i < 0 || all[i].State != kafka.RedeliveryIsDone || !again && !later {
			return name
		}
		name = next
	}
}

// redeliver gives one reader chosen events once more.
func (a *app) redeliver(ctx context.Context, in io.Reader, o redelivering) error {
	req, err := o.request(in, time.Now())
	if err != nil {
		return coded(exitUsage, err)
	}
	opts, err := a.client()
	if err != nil {
		return err
	}
	secret, err := a.secret()
	if err != nil {
		return err
	}
	return a.withRules(ctx, a.cfg.Broker.Seeds, opts, a.schemas(), func(ctx context.Context, c *kafka.Control, _ *access.Keyring) error {
		d := kafka.Redeliverer{Brokers: a.cfg.Broker.Seeds, Schemas: a.schemas(), Options: opts, Rules: c.Rules}
		held, err := a.past(opts)
		if err != nil {
			return err
		}
		if held != nil {
			defer held.Close()
			d.Past = held
		}
		all, err := d.All(ctx)
		if err != nil {
			return err
		}
		id, err := o.idOf(secret, slices.Clone(req.Choice.Keys))
		if err != nil {
			return err
		}
		req.ID = turnOf(id, all, o.again)
		out, err := a.redelivered(ctx, d, req)
		if refused, ok := errors.AsType[*kafka.RedeliveryError](err); ok {
			if refused.Code == kafka.NoSubscription {
				return coded(exitNotFound, err)
			}
			return coded(exitDifferent, err)
		}
		if err != nil {
			return err
		}
		return a.showRedelivered([]kafka.Redelivered{out})
	})
}

// redelivered runs it between two records of the audit.
func (a *app) redelivered(ctx context.Context, d kafka.Redeliverer, req kafka.Redelivery) (out kafka.Redelivered, err error) {
	log, err := kafka.OpenAudit(d.Brokers, d.Schemas, d.Options...)
	if err != nil {
		return out, err
	}
	defer log.Close()
	note := func(act string, n int64) error {
		if req.DryRun {
			return nil
		}
		return log.Write(ctx, events.AuditReceived{ID: uuid.NewString(), At: events.InstantOf(time.Now()), Actor: req.By, Act: act, Object: "subscription", Name: req.Subscription,
			Decision: events.AuditAllow, Why: req.Why, Count: n})
	}
	if err := note("event.redeliver", 0); err != nil {
		return out, coded(exitUnavailable, err)
	}
	bar := a.counter("delivering again")
	out, err = d.Redeliver(ctx, req, func(r kafka.Redelivered) {
		bar.ChangeMax64(max(r.All, 1))
		_ = bar.Set64(r.Done)
	})
	_ = bar.Finish()
	if err == nil {
		err = note("event.redelivered", out.Delivered)
	}
	return out, err
}

// past is what the event store has of topics, nil where none is named.
func (a *app) past(opts []kafka.Option) (*heldPast, error) {
	if a.cfg.Store.URI == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	held, err := store.Open(a.cfg.Store.URI)
	if err != nil {
		return nil, coded(exitUsage, err)
	}
	p, err := past.Open(a.cfg.Broker.Seeds, held, opts...)
	if err != nil {
		held.Close()
		return nil, err
	}
	return &heldPast{p, held}, nil
}

// heldPast is a past with its store.
type heldPast struct {
	*past.Past
	store *store.Store
}

func (h *heldPast) Close() {
	h.Past.Close()
	h.store.Close()
}

func (a *app) showRedelivered(all []kafka.Redelivered) error {
	rows := [][]string{}
	for _, r := range all {
		var over []string
		for _, code := range slices.Sorted(maps.Keys(r.PassedOver)) {
			over = append(over, fmt.Sprintf("%s %d", code, r.PassedOver[code]))
		}
		rows = append(rows, []string{r.ID, r.Topic, r.State, fmt.Sprintf("%d %%", 100*r.Done/max(r.All, 1)), strconv.FormatInt(r.Delivered, 10), strings.Join(over, ", "),
			r.By, r.Started.Format(time.RFC3339)})
	}
	return a.show(all, []string{"id", "topic", "state", "read", "delivered", "passed over", "by", "started"}, rows)
}

func (a *app) replayRedeliveredCommand() *cobra.Command {
	return &cobra.Command{
		Use: "redelivered", Short: "Show what was delivered again, and how far that is", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := a.client()
			if err != nil {
				return err
			}
			all, err := kafka.Redeliverer{Brokers: a.cfg.Broker.Seeds, Options: opts}.All(cmd.Context())
			if err != nil {
				return coded(exitUnavailable, err)
			}
			return a.showRedelivered(all)
		},
	}
}
