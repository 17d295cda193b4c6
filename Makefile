# make demo    a working site on http://127.0.0.1:8000
# make test    every test, against real servers
# make check   lint, types and import contracts
# make bench   the benchmarks, with their goals
# make clean   remove what the above have installed

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$name; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check lint types imports format bench clean

demo: $(VENV)/.demo
	@$(BIN)/python -m examples.demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: lint types imports

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.identify --check
	$(BIN)/python -m benchmarks.cache --check
	$(BIN)/python -m benchmarks.revocation --check
	$(BIN)/python -m benchmarks.hashing --check
	$(BIN)/python -m benchmarks.enumeration --check

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH." >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "If venv is missing: apt-get install python3-venv (Debian, Ubuntu)." >&2; exit 1; }

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing what the demo needs ..."
	@$(PIP) install --editable ".[cli]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need ..."
	@$(PIP) install --editable ".[dev]"
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis tests/interop/node_modules
