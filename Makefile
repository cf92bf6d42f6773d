# Every command of this project, on a machine that has Python 3.11 or newer, pip, make and git.
# `make help` lists them. Each prepares what it needs the first time; later calls go straight on.

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
JS     := tests/peers/js
PEER   := $(JS)/node_modules/.ready
N      ?= 200
SEEDS  ?= 1000
# How many processes share the test suite; 0 runs it in one, which --pdb and -s need.
WORKERS ?= 2
ARGS   ?=
# The first Python that starts and is new enough; PYTHON=… on the command line chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format cover bench fuzz kill simulate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## play some months of a circle with five people on a real homeserver (KEEP=1 leaves it running)
	@$(BIN)/python -m tests.demo $(if $(KEEP),--keep)

test: $(READY) peer ## the whole test suite, real Synapse and real peers included (ARGS="-k word" for a part)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(READY) ## style, formatting, types and the direction of imports
	@bad=0; \
	$(BIN)/ruff check . || bad=1; \
	$(BIN)/ruff format --check . || bad=1; \
	$(BIN)/mypy || bad=1; \
	$(BIN)/lint-imports --no-logo || bad=1; \
	exit $$bad

format: $(READY) ## put the code into its usual shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

cover: $(READY) ## the pure core's tests with branch coverage; less than all of it is a failure
	@$(BIN)/python -m pytest tests/engine/core --cov=engine.core --cov-branch --cov-report=term-missing --cov-fail-under=100 $(ARGS)

bench: $(READY) ## measure events, a million waiting instances, growth and the bridge, as JSON (WRITE=1: into docs/bench.md)
	@$(BIN)/python -m pip install --quiet --group bench
	@$(BIN)/hearth bench engine --json $(if $(WRITE),--write)
	@$(BIN)/hearth bench growth --json $(if $(WRITE),--write)
	@$(BIN)/hearth bench size --json $(if $(WRITE),--write)
	@$(BIN)/hearth bench size --store postgres --json $(if $(WRITE),--write)
	@$(BIN)/hearth bench bridge --json

fuzz: $(READY) ## spoil workflow files in 10,000 ways and hold the checker to its promises (ARGS="--seed 1")
	@$(BIN)/python -m bench.fuzz $(ARGS)

kill: $(READY) ## the crash test with N kills (N=200 unless said otherwise)
	@$(BIN)/python -m pytest -m crash --kills=$(N) -s $(ARGS)

simulate: $(READY) ## play SEEDS made-up communities with every misfortune there is (SEEDS=1000; ARGS="--seed 7" shows one)
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.simulation --seeds $(SEEDS) --processes $(WORKERS) $(ARGS)

clean: ## remove the virtual environment, installed peers and caches
	rm -rf $(VENV) $(JS)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage *.egg-info
	find engine bridge tests bench workflows -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# ── what the commands stand on ─────────────────────────────────────────────────────────────────────────────────────

$(READY): pyproject.toml .ci/prepare
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Hearth needs Python 3.11 or newer and found none as python3, python3.11, 3.12, 3.13 or 3.14."; \
	  echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; fi
	@$(PYTHON) .ci/prepare $(VENV)
	@touch $@

# The independent client for the tests. Without npm its tests are skipped and say so, except where CI=true.
.PHONY: peer
ifneq ($(wildcard $(JS)/package.json),)
peer: $(PEER)
else
peer: ;
endif

$(PEER): $(wildcard $(JS)/package.json $(JS)/package-lock.json)
	@if command -v npm >/dev/null 2>&1; then \
	  echo "Preparing: the independent Matrix client for the tests (once) …"; \
	  cd $(JS) && npm $(if $(wildcard $(JS)/package-lock.json),ci,install) --no-audit --no-fund --loglevel=error && touch node_modules/.ready; \
	elif [ "$${CI:-}" = true ]; then \
	  echo "npm is missing, and with CI=true the tests with the independent client may not be skipped."; exit 1; \
	else \
	  echo "npm is missing: the tests with the independent client will be skipped (install nodejs and npm to run them)."; \
	fi
