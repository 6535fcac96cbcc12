package main

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/stored"
)

const holdsPath = "/v1/store/holds"

func (a *app) storeHoldCommand(base *string) *cobra.Command {
	var body struct {
		Key string `json:"key,omitempty"`
		Tag string `json:"tag,omitempty"`
		Why string `json:"why"`
	}
	cmd := &cobra.Command{
		Use: "hold", Short: "Protect what the store has of an entity or a tag from its own expiry", Args: exactly(0),
		Long: `Put a legal hold: what the store has, and will have, of an entity or with a tag is not deleted when its time
comes, until the hold is released. Topics forget as ever: their copy in the store is what is kept.`,
		Example: `  payerflow store hold --key CLM-1 --why "subpoena of 3 March"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (body.Key == "") == (body.Tag == "") || body.Why == "" {
				return coded(exitUsage, errors.New("say what is held, and why: --key KEY or --tag TAG, and --why TEXT"))
			}
			var h stored.LegalHold
			if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodPost, path: holdsPath, body: body}, &h); err != nil {
				return err
			}
			return a.showHolds(h, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&body.Key, "key", "", "key of the entity")
	f.StringVar(&body.Tag, "tag", "", "tag")
	whyFlag(cmd, &body.Why)
	return cmd
}

func (a *app) storeReleaseCommand(base *string) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: "release HOLD", Short: "Take a legal hold away; what it protected goes when its time is over", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if why == "" {
				return coded(exitUsage, errors.New("say why: --why TEXT"))
			}
			_, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodDelete, path: holdsPath + "/" + url.PathEscape(args[0]), query: url.Values{"why": {why}}}, nil)
			return err
		},
	}
	whyFlag(cmd, &why)
	return cmd
}

func (a *app) storeHoldsCommand(base *string) *cobra.Command {
	return &cobra.Command{
		Use: "holds", Short: "List legal holds, without the keys of entities", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all stored.LegalHolds
			if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: holdsPath}, &all); err != nil {
				return err
			}
			return a.showHolds(all, all.Holds...)
		},
	}
}

func (a *app) showHolds(doc any, holds ...stored.LegalHold) error {
	rows := [][]string{}
	for _, h := range holds {
		rows = append(rows, []string{h.ID, h.Kind, h.Tag, h.Why, h.By, h.At.Format(time.RFC3339)})
	}
	return a.show(doc, []string{"hold", "of", "tag", "why", "by", "since"}, rows)
}
