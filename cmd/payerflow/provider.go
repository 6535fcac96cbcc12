package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) providerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "provider", Short: "Tell who a provider is, offer times and take them back",
		Example: `  payerflow provider profile provider-1 --name "Jane Doe MD" --specialty Cardiology --place Springfield --time-zone America/Chicago
  payerflow provider offer provider-1 --id slot-1 --starts 2030-03-04T09:00:00-06:00 --service 99213
  payerflow provider schedule provider-1`}
	p := a.carePlan(cmd)
	cmd.AddCommand(p.providerProfileCommand(), p.offerCommand(), p.withdrawCommand(), p.scheduleCommand())
	return cmd
}

func (a *app) patientCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "patient", Short: "Tell who a patient is",
		Example: `  payerflow patient profile member-1 --given-name Sam --family-name Roe --time-zone America/Chicago`}
	p := a.carePlan(cmd)
	cmd.AddCommand(p.patientProfileCommand())
	return cmd
}

func (p *carePlan) providerProfileCommand() *cobra.Command {
	return p.profileCommand("PROVIDER", "/v1/providers/",
		`  payerflow provider profile provider-1 --name "Jane Doe MD" --specialty Cardiology --place Springfield --time-zone America/Chicago`,
		[]profileField{{"name", "providerName", "name, as people look for it"}, {"specialty", "specialty", "what the provider is specialized in"}, {"place", "place", "where it works, such as a town"},
			{"time-zone", "timeZone", "IANA time zone of the place"}, {"npi", "npi", "National Provider Identifier"}, {"phone", "phone", "telephone number"}, {"email", "email", "mail address"}})
}

func (p *carePlan) patientProfileCommand() *cobra.Command {
	return p.profileCommand("MEMBER", "/v1/patients/",
		`  payerflow patient profile member-1 --given-name Sam --family-name Roe --time-zone America/Chicago --plan plan-1`,
		[]profileField{{"given-name", "givenName", "given names"}, {"family-name", "familyName", "family name"}, {"time-zone", "timeZone", "IANA time zone that the member lives in"},
			{"birth-date", "birthDate", "date of birth, yyyy-mm-dd"}, {"plan", "planId", "plan, by the member's own account"}, {"phone", "phone", "telephone number"}, {"email", "email", "mail address"}})
}

type profileField struct{ flag, name, doc string }

// profileCommand shows a profile, or where it is told anything, puts the whole
// of it.
func (p *carePlan) profileCommand(who, path, example string, fields []profileField) *cobra.Command {
	said := map[string]*string{}
	cmd := &cobra.Command{Use: "profile " + who, Short: "Show a profile, or put a new one in its place, whole", Args: exactly(1), Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			to, body := path+url.PathEscape(args[0]), map[string]string{}
			for name, value := range said {
				body[name] = *value
			}
			doc := map[string]any{}
			if put(doc, body); len(doc) == 0 {
				var row json.RawMessage
				if err := p.read(cmd.Context(), to, nil, &row); err != nil {
					return err
				}
				return p.document(row)
			}
			doc["updatedAt"] = time.Now().UTC()
			done, err := p.send(cmd.Context(), http.MethodPut, to, nil, doc)
			if err != nil {
				return err
			}
			return p.accepted(cmd.Context(), done, done.Location)
		}}
	for _, f := range fields {
		said[f.name] = cmd.Flags().String(f.flag, "", f.doc)
	}
	return cmd
}

// document shows one row, which is no table.
func (p *carePlan) document(row json.RawMessage) error {
	if p.format == formatTable {
		p.format = formatJSON
	}
	return p.show(row, nil, nil)
}

func (p *carePlan) offerCommand() *cobra.Command {
	var id, starts, visit string
	var length time.Duration
	var services []string
	cmd := &cobra.Command{Use: "offer PROVIDER", Short: "Offer a time, or change one that is not booked", Args: exactly(1),
		Long: `Offer a time. Name, specialty, place and time zone are those of the provider's profile. --starts is given
with the offset that the time zone has at that moment, or in UTC.`,
		Example: `  payerflow provider offer provider-1 --starts 2030-03-04T09:00:00-06:00 --length 30m --service 99213 --service 99214`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, starts)
			if err != nil {
				return coded(exitUsage, errors.New("--starts is a time with its offset, such as 2030-03-04T09:00:00-06:00"))
			}
			// The end has the offset that it has: UTC is taken everywhere.
			body := map[string]any{"startsAt": starts, "endsAt": at.Add(length).UTC(), "serviceCodes": services, "visitType": visit, "changedAt": time.Now().UTC()}
			put(body, map[string]string{"availabilityId": id})
			done, err := p.send(cmd.Context(), http.MethodPost, schedulePath(args[0]), nil, body)
			if err != nil {
				return err
			}
			return p.accepted(cmd.Context(), done, schedulePath(args[0]))
		}}
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "id of the slot (default: made up)")
	f.StringVar(&starts, "starts", "", "when it begins, RFC 3339 with offset")
	f.DurationVar(&length, "length", 30*time.Minute, "how long it is, up to 24h")
	f.StringSliceVar(&services, "service", nil, "service that can be booked, CPT or HCPCS; may be given several times")
	f.StringVar(&visit, "visit", "ON_SITE", "ON_SITE or REMOTE")
	_, _ = cmd.MarkFlagRequired("starts"), cmd.MarkFlagRequired("service")
	return cmd
}

func (p *carePlan) withdrawCommand() *cobra.Command {
	return &cobra.Command{Use: "withdraw PROVIDER SLOT", Short: "Take a time back, for good; its booking is cancelled", Args: exactly(2), Example: "  payerflow provider withdraw provider-1 slot-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := p.send(cmd.Context(), http.MethodDelete, schedulePath(args[0])+"/"+url.PathEscape(args[1]), nil, nil)
			if err != nil {
				return err
			}
			return p.accepted(cmd.Context(), done, schedulePath(args[0]))
		}}
}

func (p *carePlan) scheduleCommand() *cobra.Command {
	var limit int
	var cursor string
	cmd := &cobra.Command{Use: "schedule PROVIDER", Short: "List a provider's times, in the order in which they start", Args: exactly(1), Example: "  payerflow provider schedule provider-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			return p.slots(cmd.Context(), schedulePath(args[0]), q)
		}}
	cmd.Flags().IntVar(&limit, "limit", 50, "most times")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on here: next of the page before")
	return cmd
}

// slotShown is what a table shows of a slot.
type slotShown struct {
	AvailabilityID, State string
	Terms                 struct {
		ProviderName, Specialty, Place, StartsAt, EndsAt, TimeZone, VisitType string
	}
}

func (p *carePlan) slots(ctx context.Context, path string, q url.Values) error {
	var page rowsOf[slotShown]
	if err := p.read(ctx, path, q, &page); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range page.values() {
		t := s.Terms
		rows = append(rows, []string{s.AvailabilityID, s.State, startsAt(t.StartsAt, t.TimeZone), startsAt(t.EndsAt, t.TimeZone), t.ProviderName, t.Specialty, t.Place, t.VisitType})
	}
	return errors.Join(p.show(page.raw, []string{"slot", "state", "starts", "ends", "provider", "specialty", "place", "visit"}, rows), p.more(page.Next))
}

// schedulePath is where a provider's times are.
func schedulePath(provider string) string {
	return "/v1/providers/" + url.PathEscape(provider) + "/availability"
}
