# Every command that a person or CI needs. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/requirements.installed
REPORT ?= demo.json
WORKERS ?= 2
TESTS ?= tests
ARGS ?=
TIER ?= test
SEED ?= 7
PAYMENTS ?= 20000
BENCH ?= B1

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## start everything, play one outreach day, stay up until Ctrl-C
	@exec $(BIN)/python -m deploy.local run

.PHONY: demo
demo: setup ## the same in a throw-away folder on free ports; writes REPORT=demo.json, ends when it adds up
	@exec $(BIN)/python -m deploy.local demo --report "$(REPORT)"

.PHONY: bad-day
bad-day: setup ## a bank's bad day; its books, our ledger and the reconciliation must agree (PAYMENTS=20000 SEED=7 REPORT=bad-day.json)
	@exec $(BIN)/python -m deploy.local bad-day --payments $(PAYMENTS) --seed $(SEED) --report $(if $(filter command line environment,$(origin REPORT)),$(REPORT),bad-day.json)

.PHONY: test
test: setup ## all tests on a real Kafka and PostgreSQL (TESTS=path ARGS=options WORKERS=2)
	@exec $(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS) $(ARGS)

.PHONY: faults
faults: setup ## faults under load, decided by an independent checker (TIER=test|long CELL=crash.P4.kill SEED=7 PARTS=crash,env,random,proofs,broken PATIENCE=2 KILLS=75 BROKERS=3 REPORT=file)
	@exec $(BIN)/python -m tests.faults --tier $(TIER) --seed $(SEED) $(if $(CELL),--cell $(CELL)) $(if $(PARTS),--parts $(PARTS)) \
	  $(if $(KILLS),--kills $(KILLS)) $(if $(PATIENCE),--patience $(PATIENCE)) $(if $(BROKERS),--brokers $(BROKERS)) $(if $(filter command line environment,$(origin REPORT)),--report $(REPORT))

.PHONY: bench
bench: setup ## every benchmark as a ratio in one run, about an hour (B=B2 for one, QUICK=1 for a look)
	@exec $(BIN)/python -m tests.bench $(if $(B),--only $(B)) $(if $(QUICK),--quick)

.PHONY: bench-check
bench-check: setup ## the deterministic counters against their ceilings
	@exec $(BIN)/python -m tests.bench check

.PHONY: profile
profile: setup ## where the CPU goes in one benchmark (BENCH=B1): a flame graph and a table
	@exec $(BIN)/python -m tests.bench.profile $(BENCH)

.PHONY: test-containers
test-containers: setup ## the integration tests on containers built on the spot (Debian class, as root; TESTS=path)
	@exec deploy/containers/prove.sh

.PHONY: status
status: ## what runs, where, and how far behind it is
	@[ ! -x $(BIN)/python ] && echo 'Perisai is not running: it was never set up here.' || exec $(BIN)/python -m deploy.local status

.PHONY: stop
stop: ## end what `make run` started, from another terminal
	@[ ! -x $(BIN)/python ] && echo 'Perisai is not running: it was never set up here.' || exec $(BIN)/python -m deploy.local stop

.PHONY: clean
clean: ## stop, and delete all data of `make run` (downloads are kept)
	@[ ! -x $(BIN)/python ] && echo 'Perisai is not running: it was never set up here.' || exec $(BIN)/python -m deploy.local clean

.PHONY: check
check: lint types contracts ## all checks that need no running stack

.PHONY: lint
lint: setup ## style, formatting, arrows between packages, rules of our own
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/python -m tools.lint

.PHONY: types
types: setup ## mypy --strict on everything
	$(BIN)/mypy

.PHONY: contracts
contracts: setup ## events of today against the committed schemas: full-transitive compatibility
	$(BIN)/python -m contracts.check

.PHONY: setup
setup: $(STAMP) ## make .venv from the locked requirements and fetch Kafka's jars (once)
	@[ -n "$${KAFKA_BOOTSTRAP:-}" ] || $(BIN)/python -m deploy.local.kafka.jars

.PHONY: lock
lock: $(STAMP) ## resolve the newest allowed versions again and write the locks
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --only-binary :all: --no-strip-extras --upgrade \
	  --extra dev pyproject.toml -o requirements.txt --custom-compile-command "make lock"
	cd deploy/local/kafka && ../../../$(BIN)/jgo --cache-dir ../../../.perisai/cache/jgo lock

$(STAMP): requirements.txt pyproject.toml deploy/setup.sh
	@bash deploy/setup.sh
