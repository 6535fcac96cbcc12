package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

func (a *app) schemasCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "schemas", Short: "Register and check the schemas of the topics"}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List subjects and their versions in the registry", Args: exactly(0), RunE: func(*cobra.Command, []string) error {
			return a.eachSubject(func(s topologies.Subject, text string, published []string) (string, error) {
				return state(text, published), nil
			})
		}},
		&cobra.Command{Use: "check", Short: "Check the schemas against all published versions", Args: exactly(0),
			Long: `Check each schema against every version in the registry, in both directions: new readers read old data, and
old readers read new data. Nothing is changed. Exit code 5 where a schema does not pass.`,
			RunE: func(*cobra.Command, []string) error {
				return a.eachSubject(func(_ topologies.Subject, text string, published []string) (string, error) {
					if err := codecs.CheckCompatible(text, published); err != nil {
						return "INCOMPATIBLE: " + err.Error(), err
					}
					return "compatible, " + state(text, published), nil
				})
			}},
		&cobra.Command{Use: "register", Short: "Check, then register the schemas", Args: exactly(0),
			Long: "Check each schema as \"schemas check\" does, then register it. A registry with another level than BACKWARD is named by doctor.",
			RunE: func(*cobra.Command, []string) error {
				registered, err := registerSchemas(a.schemas())
				if err != nil {
					return err
				}
				var rows [][]string
				for _, r := range registered {
					rows = append(rows, []string{r.Subject, strconv.Itoa(r.ID)})
				}
				return a.show(registered, []string{"subject", "id"}, rows)
			}},
	)
	return cmd
}

type registration struct {
	Subject string `json:"subject"`
	ID      int    `json:"id"`
}

// registerSchemas passes every schema through the project's own gate before
// the registry sees any.
func registerSchemas(registry *codecs.Registry) (out []registration, err error) {
	return registerSubjects(registry, topologies.Subjects())
}

func registerSubjects(registry *codecs.Registry, subjects []topologies.Subject) (out []registration, err error) {
	texts := make([]string, len(subjects))
	for i, s := range subjects {
		if texts[i], err = codecs.AvroSchema(s.Topic); err != nil {
			return nil, err
		}
		published, err := registry.Versions(s.Name)
		if err != nil {
			return nil, coded(exitUnavailable, err)
		}
		if err := codecs.CheckCompatible(texts[i], published); err != nil {
			return nil, coded(exitDifferent, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	for i, s := range subjects {
		id, err := registry.Register(s.Name, texts[i])
		if err != nil {
			return nil, coded(exitUnavailable, err)
		}
		out = append(out, registration{s.Name, id})
	}
	return out, nil
}

func state(text string, published []string) string {
	for i, p := range published {
		if codecs.SameSchema(p, text) {
			return fmt.Sprintf("version %d of %d", i+1, len(published))
		}
	}
	if len(published) == 0 {
		return "not registered"
	}
	return fmt.Sprintf("not registered, %d older versions", len(published))
}

func (a *app) eachSubject(look func(topologies.Subject, string, []string) (string, error)) error {
	registry := a.schemas()
	type line struct {
		Subject string `json:"subject"`
		State   string `json:"state"`
	}
	var lines []line
	var rows [][]string
	var faults error
	for _, s := range topologies.Subjects() {
		text, err := codecs.AvroSchema(s.Topic)
		if err != nil {
			return err
		}
		published, err := registry.Versions(s.Name)
		if err != nil {
			return coded(exitUnavailable, err)
		}
		st, err := look(s, text, published)
		if err != nil {
			faults = errors.Join(faults, fmt.Errorf("%s: %w", s.Name, err))
		}
		lines = append(lines, line{s.Name, st})
		rows = append(rows, []string{s.Name, st})
	}
	if err := a.show(lines, []string{"subject", "state"}, rows); err != nil {
		return err
	}
	return coded(exitDifferent, faults)
}

var _ topology.Schemas = (*codecs.Registry)(nil)
