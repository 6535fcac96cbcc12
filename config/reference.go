package config

import _ "embed"

//go:embed reference.yaml
var reference string

// Reference is a complete YAML file with every key, its meaning and its default.
func Reference() string { return reference }
