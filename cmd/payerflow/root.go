package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"payerflow/config"
	"payerflow/connectors/kafka"
	"payerflow/events"
)

// app is what all commands share.
type app struct {
	environ     []string
	out, errOut io.Writer
	configFile  string
	format      string
	tokenFlag   string
	cfg         config.Config
	log         *slog.Logger
	registry    registry // of metrics; nil: a new one
}

// flagKeys says which configuration key a flag sets. Subcommands share it: a
// flag that a command does not have is passed over.
var flagKeys = map[string]string{
	"brokers": "broker.seeds", "registry": "registry.url", "http-addr": "http.addr",
	"kafka-user": "broker.sasl.username", "kafka-password-file": "broker.sasl.password-file",
	"data-dir": "engine.data-dir", "batch-records": "engine.batch-records", "batch-interval": "engine.batch-interval",
	"kafka-addr": "demo.kafka-addr", "registry-addr": "demo.registry-addr", "rate": "demo.rate", "seed": "demo.seed", "traffic": "demo.traffic", "store": "demo.store",
	"answer-within": "kaas.answer-within", "approver": "kaas.approver", "inbox-addr": "kaas.inbox-addr", "smtp-addr": "kaas.smtp.addr",
	"log-level": "log.level", "log-format": "log.format",
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "payerflow",
		Short: "The event backbone of a health plan",
		Long: `payerflow folds a health plan's events into views that people query.

Start with "payerflow demo": a broker, a schema registry, a worker and made-up claims in one process.

` + exitHelp,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.configure(cmd) },
	}
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return coded(exitUsage, fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath()))
	})
	d := config.Default()
	f := root.PersistentFlags()
	f.StringVar(&a.configFile, "config", "", "configuration file (YAML); see: payerflow config reference")
	f.StringVarP(&a.format, "output", "o", "table", "output format: table, json or yaml")
	f.StringSlice("brokers", d.Broker.Seeds, "Kafka brokers, host:port")
	f.String("registry", d.Registry.URL, "schema registry URL")
	f.String("kafka-user", d.Broker.SASL.Username, "who we are to the brokers (default: as credentials.json in --data-dir says, where they are the demo's)")
	f.String("kafka-password-file", d.Broker.SASL.PasswordFile, "file that holds that user's password")
	f.String("data-dir", d.Engine.DataDir, "folder for local state; the demo's credentials.json is in it")
	f.StringVar(&a.tokenFlag, "token", "", "token for a server's doors (default: "+tokenEnv+", else on the demo's machine credentials.json in --data-dir)")
	f.String("log-level", d.Log.Level, "debug, info, warn or error")
	f.String("log-format", d.Log.Format, "text or json")
	root.AddCommand(a.demoCommand(), a.workerCommand(), a.viewsCommand(), a.publishCommand(), a.tailCommand(), a.viewCommand(), a.engineCommand(), a.topicsCommand(), a.replayCommand(),
		a.schemasCommand(), a.teamCommand(), a.topologyCommand(), a.typeCommand(), a.ruleCommand(), a.subCommand(), a.aggregationCommand(), a.permCommand(), a.tokenCommand(), a.redactCommand(), a.doctorCommand(), a.configCommand(), a.versionCommand())
	root.AddCommand(a.dlqCommand(), a.auditCommand(), a.verifyCommand(), a.breakGlassCommand(), a.traceCommand(), a.storeCommand(), a.syntheticCommand())
	root.AddCommand(a.changeCommand(), a.policyCommand(), a.graceCommand(), a.applyCommand(), a.exportCommand(), a.driftCommand())
	root.AddCommand(a.bookingCommand(), a.providerCommand(), a.patientCommand())
	return root
}

func (a *app) configure(cmd *cobra.Command) error {
	switch a.format {
	case formatTable, formatJSON, formatYAML:
	default:
		return coded(exitUsage, fmt.Errorf("--output is %q; it is table, json or yaml", a.format))
	}
	var err error
	a.cfg, err = config.Load(config.Options{File: a.configFile, Environ: a.environ, Flags: cmd.Flags(), FlagKeys: flagKeys})
	if err != nil {
		return coded(exitUsage, err)
	}
	a.log = newLogger(a.errOut, a.cfg.Log)
	return nil
}

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: plain}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// plain lets numbers, texts, times and errors into the log. Of anything else
// only the type is logged: a row or a record within would print its fields.
func plain(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return a
	}
	switch v := a.Value.Any().(type) {
	case nil, error, slog.Level:
		return a
	default:
		return slog.String(a.Key, fmt.Sprintf("%T %s", v, events.Redacted))
	}
}

func (a *app) dial(ctx context.Context) (*kafka.Client, error) {
	opts, err := a.client()
	if err != nil {
		return nil, err
	}
	c, err := kafka.Dial(ctx, a.cfg.Broker.Seeds, opts...)
	return c, coded(exitUnavailable, err)
}

// exactly refuses a wrong number of arguments with the usage code.
func exactly(n int) cobra.PositionalArgs { return usage(cobra.ExactArgs(n)) }

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return coded(exitUsage, fmt.Errorf("%w; usage: %s", err, cmd.UseLine()))
		}
		return nil
	}
}
