// Command payerflow runs the event backbone: a demonstration with everything
// in one process, workers on any Kafka, and the tools beside them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Environ())) }

// run executes one command line and returns its exit code.
func run(args, environ []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{environ: environ, out: os.Stdout, errOut: os.Stderr}
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(os.Stderr, "payerflow: %v\n", err)
	return codeOf(err)
}
