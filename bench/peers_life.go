package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// live is one life of an engine's process: until its input is committed, or
// its tables are restored.
func (r runner) live(ctx context.Context, c contender, j job) result {
	res := result{Run: r.run, At: time.Now().UTC(), Engine: c.name, Phase: "fold"}
	if j.recover {
		res.Phase = "recover"
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 15*time.Minute, errors.New(c.name+" does not get there in 15 minutes"))
	defer cancel()
	log, err := os.Create(filepath.Join(r.state, "log", j.id+"."+res.Phase+".log"))
	must(err)
	defer log.Close()
	cmd := r.command(c, j, res.Phase)
	cmd.Stderr = log
	told, err := cmd.StdoutPipe()
	must(err)
	stop, err := cmd.StdinPipe()
	must(err)
	began := time.Now()
	must(cmd.Start())
	words := listen(told)
	hear := func(want string) time.Time {
		select {
		case t, ok := <-words[want]:
			if ok {
				return t
			}
			must(fmt.Errorf("%s ended before its time; see %s", c.name, log.Name()))
		case <-ctx.Done():
			must(errors.Join(context.Cause(ctx), cmd.Process.Kill()))
		}
		return time.Time{}
	}
	if j.recover {
		res.Seconds = hear("recovered").Sub(began).Seconds()
	} else {
		first := hear("first")
		r.awaitCommitted(ctx, c.work.reads(j.id))
		res.Seconds = time.Since(first).Seconds()
	}
	must(stop.Close())
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	for range words["first"] { // to the end of its output, as Wait asks for
	}
	if err := cmd.Wait(); err != nil {
		must(fmt.Errorf("%s: %w; see %s", c.name, err, log.Name()))
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	res.User, res.System = cmd.ProcessState.UserTime().Seconds(), cmd.ProcessState.SystemTime().Seconds()
	res.RSS = float64(u.Maxrss) / 1024
	if runtime.GOOS == "darwin" { // bytes there, kilobytes elsewhere
		res.RSS /= 1024
	}
	return res
}

func (r runner) command(c contender, j job, phase string) *exec.Cmd {
	if c.run == nil {
		return exec.Command(r.java, "-Xmx1536m", "-cp", r.classpath, "payerflow.bench.Streams", phase, j.group(), view(j.id).Name, j.dir)
	}
	args := []string{"engine", "-id", j.id, "-dir", j.dir, "-recover=" + strconv.FormatBool(j.recover)}
	if r.profiles {
		args = append(args, "-cpuprofile", filepath.Join(r.state, c.name+"."+phase+".pprof"),
			"-memprofile", filepath.Join(r.state, c.name+"."+phase+".heap"))
	}
	return exec.Command(os.Args[0], append(args, c.name)...)
}

// listen hears what the engine tells: a word and a time. The channels close
// with its output.
func listen(in io.Reader) map[string]chan time.Time {
	words := map[string]chan time.Time{"first": make(chan time.Time, 1), "recovered": make(chan time.Time, 1)}
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			word, nanos, _ := strings.Cut(lines.Text(), " ")
			if n, err := strconv.ParseInt(nanos, 10, 64); err == nil && words[word] != nil {
				words[word] <- time.Unix(0, n)
			}
		}
		for _, c := range words {
			close(c)
		}
	}()
	return words
}

// awaitCommitted returns when the committed offsets are the ends of all that is
// read, whatever the engine believes itself.
func (r runner) awaitCommitted(ctx context.Context, reads []reading) {
	await(ctx, func() bool {
		committed := map[string]kadm.OffsetResponses{}
		var topics []string
		for _, read := range reads {
			topics = append(topics, read.topic)
			if committed[read.group] != nil {
				continue
			}
			all, err := r.admin.FetchOffsets(ctx, read.group)
			if err != nil {
				return false
			}
			committed[read.group] = all
		}
		ends, err := r.admin.ListEndOffsets(ctx, topics...) // after the offsets: what is committed may have made more
		if err != nil {
			return false
		}
		all := true
		for _, read := range reads {
			for _, end := range ends[read.topic] {
				at, ok := committed[read.group].Lookup(end.Topic, end.Partition)
				all = all && (end.Offset == 0 || ok && at.At >= end.Offset-read.markers)
			}
		}
		return all
	})
}
