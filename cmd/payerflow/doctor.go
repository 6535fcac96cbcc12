package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (a *app) doctorCommand() *cobra.Command {
	var dev bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check configuration, broker, topics and registry", Args: exactly(0),
		Long: "Check what a worker needs before it is started. Exit code 5 where something is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := []finding{{"configuration", true, "legal"}}
			findings = append(findings, topologyFinding())
			findings = append(findings, a.brokerFindings(cmd.Context(), dev)...)
			findings = append(findings, a.registryFindings()...)
			var rows [][]string
			sick := 0
			for _, f := range findings {
				mark := "ok"
				if !f.OK {
					mark = "WRONG"
					sick++
				}
				rows = append(rows, []string{mark, f.Check, f.Detail})
			}
			if err := a.show(findings, []string{"", "check", "detail"}, rows); err != nil {
				return err
			}
			if sick > 0 {
				return coded(exitDifferent, fmt.Errorf("%d checks found something", sick))
			}
			return nil
		},
	}
	devFlag(cmd, &dev)
	return cmd
}

func topologyFinding() finding {
	for _, n := range topology.Check(topologies.All, topologies.Catalogue) {
		if n.Fault {
			return finding{"topology", false, n.Group + " " + n.Text}
		}
	}
	return finding{"topology", true, fmt.Sprintf("%d groups", len(topologies.All))}
}

func (a *app) brokerFindings(ctx context.Context, dev bool) []finding {
	client, err := kafka.Dial(ctx, a.cfg.Broker.Seeds)
	if err != nil {
		return []finding{{"broker", false, err.Error()}}
	}
	defer client.Close()
	n, err := client.Brokers(ctx)
	if err != nil {
		return []finding{{"broker", false, err.Error()}}
	}
	out := []finding{{"broker", true, fmt.Sprintf("%d brokers answer", n)}}
	r := kafka.Required
	if dev {
		r = r.CappedTo(n)
	}
	changes, err := client.Diff(ctx, topologies.Topics(), r)
	if err != nil {
		return append(out, finding{"topics", false, err.Error()})
	}
	if len(changes) == 0 {
		return append(out, finding{"topics", true, fmt.Sprintf("all %d as declared", len(topologies.Topics()))})
	}
	for _, c := range changes {
		fix := "run: payerflow topics apply"
		if c.Refused != "" {
			fix = c.Refused
		}
		out = append(out, finding{"topic " + c.Topic, false, fmt.Sprintf("%s: have %q, want %q; %s", c.Kind, c.Have, c.Want, fix)})
	}
	return out
}

func (a *app) registryFindings() []finding {
	registry := a.schemas()
	if err := registry.Ping(); err != nil {
		return []finding{{"registry", false, "does not answer; see registry.url"}}
	}
	var out []finding
	level, err := registry.Compatibility()
	switch {
	case err != nil:
		out = append(out, finding{"registry compatibility", false, err.Error()})
	default:
		out = append(out, finding{"registry compatibility", level == "BACKWARD", level + ", wanted BACKWARD"})
	}
	missing := 0
	for _, s := range topologies.Subjects() {
		text, err := codecs.AvroSchema(s.Topic)
		if err == nil {
			_, err = registry.ID(s.Name, text)
		}
		if errors.Is(err, codecs.ErrNotRegistered) {
			missing++
		} else if err != nil {
			return append(out, finding{"schemas", false, err.Error()})
		}
	}
	detail := fmt.Sprintf("%d of %d registered", len(topologies.Subjects())-missing, len(topologies.Subjects()))
	if missing > 0 {
		detail += "; run: payerflow schemas register"
	}
	return append(out, finding{"schemas", missing == 0, detail})
}
