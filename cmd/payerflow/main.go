// Command payerflow runs the event backbone: a demonstration with everything
// in one process, workers on any Kafka, and the tools beside them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// gcPercent lets garbage grow half as large again as what is kept: it is
// short-lived, and the collector has a third less to do. GOGC is asked first.
const gcPercent = 150

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args[1:], os.Environ()))
}

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
