package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"payerflow/config"
	"payerflow/internal/peers"
)

// Files by which the workers of a demonstration know one another, in a data
// directory: the authority in the demonstration's own, a certificate in each
// worker's.
const (
	authorityCert = "peers/ca.pem"
	authorityKey  = "peers/ca-key.pem"
	workerCert    = "peers/cert.pem"
	workerKey     = "peers/key.pem"
)

func joinFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "join", "", "data directory of a demo on this machine, to work beside it: its broker, registry, credentials, secret and workers' authority")
}

// join takes over where a demonstration is, and who we are to it.
func (a *app) join(dir string) error {
	if dir == "" {
		return nil
	}
	c, err := readCredentials(dir)
	switch {
	case err != nil:
		return coded(exitUsage, err)
	case c.Demo.Broker == "":
		return coded(exitUsage, fmt.Errorf("--join %s: no demo has run there; start one: payerflow demo --data-dir %[1]s", dir))
	case sameFolder(dir, a.cfg.Engine.DataDir):
		return coded(exitUsage, fmt.Errorf("--join %s: name another folder with --data-dir: each worker has its own", dir))
	}
	admin := c.Kafka[roleAdmin]
	a.cfg.Broker.Seeds, a.cfg.Registry.URL = []string{c.Demo.Broker}, "http://"+c.Demo.Registry
	a.cfg.Broker.SASL = config.SASL{Mechanism: admin.Mechanism, Username: admin.Username, Password: admin.Password}
	if a.cfg.Security.SecretFile == "" {
		a.cfg.Security.SecretFile = filepath.Join(dir, "secret")
	}
	return coded(exitUsage, a.certify(dir))
}

func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// demoAuthority makes the authority of the demonstration's workers at its first
// start.
func (a *app) demoAuthority() error {
	dir := a.cfg.Engine.DataDir
	if _, err := os.Stat(filepath.Join(dir, authorityKey)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	made, err := peers.NewAuthority()
	if err != nil {
		return err
	}
	if err := writePrivate(filepath.Join(dir, authorityCert), made.Cert); err != nil {
		return err
	}
	return writePrivate(filepath.Join(dir, authorityKey), made.Key)
}

// certify gives this process a new certificate of the authority in a
// demonstration's folder, unless the configuration names another.
func (a *app) certify(demo string) error {
	if a.cfg.Peers.TLS != (config.PeersTLS{}) {
		return nil
	}
	var authority peers.Authority
	var err error
	if authority.Cert, err = os.ReadFile(filepath.Join(demo, authorityCert)); err != nil {
		return fmt.Errorf("authority of the demo's workers: %w", err)
	}
	if authority.Key, err = os.ReadFile(filepath.Join(demo, authorityKey)); err != nil {
		return fmt.Errorf("authority of the demo's workers: %w", err)
	}
	cert, key, err := authority.Issue()
	if err != nil {
		return err
	}
	own := config.PeersTLS{CA: filepath.Join(demo, authorityCert), Cert: filepath.Join(a.cfg.Engine.DataDir, workerCert), Key: filepath.Join(a.cfg.Engine.DataDir, workerKey)}
	if err := errors.Join(writePrivate(own.Cert, cert), writePrivate(own.Key, key)); err != nil {
		return err
	}
	a.cfg.Peers.TLS = own
	return nil
}
