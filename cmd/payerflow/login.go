package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"payerflow/codecs"
	"payerflow/config"
	"payerflow/connectors/kafka"
)

// newLogin makes a user with a password of 128 random bits.
func newLogin(username string) kafka.Login {
	return kafka.Login{Username: username, Password: rand.Text(), Mechanism: kafka.Scram512}
}

// client gives the settings of clients of the brokers that are configured.
func (a *app) client() ([]kafka.Option, error) {
	s := kafka.Security{TLS: a.cfg.Broker.TLS.Enabled, CA: a.cfg.Broker.TLS.CA, Cert: a.cfg.Broker.TLS.Cert, Key: a.cfg.Broker.TLS.Key}
	var err error
	if s.Login, err = a.login(); err != nil {
		return nil, coded(exitUsage, err)
	}
	opts, err := s.Options()
	return opts, coded(exitUsage, err)
}

// login is who we are to the brokers that are configured: who the
// configuration says, else who the demonstration's file says, to its broker.
func (a *app) login() (kafka.Login, error) {
	sasl := a.cfg.Broker.SASL
	switch {
	case sasl.Mechanism == config.SASLNone:
		return kafka.Login{}, nil
	case sasl.Username == "":
		c, err := readCredentials(a.cfg.Engine.DataDir)
		if err != nil || !c.of(a.cfg.Broker.Seeds) {
			return kafka.Login{}, err
		}
		return c.Kafka[roleAdmin], nil
	}
	l := kafka.Login{Username: sasl.Username, Password: sasl.Password, Mechanism: sasl.Mechanism}
	if sasl.PasswordFile != "" {
		b, err := os.ReadFile(sasl.PasswordFile)
		if err != nil {
			return kafka.Login{}, fmt.Errorf("broker.sasl.password-file: %w", err)
		}
		l.Password = strings.TrimRight(string(b), "\r\n")
	}
	return l, nil
}

// schemas is the registry that is configured. The demonstration's own lets its
// administrator alone change anything.
func (a *app) schemas() *codecs.Registry {
	u, err := url.Parse(a.cfg.Registry.URL)
	if err == nil && u.User == nil {
		if c, err := readCredentials(a.cfg.Engine.DataDir); err == nil && sameAddress(u.Host, c.Demo.Registry) {
			return codecs.OpenRegistry(asWriter(a.cfg.Registry.URL, c.Kafka[roleAdmin]))
		}
	}
	return codecs.OpenRegistry(a.cfg.Registry.URL)
}

// demoBroker says whether the broker that is configured is that of the
// demonstration in the data directory.
func (a *app) demoBroker() bool {
	c, err := readCredentials(a.cfg.Engine.DataDir)
	return err == nil && c.of(a.cfg.Broker.Seeds)
}

// of says whether these are the credentials for the brokers.
func (c credentials) of(seeds []string) bool {
	return len(seeds) == 1 && sameAddress(seeds[0], c.Demo.Broker)
}

// asWriter puts a login into a registry's address.
func asWriter(address string, l kafka.Login) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = url.UserPassword(l.Username, l.Password)
	return u.String()
}

// sameAddress says whether two addresses on this machine are one.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && (hostA == hostB || loopback(hostA) && loopback(hostB))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
