package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// exportRun is one export: of a view, into a file or to the standard output.
type exportRun struct {
	*app
	base, view, form string
	q                asked
	file             string // "" for the standard output
	resume           bool
	bar              *progressbar.ProgressBar
}

func (a *app) viewExportCommand(base *string) *cobra.Command {
	x := exportRun{app: a}
	cmd := &cobra.Command{
		Use: "export VIEW", Short: "Write rows as CSV or NDJSON", Args: exactly(1),
		Long: `Write rows as CSV or NDJSON. With --file, rows are gathered in FILE.part, and FILE is
there when all of them are, readable by its owner alone. What breaks off goes on by itself,
and with --resume after that. Texts that a spreadsheet would take for a formula begin with an apostrophe in CSV.`,
		Example: `  payerflow view export claim-status --where 'row.status == "DENIED"' --fields claimId,billed --file denied.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if x.form != "csv" && x.form != "ndjson" {
				return coded(exitUsage, fmt.Errorf("--format is %q; it is csv or ndjson", x.form))
			}
			if x.resume && x.file == "" {
				return coded(exitUsage, errors.New("--resume goes on with a file: name it with --file"))
			}
			x.base, x.view = *base, args[0]
			x.bar = a.counter("exporting")
			defer func() { _ = x.bar.Finish() }()
			if x.file == "" {
				return x.follow(cmd.Context(), &exportState{}, stdout{a.out})
			}
			return x.intoFile(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&x.form, "format", "csv", "csv or ndjson")
	f.StringVar(&x.file, "file", "", "write this file (default: the standard output)")
	f.BoolVar(&x.resume, "resume", false, "go on with FILE.part where it broke off")
	f.StringVar(&x.q.where, "where", "", "the rows for which this holds")
	f.StringSliceVar(&x.q.fields, "fields", nil, "these fields alone")
	f.IntVar(&x.q.limit, "chunk", 10_000, "rows that are asked for at once")
	f.BoolVar(&x.q.synthetic, "synthetic", false, "the rows of synthetic events")
	return cmd
}

// exportState is how far an export has come.
type exportState struct {
	Question string `json:"question"` // SHA-256: another question does not go on with the file
	Cursor   string `json:"cursor"`   // sealed; "" at the beginning
	Bytes    int64  `json:"bytes"`
	Rows     int64  `json:"rows"`
}

// sink takes rows, and can be put back to where a chunk began.
type sink interface {
	io.Writer
	cut(at int64) error
	note(exportState) error
}

// stdout cannot be put back: what broke off is not asked for again.
type stdout struct{ io.Writer }

var errCut = errors.New("the export broke off, and what is written cannot be taken back: use --file")

func (stdout) cut(int64) error        { return errCut }
func (stdout) note(exportState) error { return nil }

// exportAttempts is how often a chunk is asked for.
const exportAttempts = 5

// follow asks for chunk after chunk until there are no more rows.
func (x *exportRun) follow(ctx context.Context, at *exportState, to sink) error {
	for done := false; !done; {
		first := true
		next, err := backoff.Retry(ctx, func() (exportState, error) {
			if !first {
				if err := to.cut(at.Bytes); err != nil {
					return *at, backoff.Permanent(err)
				}
			}
			first = false
			return x.chunk(ctx, *at, to)
		}, backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxTries(exportAttempts))
		if err != nil {
			return err
		}
		done = next.Cursor == ""
		if *at = next; !done {
			err = to.note(next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chunk asks for one answer and writes it.
func (x *exportRun) chunk(ctx context.Context, at exportState, to io.Writer) (exportState, error) {
	q := x.q
	q.cursor = at.Cursor
	req, err := x.request(ctx, question{role: roleReader, base: x.base, method: http.MethodGet, path: "/v1/views/" + url.PathEscape(x.view) + "/export", query: q.values()})
	if err != nil {
		return at, backoff.Permanent(err)
	}
	req.Header.Set("Accept", map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"}[x.form])
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: askTimeout, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return at, coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", req.URL.Host))
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		err := refusal(req.URL.Scheme+"://"+req.URL.Host, resp, body)
		if resp.StatusCode != http.StatusServiceUnavailable {
			err = backoff.Permanent(err)
		}
		return at, err
	}
	counted := &rowCount{bar: x.bar, before: at.Rows}
	n, err := io.Copy(to, io.TeeReader(resp.Body, counted))
	if err != nil {
		return at, coded(exitUnavailable, fmt.Errorf("the export broke off after %d rows: %w", at.Rows+counted.rows, err))
	}
	if _, told := resp.Trailer["Payerflow-Rows"]; !told {
		return at, backoff.Permanent(coded(exitUnavailable, errors.New("the answer has no trailers: something between here and the server drops them")))
	}
	at.Bytes += n
	at.Rows += counted.rows
	at.Cursor = resp.Trailer.Get("Payerflow-Next")
	return at, nil
}

// rowCount moves the bar by the lines that pass. How many will come nobody knows.
type rowCount struct {
	bar          *progressbar.ProgressBar
	before, rows int64
}

func (c *rowCount) Write(b []byte) (int, error) {
	c.rows += int64(bytes.Count(b, []byte{'\n'}))
	c.bar.ChangeMax64(c.before + c.rows + 1)
	return len(b), c.bar.Set64(c.before + c.rows)
}

// part is the file that rows are gathered in.
type part struct {
	*os.File
	state string // path
}

func (p part) cut(at int64) error {
	if err := p.Truncate(at); err != nil {
		return err
	}
	_, err := p.Seek(at, io.SeekStart)
	return err
}

// note writes down how far the file is whole.
func (p part) note(s exportState) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return errors.Join(p.Sync(), writePrivate(p.state, b))
}

// intoFile gathers rows beside the file, and puts them in its place when they
// are all there.
func (x *exportRun) intoFile(ctx context.Context) error {
	at := exportState{Question: x.fingerprint()}
	p := part{state: x.file + ".part.json"}
	if x.resume {
		var err error
		if at, err = x.resumed(p.state, at.Question); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(x.file+".part", os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	p.File = f
	defer f.Close()
	if err := errors.Join(f.Chmod(0o600), p.cut(at.Bytes)); err != nil {
		return err
	}
	began := time.Now()
	if err := x.follow(ctx, &at, p); err != nil {
		return fmt.Errorf("%w\n%d rows are in %s: the same command with --resume goes on", err, at.Rows, f.Name())
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), x.file)); err != nil {
		return err
	}
	_ = os.Remove(p.state) // it may never have been written
	fmt.Fprintf(x.errOut, "%s: %d lines in %s\n", x.file, at.Rows, time.Since(began).Round(time.Millisecond))
	return nil
}

// resumed is how far an export of the same question came.
func (x *exportRun) resumed(path, question string) (at exportState, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return exportState{Question: question}, nil
	}
	if err != nil {
		return at, err
	}
	if err := json.Unmarshal(b, &at); err != nil || at.Question != question {
		return at, coded(exitUsage, fmt.Errorf("%s is of another question: export without --resume", strings.TrimSuffix(path, ".json")))
	}
	return at, nil
}

// fingerprint tells questions apart.
func (x *exportRun) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{x.view, x.form, x.q.where, strings.Join(x.q.fields, ","), fmt.Sprint(x.q.synthetic)}, "\x00")))
	return hex.EncodeToString(sum[:])
}
