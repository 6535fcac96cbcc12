package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"payerflow/internal/topology"
)

// contender is one line of the table. Another mode of an engine is another
// contender.
type contender struct {
	name, title string
	run         func(context.Context, job) error // nil: not in this program
	topics      func(id string) []topology.Topic // what it needs made beforehand
	stateless   bool
	work        work
}

// work is what is folded, and what should come of it.
type work struct {
	feeds []feed
	reads func(id string) []reading
	rows  func(id string) string               // topic whose newest rows are the final state
	row   func(value []byte) ([16]byte, error) // what is digested of a row
	model func() (keys int, sum string)        // nil: the engines must agree with each other
}

// reading is a topic that a consumer group reads to its end, but for the
// transaction markers that end each partition of it.
type reading struct {
	group, topic string
	markers      int64
}

var contenders []contender

func init() {
	justView := func(id string) []topology.Topic { return []topology.Topic{view(id)} }
	peers := work{feeds: feeds, rows: func(id string) string { return view(id).Name }, row: statusRow, reads: func(id string) (rs []reading) {
		for _, f := range feeds {
			rs = append(rs, reading{job{id: id}.group(), f.topic.Name, 0})
		}
		return rs
	}}
	own := work{feeds: ownFeeds, rows: func(id string) string { return ownClaims(id).Table.Name }, row: ownRow, reads: ownReads, model: ownModel}
	contenders = []contender{
		{"payerflow", "payerflow exactly-once", runPayerflow, payerflowTopics, false, peers},
		{"at-least-once", "payerflow at-least-once", runAtLeastOnce, payerflowTopics, false, peers},
		{"claim-status", "payerflow exactly-once, the product's own claim-status", runOwn, ownTopics, false, own},
		{"streams", "Kafka Streams 4.3.1 exactly_once_v2, RocksDB", nil, justView, false, peers},
		{"goka", "goka 1.1.14, sarama, goleveldb, at least once", runGoka, justView, false, peers},
		{"franz", "franz-go and a map, no store: the limit", runFranz, justView, true, peers},
	}
}

func find(name string) (contender, bool) {
	for _, c := range contenders {
		if c.name == name {
			return c, true
		}
	}
	return contender{}, false
}

// result is one life of one engine's process, and one line of results.jsonl.
type result struct {
	Run     string    `json:"run"`
	At      time.Time `json:"at"`
	Engine  string    `json:"engine"`
	Phase   string    `json:"phase"`   // fold or recover
	Seconds float64   `json:"seconds"` // fold: first record seen to all committed; recover: start to restored
	User    float64   `json:"user_cpu_seconds"`
	System  float64   `json:"system_cpu_seconds"`
	RSS     float64   `json:"peak_rss_mb"`
	Keys    int       `json:"keys,omitempty"`
	Digest  string    `json:"digest,omitempty"`
}

func (r result) cpu() float64 { return r.User + r.System }

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

func (r runner) keep(res result) result {
	line, err := json.Marshal(res)
	must(err)
	f, err := os.OpenFile(filepath.Join(r.state, "results.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	_, err = f.Write(append(line, '\n'))
	must(errors.Join(err, f.Close()))
	note("%s: %s %.1f s, %.1f CPU s, %.0f MB", res.Engine, res.Phase, res.Seconds, res.cpu(), res.RSS)
	return res
}

// table prints the medians of each engine; memory is the highest.
func table(w io.Writer, all []result) {
	fmt.Fprintln(w, "| engine | events/s | CPU s per million | peak RSS MB | recovery s | recovery CPU s | final state |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---|")
	digests := map[string]bool{}
	for _, c := range contenders {
		var seconds, cpu, again, againCPU, rss []float64
		state := map[string]bool{}
		for _, r := range all {
			switch {
			case r.Engine != c.name:
			case r.Phase == "fold":
				seconds, cpu, rss = append(seconds, r.Seconds), append(cpu, r.cpu()), append(rss, r.RSS)
				state[r.Digest] = true
				if c.work.model == nil {
					digests[r.Digest] = true
				}
			default:
				again, againCPU, rss = append(again, r.Seconds), append(againCPU, r.cpu()), append(rss, r.RSS)
			}
		}
		if len(seconds) == 0 {
			continue
		}
		final := strings.Join(sorted(state), " ")
		if c.work.model != nil {
			final += ", as its own model"
		}
		recovery := "none | none"
		if len(again) > 0 {
			recovery = fmt.Sprintf("%.1f | %.1f", median(again), median(againCPU))
		}
		fmt.Fprintf(w, "| %s | %.0f | %.1f | %.0f | %s | %s |\n", c.title, float64(total)/median(seconds), median(cpu)/float64(total)*1e6, slices.Max(rss),
			recovery, final)
	}
	if len(digests) > 1 {
		must(errors.New("the engines do not agree on the final state"))
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func sorted(set map[string]bool) (out []string) {
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
