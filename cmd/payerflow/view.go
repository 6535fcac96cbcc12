package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/spf13/cobra"

	"payerflow/api"
)

func (a *app) viewCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "view", Short: "Read views over HTTP"}
	base := urlFlag(cmd)
	cmd.AddCommand(a.viewGetCommand(base), a.viewListCommand(base), a.viewQueryCommand(base), a.viewAggregateCommand(base), a.viewExportCommand(base), a.viewWatchCommand(base))
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
