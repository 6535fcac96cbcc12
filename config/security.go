package config

// Security says how secrets of this deployment are kept.
type Security struct {
	// SecretFile holds the secret from which the hashes of tokens and of withheld keys follow: 32 bytes or more, readable by this user alone, the same on every worker.
	// Empty stands for the file secret in engine.data-dir.
	SecretFile string `koanf:"secret-file" env:"PAYERFLOW_SECURITY_SECRET_FILE"`
}

// DefaultSecurity keeps the secret beside the data.
func DefaultSecurity() Security { return Security{} }

// Validate finds nothing wrong: whether the file is there shows when it is read.
func (s Security) Validate() error { return nil }
