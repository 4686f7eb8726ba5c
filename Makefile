# Needs Python 3.11 or later, pip and make. `make quickstart`, then `make test`.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p) 2>/dev/null)))
BIN := .venv/bin

.PHONY: quickstart setup test lint bench check-all clean

quickstart: .venv/core.stamp  ## the core install, and a board of the built-in policies
	$(BIN)/makespan run quickstart

setup: .venv/all.stamp  ## .venv with everything

test: .venv/all.stamp lint  ## what must be green before anything is done
	$(BIN)/python -m pytest

lint: .venv/all.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/all.stamp  ## limits of speed and size, as ratios in one run
	$(BIN)/python -m tests.benchmarks

check-all: test bench  ## also what is too slow for every day

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "makespan needs Python 3.11 or later"; exit 2; }
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'makespan needs Python 3.11 or later')"
	$(PYTHON) -m venv .venv

.venv/core.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/all.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,dev]"
	@touch $@ .venv/core.stamp

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
