package booking

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

func providerPath(id string) string { return "/v1/providers/" + url.PathEscape(id) }
func patientPath(id string) string  { return "/v1/patients/" + url.PathEscape(id) }
func slotPath(id string) string     { return "/v1/availability/" + url.PathEscape(id) }
func bookingPath(id string) string  { return "/v1/bookings/" + url.PathEscape(id) }

// registerReads adds the paths that show views: they answer what the view
// answers, to who may read it.
func registerReads(mux *http.ServeMux, api huma.API) {
	under := func(view, name string) func(*http.Request) (string, *problem.Problem) {
		return func(r *http.Request) (string, *problem.Problem) { return viewPath(view, r.PathValue(name)) }
	}
	shows(mux, api, "get-provider", "/v1/providers/{providerId}", "Read a provider's profile", under(topologies.ProviderProfiles.View.Name, "providerId"))
	shows(mux, api, "get-patient", "/v1/patients/{memberId}", "Read a patient's profile", under(topologies.PatientProfiles.View.Name, "memberId"))
	shows(mux, api, "get-booking", "/v1/bookings/{bookingId}", "Read a booking", under(topologies.MemberBookings.View.Name, "bookingId"))
	shows(mux, api, "get-availability", "/v1/availability/{availabilityId}", "Read a slot, and the booking that has it", under(topologies.ProviderSchedule.View.Name, "availabilityId"))
	shows(mux, api, "list-provider-availability", "/v1/providers/{providerId}/availability", "List a provider's slots, in the order in which they start",
		under(topologies.SlotsByProvider.View.Name, "providerId"), page...)
	shows(mux, api, "search-availability", "/v1/availability", "Find slots that can be booked, in the order in which they start", searched,
		append([]*huma.Param{query("specialty", "What the provider is specialized in; upper and lower case are one"), query("place", "Where; every place where it is absent"),
			query("day", "Day in the slot's time zone, yyyy-mm-dd")}, page...)...)
	shows(mux, api, "find-bookings", "/v1/bookings", "List the bookings of a member, or with a provider", listed,
		append([]*huma.Param{query("memberId", "Member; or"), query("providerId", "Provider")}, page...)...)
}

var page = []*huma.Param{query("limit", "Most rows of a page, 1 to 1000"), query("cursor", "Where to go on: next of the page before"), query("synthetic", "true: the rows of synthetic events instead")}

func query(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// shows serves a path with what a view's path answers.
func shows(mux *http.ServeMux, api huma.API, id, path, summary string, where func(*http.Request) (string, *problem.Problem), params ...*huma.Param) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		to, p := where(r)
		if p != nil {
			p.Write(w)
			return
		}
		q := r.URL.Query()
		for _, own := range []string{"specialty", "place", "day", "memberId", "providerId"} {
			q.Del(own)
		}
		seen := r.Clone(r.Context())
		seen.URL = &url.URL{RawQuery: q.Encode()}
		seen.URL.Path, _ = url.PathUnescape(to)
		seen.URL.RawPath = to
		mux.ServeHTTP(w, seen)
	})
	api.OpenAPI().AddOperation(&huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"booking"}, Summary: summary, Parameters: params,
		Responses: map[string]*huma.Response{"200": {Description: "As the view answers"}}})
}

// viewPath is where a view shows a key. A key that a path cannot hold is none.
func viewPath(view, key string) (string, *problem.Problem) {
	if key == "." || key == ".." || topology.KeyFault([]byte(key)) != "" {
		return "", notFound("the view has no row with this key")
	}
	return "/v1/views/" + view + "/" + url.PathEscape(key), nil
}

func searched(r *http.Request) (string, *problem.Problem) {
	q := r.URL.Query()
	var day events.Date
	switch {
	case q.Get("specialty") == "":
		return "", fault(events.MissingField, "query.specialty", "say what the provider is to be specialized in")
	case day.UnmarshalText([]byte(q.Get("day"))) != nil:
		return "", fault(events.InvalidValue, "query.day", "must be a day, yyyy-mm-dd")
	}
	place := q.Get("place")
	if place == "" {
		place = tables.AnyPlace
	}
	return viewPath(topologies.AvailabilitySearch.View.Name, tables.SearchKey(q.Get("specialty"), place, day))
}

func listed(r *http.Request) (string, *problem.Problem) {
	q := r.URL.Query()
	member, provider := q.Get("memberId"), q.Get("providerId")
	switch {
	case (member == "") == (provider == ""):
		return "", fault(events.MissingField, "query.memberId", "name a member or a provider, one of them")
	case member != "":
		return viewPath(topologies.BookingsByMember.View.Name, member)
	}
	return viewPath(topologies.BookingsByProvider.View.Name, provider)
}

func notFound(detail string) *problem.Problem {
	return problem.New(http.StatusNotFound, "ROW_NOT_FOUND", detail)
}

// read is a row as it is, for the door's own use: none of it is shown.
func read[S topology.Row](ctx context.Context, d *Door, view, key string, synthetic bool) (row S, _ *problem.Problem) {
	a, err := d.Views.Get(ctx, view, key, synthetic)
	var away *topology.AwayError
	switch {
	case errors.Is(err, topology.ErrNotFound):
		return row, notFound("nothing is known under this id, or not yet")
	case err != nil:
		p := problem.New(http.StatusServiceUnavailable, "PARTITION_AWAY", "no worker answers for the partition now; try again")
		if p.RetryAfter = 1; errors.As(err, &away) {
			p.Partition = &away.Partition
		}
		return row, p
	}
	row, _ = a.Row.(S)
	return row, nil
}

// profile is a provider's, for what an offer leaves out.
func (d *Door) profile(ctx context.Context, id string, synthetic bool) (tables.ProviderProfile, error) {
	p, refused := read[tables.ProviderProfile](ctx, d, topologies.ProviderProfiles.View.Name, id, synthetic)
	switch {
	case refused == nil:
		return p, nil
	case refused.Status == http.StatusNotFound:
		return p, fault("PROFILE_MISSING", "path.providerId", "the provider has no profile: tell it first, or say name, specialty, place and time zone here")
	}
	return p, refused
}
