package main

import (
	"errors"

	"payerflow/internal/embedded"
	"payerflow/internal/engine"
)

// Exit codes. The help of the root command lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // flags, arguments or configuration
	exitNotFound    = 3
	exitUnavailable = 4 // broker, registry or server does not answer, or a port is taken
	exitDifferent   = 5 // diff, check or doctor found something
)

const exitHelp = `Exit codes: 0 done, 1 failed, 2 wrong flags, arguments or configuration, 3 not found,
4 broker, registry or server does not answer or a port is taken, 5 a check found something.`

// codedError is an error with the exit code that it stands for.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func coded(code int, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code, err}
}

func codeOf(err error) int {
	var c *codedError
	var port *embedded.PortTakenError
	var dir *embedded.DataDirInUseError
	switch {
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &port), errors.As(err, &dir), errors.Is(err, engine.ErrDataDirInUse):
		return exitUnavailable
	}
	return exitFailed
}
