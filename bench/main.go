package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"time"
)

const broker = "127.0.0.1:19092" // the single node of deploy/local/kafka.sh

const usage = `bench peers [flags]          run engines one after the other and print the table
bench engine [flags] NAME    be one engine until standard input ends
bench digest NAME ID         count keys and digest the newest rows that an engine's run has written
bench model NAME             the same of the rows that should have come of it, where the engine's work is its own
bench preload NAME...        write the events of these engines, unless they are there
bench reads [flags]          reads of views beside Redis; reads.sh builds what it needs
bench watch [flags]          updates of rows that many watch; watch.sh builds what it needs
bench connections [flags]    many more connections than there may be; connections.sh builds what it needs
bench latency [flags]        from produce to a committed row in the view topic; removes the events
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "peers":
		peers(ctx, args)
	case "engine":
		beEngine(ctx, args)
	case "digest":
		c, _ := find(args[0])
		fmt.Println(digest(ctx, c.work.rows(args[1]), c.work.row))
	case "model":
		c, _ := find(args[0])
		fmt.Println(c.work.model())
	case "latency":
		latency(ctx, args)
	case "reads":
		reads(ctx, args)
	case "watch":
		watch(ctx, args)
	case "connections":
		floods(ctx, args)
	case "storm":
		must(beStorm(ctx, args))
	case "watchers":
		must(beWatchers(ctx, args))
	case "reads-handler":
		must(readsHandler(args[0]))
	case "preload":
		preload(ctx, args)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// cpuSeconds is what this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func note(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }

// job is one life of an engine's process.
type job struct {
	id      string // names its consumer group and topics
	dir     string // local state
	recover bool   // everything is folded already: restore the tables and say so
}

func (j job) group() string { return prefix + j.id }

// beEngine runs one engine. It says on standard output when it has seen the
// first record and when its tables are restored; that all is committed, the
// runner sees for itself.
func beEngine(ctx context.Context, args []string) {
	var j job
	f := flag.NewFlagSet("engine", flag.ExitOnError)
	f.StringVar(&j.id, "id", "try", "names the consumer group and its topics")
	f.StringVar(&j.dir, "dir", "", "local state")
	f.BoolVar(&j.recover, "recover", false, "restore the tables")
	profile := f.String("cpuprofile", "", "file for a CPU profile")
	heap := f.String("memprofile", "", "file for a heap profile of the end")
	must(f.Parse(args))
	c, ok := find(f.Arg(0))
	if !ok || c.run == nil {
		must(fmt.Errorf("no engine %q in this program", f.Arg(0)))
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		must(err)
		must(pprof.StartCPUProfile(out))
		defer func() { pprof.StopCPUProfile(); must(out.Close()) }()
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // nothing is ever sent: it ends
		cancel()
	}()
	if *heap != "" {
		context.AfterFunc(ctx, func() {
			out, err := os.Create(*heap)
			must(err)
			must(errors.Join(pprof.WriteHeapProfile(out), out.Close()))
		})
	}
	must(c.run(ctx, j))
}

func tell(what string) { fmt.Println(what, time.Now().UnixNano()) }

var sawFirst atomic.Bool

func seen() {
	if !sawFirst.Load() && sawFirst.CompareAndSwap(false, true) {
		tell("first")
	}
}
