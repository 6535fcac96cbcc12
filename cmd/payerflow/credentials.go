package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"payerflow/connectors/kafka"
)

// demoTeam owns the demonstration's tokens, and is the team whose Kafka
// principal is printed.
const demoTeam = "demo"

// credentials are what the demonstration leaves in its data directory for
// those who try it, readable by its user alone.
type credentials struct {
	Demo   addresses                   `json:"demo"`             // nobody else is shown what follows
	Tokens map[string]string           `json:"tokens,omitempty"` // by role: admin, publisher, subscriber, reader
	Kafka  map[string]kafkaCredentials `json:"kafka,omitempty"`  // admin, and team: what demoTeam gets
}

// kafkaCredentials are a principal's, for SASL.
type kafkaCredentials = kafka.Login

// addresses are where the demonstration's servers listen.
type addresses struct {
	Broker   string `json:"broker"`
	Registry string `json:"registry"`
	Store    bool   `json:"store"` // an event store decides what its topics forget
}

// Roles of the demonstration's tokens.
const (
	roleAdmin      = "admin"
	rolePublisher  = "publisher"
	roleSubscriber = "subscriber"
	roleReader     = "reader"
	roleTeam       = "team" // of Kafka alone: demoTeam's principal
)

const credentialsFile = "credentials.json"

// readCredentials reads what is there; nothing where there is no file.
func readCredentials(dir string) (c credentials, err error) {
	b, err := os.ReadFile(filepath.Join(dir, credentialsFile))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return c, nil
	}
	if err == nil && json.Unmarshal(b, &c) != nil { // its error would quote the text
		err = fmt.Errorf("%s is not what demo writes; remove it", filepath.Join(dir, credentialsFile))
	}
	return c, err
}

// updateCredentials changes the file by change, in one step.
func updateCredentials(dir string, change func(*credentials)) error {
	c, err := readCredentials(dir)
	if err != nil {
		return err
	}
	change(&c)
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(dir, credentialsFile), append(b, '\n'))
}

// writePrivate writes a file that its user alone may read, all of it or
// nothing.
func writePrivate(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone where it was renamed
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
