package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func text(row map[string]any, member string) string {
	s, _ := row[member].(string)
	return s
}

func ofTeam(row map[string]any) string { return text(row, "team") + "/" + text(row, "name") }

func (a *app) typeCommand() *cobra.Command {
	k := rowKind{use: "type", noun: "event type", path: "/v1/event-types", columns: []string{"owner", "state", "topic", "doc"}, text: []string{"schema", "sample"},
		name: func(row map[string]any) string {
			if n := text(row, "name"); n != "" {
				return n
			}
			parts, _ := row["parts"].([]any)
			return strings.ReplaceAll(cell(parts), " ", "-")
		},
		example: `  payerflow type list -q claims
  payerflow type apply -f member-pcp-change.yaml --why "first version"
  payerflow type classify Member-PCP-Change /pcp=PHI
  payerflow type export --asyncapi > asyncapi.json`}
	return a.rowCommand(k, "Register and look up event types", a.applyRows, a.classifyFields, a.turnRow("deprecate", "Deprecate one event type"), a.deleteRow, a.exportTypes)
}

func (a *app) classifyFields(k rowKind, base *string) *cobra.Command {
	var why string
	cmd := &cobra.Command{Use: "classify NAME POINTER=CLASS...", Short: "Set the classes of fields", Args: usage(cobra.MinimumNArgs(2)),
		Example: "  payerflow type classify Member-PCP-Change /memberId=PII /pcp=PHI",
		RunE: func(cmd *cobra.Command, args []string) error {
			var fields []map[string]string
			for _, line := range args[1:] {
				pointer, class, ok := strings.Cut(line, "=")
				if !ok {
					return coded(exitUsage, fmt.Errorf("%s: write a JSON pointer, = and a class", line))
				}
				fields = append(fields, map[string]string{"pointer": pointer, "class": class})
			}
			var row shownRow
			q := question{role: roleAdmin, base: *base, method: http.MethodPost, path: k.path + segments(args[0]) + "/classify", query: url.Values{"why": {why}}, body: map[string]any{"fields": fields}}
			if _, err := a.call(cmd.Context(), q, &row); err != nil {
				return err
			}
			return a.document(row)
		}}
	whyFlag(cmd, &why)
	return cmd
}

func (a *app) exportTypes(_ rowKind, base *string) *cobra.Command {
	var async bool
	cmd := &cobra.Command{Use: "export", Short: "Write the whole registry as JSON, or as AsyncAPI 3.0", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		path := "/v1/registry"
		if async {
			path += "/asyncapi"
		}
		var doc json.RawMessage
		if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodGet, path: path}, &doc); err != nil {
			return err
		}
		return a.document(doc)
	}}
	cmd.Flags().BoolVar(&async, "asyncapi", false, "as AsyncAPI 3.0")
	return cmd
}

func (a *app) ruleCommand() *cobra.Command {
	k := rowKind{use: "rule", noun: "routing rule", path: "/v1/routing-rules", columns: []string{"eventTypes", "condition", "destination", "state", "reason"}, name: ofTeam,
		example: `  payerflow rule list
  payerflow rule apply -f rules.yaml
  payerflow rule test -f rules.yaml --last 1000
  payerflow rule delete care/large-claims`}
	return a.rowCommand(k, "Routing rules of teams", a.applyRows, a.deleteRow,
		a.turnRow("pause", "Ask one rule no more"), a.turnRow("resume", "Go by one rule again"), a.turnRow("shadow", "Ask one rule of live traffic, and only count"), a.testRule, a.ruleStatus)
}

func (a *app) subCommand() *cobra.Command {
	k := rowKind{use: "sub", noun: "subscription", path: "/v1/subscriptions", columns: []string{"eventTypes", "rules", "delivery", "state", "reason"}, name: ofTeam,
		example: `  payerflow sub apply -f claims.yaml
  payerflow sub pause care/claims --why "moving"
  payerflow sub delete care/claims`}
	return a.rowCommand(k, "Subscriptions of teams", a.applyRows, a.turnRow("pause", "Send nothing more to one subscription"),
		a.turnRow("resume", "Send to one subscription again"), a.turnRow("shadow", "Count what one subscription would get, and send nothing"), a.deleteRow, a.deleteTopic,
		a.pullEvents, a.ackEvents, a.streamEvents)
}

func (a *app) deleteTopic(k rowKind, base *string) *cobra.Command {
	return &cobra.Command{Use: "delete-topic NAME", Short: "Delete the topic of a subscription that is paused or deleted, with all that it holds", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodDelete, path: k.path + segments(args[0]) + "/topic"}, nil)
			if err == nil {
				fmt.Fprintln(a.out, "Deleted.")
			}
			return err
		}}
}

func (a *app) permCommand() *cobra.Command {
	k := rowKind{use: "perm", noun: "permission", path: "/v1/permissions", columns: []string{"eventTypes"},
		name: func(row map[string]any) string {
			team := text(row, "team")
			if app := text(row, "application"); app != "" {
				team += ":" + app
			}
			return team + "/" + text(row, "class")
		},
		example: `  payerflow perm grant care PHI --types 'CLAIM_*'
  payerflow perm grant care:outreach PII
  payerflow perm delete care/PHI`}
	return a.rowCommand(k, "Which classes of fields a team may see", a.applyRows, a.grant, a.deleteRow)
}

func (a *app) grant(k rowKind, base *string) *cobra.Command {
	var types []string
	var why string
	cmd := &cobra.Command{Use: "grant TEAM[:APPLICATION] CLASS", Short: "Let a team, or one application of it, see a class", Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			team, application, _ := strings.Cut(args[0], ":")
			row := map[string]any{"team": team, "application": application, "class": args[1], "eventTypes": types}
			out, err := a.applyRow(cmd, k, *base, row, why)
			if err != nil {
				return err
			}
			return a.document(out)
		}}
	cmd.Flags().StringSliceVar(&types, "types", nil, "event types or patterns (default: all)")
	whyFlag(cmd, &why)
	return cmd
}

func (a *app) redactCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "redact", Short: "What others see of an event"}
	base := urlFlag(cmd)
	var as, eventType, file string
	preview := &cobra.Command{Use: "preview", Short: "Show an event as a team would get it; nothing is published", Args: exactly(0),
		Example: `  payerflow redact preview --as care --type CLAIM_SUBMITTED
  payerflow redact preview --as care:outreach --type CLAIM_SUBMITTED --file claim.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			team, application, _ := strings.Cut(as, ":")
			body := map[string]any{"team": team, "eventType": eventType}
			if application != "" {
				body["application"] = application
			}
			if file != "" {
				b, err := os.ReadFile(file)
				if err != nil || !json.Valid(b) {
					return coded(exitUsage, fmt.Errorf("%s does not hold one JSON value", file))
				}
				body["body"] = json.RawMessage(b)
			}
			var seen struct {
				Classes []string        `json:"classes"`
				Body    json.RawMessage `json:"body"`
			}
			if _, err := a.call(cmd.Context(), question{role: roleAdmin, base: *base, method: http.MethodPost, path: "/v1/redaction/preview", body: body}, &seen); err != nil {
				return err
			}
			return a.document(seen)
		}}
	f := preview.Flags()
	f.StringVar(&as, "as", "", "team, or team:application")
	f.StringVar(&eventType, "type", "", "event type")
	f.StringVar(&file, "file", "", "body of an event (default: the type's sample)")
	_ = preview.MarkFlagRequired("as")
	_ = preview.MarkFlagRequired("type")
	cmd.AddCommand(preview)
	return cmd
}
