# Every target sets up what it needs: a virtual environment in .venv, with hashed and pinned dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
TESTS ?= tests
SERIAL ?=
SEEDS ?= 2000
INPUTS ?= 1000000
FIRST ?= 0
ONLY ?=
JOBS ?= 1
PAIRS ?= 50
SECONDS ?= 300

.DEFAULT_GOAL := help
.PHONY: help setup develop demo up test mutants check format lint types imports bench whole-church fuzz simulate partial-answers crash-sweep chaos lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "openfaith needs Python 3.11 or newer; this is $$($(PYTHON) --version). Say which to use: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 2; }

$(VENV)/.setup: requirements.lock pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@echo "Setting up $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.develop: requirements-dev.lock $(VENV)/.setup
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.setup ## .venv with openfaith in it
develop: $(VENV)/.develop ## the same, with the tools that check and test

demo: $(VENV)/.setup ## sync a simulated church of 5,000 people into an embedded PostgreSQL
	@$(BIN)/openfaith demo

up: $(VENV)/.setup ## the database and a worker, until Ctrl-C
	@$(BIN)/openfaith up

test: $(VENV)/.develop ## all tests (TESTS=path to choose, SERIAL=1 for one process)
	@$(BIN)/python -m pytest $(if $(SERIAL),,-n auto --dist worksteal) $(TESTS)

mutants: $(VENV)/.develop ## make one known mistake after the other and see the tests catch each (ONLY=name, JOBS=2)
	@PYTHONPATH=tests $(BIN)/python -m mutants --jobs $(JOBS) $(addprefix --only ,$(ONLY))

lint: $(VENV)/.develop
	@$(BIN)/ruff check src tests benchmarks scripts
	@$(BIN)/ruff format --check src tests benchmarks scripts

types: $(VENV)/.develop
	@$(BIN)/mypy

imports: $(VENV)/.develop
	@$(BIN)/lint-imports --no-cache

check: lint types imports test ## lint, types, import contract, tests

format: $(VENV)/.develop ## rewrite the code as the linter wants it
	@$(BIN)/ruff check --fix src tests benchmarks scripts
	@$(BIN)/ruff format src tests benchmarks scripts

bench: $(VENV)/.develop ## CPU per record, beside the bare floor, in one run
	@$(BIN)/python benchmarks/full_sync.py

whole-church: $(VENV)/.develop ## all products of a simulated church of 5,000 people, compared field by field
	@OPENFAITH_TEST_PEOPLE=5000 $(BIN)/python -m pytest -q -s -p no:xdist tests/integration/test_whole_church.py -k every_table
	@OPENFAITH_TEST_PEOPLE=30 $(BIN)/python -m pytest -q -s -p no:xdist tests/integration/test_truth.py

fuzz: $(VENV)/.develop ## inputs that nobody should send, on all that parses what comes from outside (INPUTS=1000000 ONLY=page)
	@PYTHONPATH=tests $(BIN)/python -m fuzzing --inputs $(INPUTS) --first $(FIRST) $(addprefix --only ,$(ONLY))

simulate: $(VENV)/.develop ## whole lives of small churches, each drawn from a seed (SEEDS=2000 FIRST=0)
	@OPENFAITH_SEEDS=$(SEEDS) OPENFAITH_FIRST_SEED=$(FIRST) $(BIN)/python -m pytest -q -n auto tests/simulation/test_worlds.py

partial-answers: $(VENV)/.develop ## every fault of every page of every group of entities (ONLY=full for a kind of sync)
	@OPENFAITH_PARTIAL_ANSWERS=all $(BIN)/python -m pytest -q -n auto $(if $(ONLY),-k "$(ONLY)") tests/simulation/test_partial_answers.py

crash-sweep: $(VENV)/.develop ## kill a command at every request and every commit, and at pairs of them (ONLY=delta, JOBS=2, PAIRS=50 FIRST=0)
	@OPENFAITH_CRASHES=all OPENFAITH_CRASH_LANES=$(JOBS) OPENFAITH_CRASH_PAIRS=$(PAIRS) OPENFAITH_FIRST_SEED=$(FIRST) $(BIN)/python -m pytest -q -s -p no:xdist $(if $(ONLY),-k "$(ONLY)") tests/crashes

chaos: $(VENV)/.develop ## kill workers, restart and cut off PostgreSQL and the source, and see that nothing is lost (SECONDS=300 FIRST=0)
	@OPENFAITH_CHAOS_SECONDS=$(SECONDS) OPENFAITH_FIRST_SEED=$(FIRST) $(BIN)/python -m pytest -q -s -p no:xdist tests/chaos

lock: ## renew both lock files (needs uv on the PATH)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --extra embedded --group build --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --extra embedded --group build --group dev --custom-compile-command "make lock" -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
