package embedded

import (
	"fmt"
	"slices"
	"strings"
)

// Compatibility levels by their names in the REST API.
const (
	levelNone               = "NONE"
	levelBackward           = "BACKWARD"
	levelBackwardTransitive = "BACKWARD_TRANSITIVE"
	levelForward            = "FORWARD"
	levelForwardTransitive  = "FORWARD_TRANSITIVE"
	levelFull               = "FULL"
	levelFullTransitive     = "FULL_TRANSITIVE"
)

// defaultLevel holds where no configuration says otherwise.
const defaultLevel = levelBackward

func isLevel(s string) bool {
	return slices.Contains([]string{
		levelNone, levelBackward, levelBackwardTransitive, levelForward,
		levelForwardTransitive, levelFull, levelFullTransitive,
	}, s)
}

// earlier is a version that a new schema is measured against.
type earlier struct {
	version int
	schema  avroSchema
}

// incompatibilities says why a new schema breaks a level, newest version
// first; none means that it may follow. versions ascend; levels that are not
// transitive look at the last only.
func incompatibilities(level string, next avroSchema, versions []earlier) []string {
	if level == levelNone || len(versions) == 0 {
		return nil
	}
	if !strings.HasSuffix(level, "_TRANSITIVE") {
		versions = versions[len(versions)-1:]
	}
	var found []string
	for _, old := range slices.Backward(versions) {
		if strings.HasPrefix(level, levelBackward) || strings.HasPrefix(level, levelFull) {
			if err := canRead(next.tree, old.schema.tree); err != nil {
				found = append(found, fmt.Sprintf("the new schema cannot read what version %d wrote: %s", old.version, err))
			}
		}
		if strings.HasPrefix(level, levelForward) || strings.HasPrefix(level, levelFull) {
			if err := canRead(old.schema.tree, next.tree); err != nil {
				found = append(found, fmt.Sprintf("version %d cannot read what the new schema writes: %s", old.version, err))
			}
		}
	}
	return found
}
