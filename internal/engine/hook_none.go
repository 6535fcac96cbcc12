//go:build !chaos

package engine

import "github.com/twmb/franz-go/pkg/kgo"

// The points at which a chaos build breaks the engine; see hook_chaos.go.
func beforeCommit(*session) {}
func beforeStore(*session)  {}

// markers asks for transaction markers among the records.
func markers() kgo.Opt { return kgo.KeepControlRecords() }
