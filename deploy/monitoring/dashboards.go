package monitoring

// Dashboard is a Grafana dashboard, as far as ours need one.
type Dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Refresh       string     `json:"refresh"`
	Time          Span       `json:"time"`
	Templating    Templating `json:"templating"`
	Panels        []Panel    `json:"panels"`
}

// Span is the time that is shown.
type Span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Templating are the variables.
type Templating struct {
	List []Variable `json:"list"`
}

// Variable is chosen by who looks.
type Variable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Query string `json:"query"`
}

// Panel is a graph.
type Panel struct {
	ID          int         `json:"id"`
	Type        string      `json:"type"`
	Title       string      `json:"title"`
	Description string      `json:"description,omitempty"`
	Datasource  Datasource  `json:"datasource"`
	GridPos     GridPos     `json:"gridPos"`
	FieldConfig FieldConfig `json:"fieldConfig"`
	Targets     []Target    `json:"targets"`
}

// Datasource is where a panel's figures come from.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// GridPos is where a panel stands, in 24 columns.
type GridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// FieldConfig names the unit.
type FieldConfig struct {
	Defaults struct {
		Unit string `json:"unit"`
		Min  int    `json:"min"`
	} `json:"defaults"`
	Overrides []any `json:"overrides"`
}

// Target is a query.
type Target struct {
	RefID  string `json:"refId"`
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"`
}

// graph is what a panel shows: a query, what each line is called, and the unit.
type graph struct{ title, unit, legend, expr, says string }

func dashboard(uid, title string, graphs ...graph) Dashboard {
	d := Dashboard{UID: uid, Title: title, Tags: []string{"payerflow"}, SchemaVersion: 39, Refresh: "30s", Time: Span{"now-3h", "now"},
		Templating: Templating{[]Variable{{"source", "datasource", "prometheus"}}}}
	for i, g := range graphs {
		p := Panel{ID: i + 1, Type: "timeseries", Title: g.title, Description: g.says, Datasource: Datasource{"prometheus", "${source}"},
			GridPos: GridPos{H: 8, W: 12, X: i % 2 * 12, Y: i / 2 * 8}, Targets: []Target{{"A", g.expr, g.legend}}}
		p.FieldConfig.Defaults.Unit, p.FieldConfig.Overrides = g.unit, []any{}
		d.Panels = append(d.Panels, p)
	}
	return d
}

// Dashboards are all of them: what comes in and goes out, what the groups do,
// and what the broker and the process do under them.
func Dashboards() []Dashboard {
	return []Dashboard{
		dashboard("payerflow-flow", "payerflow: events and readers",
			graph{"Events at the doors", "ops", "{{outcome}}", `sum by (outcome) (rate(payerflow_intake_events_total[$__rate_interval]))`, "unavailable: the sender was told to try again"},
			graph{"Refused, by code", "ops", "{{code}}", `sum by (code) (rate(payerflow_intake_refused_events_total[$__rate_interval]))`, ""},
			graph{"Until the broker has it (p99)", "s", "p99", `histogram_quantile(0.99, sum by (le) (rate(payerflow_intake_commit_seconds_bucket[$__rate_interval])))`, ""},
			graph{"Door to router (p99), by type", "s", "{{type}}", `histogram_quantile(0.99, sum by (le, type) (rate(payerflow_mediator_wait_seconds_bucket[$__rate_interval])))`, "The objective is 2 s for 99 %"},
			graph{"Routed, by type", "ops", "{{type}}", `sum by (type) (rate(payerflow_mediator_events_total{stage="routed"}[$__rate_interval]))`, ""},
			graph{"Copies", "ops", "{{stage}}", `sum by (stage) (rate(payerflow_mediator_events_total{stage!="routed"}[$__rate_interval]))`, "redacted are among the delivered; discarded were synthetic"},
			graph{"Routed, by tag", "ops", "{{tag}}", `sum by (tag) (rate(payerflow_mediator_tagged_events_total{stage="routed"}[$__rate_interval]))`, ""},
			graph{"Given out", "ops", "{{way}}", `sum by (way) (rate(payerflow_consume_delivered_total[$__rate_interval]))`, ""},
			graph{"Age of views", "s", "{{view}}", `max by (view) (payerflow_view_age_seconds)`, "The objective is 10 s for 99.5 % of the time"},
			graph{"Waiting in dead letter topics", "short", "{{topic}}", `max by (topic) (payerflow_dlq_records) > 0`, ""},
			graph{"Requests, by status", "reqps", "{{status}}", `sum by (status) (rate(payerflow_http_requests_total[$__rate_interval]))`, ""},
			graph{"Requests (p99), by route", "s", "{{route}}", `histogram_quantile(0.99, sum by (le, route) (rate(payerflow_http_request_seconds_bucket[$__rate_interval])))`, ""},
			graph{"gRPC, by code", "reqps", "{{code}}", `sum by (code) (rate(payerflow_grpc_requests_total[$__rate_interval]))`, ""},
			graph{"Open watches", "short", "{{instance}}", `payerflow_watches_open`, ""}),
		dashboard("payerflow-groups", "payerflow: groups and tables",
			graph{"Lag", "s", "{{group}}", `max by (group) (payerflow_group_lag_seconds)`, ""},
			graph{"Lag in records", "short", "{{group}}", `sum by (group) (payerflow_group_lag_records)`, ""},
			graph{"Records", "ops", "{{group}} {{outcome}}", `sum by (group, outcome) (rate(payerflow_records_total[$__rate_interval]))`, ""},
			graph{"Parked", "ops", "{{group}} {{reason}}", `sum by (group, reason) (rate(payerflow_parked_records_total[$__rate_interval]))`, ""},
			graph{"Folding a batch (p99)", "s", "{{group}}", `histogram_quantile(0.99, sum by (le, group) (rate(payerflow_transaction_fold_seconds_bucket[$__rate_interval])))`, ""},
			graph{"Ending a transaction (p99)", "s", "{{group}}", `histogram_quantile(0.99, sum by (le, group) (rate(payerflow_transaction_end_seconds_bucket[$__rate_interval])))`, ""},
			graph{"Transactions taken back", "ops", "{{group}}", `sum by (group) (rate(payerflow_transactions_total{outcome="aborted"}[$__rate_interval]))`, ""},
			graph{"Rebuilt", "short", "{{group}}", `sum by (group) (increase(payerflow_group_restarts_total[$__rate_interval]))`, ""},
			graph{"Restoring: records left", "short", "{{group}}", `sum by (group) (payerflow_restore_remaining_records)`, ""},
			graph{"Rows", "short", "{{group}} {{role}}", `sum by (group, role) (payerflow_table_rows)`, ""},
			graph{"Local files", "bytes", "{{group}}", `sum by (group) (payerflow_table_bytes)`, ""},
			graph{"Waiting for a time", "short", "{{group}}", `sum by (group) (payerflow_timers_pending)`, ""},
			graph{"Overdue", "s", "{{group}}", `max by (group) (payerflow_timers_overdue_seconds)`, ""},
			graph{"Age of the rules", "s", "{{instance}}", `payerflow_rules_age_seconds`, "Beyond 5 s nothing is routed and doors refuse"}),
		dashboard("payerflow-under", "payerflow: brokers, store, process",
			graph{"Requests to brokers (p99)", "s", "{{client}}", `histogram_quantile(0.99, sum by (le, client) (rate(payerflow_kafka_request_duration_e2e_seconds_bucket[$__rate_interval])))`, ""},
			graph{"Connection errors", "ops", "{{client}} {{node_id}}", `sum by (client, node_id) (rate(payerflow_kafka_connect_errors_total[$__rate_interval]))`, ""},
			graph{"Produced", "Bps", "{{client}}", `sum by (client) (rate(payerflow_kafka_produce_bytes_total[$__rate_interval]))`, ""},
			graph{"Fetched", "Bps", "{{client}}", `sum by (client) (rate(payerflow_kafka_fetch_bytes_total[$__rate_interval]))`, ""},
			graph{"Event store: age of what waits", "s", "{{instance}}", `payerflow_store_behind_seconds`, ""},
			graph{"Audit records (p99)", "s", "p99", `histogram_quantile(0.99, sum by (le) (rate(payerflow_audit_write_seconds_bucket[$__rate_interval])))`, ""},
			graph{"CPU", "short", "{{instance}}", `rate(process_cpu_seconds_total{job="payerflow"}[$__rate_interval])`, ""},
			graph{"Memory", "bytes", "{{instance}}", `process_resident_memory_bytes{job="payerflow"}`, ""}),
	}
}
