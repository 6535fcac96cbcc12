package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

func (a *app) topicsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Create and compare the topics of the catalogue"}
	cmd.AddCommand(a.topicsListCommand(), a.topicsDiffCommand(), a.topicsApplyCommand())
	return cmd
}

func (a *app) topicsListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the declared topics", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			topics, days := topologies.Catalogue, map[string]time.Duration{}
			if all {
				topics = topologies.Topics()
			}
			if a.stores() {
				days = hydrate.Managed()
			}
			var rows [][]string
			for _, t := range topics {
				rows = append(rows, []string{t.Name, strconv.Itoa(t.Partitions), retention(t, days[t.Name] > 0), t.KeyField, strings.Join(t.Producers, ", "), strings.Join(t.EventTypes, ", ")})
			}
			return a.show(topics, []string{"topic", "partitions", "retention", "key", "producers", "event types"}, rows)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also dead letter topics and the groups' own")
	return cmd
}

func retention(t topology.Topic, managed bool) string {
	switch {
	case t.Cleanup == topology.Compact:
		return "compacted"
	case t.Retention == 0:
		return "for ever"
	case managed:
		return fmt.Sprintf("%d days, then when the event store has it", t.Retention/(24*time.Hour))
	}
	return fmt.Sprintf("%d days", t.Retention/(24*time.Hour))
}

func (a *app) topicsDiffCommand() *cobra.Command {
	var dev bool
	cmd := &cobra.Command{
		Use: "diff", Short: "Compare the declared topics with the cluster", Args: exactly(0),
		Long: "Compare the declared topics with the cluster. Exit code 5 where they differ.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _, changes, err := a.topicChanges(cmd.Context(), dev, false)
			if err != nil {
				return err
			}
			if err := a.showChanges(changes); err != nil || len(changes) == 0 {
				return err
			}
			return coded(exitDifferent, fmt.Errorf("%d differences", len(changes)))
		},
	}
	devFlag(cmd, &dev)
	return cmd
}

func (a *app) topicsApplyCommand() *cobra.Command {
	var dev, forget bool
	cmd := &cobra.Command{
		Use: "apply", Short: "Create what is missing and set what differs", Args: exactly(0),
		Long: `Create missing topics and set configs that differ. Partition counts and replication of existing topics are
never changed: what is refused is listed with what to do, and the exit code is 5.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.applyTopics(cmd.Context(), dev, forget) },
	}
	cmd.Flags().BoolVar(&forget, "forget", false, "where no event store is named: have the brokers delete by age again what one decided on")
	devFlag(cmd, &dev)
	return cmd
}

func devFlag(cmd *cobra.Command, dev *bool) {
	cmd.Flags().BoolVar(dev, "dev", false, "cap replication factor and min.insync.replicas to what the cluster can give")
}

func (a *app) topicChanges(ctx context.Context, dev, forget bool) (*kafka.Client, kafka.Replication, []kafka.Change, error) {
	r := kafka.Required
	client, err := a.dial(ctx)
	if err != nil {
		return nil, r, nil, err
	}
	n, err := client.Brokers(ctx)
	if err != nil {
		return nil, r, nil, err
	}
	if n < r.Factor {
		if !dev {
			return nil, r, nil, coded(exitDifferent, fmt.Errorf("the cluster has %d brokers and the catalogue asks for replication factor %d; on a cluster for development, say --dev", n, r.Factor))
		}
		r = r.CappedTo(n)
		fmt.Fprintf(a.errOut, "--dev: %d brokers, so replication factor %d and min.insync.replicas %d in place of %d and %d\n",
			n, r.Factor, r.MinInSync, kafka.Required.Factor, kafka.Required.MinInSync)
	}
	stored := a.stores()
	changes, err := client.Diff(ctx, declaredTopics(stored), r)
	for i, c := range changes {
		if _, managed := hydrate.Managed()[c.Topic]; managed && !stored && !forget && c.Have == "retention.ms=-1" {
			changes[i].Refused = "an event store decides what this topic forgets: name it with store.uri, or give it up with --forget"
		}
	}
	return client, r, changes, err
}

func (a *app) showChanges(changes []kafka.Change) error {
	var rows [][]string
	for _, c := range changes {
		rows = append(rows, []string{c.Topic, c.Kind, c.Have, c.Want, c.Refused})
	}
	if changes == nil {
		changes = []kafka.Change{}
	}
	if len(changes) == 0 && a.format == formatTable {
		_, err := fmt.Fprintln(a.out, "No differences.")
		return err
	}
	return a.show(changes, []string{"topic", "what", "have", "want", "refused"}, rows)
}

func (a *app) applyTopics(ctx context.Context, dev, forget bool) error {
	client, r, changes, err := a.topicChanges(ctx, dev, forget)
	if err != nil {
		return err
	}
	defer client.Close()
	bar := a.progress(int64(len(changes)))
	if err := client.Apply(ctx, changes, r, func(kafka.Change) { _ = bar.Add(1) }); err != nil {
		return err
	}
	_ = bar.Finish()
	if err := a.showChanges(changes); err != nil {
		return err
	}
	for _, c := range changes {
		if c.Refused != "" {
			return coded(exitDifferent, errors.New("some differences cannot be applied to existing topics; see the list"))
		}
	}
	return nil
}
