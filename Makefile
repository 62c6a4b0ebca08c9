# Everything a developer or an operator trying the project needs; `make setup` is implied and quick when up to date.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they compute: several processes share them (ARGS=-n0: one; a file named in ARGS runs in one).
TESTS := $(BIN)/python -m pytest -n auto
STAMP := $(VENV)/.stamp
ARGS ?=

.PHONY: setup console demo test check format bench soak eval lock docs wheel clean

setup: $(STAMP) console

# With the system's Node, else with one from a wheel of its own lock file; quick when no source changed.
console: $(STAMP)
	@$(BIN)/python console/build.py

# The lock file pins every package by hash; the project itself is put beside it without resolving anything anew.
$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/xueliang demo $(ARGS)

test: setup
	$(TESTS) $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(TESTS) $(ARGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m bench --write $(ARGS)

soak: setup
	$(BIN)/python -m pytest --soak $(ARGS)

eval: setup
	$(BIN)/python -m bench.evaluate $(ARGS)

# What is generated: the pages of settings and commands, and the words and the API that the console is built from.
docs: setup
	$(BIN)/python -m config.reference docs/ref/settings.md
	$(BIN)/python -m center.reference docs/ref/commands.md
	$(BIN)/python -m center.reference console console/src/generated

# With the console in it: it runs where there is neither this folder nor Node.
wheel: setup
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

lock: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate --extra dev pyproject.toml -o requirements.lock --python-version 3.11 --universal
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate -c requirements.lock pyproject.toml -o deploy/requirements.lock --python-version 3.11 --universal
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate console/node.in -o console/node.lock --python-version 3.11 --universal

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist console/node_modules console/dist console/dist.next
