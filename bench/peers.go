package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// runner starts engines. It must stay small itself: on Linux a new process
// inherits the peak memory of the one that started it. What takes memory is a
// process of its own.
type runner struct {
	state     string
	java      string
	classpath string
	profiles  bool
	admin     *kadm.Client
	run       string
}

func peers(ctx context.Context, args []string) {
	r := runner{run: time.Now().UTC().Format("20060102-150405")}
	f := flag.NewFlagSet("peers", flag.ExitOnError)
	reps := f.Int("reps", 1, "runs of each engine")
	names := f.String("engines", "payerflow at-least-once claim-status streams goka franz", "which engines, in this order")
	f.StringVar(&r.state, "state", "", "directory for local state, logs, profiles and results.jsonl")
	f.StringVar(&r.java, "java", "java", "for streams")
	f.StringVar(&r.classpath, "classpath", "", "for streams")
	f.BoolVar(&r.profiles, "profiles", false, "write a CPU profile of each engine in Go")
	must(f.Parse(args))
	must(os.MkdirAll(filepath.Join(r.state, "log"), 0o755))
	c := newClient()
	defer c.Close()
	r.admin = kadm.NewClient(c)
	must(r.self(ctx, append([]string{"preload"}, strings.Fields(*names)...)...))
	remove(ctx, r.admin, isInput)
	var all []result
	for rep := range *reps {
		for _, name := range strings.Fields(*names) {
			c, ok := find(name)
			if !ok {
				must(fmt.Errorf("no engine %q", name))
			}
			all = append(all, r.measure(ctx, c, rep)...)
		}
	}
	table(os.Stdout, all)
}

func (r runner) self(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// measure runs one engine over all events, and then its recovery.
func (r runner) measure(ctx context.Context, c contender, rep int) (out []result) {
	id := fmt.Sprintf("%s.%s.%d", c.name, r.run, rep)
	j := job{id: id, dir: filepath.Join(r.state, "work", id)}
	create(ctx, c.topics(id)...)
	note("%s: folding", c.name)
	folded := r.live(ctx, c, j)
	folded.Keys, folded.Digest = r.stateOf(ctx, "digest", c.name, id)
	if c.work.model != nil {
		if keys, sum := r.stateOf(ctx, "model", c.name); keys != folded.Keys || sum != folded.Digest {
			must(fmt.Errorf("%s: %d rows, digest %s; its model has %d, %s", c.name, folded.Keys, folded.Digest, keys, sum))
		}
	}
	out = append(out, r.keep(folded))
	if !c.stateless {
		must(os.RemoveAll(j.dir))
		j.recover = true
		note("%s: recovering", c.name)
		out = append(out, r.keep(r.live(ctx, c, j)))
	}
	must(os.RemoveAll(j.dir))
	remove(ctx, r.admin, isInput)
	for _, read := range c.work.reads(id) {
		_, err := r.admin.DeleteGroups(ctx, read.group)
		must(err)
	}
	return out
}

// stateOf asks a process of its own for a number of rows and their digest.
func (r runner) stateOf(ctx context.Context, args ...string) (keys int, sum string) {
	out, err := exec.CommandContext(ctx, os.Args[0], args...).Output()
	must(err)
	_, err = fmt.Sscan(string(out), &keys, &sum)
	must(err)
	return keys, sum
}
