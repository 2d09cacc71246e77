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

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## start everything, play one outreach day, stay up until Ctrl-C
	@exec $(BIN)/python -m deploy.local run

.PHONY: demo
demo: setup ## the same in a throw-away folder on free ports; writes REPORT=demo.json, ends when it adds up
	@exec $(BIN)/python -m deploy.local demo --report "$(REPORT)"

.PHONY: test
test: setup ## all tests on a real Kafka and PostgreSQL (TESTS=path ARGS=options WORKERS=2)
	@exec $(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS) $(ARGS)

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
