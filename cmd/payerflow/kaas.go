package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/config"
	"payerflow/connectors/kaas"
	"payerflow/events"
	"payerflow/internal/embedded"
)

func (a *app) kaasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "kaas", Short: "Run the process by which people ask for topics: request, mail, answer, topic",
		Long: `Run the demonstration, and with it the process by which people ask for topics: a request is an event; an
approver is asked by mail; the answer is an event, tagged approved or unapproved; only then is the topic
made. A request that nobody answers times out. Synthetic requests go the same way, and nothing is mailed or
made. Every step is in the view topic-requests and in the audit.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.cfg.Demo.Traffic = a.cfg.Demo.Traffic && cmd.Flags().Changed("traffic")
			return a.demo(cmd.Context(), true)
		},
	}
	demoFlags(cmd)
	d := config.DefaultKaaS()
	f := cmd.Flags()
	f.Duration("answer-within", d.AnswerWithin, "how long an answer counts")
	f.String("approver", d.Approver, "mail address of who is asked")
	f.String("inbox-addr", d.InboxAddr, "address of the embedded mail server, host:port")
	f.String("smtp-addr", d.SMTP.Addr, "mail server that sends, host:port (default: the embedded one)")
	cmd.AddCommand(a.kaasRequestCommand(), a.kaasAnswerCommand("approve", true), a.kaasAnswerCommand("reject", false), a.kaasInboxCommand())
	return cmd
}

// sent is what a command published.
type sent struct {
	RequestID string `json:"requestId"`
	EventID   string `json:"eventId"`
}

func (a *app) kaasRequestCommand() *cobra.Command {
	var asked events.TopicRequested
	var by string
	var synthetic bool
	var base string
	retention := 7 * 24 * time.Hour
	cmd := &cobra.Command{
		Use: "request TOPIC", Short: "Ask for a topic", Args: exactly(1),
		Example: `  payerflow demo kaas request claims.appeal.withdrawn --by jane@payerflow.example --why "appeals that members take back"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if asked.RequestID == "" {
				asked.RequestID = "r-" + strings.ToLower(rand.Text()[:10])
			}
			body := map[string]any{"requestId": asked.RequestID, "topicName": args[0], "partitions": asked.Partitions, "retentionHours": int(retention.Hours()), "requestedBy": by}
			if asked.Why != "" {
				body["why"] = asked.Why
			}
			return a.publishKaaS(cmd.Context(), base, asked.RequestID, kaas.Event{Type: events.TypeTopicRequested, TransactionID: "topic-request-" + asked.RequestID, Synthetic: synthetic, Body: body})
		},
	}
	f := cmd.Flags()
	f.StringVar(&base, "url", "", "server to ask (default: http.addr of the configuration)")
	f.StringVar(&asked.RequestID, "id", "", "id of the request: lower-case letters, digits and hyphens (default: made up)")
	f.Int32Var(&asked.Partitions, "partitions", 3, "partitions of the topic")
	f.DurationVar(&retention, "retention", retention, "how long it keeps records, in whole hours")
	f.StringVar(&by, "by", "somebody@payerflow.example", "who asks")
	f.StringVar(&asked.Why, "why", "", "reason, for the approver")
	f.BoolVar(&synthetic, "synthetic", false, "a fictitious request: nothing is mailed or made")
	return cmd
}

func (a *app) kaasAnswerCommand(verb string, approved bool) *cobra.Command {
	var synthetic bool
	var base, by string
	cmd := &cobra.Command{
		Use: verb + " REQUEST", Short: strings.ToUpper(verb[:1]) + verb[1:] + " a request, as an answer by mail does", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.publishKaaS(cmd.Context(), base, args[0], answered("", args[0], by, approved, synthetic))
		},
	}
	f := cmd.Flags()
	f.StringVar(&base, "url", "", "server to ask (default: http.addr of the configuration)")
	f.StringVar(&by, "by", "", "who answers")
	f.BoolVar(&synthetic, "synthetic", false, "of a fictitious request")
	return cmd
}

// publishKaaS gives an event to the door, with the token of the process.
func (a *app) publishKaaS(ctx context.Context, base, request string, e kaas.Event) error {
	var answer struct{ ID string }
	_, err := a.call(ctx, question{role: roleKaaS, base: base, method: http.MethodPost, path: "/v1/events", body: e.Document(time.Now())}, &answer)
	if err != nil {
		return err
	}
	out := sent{request, answer.ID}
	return a.show(out, []string{"request", "event"}, [][]string{{out.RequestID, out.EventID}})
}

func (a *app) kaasInboxCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inbox", Short: "Show the mails that the embedded server got, from --data-dir", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			mails, err := embedded.Mails(a.inboxDir())
			if err != nil {
				return err
			}
			if a.format != formatTable {
				return a.show(mails, nil, nil)
			}
			for _, m := range mails {
				if _, err := fmt.Fprintf(a.out, "From: %s\nTo: %s\nReply-To: %s\nDate: %s\nSubject: %s\n\n%s\n", m.From, m.To, m.ReplyTo, m.At.Format(time.RFC3339), m.Subject, m.Text); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
