package main

import "github.com/spf13/cobra"

func (a *app) syntheticCommand() *cobra.Command {
	return &cobra.Command{Use: "synthetic", Short: "Try the whole path with a synthetic event"}
}
