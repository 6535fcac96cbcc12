# Everything that people do with this repository. `make` alone prints this list.

GO      ?= go
BIN     := bin/payerflow
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo devel)
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BUF     := github.com/bufbuild/buf/cmd/buf@v1.75.0
FUZZTIME ?= 20s
CHAOS   := $(GO) test -tags chaos ./internal/chaos -count=1 -v -timeout 24h

.PHONY: help build demo portal portal-fresh test-portal test race verify-self-test lint fuzz bench bench-peers bench-replay bench-reads bench-watch bench-connections play draw test-kafka test-clients chaos chaos-kafka proto bench-intake read-your-write chaos-reads sim sim-faults sim-engine test-tracing test-alerts test-deploy

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/payerflow
	$(GO) build -trimpath -ldflags "-X main.built=$(VERSION)" -o $(BIN) ./cmd/payerflow

demo: build ## run broker, registry, worker and made-up claims in one process
	$(BIN) demo

test: ## vet and all tests that need nothing but Go
	$(GO) vet ./...
	$(GO) test -timeout 30m ./...

portal: ## build the portal into web/dist, which is committed (needs Node 20 and npm)
	cd web && npm ci --no-fund --no-audit && npm run build

portal-fresh: portal ## build the portal anew: it must come out as it is committed
	git diff --exit-code --stat -- web/dist && test -z "$$(git status --porcelain -- web/dist)"

test-portal: build ## the portal in a real browser, every page in both themes, with axe (needs Node 20 and chromium)
	cd web && npm ci --no-fund --no-audit && node test/portal.mjs ../$(BIN)

race: ## all tests with the race detector
	$(GO) test -race -timeout 60m ./...

verify-self-test: ## plant defects in a scratch, one at a time: the auditor must find each, and nothing else
	$(GO) run ./cmd/payerflow verify --self-test

lint: ## house rules (golangci-lint, built on first use)
	$(GO) run $(LINT) run ./...

fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; done; done

bench: ## benchmarks: fold, codec, whole worker
	$(GO) test -run '^$$' -bench . -benchmem ./processors ./codecs ./internal/engine

bench-verify: ## the auditor over a million events: seconds, CPU and memory, the broker in the same process (EVENTS=)
	VERIFY_EVENTS=$(or $(EVENTS),1000000) $(GO) test ./cmd/payerflow -run TestVerifyAtScale -count=1 -v -timeout 60m

bench-peers: ## the engine beside Kafka Streams, goka on sarama and raw franz-go (needs Java 21 and Maven)
	bench/peers.sh $(REPS)

bench-replay: ## a next version of a view folds beside the live one: events and CPU seconds, beside reading alone, and what reads of the live one cost meanwhile (CLAIMS=)
	$(GO) test -run '^$$' -bench 'Replay$$' -benchtime $(or $(CLAIMS),300000)x ./internal/engine

bench-watch: ## updates of rows that 10,000 watch, servers and watchers in processes of their own: CPU, time from commit to event, nothing lost (WATCHERS= RATE= SECONDS_EACH=)
	bench/watch.sh

bench-connections: ## 50,000 attempts to watch, many more than may be open: how they end, and that open watches lose nothing (ATTEMPTS= WAVE=)
	bench/connections.sh

bench-reads: ## reads of views on the owner and by a hop, beside Redis behind a small Go handler (installs Debian's redis-server where it is absent; ROWS=200000)
	bench/reads.sh

test-tracing: ## one trace from publish to watch, found by its tag in a real Jaeger (built on first use)
	deploy/local/test-tracing.sh

test-alerts: ## alert rules against made-up series, and every query of the dashboards, by promtool (Debian's prometheus package)
	promtool check rules deploy/monitoring/rules.yml
	promtool test rules deploy/monitoring/rules_test.yml
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; QUERIES_TO=$$dir/panels.yml $(GO) test ./deploy/monitoring -run QueriesFor -count=1; promtool check rules $$dir/panels.yml

play: ## run the scenarios and write what they gave into testdata/scenarios
	UPDATE=1 $(GO) test ./topologies -run 'Scenario|ClaimsDay' -count=1

draw: ## redraw the picture of the topology
	UPDATE=1 $(GO) test ./topologies ./internal/lint -run Picture -count=1

test-kafka: ## the end-to-end suite on Apache Kafka and Apicurio Registry (needs Java 21 and Maven)
	deploy/local/test-kafka.sh

sim: ## 10,000 seeds of the engine's batches on a model of Kafka, then goka's own faults, which must be found (SEED= tells all of one)
ifdef SEED
	$(GO) test ./internal/sim -run TestSeeds -count=1 -v -seed $(SEED)
else
	$(GO) test ./internal/sim -run TestSeeds -count=1 -v -seeds 10000
	$(MAKE) --no-print-directory sim-faults
endif

sim-faults: ## each of goka's three faults, built into the simulated engine, is found within 1,000 seeds
	$(GO) vet -tags goka_faults ./internal/sim
	$(GO) test -tags goka_faults ./internal/sim -run TestFaultsAreFound -count=1 -v

sim-engine: ## 200 short runs of the engine itself on the embedded broker, each as its seed decides (SEED= runs one, SEEDS= so many)
	$(CHAOS) -run TestSeedsOfTheEngine -parallel 2

chaos: ## worker processes killed at random on the embedded broker (SEED=, DURATION=150s)
	$(GO) vet -tags chaos ./internal/engine ./internal/chaos
	$(CHAOS) -run 'Workers|Checker|Recovery|Disk|TakeOver'

chaos-kafka: ## the same on Apache Kafka, one node and then three that are killed too (needs Java 17 and Maven)
	CHAOS_KAFKA=1 $(CHAOS) -run 'Workers|TakeOver'
	CHAOS_KAFKA=3 $(CHAOS) -run 'Workers'

chaos-reads: ## three workers and two replicas, read and watched while they are restarted, killed and stopped (SEED=, DURATION=1m)
	$(GO) test -tags chaos ./cmd/payerflow -run TestFleetIsRead -count=1 -v -timeout 1h

test-clients: ## Python, TypeScript and curl clients against the embedded broker and registry (needs Python 3; npm for TypeScript)
	deploy/local/test-clients.sh

bench-intake: ## the REST and gRPC doors: events a second, latency at 60 % of that (INTAKE_BROKERS= and INTAKE_REGISTRY= for a cluster)
	$(GO) test -run '^$$' -bench 'Doors|Batches' -benchtime 1x ./api/intake

test-deploy: ## chart, unit and image: rendered, decoded into Kubernetes' own types, run from an empty root (needs pip for hadolint)
	deploy/check/lint.sh
	cd deploy/check && $(GO) vet ./... && $(GO) test -count=1 -timeout 30m ./...

read-your-write: ## 10,000 events published at one node and read back at another, with two workers and a replica
	$(GO) test ./cmd/payerflow -run TestReadYourWrite -count=1 -timeout 2h -v -args -writes 10000

proto: ## the Go code of the gRPC doors and of what workers ask one another, from their .proto files (buf, built on first use)
	$(GO) run $(BUF) lint
	$(GO) run $(BUF) generate
