package check

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEmptyRoot builds the binary as the Dockerfile does and runs it where
// there is nothing else: no shell, no libc, no /etc, no /proc, a user without
// rights, one folder to write in.
func TestEmptyRoot(t *testing.T) {
	root := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(root, "payerflow"), "./cmd/payerflow")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dir := range []string{"data", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	version := within(t, root, "version")
	if out, err := version.CombinedOutput(); err != nil || !strings.Contains(string(out), "linux/") {
		t.Fatalf("%v\n%s", err, out)
	}

	demo := within(t, root, "demo", "--http-addr", "127.0.0.1:0", "--kafka-addr", "127.0.0.1:0", "--registry-addr", "127.0.0.1:0")
	demo.Env = []string{"PAYERFLOW_ENGINE_DATA_DIR=/data"}
	out, err := demo.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	demo.Stdout = demo.Stderr
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	t.Cleanup(func() { _ = demo.Process.Kill() })
	address := make(chan string, 1)
	var said strings.Builder
	go func() {
		find := regexp.MustCompile(`views +http://(127\.0\.0\.1:\d+)`)
		lines := bufio.NewScanner(io.TeeReader(out, &said))
		for lines.Scan() {
			if m := find.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case address <- m[1]:
				default:
				}
			}
		}
		ended <- demo.Wait()
	}()
	select {
	case at := <-address:
		ready(t, "http://"+at+"/readyz")
	case err := <-ended:
		t.Fatalf("%v\n%s", err, said.String())
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not say where it listens")
	}
	if err := demo.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, said.String())
	}
}

func ready(t *testing.T, url string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); <-tick.C {
		if resp, err := http.Get(url); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("it does not become ready")
}

// within is a command in root as if that were all there is, as a user that is
// nobody outside of it.
func within(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/payerflow", args...)
	cmd.Dir, cmd.Env = "/", []string{}
	const nobody = 65532
	if os.Getuid() == 0 {
		for _, dir := range []string{"", "data", "tmp"} {
			if err := os.Chown(filepath.Join(root, dir), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}
