package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/stored"
	"payerflow/internal/embedded"
)

func (a *app) storeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Events that are kept beyond their topics' time"}
	base := urlFlag(cmd)
	cmd.AddCommand(a.storeQueryCommand(base), a.storeGetCommand(base), a.storeLineageCommand(base), a.storeStatusCommand(base), a.storeServeCommand(),
		a.storeHoldCommand(base), a.storeReleaseCommand(base), a.storeHoldsCommand(base),
		a.storeVerifyCommand(), a.storeRehydrateCommand())
	return cmd
}

func (a *app) storeQueryCommand(base *string) *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "query", Short: "Find stored events",
		Long: `Find stored events, oldest record first, redacted for the token's team. All conditions hold together.
A condition on what the team may not see finds nothing.`, Args: exactly(0),
	}
	f := cmd.Flags()
	names := map[string]string{"id": "event id", "key": "key of the entity", "type": "event type", "tag": "tags, separated by commas: all of them", "transaction": "transaction id",
		"user": "user id", "source": "source system", "topic": "topic that the record was in", "field": "values of the body: /pointer=value, separated by commas"}
	for name, doc := range names {
		f.String(name, "", doc)
	}
	from, to := f.String("from", "", "how far back: a duration, or RFC 3339"), f.String("to", "", "up to when: a duration ago, or RFC 3339")
	synthetic := f.Bool("synthetic", false, "made-up events, in place of real ones")
	f.IntVar(&most, "most", 100, "most events")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{}
		for name := range names {
			if v, _ := f.GetString(name); v != "" {
				q.Set(name, v)
			}
		}
		for name, text := range map[string]string{"from": *from, "to": *to} {
			if text == "" {
				continue
			}
			at, err := when(text, time.Now())
			if err != nil {
				return coded(exitUsage, fmt.Errorf("--%s: %w", name, err))
			}
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
		if *synthetic {
			q.Set("synthetic", "true")
		}
		found := []stored.Held{}
		bar := a.counter("events")
		for len(found) < most {
			q.Set("limit", strconv.Itoa(min(most-len(found), 500)))
			var page stored.HeldPage
			if err := a.ask(cmd.Context(), *base, "/v1/store/events", q, &page); err != nil {
				return err
			}
			found = append(found, page.Events...)
			_ = bar.Add(len(page.Events))
			if page.Next == "" {
				break
			}
			q.Set("cursor", page.Next)
		}
		_ = bar.Clear()
		return a.showStored(found)
	}
	return cmd
}

func (a *app) showStored(found []stored.Held) error {
	var rows [][]string
	for _, e := range found {
		rows = append(rows, []string{e.Time.Format(time.RFC3339Nano), e.Type, e.ID, e.Key, e.Source, strings.Join(e.Tags, ","), fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset)})
	}
	return a.show(found, []string{"time", "type", "id", "key", "source", "tags", "record"}, rows)
}

func (a *app) storeGetCommand(base *string) *cobra.Command {
	return &cobra.Command{
		Use: "get ID", Short: "Show every stored record of an event; -o json with its body", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out stored.HeldRecords
			if err := a.ask(cmd.Context(), *base, "/v1/store/events/"+url.PathEscape(args[0]), nil, &out); err != nil {
				return err
			}
			return a.showStored(out.Events)
		},
	}
}

func (a *app) storeLineageCommand(base *string) *cobra.Command {
	return &cobra.Command{
		Use: "lineage ID", Short: "Show what led to an event, and what came of it", Args: exactly(1),
		Long: `Show the stored records of an event, and those of events of the same transaction: what was there before it,
and what came later. It needs the store alone. For hops in topics, and the rules that held, see "payerflow trace".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var out stored.Lineage
			if err := a.ask(cmd.Context(), *base, "/v1/store/events/"+url.PathEscape(args[0])+"/lineage", nil, &out); err != nil {
				return err
			}
			var rows [][]string
			for _, s := range out.Steps {
				rows = append(rows, []string{s.Relation, s.Time.Format(time.RFC3339Nano), s.Type, s.ID, fmt.Sprintf("%s/%d/%d", s.Topic, s.Partition, s.Offset), s.Redriven})
			}
			return a.show(out, []string{"relation", "time", "type", "id", "record", "redriven from"}, rows)
		},
	}
}

func (a *app) storeStatusCommand(base *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how a worker's sink stands, and what the store holds", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s stored.StoreStatus
			if err := a.ask(cmd.Context(), *base, "/v1/store/status", nil, &s); err != nil {
				return err
			}
			since := func(at *time.Time) string {
				if at == nil {
					return ""
				}
				return at.Format(time.RFC3339)
			}
			expiry := ""
			if s.Expiry != nil {
				expiry = strings.Join([]string{s.Expiry.State, s.Expiry.Error}, " ")
			}
			return a.show(s, []string{"state", "behind", "waits since", "stored", "known", "topics", "oldest held", "holds", "expiry", "error"}, [][]string{{s.Sink.State, strconv.FormatInt(s.Sink.Behind, 10),
				since(s.Sink.Oldest), strconv.FormatInt(s.Sink.Stored, 10), strconv.FormatInt(s.Sink.Known, 10), strconv.Itoa(len(s.Topics)), since(s.Oldest), strconv.Itoa(s.Holds), strings.TrimSpace(expiry), s.Sink.Error}})
		},
	}
}

func (a *app) storeServeCommand() *cobra.Command {
	addr := "127.0.0.1:27017"
	cmd := &cobra.Command{
		Use: "serve DIR", Short: "Run an event store in a process of its own, for laptops and tests", Args: exactly(1),
		Long: `Run a server of MongoDB's protocol over SQLite in a folder. It asks nobody who they are, and speaks no TLS:
keep it on an address that only this machine reaches. Workers find it by store.uri.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, err := embedded.StartStore(cmd.Context(), embedded.StoreConfig{DataDir: args[0], Addr: addr, Logger: a.log})
			if err != nil {
				return coded(exitUnavailable, err)
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			fmt.Fprintln(a.out, s.URI())
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&addr, "addr", addr, "host:port, on this machine; port 0 for a free one")
	return cmd
}
