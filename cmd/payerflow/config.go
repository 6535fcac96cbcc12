package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"payerflow/config"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the configuration"}
	cmd.AddCommand(&cobra.Command{
		Use: "print", Short: "Print the configuration in force, without secrets", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			format := formatYAML
			if a.format == formatJSON {
				format = formatJSON
			}
			return config.Print(a.out, a.cfg, format)
		},
	}, &cobra.Command{
		Use: "reference", Short: "Print a complete, commented configuration file", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, config.Reference())
			return err
		},
	})
	return cmd
}
