// Package web answers: which files is the portal made of? They are built from
// the sources beside it and committed, so that building the binary needs no
// Node; see README.md here.
package web

import "embed"

// Dist is the built portal, below dist.
//
//go:embed all:dist
var Dist embed.FS
