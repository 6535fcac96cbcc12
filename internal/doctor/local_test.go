package doctor

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPartitioner(t *testing.T) {
	judged(t, hasher(vectors), OK, "49 vectors")
	for name, broken := range map[string][]byte{
		"hash":      bytes.Replace(vectors, []byte("479470107"), []byte("479470108"), 1),
		"partition": bytes.Replace(vectors, []byte(`"of12": 9}`), []byte(`"of12": 8}`), 1),
		"none":      []byte("[]"),
		"no JSON":   []byte("{"),
	} {
		if f := hasher(broken); f.State != Fail {
			t.Errorf("%s: %v", name, f)
		}
	}
}

func TestDisk(t *testing.T) {
	for _, c := range []struct {
		space space
		state State
		says  string
	}{
		{space{free: 5 * gibibyte, made: true}, OK, "5.0 GiB free"},
		{space{free: 5 * gibibyte}, OK, "made at the first start"},
		{space{free: 5*gibibyte - 1, made: true}, Warn, ""},
		{space{free: gibibyte, made: true}, Warn, ""},
		{space{free: gibibyte - 1, made: true}, Fail, "wants 1 GiB"},
		{space{free: 20 * gibibyte, tables: 10 * gibibyte, made: true}, OK, "tables take 10.0 GiB"},
		{space{free: 20*gibibyte - 1, tables: 10 * gibibyte, made: true}, Fail, "twice the tables"},
		{space{free: 20 * gibibyte, err: errors.New("read-only file system")}, Fail, "read-only"},
	} {
		judged(t, disk(c.space), c.state, c.says)
	}
}

func TestLookAt(t *testing.T) {
	dir := t.TempDir()
	if s := lookAt(filepath.Join(dir, "not", "yet")); s.err != nil || s.made || s.free == 0 {
		t.Errorf("not made yet: %+v", s)
	}
	if _, err := os.Stat(filepath.Join(dir, "not")); err == nil {
		t.Error("looking made a folder")
	}
	tables := filepath.Join(dir, "tables", "a")
	if err := errors.Join(os.MkdirAll(tables, 0o700), os.WriteFile(filepath.Join(tables, "rows"), make([]byte, 1000), 0o600)); err != nil {
		t.Fatal(err)
	}
	if s := lookAt(dir); s.err != nil || !s.made || s.tables != 1000 {
		t.Errorf("made: %+v", s)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".doctor-*")); len(left) > 0 {
		t.Error("the trial's file is still there")
	}
	if s := lookAt(filepath.Join(tables, "rows")); s.err == nil {
		t.Error("a file is no folder")
	}
	if s := lookAt(filepath.Join(tables, "rows", "below")); s.err == nil {
		t.Error("nothing can be made below a file")
	}
}

func TestClock(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	read := func(told time.Time, within time.Duration) sample {
		return sample{of: "the other's", before: at, after: at.Add(100 * time.Millisecond), told: told, within: within}
	}
	for _, c := range []struct {
		sample sample
		state  State
		says   string
	}{
		{read(at, time.Second), OK, "agrees"},
		{read(at.Add(-999*time.Millisecond), time.Second), OK, "agrees"}, // a second's worth of ticks explains it
		{read(at.Add(-2*time.Second), time.Second), OK, "1s ahead"},
		{read(at.Add(-2*time.Second-time.Millisecond), time.Second), Warn, "1.001s ahead"},
		{read(at.Add(1100*time.Millisecond), time.Second), OK, "1s behind"},
		{read(at.Add(1101*time.Millisecond), time.Second), Warn, "1.001s behind"},
		{read(at.Add(-31*time.Second), time.Second), Warn, "30s ahead"},
		{read(at.Add(-31*time.Second-time.Millisecond), time.Second), Fail, "ahead"},
		{read(at.Add(time.Hour), time.Millisecond), Fail, "behind"},
		{read(time.Time{}, time.Second), Skipped, "neither"},
	} {
		judged(t, clock(c.sample), c.state, c.says)
	}
	judged(t, clock(sample{}, read(at.Add(time.Hour), 0)), Fail, "the other's")
	judged(t, clock(read(at, 0), read(at.Add(time.Hour), 0)), OK, "")
}
