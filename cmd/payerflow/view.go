package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/spf13/cobra"

	"payerflow/api"
)

func (a *app) viewCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "view", Short: "Read views over HTTP"}
	base := cmd.PersistentFlags().String("url", "", "server to ask (default: http.addr of the configuration)")
	cmd.AddCommand(a.viewGetCommand(base), a.viewListCommand(base))
	return cmd
}

func (a *app) viewGetCommand(base *string) *cobra.Command {
	var synthetic bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "get VIEW KEY", Short: "Read one row", Long: "Read one row. A row that is not there yet, as right after publishing its event, is waited for: see --wait.", Example: "  payerflow view get claim-status " + sampleClaim, Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer json.RawMessage
			path := "/v1/views/" + url.PathEscape(args[0]) + "/" + url.PathEscape(args[1])
			_, err := backoff.Retry(cmd.Context(), func() (struct{}, error) {
				err := a.ask(cmd.Context(), *base, path, url.Values{"synthetic": {strconv.FormatBool(synthetic)}}, &answer)
				if err != nil && !passes(err) {
					err = backoff.Permanent(err)
				}
				return struct{}{}, err
			}, backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)), backoff.WithMaxElapsedTime(max(wait, 1)))
			if err != nil {
				return err
			}
			if a.format == formatTable {
				a.format = formatJSON // one row is a document
			}
			return a.show(answer, nil, nil)
		},
	}
	cmd.Flags().BoolVar(&synthetic, "synthetic", false, "read the row of synthetic events")
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Second, "how long to wait for a row that is not there, or is being restored")
	return cmd
}

// passes says whether a row may still come: it is not there, or restoring.
func passes(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && (p.Code == "ROW_NOT_FOUND" || p.Code == "RESTORING")
}

func (a *app) viewListCommand(base *string) *cobra.Command {
	var limit int
	var cursor string
	var synthetic bool
	cmd := &cobra.Command{
		Use: "list VIEW", Short: "List rows, a page at a time", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}, "synthetic": {strconv.FormatBool(synthetic)}}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			var page api.Rows
			if err := a.ask(cmd.Context(), *base, "/v1/views/"+url.PathEscape(args[0]), q, &page); err != nil {
				return err
			}
			var rows [][]string
			for _, r := range page.Rows {
				status := ""
				if m, ok := r.Value.(map[string]any); ok {
					status = fmt.Sprint(m["status"])
				}
				rows = append(rows, []string{r.Key, status, r.AsOf.EventTime.Format(time.RFC3339), strconv.Itoa(r.Because.Count), strconv.FormatBool(r.Stale)})
			}
			if err := a.show(page, []string{"key", "status", "as of", "events", "stale"}, rows); err != nil {
				return err
			}
			if page.Next != "" && a.format == formatTable {
				fmt.Fprintf(a.errOut, "more: --cursor %s\n", page.Next)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&limit, "limit", 20, "most rows")
	f.StringVar(&cursor, "cursor", "", "go on here: next of the page before")
	f.BoolVar(&synthetic, "synthetic", false, "list the rows of synthetic events")
	return cmd
}

// ask reads JSON from the server, and turns its problem details into an error.
func (a *app) ask(ctx context.Context, base, path string, q url.Values, into any) error {
	if base == "" {
		base = "http://" + a.cfg.HTTP.Addr
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+"?"+q.Encode(), nil)
	if err != nil {
		return coded(exitUsage, errors.New("--url is not an address like http://127.0.0.1:8080"))
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", base))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return coded(exitUnavailable, fmt.Errorf("the answer of %s broke off: %w", base, err))
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(body, into)
	}
	var p api.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return fmt.Errorf("%s answers %s", base, resp.Status)
	}
	code := exitFailed
	switch resp.StatusCode {
	case http.StatusNotFound:
		code = exitNotFound
	case http.StatusServiceUnavailable, http.StatusMisdirectedRequest:
		code = exitUnavailable
	}
	return coded(code, &p)
}
