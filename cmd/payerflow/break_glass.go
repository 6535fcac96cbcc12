package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/tables"
)

type glass struct {
	tables.BreakGlass
	Version int32 `json:"version"`
}

func (a *app) breakGlassCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "break-glass", Short: "See in an emergency what the token may not; everybody will know",
		Long: `Let the own token read views, or see classes in dead letters, for 60 minutes at most. The token's scope breakGlass
must name them. That it was opened, everything that is seen by it and that it ended is in the audit, for ever.`,
		Example: `  payerflow break-glass open --view claim-status --minutes 30 --reason "claims desk is down, ticket 4711"
  payerflow break-glass list
  payerflow break-glass close ID`}
	base := urlFlag(cmd)
	cmd.AddCommand(a.openGlass(base), a.listGlasses(base), a.closeGlass(base))
	return cmd
}

func (a *app) openGlass(base *string) *cobra.Command {
	var views, classes []string
	var reason string
	var minutes int
	cmd := &cobra.Command{Use: "open", Short: "Break the glass", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		var out glass
		body := map[string]any{"reason": reason, "minutes": minutes, "views": append([]string{}, views...), "classes": append([]string{}, classes...)}
		if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodPost, path: "/v1/break-glass", body: body}, &out); err != nil {
			return err
		}
		return a.showGlasses(out, out)
	}}
	f := cmd.Flags()
	f.StringSliceVar(&views, "view", nil, "views that are read")
	f.StringSliceVar(&classes, "class", nil, "classes that are seen in dead letters")
	f.StringVar(&reason, "reason", "", "why, in 10 to 500 characters; name no patient")
	f.IntVar(&minutes, "minutes", 15, "how long, at most 60")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) listGlasses(base *string) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "Show which glasses are broken now", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		var out struct {
			Open []glass `json:"open"`
		}
		if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: "/v1/break-glass"}, &out); err != nil {
			return err
		}
		return a.showGlasses(out.Open, out.Open...)
	}}
}

func (a *app) closeGlass(base *string) *cobra.Command {
	return &cobra.Command{Use: "close ID", Short: "End one before its time", Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
		_, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodDelete, path: "/v1/break-glass/" + url.PathEscape(args[0])}, nil)
		if err == nil {
			fmt.Fprintln(a.out, "Closed.")
		}
		return err
	}}
}

func (a *app) showGlasses(v any, all ...glass) error {
	rows := [][]string{}
	for _, g := range all {
		rows = append(rows, []string{g.ID, g.Token, g.Team, strings.Join(append(g.Views, g.Classes...), " "), g.Until.Format(time.RFC3339), g.Reason})
	}
	return a.show(v, []string{"id", "token", "team", "shows", "until", "reason"}, rows)
}
