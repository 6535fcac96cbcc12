package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"payerflow/config"
)

// known labels, and where their values come from. No label has a value that a
// record, a body or a caller may choose: a new one needs a line here that says
// so.
var labelValues = map[string]string{
	"group":     "declared consumer groups",
	"view":      "declared views",
	"topic":     "declared topics, and those of subscriptions",
	"partition": "partition numbers",
	"client":    "names of Kafka clients in the code, and groups",
	"node_id":   "brokers' numbers",
	"outcome":   "words in the code",
	"stage":     "words in the code",
	"state":     "words in the code",
	"role":      "words in the code",
	"way":       "words in the code",
	"reason":    "reason codes",
	"code":      "reason codes, and numbers of gRPC",
	"status":    "numbers of HTTP",
	"method":    "methods of HTTP, and those of our gRPC services",
	"service":   "our gRPC services",
	"route":     "patterns of our routes",
	"type":      "registered event types; ~unknown for others",
	"tag":       "tags that event types register; ~other, ~untagged",
	"synthetic": "true, false",
	"kind":      "kinds of rules",
	"name":      "the first 100 rules in shadow mode; ~other",
}

// described is a metric as its collector describes it.
type described struct {
	help   string
	labels []string
	kind   string
}

// book is a registry that writes down what is registered.
type book struct {
	*prometheus.Registry
	t   *testing.T
	all map[string]described
}

func (b *book) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	for d := range descs {
		b.note(d.String(), c)
	}
	return b.Registry.Register(c)
}

func (b *book) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := b.Register(c); err != nil {
			b.t.Error(err)
		}
	}
}

// desc reads what a Desc shows of itself; it has no other way to be asked.
var desc = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: (".*"), constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

func (b *book) note(text string, c prometheus.Collector) {
	m := desc.FindStringSubmatch(text)
	if m == nil {
		b.t.Errorf("not a description: %s", text)
		return
	}
	if !strings.HasPrefix(m[1], "payerflow_") {
		return // of Go and of the process: documented by client_golang
	}
	var help string
	if _, err := fmt.Sscanf(m[2], "%q", &help); err != nil {
		b.t.Errorf("%s: %v", m[1], err)
	}
	var labels []string
	for l := range strings.SplitSeq(m[3], ",") {
		if name, _, ok := strings.Cut(l, "="); ok {
			labels = append(labels, name)
		}
	}
	for l := range strings.SplitSeq(m[4], ",") {
		if l != "" {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	b.all[m[1]] = described{help, labels, kindOf(m[1], c)}
}

func kindOf(name string, c prometheus.Collector) string {
	switch c.(type) {
	case *prometheus.CounterVec:
		return "counter"
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	}
	switch {
	case name == "payerflow_mediator_wait_seconds", strings.HasPrefix(name, "payerflow_kafka_") && strings.HasSuffix(name, "_seconds"):
		return "histogram"
	case strings.HasSuffix(name, "_total") && !strings.Contains(name, "_buffered_"):
		return "counter"
	}
	return "gauge"
}

// everyMetric opens a worker with all that it may have, towards brokers that do
// not answer: metrics are registered before anything runs.
func everyMetric(t *testing.T) map[string]described {
	t.Helper()
	b := &book{prometheus.NewRegistry(), t, map[string]described{}}
	a := &app{cfg: config.Default(), log: slog.New(slog.DiscardHandler), registry: b}
	a.cfg.Engine.DataDir, a.cfg.HTTP.Addr = t.TempDir(), "127.0.0.1:0"
	if err := a.demoSecret(); err != nil {
		t.Fatal(err)
	}
	s, err := a.newServer(context.Background(), []string{"127.0.0.1:1"}, nil, "http://127.0.0.1:1", extension{store: "mongodb://127.0.0.1:1/payerflow"})
	if err != nil {
		t.Fatal(err)
	}
	s.release()
	return b.all
}

// TestMetricsReference holds docs/metrics.md to what is registered, and each
// metric to the naming rules of Prometheus and to labels that are bounded.
func TestMetricsReference(t *testing.T) {
	all := everyMetric(t)
	var families []*dto.MetricFamily
	for name, d := range all {
		for _, l := range d.labels {
			if labelValues[l] == "" {
				t.Errorf("%s has a label %s that nobody bounds: see labelValues", name, l)
			}
		}
		if strings.HasPrefix(name, "payerflow_kafka_buffered_") {
			continue // kprom's own name of a gauge
		}
		kind := dto.MetricType(dto.MetricType_value[strings.ToUpper(d.kind)])
		families = append(families, &dto.MetricFamily{Name: &name, Help: &d.help, Type: &kind})
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	checkPage(t, filepath.Join("..", "..", "docs", "metrics.md"), metricsPage(all))
}

func metricsPage(all map[string]described) string {
	var p strings.Builder
	p.WriteString(`# Metrics

What a worker shows at ` + "`/metrics`" + `, without a token. This page is written by a test from what is registered: ` + "`UPDATE=1 go test ./cmd/payerflow -run MetricsReference`" + `. Beside these there are the metrics of Go and of the process (` + "`go_*`, `process_*`" + `). How to read them in trouble: [observability](observability.md).

Times are seconds, sizes bytes; what ends in ` + "`_total`" + ` only grows while a process lives. No key, body or token is a label.

| metric | kind | labels | what it says |
|---|---|---|---|
`)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		fmt.Fprintf(&p, "| `%s` | %s | %s | %s |\n", name, d.kind, strings.Join(d.labels, ", "), strings.TrimSuffix(strings.ReplaceAll(d.help, "|", `\|`), "."))
	}
	p.WriteString("\n## Labels\n\n| label | values |\n|---|---|\n")
	for _, l := range slices.Sorted(maps.Keys(labelValues)) {
		fmt.Fprintf(&p, "| `%s` | %s |\n", l, labelValues[l])
	}
	return p.String()
}

// checkPage compares a page with what it must be, or writes it with UPDATE=1.
func checkPage(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not say what there is: UPDATE=1 go test ./cmd/payerflow -run %s", file, t.Name())
	}
}
