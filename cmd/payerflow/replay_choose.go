package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
	"payerflow/processors"
)

// redelivering are the flags of a redelivery.
type redelivering struct {
	Subscription, Topic, Source, From, To, Where, Keys string
	Types                                              []string
	Partitions                                         []int32
	incomplete, dryRun, again                          bool
	rate                                               int
	why                                                string
}

// chosenBy are the flags that choose events or whom they go to: a view's
// version folds all, and has none of them.
var chosenBy = []string{"subscription", "topic", "source", "from", "to", "where", "only-keys", "type", "partitions", "dry-run", "again", "why"}

func (o *redelivering) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Subscription, "subscription", "", "redeliver: whose events, team/name")
	f.StringVar(&o.Topic, "topic", "", "redeliver: another topic for them, consumer.{team}.…; it must be there")
	f.StringVar(&o.From, "from", "", "redeliver: earliest (the default), an RFC 3339 time, a duration back, or with --source an offset")
	f.StringVar(&o.To, "to", "", "redeliver: up to when, as --from; the default is now")
	f.StringVar(&o.Source, "source", "", "redeliver: from one topic that the router reads alone")
	f.Int32SliceVar(&o.Partitions, "partitions", nil, "redeliver: these of --source alone")
	f.StringSliceVar(&o.Types, "type", nil, "redeliver: event types")
	f.StringVar(&o.Keys, "only-keys", "", "redeliver: keys of entities, separated by commas; @FILE has one a line, @- is standard input")
	f.StringVar(&o.Where, "where", "", "redeliver: CEL over event and body, as the subscription's team sees them")
	f.BoolVar(&o.dryRun, "dry-run", false, "redeliver: only count")
	f.BoolVar(&o.again, "again", false, "redeliver: once more what was delivered by the same request")
	f.StringVar(&o.why, "why", "", "redeliver: reason, for the audit")
}

// request is what the flags ask for, without an id.
func (o *redelivering) request(in io.Reader, now time.Time) (r kafka.Redelivery, err error) {
	r = kafka.Redelivery{Subscription: o.Subscription, Topic: o.Topic, Source: o.Source, Partitions: o.Partitions, Rate: o.rate, Incomplete: o.incomplete,
		DryRun: o.dryRun, By: localUser(), Why: o.why}
	r.Choice = processors.EventChoice{Types: o.Types, Where: o.Where}
	if o.Subscription == "" {
		return r, errors.New("--subscription team/name: whose events")
	}
	if len(o.Partitions) > 0 && o.Source == "" {
		return r, errors.New("--partitions are those of --source: name it")
	}
	if r.Choice.Keys, err = o.keys(in); err != nil {
		return r, fmt.Errorf("--only-keys: %w", err)
	}
	if r.Choice.From, r.FromOffset, err = o.bound(o.From, now); err != nil {
		return r, fmt.Errorf("--from: %w", err)
	}
	if r.Choice.To, r.ToOffset, err = o.bound(o.To, now); err != nil {
		return r, fmt.Errorf("--to: %w", err)
	}
	return r, nil
}

func (o *redelivering) bound(text string, now time.Time) (at time.Time, offset int64, err error) {
	if text == "earliest" {
		return at, 0, nil
	}
	if offset, err = strconv.ParseInt(text, 10, 64); err == nil {
		if offset < 0 || o.Source == "" {
			err = errors.New("an offset is of one topic: name it with --source")
		}
		return at, offset, err
	}
	at, err = when(text, now)
	return at, 0, err
}

// keys are not repeated in any error.
func (o *redelivering) keys(in io.Reader) (keys []string, err error) {
	name, file := strings.CutPrefix(o.Keys, "@")
	if !file {
		return strings.FieldsFunc(o.Keys, func(r rune) bool { return r == ',' }), nil
	}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	for lines := bufio.NewScanner(in); ; {
		if !lines.Scan() {
			if err = lines.Err(); err == nil && len(keys) == 0 {
				err = errors.New("the file holds no key")
			}
			return keys, err
		}
		if key := strings.TrimSpace(lines.Text()); key != "" {
			keys = append(keys, key)
		}
	}
}
