package config

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const legalName = "1 to 249 of the letters a-z and A-Z, digits, and . _ -"

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// fault is the one form of a configuration fault.
func fault(key, wrong, legal string) error {
	return fmt.Errorf("%s %s; legal: %s", key, wrong, legal)
}

func name(key, value string) error {
	if namePattern.MatchString(value) {
		return nil
	}
	return fault(key, fmt.Sprintf("is %q", value), legalName)
}

func oneOf(key, value string, legal ...string) error {
	if slices.Contains(legal, value) {
		return nil
	}
	return fault(key, fmt.Sprintf("is %q", value), strings.Join(legal, ", "))
}

func between[T cmp.Ordered](key string, value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return fault(key, fmt.Sprintf("is %v", value), fmt.Sprintf("%v to %v", least, most))
}

// dialable wants an address that can be called: a host and a port of its own.
func dialable(key, value string) error {
	host, port, err := net.SplitHostPort(value)
	if err == nil && host != "" && portIn(port, 1) {
		return nil
	}
	return fault(key, fmt.Sprintf("is %q", value), "host:port with a port from 1 to 65535")
}

// listenable wants an address that can be bound: no host is every interface, port 0 a free one.
func listenable(key, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err == nil && portIn(port, 0) {
		return nil
	}
	return fault(key, fmt.Sprintf("is %q", value), "host:port or :port with a port from 0 to 65535")
}

func portIn(port string, least uint64) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n >= least
}
