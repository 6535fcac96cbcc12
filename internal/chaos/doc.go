// Package chaos answers whether the engine is exact when things break: worker
// processes are killed, stopped and restarted, brokers fail and refuse, disks
// fill, and a checker that shares no code with the engine counts what came of
// every input.
//
// It holds tests alone. docs/chaos.md says what is tried and how to repeat it.
package chaos
