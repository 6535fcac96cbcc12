package embedded

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var root = Login{"root", "pass of root"}

// asked starts a broker that asks everybody who they are.
func asked(t *testing.T, dir string, super Login) *Broker {
	t.Helper()
	b, err := StartBroker(deadline(t), BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, CleanEvery: -1, Superuser: super})
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// answers says whether the broker answers somebody.
func answers(t *testing.T, broker string, l Login) bool {
	t.Helper()
	c := client(t, broker, as(l)...)
	defer c.Close()
	return c.Ping(deadline(t)) == nil
}

func TestOnlyWhoProvesItIsLetIn(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		b := asked(t, dir, root)
		for l, want := range map[Login]bool{root: true, {}: false, {"root", "guess"}: false, {"admin", "admin"}: false, {"team-x", "pass of root"}: false} {
			if got := answers(t, b.Addr(), l); got != want {
				t.Errorf("%q is let in: %t", l, got)
			}
		}
	}
}

// grant makes a user who may read one topic.
func grant(t *testing.T, broker string, super, user Login, topic string) {
	t.Helper()
	c := client(t, broker, as(super)...)
	defer c.Close()
	admin := kadm.NewClient(c)
	made, err := admin.AlterUserSCRAMs(deadline(t), nil, []kadm.UpsertSCRAM{{User: user.Username, Mechanism: kadm.ScramSha512, Iterations: scramIterations, Password: user.Password}})
	must(t, err)
	must(t, made.Error())
	_, err = admin.CreateACLs(deadline(t), kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead).Allow("User:"+user.Username))
	must(t, err)
}

// granted checks that what grant did still holds.
func granted(t *testing.T, broker string, super, user Login, topic string) {
	t.Helper()
	must(t, client(t, broker, as(super)...).Ping(deadline(t)))
	c := client(t, broker, as(user)...)
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(deadline(t), topic)
	must(t, err)
	must(t, ends.Error())
	err = c.ProduceSync(deadline(t), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("a reader writes: %v", err)
	}
}

func TestUsersAndAccessRulesSurvive(t *testing.T) {
	dir, user := t.TempDir(), Login{"team-x", "pass of x"}
	b := startBroker(t, dir) // asks nobody, as directories were before
	createTopic(t, client(t, b.Addr()), "mine", 1, nil)
	must(t, b.Close())
	t.Setenv(childPassword, root.Password)
	killed := startChild(t, dir)
	grant(t, killed.broker, root, user, "mine")
	granted(t, killed.broker, root, user, "mine")
	killed.kill()
	b = asked(t, dir, root)
	granted(t, b.Addr(), root, user, "mine")
	must(t, b.Close())

	changed := Login{root.Username, "another"}
	b = asked(t, dir, changed)
	granted(t, b.Addr(), changed, user, "mine")
	if answers(t, b.Addr(), root) {
		t.Error("the superuser's old password is good")
	}
}

func TestDataDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "broker")
	must(t, os.Mkdir(dir, 0o755)) //nolint:gosec // on purpose
	asked(t, dir, root)
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestLoginPrintsItsName(t *testing.T) {
	if s := fmt.Sprintf("%v %+v %#v %s", root, root, &root, BrokerConfig{Superuser: root}.Superuser); strings.Contains(s, root.Password) {
		t.Error(s)
	}
}

func TestRegistryIsReadByAllAndWrittenByItsWriter(t *testing.T) {
	b := asked(t, "", root)
	r, err := StartRegistry(deadline(t), RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{b.Addr()}, Client: as(root), Writer: root})
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	writer := strings.Replace(r.URL(), "http://", "http://root:pass%20of%20root@", 1)
	guess := strings.Replace(r.URL(), "http://", "http://root:guess@", 1)
	subject, body := "/subjects/claim-value", schemaOf(claimV1)
	if a := call(t, "POST", writer+subject+"/versions", body); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	for _, open := range []answer{
		call(t, "GET", r.URL()+"/subjects", nil),
		call(t, "GET", r.URL()+"/schemas/ids/1", nil),
		call(t, "GET", r.URL()+"/config", nil),
		call(t, "POST", r.URL()+subject, body),
		call(t, "POST", r.URL()+"/compatibility"+subject+"/versions", body),
	} {
		if open.status != http.StatusOK {
			t.Errorf("reading: %d %s", open.status, open.body)
		}
	}
	for _, url := range []string{r.URL(), guess} {
		call(t, "POST", url+subject+"/versions", body).fails(http.StatusUnauthorized, 40101)
		call(t, "PUT", url+"/config", `{"compatibility":"NONE"}`).fails(http.StatusUnauthorized, 40101)
		call(t, "PUT", url+"/mode", `{"mode":"READONLY"}`).fails(http.StatusUnauthorized, 40101)
		call(t, "DELETE", url+subject, nil).fails(http.StatusUnauthorized, 40101)
		call(t, "DELETE", url+subject+"/versions/1", nil).fails(http.StatusUnauthorized, 40101)
	}
}
