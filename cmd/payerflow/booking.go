package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/spf13/cobra"

	"payerflow/tables"
)

func (a *app) bookingCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "booking", Short: "Find, book and cancel times of providers",
		Long: `Find, book and cancel times of providers, over HTTP.

A booking is asked for and then confirmed, or rejected with a reason: a time has one booking at most, and
the first to ask gets it.`,
		Example: `  payerflow booking search --specialty Cardiology --place Springfield --day 2030-03-04
  payerflow booking request slot-1 --member member-1 --id booking-1
  payerflow booking cancel booking-1 --member member-1`}
	p := a.carePlan(cmd)
	cmd.AddCommand(p.searchCommand(), p.requestCommand(), p.bookingGetCommand(), p.bookingListCommand(), p.cancelCommand())
	return cmd
}

func (p *carePlan) searchCommand() *cobra.Command {
	var specialty, place, day string
	cmd := &cobra.Command{Use: "search", Short: "Find times that can be booked, in the order in which they start", Args: exactly(0),
		Example: "  payerflow booking search --specialty Cardiology --place Springfield --day 2030-03-04",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.slots(cmd.Context(), "/v1/availability", url.Values{"specialty": {specialty}, "place": {place}, "day": {day}})
		}}
	f := cmd.Flags()
	f.StringVar(&specialty, "specialty", "", "what the provider is specialized in")
	f.StringVar(&place, "place", "", "where (default: everywhere)")
	f.StringVar(&day, "day", "", "on which day, yyyy-mm-dd, in the time zone of the place")
	_, _ = cmd.MarkFlagRequired("specialty"), cmd.MarkFlagRequired("day")
	return cmd
}

func (p *carePlan) requestCommand() *cobra.Command {
	var id, member, plan, service string
	var wait time.Duration
	cmd := &cobra.Command{Use: "request SLOT", Short: "Ask for a time, and wait for the answer", Args: exactly(1),
		Example: "  payerflow booking request slot-1 --member member-1 --service 99213",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"availabilityId": args[0], "memberId": member, "requestedAt": time.Now().UTC()}
			put(body, map[string]string{"bookingId": id, "planId": plan, "serviceCode": service})
			done, err := p.send(cmd.Context(), http.MethodPost, "/v1/bookings", nil, body)
			if err != nil {
				return err
			}
			return p.await(cmd.Context(), done.ID, wait)
		}}
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "id of the booking (default: made up)")
	f.StringVar(&member, "member", "", "member the booking is for")
	f.StringVar(&plan, "plan", "", "plan that the member wants to use")
	f.StringVar(&service, "service", "", "service that is wanted, CPT or HCPCS (default: the first of the time)")
	f.DurationVar(&wait, "wait", 10*time.Second, "how long to wait for the answer")
	_ = cmd.MarkFlagRequired("member")
	return cmd
}

func (p *carePlan) bookingGetCommand() *cobra.Command {
	return &cobra.Command{Use: "get BOOKING", Short: "Show a booking", Args: exactly(1), Example: "  payerflow booking get booking-1 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			row, err := p.booking(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.showBookings(row, row.Value)
		}}
}

func (p *carePlan) bookingListCommand() *cobra.Command {
	var member, provider, cursor string
	var limit int
	cmd := &cobra.Command{Use: "list", Short: "List the bookings of a member, or with a provider", Args: exactly(0), Example: "  payerflow booking list --member member-1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"memberId": member, "providerId": provider, "cursor": cursor} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var page rowsOf[bookingShown]
			if err := p.read(cmd.Context(), "/v1/bookings", q, &page); err != nil {
				return err
			}
			return errors.Join(p.showBookings(page.raw, page.values()...), p.more(page.Next))
		}}
	f := cmd.Flags()
	f.StringVar(&member, "member", "", "whose bookings")
	f.StringVar(&provider, "provider", "", "with whom")
	f.IntVar(&limit, "limit", 50, "most bookings")
	f.StringVar(&cursor, "cursor", "", "go on here: next of the page before")
	cmd.MarkFlagsOneRequired("member", "provider")
	cmd.MarkFlagsMutuallyExclusive("member", "provider")
	return cmd
}

func (p *carePlan) cancelCommand() *cobra.Command {
	var member, reason string
	cmd := &cobra.Command{Use: "cancel BOOKING", Short: "Cancel a booking, for good", Args: exactly(1),
		Example: `  payerflow booking cancel booking-1 --member member-1 --reason "feeling better"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"memberId": member}
			if reason != "" {
				body["reason"] = reason
			}
			done, err := p.send(cmd.Context(), http.MethodPost, "/v1/bookings/"+url.PathEscape(args[0])+"/cancellation", nil, body)
			if err != nil {
				return err
			}
			return p.accepted(cmd.Context(), done, done.Location)
		}}
	f := cmd.Flags()
	f.StringVar(&member, "member", "", "member the booking is for")
	f.StringVar(&reason, "reason", "", "why, in words")
	_ = cmd.MarkFlagRequired("member")
	return cmd
}

// bookingShown is what a table shows of a booking, in a row or in a list.
type bookingShown struct {
	BookingID, MemberID, AvailabilityID, Status, Code string
	Slot                                              *struct{ ProviderID, Place, StartsAt, TimeZone, VisitType string }
}

func (p *carePlan) booking(ctx context.Context, id string) (row rowOf[bookingShown], err error) {
	return row, p.read(ctx, "/v1/bookings/"+url.PathEscape(id), nil, &row)
}

// await shows a booking when it is decided, or as it is when time is over.
func (p *carePlan) await(ctx context.Context, id string, wait time.Duration) error {
	errOpen := errors.New("not decided yet")
	row, err := backoff.Retry(ctx, func() (rowOf[bookingShown], error) {
		row, err := p.booking(ctx, id)
		switch {
		case err == nil && row.Value.Status == tables.BookingRequested:
			return row, errOpen
		case err != nil && !passes(err):
			err = backoff.Permanent(err)
		}
		return row, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(max(wait, 1)))
	if err != nil && !errors.Is(err, errOpen) {
		return fmt.Errorf("booking %s is asked for, and not seen yet: %w", id, err)
	}
	return p.showBookings(row, row.Value)
}

func (p *carePlan) showBookings(doc any, all ...bookingShown) error {
	var rows [][]string
	for _, b := range all {
		at, place, visit := "", "", ""
		if s := b.Slot; s != nil {
			at, place, visit = startsAt(s.StartsAt, s.TimeZone), s.Place, s.VisitType
		}
		rows = append(rows, []string{b.BookingID, b.Status, b.Code, b.AvailabilityID, at, place, visit})
	}
	return p.show(doc, []string{"booking", "status", "code", "slot", "starts", "place", "visit"}, rows)
}
