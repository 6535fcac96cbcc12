package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kaas"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/tables"
	"payerflow/topologies"
)

// kaasRun is a demonstration with the topic-request process.
type kaasRun struct {
	t           *testing.T
	p           *process
	dir, inbox  string
	base        string
	broker      string
	registry    string
	replacement []string // flags of commands
}

func startKaaS(t *testing.T, dir string, more ...string) *kaasRun {
	t.Helper()
	p := spawn(t, append([]string{"demo", "kaas", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--kafka-addr", "127.0.0.1:0", "--registry-addr", "127.0.0.1:0", "--inbox-addr", "127.0.0.1:0"}, more...)...)
	r := &kaasRun{t: t, p: p, dir: dir, inbox: p.await(`(?m)^  inbox +smtp://(\S+)`), broker: p.await(`(?m)^  broker +(\S+)`), registry: p.await(`(?m)^  registry +(\S+)`)}
	addr := p.await(`(?m)^  views +http://([^/]+)/`)
	r.base, r.replacement = "http://"+addr, []string{"--data-dir", dir}
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	tokens.Store(addr, c.Tokens[roleReader])
	within(t, time.Minute, "ready", func() bool { return get(t, r.base+"/readyz", nil) == 200 })
	return r
}

// do runs a command of the process.
func (r *kaasRun) do(args ...string) string {
	r.t.Helper()
	all := append(append([]string{"demo", "kaas"}, args...), r.replacement...)
	if args[0] != "inbox" {
		all = append(all, "--url", r.base)
	}
	out, stderr, code := cli(r.t, "", all...)
	if code != exitOK {
		r.t.Fatalf("%v: exit %d: %s", args, code, stderr)
	}
	return out
}

func (r *kaasRun) row(id string, synthetic bool) (row tables.TopicRequest) {
	r.t.Helper()
	var answer struct{ Value tables.TopicRequest }
	url := r.base + "/v1/views/topic-requests/" + id
	if synthetic {
		url += "?synthetic=true"
	}
	if get(r.t, url, &answer) != 200 {
		return row
	}
	return answer.Value
}

func (r *kaasRun) until(id string, synthetic bool, status string) tables.TopicRequest {
	r.t.Helper()
	var row tables.TopicRequest
	within(r.t, time.Minute, id+" "+status, func() bool { row = r.row(id, synthetic); return row.Status == status })
	return row
}

func (r *kaasRun) mails() (mails []embedded.Mail) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.do("inbox", "-o", "json")), &mails); err != nil {
		r.t.Fatal(err)
	}
	return mails
}

// letter is the mail about a topic.
func (r *kaasRun) letter(topic string) embedded.Mail {
	r.t.Helper()
	for _, m := range r.mails() {
		if strings.HasSuffix(m.Subject, topic) {
			return m
		}
	}
	r.t.Fatalf("no mail about %s", topic)
	return embedded.Mail{}
}

// reply answers by SMTP, as the approver's mail program does.
func (r *kaasRun) reply(to, text string) error {
	return kaas.Mailer{Addr: r.inbox, From: "approver@payerflow.example", TLS: "none"}.Send(r.t.Context(),
		kaas.Letter{MessageID: "reply-" + to, To: to, ReplyTo: "approver@payerflow.example", Subject: "Re: Approval wanted", Text: text})
}

func (r *kaasRun) client() (*kgo.Client, []kafka.Option) {
	r.t.Helper()
	c, err := readCredentials(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	opts, err := kafka.Security{Login: c.Kafka[roleAdmin]}.Options()
	if err != nil {
		r.t.Fatal(err)
	}
	client, err := kgo.NewClient(append(slices.Clone(opts), kgo.SeedBrokers(r.broker))...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client, opts
}

// partitions are those of a topic, 0 where the cluster has none.
func (r *kaasRun) partitions(topic string) int {
	r.t.Helper()
	client, _ := r.client()
	all, err := kadm.NewClient(client).ListTopics(ctx(r.t, time.Minute), topic)
	if err != nil {
		r.t.Fatal(err)
	}
	return len(all[topic].Partitions)
}

// audited are the acts of the audit's chain about a request.
func (r *kaasRun) audited(id string) (acts []string) {
	r.t.Helper()
	_, opts := r.client()
	registry := codecs.OpenRegistry(r.registry)
	serde, err := topologies.AuditChain.Codec.Bind(registry, topologies.AuditChain.Topic.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	err = kafka.Tail(r.t.Context(), []string{r.broker}, topologies.AuditChain.Topic.Name, registry, kafka.TailOptions{FromStart: true}, func(s kafka.Shown) error {
		var link events.AuditChained
		var entry events.AuditReceived
		if link, err = serde.Decode(s.Value); err != nil {
			if err = json.Unmarshal(s.Value, &link); err != nil {
				return err
			}
		}
		if err := json.Unmarshal([]byte(link.Entry), &entry); err != nil {
			return err
		}
		if entry.Name == id {
			acts = append(acts, strings.TrimPrefix(entry.Act, "topic-request.")+" "+entry.Decision)
		}
		return nil
	}, opts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return acts
}

func types(row tables.TopicRequest) (out []string) {
	for _, s := range row.Steps {
		out = append(out, strings.TrimSpace(s.EventType+" "+s.Note))
	}
	return out
}

// TestTopicRequests goes the whole way of the process, real and synthetic side
// by side: asked, mailed, approved and made; rejected; refused; not answered.
func TestTopicRequests(t *testing.T) {
	dir := t.TempDir()
	r := startKaaS(t, dir)
	const wanted, denied, never = "claims.appeal.withdrawn", "claims.claim.copied", "demo.synthetic.only"
	r.do("request", wanted, "--id", "one", "--partitions", "2", "--by", "jane@payerflow.example", "--why", "appeals that members take back")
	r.do("request", never, "--id", "one", "--synthetic")
	r.do("request", denied, "--id", "two")
	r.do("request", "consumer.kaas.mine", "--id", "three")

	r.until("one", false, tables.RequestAsked)
	r.until("two", false, tables.RequestAsked)
	if row := r.until("three", false, tables.RequestRefused); row.Code != "TOPIC_NAME_RESERVED" {
		t.Errorf("a reserved name: %+v", row)
	}
	r.until("one", true, tables.RequestAsked)
	letter := r.letter(wanted)
	if letter.To != "<approver@payerflow.example>" || !strings.Contains(letter.Text, "jane@payerflow.example") || !strings.Contains(letter.Text, "appeals that members take back") {
		t.Errorf("the letter is %+v", letter)
	}
	replyTo := strings.Trim(letter.ReplyTo, "<>")
	for _, other := range []string{"jane@payerflow.example", "kaas+one.aaaaaaaaaaaaaaaa@payerflow.example", strings.Replace(replyTo, "+one.", "+two.", 1)} {
		if err := r.reply(other, "APPROVE"); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
			t.Errorf("a mail to %s: %v", other, err)
		}
	}
	if err := r.reply(replyTo, "\nI am out of office\n> APPROVE\n"); err != nil {
		t.Fatal(err)
	}
	if got := r.row("one", false).Status; got != tables.RequestAsked || r.partitions(wanted) != 0 {
		t.Fatalf("before an answer: %s, %d partitions", got, r.partitions(wanted))
	}
	if err := r.reply(replyTo, "Approve.\n\nOn Monday you wrote:\n> REJECT\n"); err != nil {
		t.Fatal(err)
	}
	r.do("approve", "one", "--synthetic")
	r.do("reject", "two")
	row := r.until("one", false, tables.RequestCreated)
	want := []string{string(events.TypeTopicRequested), string(events.TypeApprovalAsked), string(events.TypeApprovalAnswered) + " approved", string(events.TypeTopicCreated)}
	if got := types(row); !slices.Equal(got, want) {
		t.Errorf("steps %v", got)
	}
	fictitious := r.until("one", true, tables.RequestCreated)
	if got := types(fictitious); !slices.Equal(got, want) || fictitious.TopicName != never {
		t.Errorf("synthetic steps %v", got)
	}
	r.until("two", false, tables.RequestRejected)
	if n := r.partitions(wanted); n != 2 {
		t.Errorf("the approved topic has %d partitions", n)
	}
	for _, topic := range []string{never, denied} {
		if n := r.partitions(topic); n != 0 {
			t.Errorf("%s has %d partitions", topic, n)
		}
	}
	r.do("approve", "two") // too late: it was rejected
	within(t, time.Minute, "a late answer", func() bool { return r.row("two", false).Count == 4 })
	if row := r.row("two", false); row.Status != tables.RequestRejected || row.Steps[3].Note != "LATE" || r.partitions(denied) != 0 {
		t.Errorf("after a late answer: %+v", row)
	}
	for _, m := range r.mails() {
		if strings.Contains(m.Subject+m.Text, never) {
			t.Error("a synthetic request was mailed")
		}
	}
	within(t, time.Minute, "the audit", func() bool { return len(r.audited("two")) == 4 })
	if acts := r.audited("two"); acts[len(acts)-1] != "Authorizer-Received-Approval-Response-Email DENY" && !slices.Contains(acts, "Authorizer-Received-Approval-Response-Email DENY") {
		t.Errorf("audited: %v", acts)
	}
	out, stderr, code := cli(t, "", "trace", row.Steps[3].ID, "--brokers", r.broker, "--registry", r.registry, "--data-dir", dir)
	for _, stage := range []string{"firehose", "consumer topic", "row", "kaas.topic.ordered"} {
		if code != exitOK || !strings.Contains(out, stage) {
			t.Fatalf("trace: exit %d, no %s in\n%s%s", code, stage, out, stderr)
		}
	}
	r.p.terminate()
	for _, secret := range []string{"jane@", replyTo} {
		if strings.Contains(r.p.output(), secret) {
			t.Errorf("%q is in the log", secret[:5])
		}
	}

	r = startKaaS(t, dir, "--answer-within", "2s")
	r.do("request", "claims.claim.forgotten", "--id", "four")
	r.do("request", "claims.claim.forgotten", "--id", "four", "--synthetic")
	for _, synthetic := range []bool{false, true} {
		r.until("four", synthetic, tables.RequestTimedOut)
		within(t, time.Minute, "the event of an absence", func() bool {
			return slices.Contains(types(r.row("four", synthetic)), string(events.TypeApprovalMissed))
		})
	}
	r.do("approve", "four")
	within(t, time.Minute, "a late answer", func() bool {
		return slices.Contains(types(r.row("four", false)), string(events.TypeApprovalAnswered)+" LATE")
	})
	if row := r.row("four", false); row.Status != tables.RequestTimedOut || r.partitions("claims.claim.forgotten") != 0 {
		t.Errorf("after an answer that came too late: %+v", row)
	}
	if row := r.row("one", false); row.Status != tables.RequestCreated {
		t.Errorf("after a restart: %+v", row)
	}
	r.p.terminate()
}

var fenced = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestKaaSPage runs every command of docs/kaas.md, in its order.
func TestKaaSPage(t *testing.T) {
	b, err := os.ReadFile(root(t, "docs/kaas.md"))
	if err != nil {
		t.Fatal(err)
	}
	r, ran := startKaaS(t, t.TempDir()), 0
	for _, block := range fenced.FindAllStringSubmatch(string(b), -1) {
		for _, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			line, _, _ = strings.Cut(line, " #")
			args := strings.Fields(line)
			if args[0] != "payerflow" {
				t.Fatalf("%s: not a command of ours", line)
			}
			if ran++; len(args) == 3 && args[2] == "kaas" {
				continue // it runs
			}
			args = append(args[1:], r.replacement...)
			if !slices.Contains(args, "inbox") && args[0] != "trace" {
				args = append(args, "--url", r.base)
			}
			if args[0] == "trace" {
				args[1] = r.until("r-1", false, tables.RequestCreated).Steps[0].ID
				args = append(args, "--brokers", r.broker, "--registry", r.registry)
			}
			if _, stderr, code := cli(t, "", args...); code != exitOK {
				t.Errorf("%s: exit %d: %s", line, code, stderr)
			}
			if args[2] == "request" {
				r.until(args[slices.Index(args, "--id")+1], slices.Contains(args, "--synthetic"), tables.RequestAsked)
			}
		}
	}
	if ran < 6 {
		t.Errorf("only %d commands in the page", ran)
	}
}
