package intake

import (
	"net/http"
	"strings"

	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/danielgtaylor/huma/v2"
)

// Doors are REST, gRPC and SOAP on one port.
type Doors struct{ *door }

// New makes the doors. They hold no state but what is in flight.
func New(o Options) *Doors { return &Doors{newDoor(o)} }

// Mount puts all doors on a mux. The principal of a request is in its context:
// see api/access. gRPC needs a server that speaks HTTP/2 without TLS, or TLS.
func (d *Doors) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/events", d.serveREST)
	mux.HandleFunc("POST /soap/events", d.serveSOAP)
	mux.HandleFunc("GET /soap/events", serveWSDL)
	d.mountGRPC(mux)
}

// Register mounts the doors and describes the one that OpenAPI can.
func (d *Doors) Register(mux *http.ServeMux, api huma.API) {
	d.Mount(mux)
	Describe(api)
}

// Open says which requests want no token: probes and descriptions.
func (d *Doors) Open(r *http.Request) bool {
	service, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch service {
	case grpchealth.HealthV1ServiceName, grpcreflect.ReflectV1ServiceName, grpcreflect.ReflectV1AlphaServiceName:
		return true
	}
	return r.URL.Path == "/soap/events" && r.Method == http.MethodGet
}
