package main

import (
	"errors"

	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
)

func (a *app) teamCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "team", Short: "What a team needs to read its topics with any Kafka client"}
	cmd.AddCommand(a.teamCredentialsCommand())
	return cmd
}

func (a *app) teamCredentialsCommand() *cobra.Command {
	var rotate bool
	cmd := &cobra.Command{
		Use: "credentials TEAM", Short: "Make a team's Kafka user and show its password, once", Args: exactly(1),
		Long: `Make the user "team-TEAM" on the brokers, with a random password for SCRAM-SHA-512, and show it. The password
is kept nowhere but in the brokers, which cannot tell it again; --rotate makes another, and connections that
are open stay so until they end. What the user may read follows from the team's subscriptions.`,
		Example: "  payerflow team credentials claims-analytics -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			l, err := client.SetCredentials(cmd.Context(), args[0], newLogin("").Password, rotate)
			var name *kafka.TeamNameError
			if errors.As(err, &name) {
				return coded(exitUsage, err)
			}
			if err != nil {
				return err
			}
			if args[0] == demoTeam && a.demoBroker() {
				if err := a.keepLogin(roleTeam, l); err != nil {
					return err
				}
			}
			return a.show(l, []string{"username", "password", "mechanism"}, [][]string{{l.Username, l.Password, l.Mechanism}})
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "replace the password that the team has")
	return cmd
}
