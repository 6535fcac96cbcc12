package topology

// Status is what a worker says of itself: its groups, what of their inputs it
// reads, and what of their tables it holds. It names no key.
type Status struct {
	Instance  string        `json:"instance" doc:"Stable id of the worker's data directory"`
	Guarantee string        `json:"guarantee" doc:"exactly-once or at-least-once"`
	Groups    []GroupStatus `json:"groups"`
}

// GroupStatus is one consumer group as this worker runs it.
type GroupStatus struct {
	Name      string        `json:"name" doc:"Consumer group"`
	State     string        `json:"state" doc:"running, restoring, or waiting for partitions"`
	Restarts  int64         `json:"restarts" doc:"Times that it was rebuilt after an error"`
	LastError string        `json:"lastError,omitempty" doc:"Why it was rebuilt last"`
	Changed   bool          `json:"foldChanged,omitempty" doc:"True where its table was begun with another fold than this worker's; see payerflow topology check --deployed"`
	Inputs    []InputStatus `json:"inputs" doc:"Input partitions that this worker reads"`
	Table     *TableStatus  `json:"table,omitempty" doc:"The group's table, where it keeps one"`
	Restoring []string      `json:"restoring,omitempty" doc:"Progress of restores"`
	Pinned    *PinnedStatus `json:"pinned,omitempty" doc:"What the group's last transaction here was pinned to"`
}

// PinnedStatus is what a committed transaction worked with.
type PinnedStatus struct {
	Version int64         `json:"version" doc:"Version of the pinned value: of rules, the next control offset"`
	Hash    string        `json:"hash" doc:"Hash of it: of rules, the routing hash"`
	Ranges  []RangeStatus `json:"ranges" doc:"Input that the transaction covered"`
}

// RangeStatus is a run of records of one input partition.
type RangeStatus struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from" doc:"First offset"`
	To        int64  `json:"to" doc:"Offset after the last"`
}

// InputStatus is how far one input partition is folded.
type InputStatus struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset" doc:"Next offset to fold"`
	Lag       int64  `json:"lag" doc:"Records behind its end when last compared, -1 before the first time"`
}

// TableStatus is the local state of a table.
type TableStatus struct {
	Topic      string            `json:"topic" doc:"Changelog"`
	Bytes      int64             `json:"bytes" doc:"Size of the local files"`
	LiveBytes  int64             `json:"liveBytes" doc:"How much of it is rows in force"`
	Partitions []PartitionStatus `json:"partitions" doc:"Partitions that are here"`
}

// PartitionStatus is one partition of a table.
type PartitionStatus struct {
	Partition int32 `json:"partition"`
	Rows      int   `json:"rows" doc:"Rows, those of synthetic events included"`
	Changelog int64 `json:"changelog" doc:"Changelog offset that the rows include, -1 for none"`
	Restored  bool  `json:"restored"`
	Standby   bool  `json:"standby,omitempty" doc:"True where another worker folds it, and this one follows"`
	Waiting   int   `json:"waiting,omitempty" doc:"Rows that wait for a deadline"`
}
