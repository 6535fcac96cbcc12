package intake

import "net/http"

// Mount puts all doors on a mux. The principal of a request is in its context:
// see api/access.
func Mount(mux *http.ServeMux, o Options) {
	d := newDoor(o)
	mux.HandleFunc("POST /v1/events", d.serveREST)
}
