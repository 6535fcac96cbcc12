package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"payerflow/connectors/kafka"
	"payerflow/topologies"
)

type publishFlags struct {
	file string
	data string
	env  kafka.Envelope
}

func (a *app) publishCommand() *cobra.Command {
	var o publishFlags
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Publish events in the catalogue's JSON form to their domain topics",
		Long: `Publish one event (--data, or one JSON object on standard input), or one a line from a file (--file, NDJSON;
"-" is standard input). Each is checked against the JSON Schema of its eventType, and all faults are shown
with their place. With a file, lines with faults are reported and the others are published; the exit code is 1.`,
		Example: `  payerflow publish --file testdata/events/claims-day.ndjson
  payerflow publish --id my-event-1 < event.json`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.publish(cmd.Context(), cmd.InOrStdin(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "file with one event a line (NDJSON)")
	f.StringVar(&o.data, "data", "", "one event as JSON")
	f.StringVar(&o.env.ID, "id", "", "identity of the one event; without it, it follows from the value")
	f.BoolVar(&o.env.Synthetic, "synthetic", false, "mark the events as fictitious; they fold into rows of their own")
	cmd.MarkFlagsMutuallyExclusive("file", "data")
	cmd.MarkFlagsMutuallyExclusive("file", "id")
	return cmd
}

func (a *app) publish(ctx context.Context, stdin io.Reader, o publishFlags) error {
	lines, size, err := o.lines(stdin)
	if err != nil {
		return coded(exitUsage, err)
	}
	defer lines.Close()
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	r := &publishRun{p: kafka.NewPublisher(client, a.schemas(), topologies.TopicFor), errOut: a.errOut, env: o.env}
	bar := a.progress(size)
	if err := r.all(ctx, lines, o.file == "", func(n int) { _ = bar.Add(n) }); err != nil {
		return err
	}
	_ = bar.Finish()
	return a.report(r)
}

func (o publishFlags) lines(stdin io.Reader) (io.ReadCloser, int64, error) {
	switch {
	case o.data != "":
		return io.NopCloser(strings.NewReader(o.data)), int64(len(o.data)), nil
	case o.file == "" || o.file == "-":
		return io.NopCloser(stdin), -1, nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// progress is a bar on a terminal and nothing elsewhere.
func (a *app) progress(total int64) *progressbar.ProgressBar {
	f, ok := a.errOut.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progressbar.DefaultBytesSilent(total)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(a.errOut), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("publishing"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
}

// publishRun publishes lines and gathers what became of them.
type publishRun struct {
	p       *kafka.Publisher
	errOut  io.Writer
	env     kafka.Envelope
	mu      sync.Mutex
	sent    []kafka.Coordinates
	refused int
	failed  error
}

// maxLine holds the largest event, written with much white space.
const maxLine = 16 << 20

func (r *publishRun) all(ctx context.Context, in io.Reader, whole bool, progress func(int)) error {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 64<<10), maxLine)
	if whole {
		s.Split(everything)
	}
	for n := 1; s.Scan(); n++ {
		if len(s.Bytes()) > 0 {
			if err := r.one(ctx, s.Bytes(), n, whole); err != nil {
				return err
			}
		}
		progress(len(s.Bytes()) + 1)
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	if err := r.p.Flush(ctx); err != nil {
		return err
	}
	return r.failed
}

// everything makes one token of the whole input.
func everything(data []byte, atEOF bool) (int, []byte, error) {
	if !atEOF || len(data) == 0 {
		return 0, nil, nil
	}
	return len(data), data, nil
}

func (r *publishRun) one(ctx context.Context, doc []byte, line int, whole bool) error {
	err := r.p.Publish(ctx, append([]byte(nil), doc...), r.env, func(at kafka.Coordinates, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.failed = err
			return
		}
		r.sent = append(r.sent, at)
	})
	var faults *kafka.FaultsError
	if errors.As(err, &faults) {
		r.refused++
		for _, f := range faults.Faults {
			place := ""
			if !whole {
				place = fmt.Sprintf("line %d ", line)
			}
			fmt.Fprintf(r.errOut, "%s%s %s: %s\n", place, f.ReasonCode, f.At, f.Reason)
		}
		return nil
	}
	return err
}

func (a *app) report(r *publishRun) error {
	counts := map[string]int{}
	for _, at := range r.sent {
		counts[at.Topic]++
	}
	var rows [][]string
	for _, t := range topologies.Catalogue {
		if n := counts[t.Name]; n > 0 {
			rows = append(rows, []string{t.Name, fmt.Sprint(n)})
		}
	}
	result := map[string]any{"published": len(r.sent), "refused": r.refused, "topics": counts}
	if len(r.sent) == 1 {
		result["at"] = r.sent[0]
	}
	if err := a.show(result, []string{"topic", "published"}, rows); err != nil {
		return err
	}
	if r.refused > 0 {
		return fmt.Errorf("%d of %d events were refused", r.refused, r.refused+len(r.sent))
	}
	return nil
}
