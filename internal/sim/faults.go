package sim

// mistake is what goka gets wrong by itself, and the engine exists to avoid.
type mistake int

const (
	noFault mistake = iota
	// commitPastAFailure: an output that failed does not keep the positions
	// behind it from being committed.
	commitPastAFailure
	// dirtyStore: rows reach the local store before Kafka has committed.
	dirtyStore
	// markerWithoutOutput: a row that remembers what it has seen is in the
	// changelog for good before the outputs of the record are.
	markerWithoutOutput
)

func (m mistake) String() string {
	return [...]string{"none", "commit past a failure", "dirty store", "marker without output"}[m]
}
