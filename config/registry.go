package config

import "net/url"

// Registry says where the schemas are.
type Registry struct {
	// URL is the root of a Confluent-compatible API, with its base path where it has one.
	// A name and password may stand in it; they are never printed.
	URL string `koanf:"url" env:"PAYERFLOW_REGISTRY_URL" secret:"userinfo"`
}

// DefaultRegistry is a registry on this machine.
func DefaultRegistry() Registry {
	return Registry{URL: "http://127.0.0.1:8081"}
}

// Validate returns the fault. It never quotes the address, which may hold a password.
func (r Registry) Validate() error {
	const legal = "http:// or https://, a host, an optional port and path, no query or fragment"
	u, err := url.Parse(r.URL)
	switch {
	case r.URL == "":
		return fault("registry.url", "is empty", legal)
	case err != nil:
		return fault("registry.url", "is not a URL", legal)
	case u.Scheme != "http" && u.Scheme != "https":
		return fault("registry.url", "begins neither with http:// nor with https://", legal)
	case u.Hostname() == "":
		return fault("registry.url", "has no host", legal)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fault("registry.url", "has a query or a fragment", legal)
	}
	return nil
}

// String, GoString and MarshalText are safe to print and to log: name and password are masked.
func (r Registry) String() string { return "{URL:" + maskUserinfo(r.URL) + "}" }

// GoString is String.
func (r Registry) GoString() string { return r.String() }

// MarshalText is String, so that JSON logs are masked too.
func (r Registry) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
