package config

import "errors"

// Log says what is logged, and in which shape.
type Log struct {
	// Level is the least that is logged: debug, info, warn or error.
	Level string `koanf:"level" env:"PAYERFLOW_LOG_LEVEL"`
	// Format is text for people or json for machines.
	Format string `koanf:"format" env:"PAYERFLOW_LOG_FORMAT"`
}

// DefaultLog is for people.
func DefaultLog() Log {
	return Log{Level: "info", Format: "text"}
}

// Validate returns every fault at once.
func (l Log) Validate() error {
	return errors.Join(
		oneOf("log.level", l.Level, "debug", "info", "warn", "error"),
		oneOf("log.format", l.Format, "text", "json"),
	)
}
