package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/refill"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
)

// keptAt is the address of the event store: the configured one, or that of a
// demonstration in the data directory.
func (a *app) keptAt() (string, error) {
	if a.cfg.Store.URI != "" {
		return a.cfg.Store.URI, nil
	}
	path, err := filepath.Abs(filepath.Join(a.cfg.Engine.DataDir, "store", embedded.StoreSocket))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", coded(exitUsage, errors.New("no event store is named: set store.uri (PAYERFLOW_STORE_URI), or name the data directory of a demo that runs with --data-dir"))
	}
	return "mongodb://" + url.QueryEscape(path) + "/", nil
}

// withRefill has topics and store at hand, with a bar.
func (a *app) withRefill(doing string, do func(*refill.Refill) error) error {
	uri, err := a.keptAt()
	if err != nil {
		return err
	}
	kept, err := store.Open(uri)
	if err != nil {
		return coded(exitUsage, err)
	}
	defer kept.Close()
	opts, err := a.client()
	if err != nil {
		return err
	}
	c, err := hydrate.OpenCopy(a.cfg.Broker.Seeds, kept, opts...)
	if err != nil {
		return coded(exitUsage, err)
	}
	defer c.Close()
	read, err := hydrate.NewReader(a.schemas())
	if err != nil {
		return err
	}
	bar, total := a.counter(doing), int64(0)
	r := &refill.Refill{Copy: c, Read: read, Total: func(n int64) { total += n; bar.ChangeMax64(total) }, Passed: func(n int64) { _ = bar.Add64(n) }}
	err = do(r)
	_ = bar.Clear()
	if errors.Is(err, topology.ErrUnavailable) {
		err = coded(exitUnavailable, err)
	}
	return err
}

// storedTopics are those that a flag names, or all.
func storedTopics(names string) ([]string, error) {
	all := hydrate.Topics()
	if names == "" {
		return all, nil
	}
	chosen := strings.Split(names, ",")
	for _, n := range chosen {
		if !slices.Contains(all, n) {
			return nil, coded(exitUsage, fmt.Errorf("the event store does not hold %q", n))
		}
	}
	return chosen, nil
}

func (a *app) storeVerifyCommand() *cobra.Command {
	var topics string
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare topics with the event store by partition and day, and list the gaps", Args: exactly(0),
		Long: `Read every record that topics hold and compare it with the store's: counts and checksums of key, value, headers,
time stamp and place, by partition and day. Records that the sink has yet to store are no gap. Exit code 5 where
there are gaps. It wants the brokers' credentials and store.uri, or runs beside a demo.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := storedTopics(topics)
			if err != nil {
				return err
			}
			var found refill.Result
			if err := a.withRefill("comparing", func(r *refill.Refill) error { found, err = r.Compare(cmd.Context(), names); return err }); err != nil {
				return err
			}
			return a.showGaps(found)
		},
	}
	cmd.Flags().StringVar(&topics, "topic", "", "topics, with commas; default: all that are stored")
	return cmd
}

func (a *app) showGaps(found refill.Result) error {
	rows := [][]string{}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, g := range found.Gaps {
		rows = append(rows, []string{g.Topic, strconv.Itoa(int(g.Partition)), g.Day, count(g.InTopic.Count), count(g.InStore.Count), count(g.NotStored), count(g.NotThere), count(g.Differ)})
	}
	if err := a.show(found, []string{"topic", "partition", "day", "in topic", "in store", "missing in store", "missing in topic", "different"}, rows); err != nil {
		return err
	}
	fmt.Fprintf(a.errOut, "%d records of %d partitions are alike; %d wait to be stored\n", found.Records, found.Partitions, found.Waiting)
	if len(found.Gaps) > 0 {
		return coded(exitDifferent, errors.New("topics and the event store differ; payerflow store rehydrate --to store|topics fills one from the other"))
	}
	return nil
}

func (a *app) storeRehydrateCommand() *cobra.Command {
	var to, topics string
	var dry, behind bool
	cmd := &cobra.Command{
		Use: "rehydrate --to store|topics", Short: "Fill the event store from topics, or topics from the event store", Args: exactly(0),
		Long: `--to store stores what topics have and the store lacks. --to topics writes what the store holds and topics lack,
marked with the header pf_rehydrated: into an empty topic, or one that was filled to a part, to the offsets that the
records had. Stop the workers and whoever publishes before: see docs/recover.md. A topic that has gone on without is
left alone, unless --append says that records go behind what is there, but for those of which it has a newer one
with the same key. Killed, it goes on where it was; what came back once does not come twice.
Exit code 5 where something is left out.`,
		Example: `  payerflow store rehydrate --to topics --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := storedTopics(topics)
			if err != nil {
				return err
			}
			if to != "store" && to != "topics" || behind && to == "store" {
				return coded(exitUsage, errors.New("say what is to be filled: --to store or --to topics; --append is of topics"))
			}
			var filled []refill.Filled
			err = a.withRefill("rehydrating", func(r *refill.Refill) (err error) {
				if r.Earlier = behind; to == "store" {
					filled, err = r.ToStore(cmd.Context(), names, dry)
					return err
				}
				if err := a.makeMissing(cmd.Context(), r, names, dry); err != nil {
					return err
				}
				filled, err = r.ToTopics(cmd.Context(), names, dry, behind)
				return err
			})
			if shown := a.showFilled(filled); err == nil {
				err = shown
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "store or topics")
	f.StringVar(&topics, "topic", "", "topics, with commas; default: all that are stored")
	f.BoolVar(&dry, "dry-run", false, "say what would come back")
	f.BoolVar(&behind, "append", false, "into topics that went on: behind what is there")
	return cmd
}

// makeMissing makes the registry's topic, which nobody else does: of the others
// it names those that are not there.
func (a *app) makeMissing(ctx context.Context, r *refill.Refill, names []string, dry bool) error {
	lives, err := r.Lives(ctx, names...)
	if err != nil || dry {
		return err
	}
	for _, n := range names {
		if _, there := lives[n]; !there && n != hydrate.SchemasTopic {
			return coded(exitNotFound, fmt.Errorf("the cluster has no topic %s: payerflow topics apply makes topics", n))
		}
	}
	if _, there := lives[hydrate.SchemasTopic]; there || !slices.Contains(names, hydrate.SchemasTopic) {
		return nil
	}
	return r.MakeSchemas(ctx)
}

func (a *app) showFilled(filled []refill.Filled) error {
	rows, left := [][]string{}, int64(0)
	for _, f := range filled {
		how := ""
		if f.Behind {
			how = "behind what was there"
		}
		left += f.Newer + f.Left
		rows = append(rows, []string{f.Topic, strconv.Itoa(int(f.Partition)), strconv.FormatInt(f.Records, 10), how, strconv.FormatInt(f.Newer, 10), strconv.FormatInt(f.Left, 10)})
	}
	if filled == nil {
		filled = []refill.Filled{}
	}
	if err := a.show(filled, []string{"topic", "partition", "records", "how", "newer there", "left out"}, rows); err != nil {
		return err
	}
	if left > 0 {
		return coded(exitDifferent, fmt.Errorf("%d records are left out", left))
	}
	return nil
}
