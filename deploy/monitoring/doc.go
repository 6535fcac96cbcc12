// Package monitoring holds what an operator's Prometheus and Grafana load: alert rules with their tests, and dashboards that are made here, so that each query is held to the metrics that exist.
package monitoring
