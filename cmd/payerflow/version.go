package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// built is set at link time by the Makefile: git describe.
var built = ""

func version() string {
	if built != "" {
		return built
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// program is how the user called this binary, for commands to copy.
func program() string {
	if p := os.Args[0]; strings.ContainsRune(p, os.PathSeparator) {
		return p
	}
	return "payerflow"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return a.show(v, []string{"version", "go", "platform"}, [][]string{{v["version"], v["go"], v["platform"]}})
		},
	}
}
