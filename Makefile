# Needs Python 3.11 or later, pip and make. `make quickstart`, then `make test`.
# The first of some Pythons that runs: a name on the path may be a stub that does not.
that_runs = $(shell for p in $(1); do $$p -c "" 2>/dev/null && command -v $$p && break; done)
ifndef PYTHON
PYTHON := $(call that_runs,python3.11 python3.12 python3.13 python3)
endif
BIN := .venv/bin

.PHONY: quickstart setup test test-only lint bench bench-peers coverage providers exports arenas evolvers heavy slow \
	wheel-test submissions check-all clean

quickstart: .venv/run.stamp  ## the install for runs, and a board of the built-in policies
	$(BIN)/makespan run quickstart

setup: .venv/all.stamp  ## .venv with everything

test: .venv/all.stamp lint test-only  ## what must be green before anything is done

# Tests wait for servers and processes a third of their time: half as many more at once as cores.
CORES := $(shell getconf _NPROCESSORS_ONLN)
WORKERS ?= $(shell echo $$(($(CORES) * 3 / 2)))

test-only: .venv/all.stamp
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_FLAGS)

lint: .venv/all.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers $(CORES)

SUBMITTED := $(wildcard results/boards/submissions/*/ results/boards/submissions/*.zip)
submissions: .venv/all.stamp  ## every submitted run, verified without a model
	@test -n "$(SUBMITTED)" || echo "no run is submitted"
	$(if $(SUBMITTED),$(BIN)/makespan verify --submission $(SUBMITTED))

bench: .venv/all.stamp  ## limits of speed and size, as ratios in one run
	$(BIN)/python -m tests.benchmarks

coverage: .venv/all.stamp  ## how often every interval holds the truth: docs/coverage.csv and its page
	$(BIN)/python -m tests.coverage

# Peers and readers of our exports, each in an environment of its own, unless one is given.
PEERS := .venv/peers
ifndef MAKESPAN_INSPECT_PYTHON
MAKESPAN_INSPECT_PYTHON := $(CURDIR)/$(PEERS)/inspect/bin/python
INSPECT := $(PEERS)/inspect.stamp
endif
ifndef MAKESPAN_LMEVAL_PYTHON
MAKESPAN_LMEVAL_PYTHON := $(CURDIR)/$(PEERS)/lm-eval/bin/python
LMEVAL := $(PEERS)/lm-eval.stamp
endif
ifndef MAKESPAN_EEE
MAKESPAN_EEE := $(CURDIR)/$(PEERS)/eee
EEE := $(PEERS)/eee.stamp
endif
bench-peers exports: export MAKESPAN_INSPECT_PYTHON := $(MAKESPAN_INSPECT_PYTHON)
bench-peers: export MAKESPAN_LMEVAL_PYTHON := $(MAKESPAN_LMEVAL_PYTHON)
exports: export MAKESPAN_EEE := $(MAKESPAN_EEE)

bench-peers: .venv/all.stamp $(INSPECT) $(LMEVAL)  ## beside inspect-ai, lm-eval and the bare SDK
	$(BIN)/python -m tests.benchmarks.peers

exports: .venv/all.stamp $(INSPECT) $(EEE)  ## what is exported, read by its own readers
	$(BIN)/python -m pytest -m 'not slow' tests/harness/export

# Where else the families can be met, each with its package in an environment of its own. NeMo Gym
# needs Python 3.12 (`make arenas PYTHON312=PYTHON`): its row says so where there is none.
ARENAS := .venv/arenas
ifndef PYTHON312
PYTHON312 := $(call that_runs,python3.12 python3.13)
endif
PLAYED := inspect openenv reasoning-gym trl verifiers verifiers-v1 $(if $(PYTHON312),nemo)
in_arena = $(CURDIR)/$(ARENAS)/$(1)/bin/python

arenas: .venv/all.stamp $(PLAYED:%=$(ARENAS)/%.stamp)  ## the same scores in other harnesses
	MAKESPAN_INSPECT_PYTHON=$(call in_arena,inspect) MAKESPAN_ARENAS=$(CURDIR)/$(ARENAS) \
		$(BIN)/python -m pytest -m 'not slow' tests/arenas
	$(BIN)/python -m tests.arenas inspect_tasks=$(call in_arena,inspect) \
		verifiers_env=$(call in_arena,verifiers) verifiers_v1=$(call in_arena,verifiers-v1) \
		openenv_app=$(call in_arena,openenv) trl_function=$(call in_arena,trl) \
		trl_tools=$(call in_arena,trl) reasoning_gym_sets=$(call in_arena,reasoning-gym) \
		nemo_server=$(if $(PYTHON312),$(call in_arena,nemo),'-no Python 3.12')

$(ARENAS)/inspect.stamp: WANTED = 'inspect-ai==0.3.285' 'openai[aiohttp]>=3.4,<4'
$(ARENAS)/openenv.stamp: WANTED = openenv==0.10.0
$(ARENAS)/reasoning-gym.stamp: WANTED = reasoning-gym==0.1.25
$(ARENAS)/trl.stamp: WANTED = trl==1.16.0 torch datasets
$(ARENAS)/verifiers.stamp: WANTED = verifiers==0.3.1
$(ARENAS)/verifiers-v1.stamp: WANTED = verifiers==0.4.0 uv
$(ARENAS)/nemo.stamp: WANTED = nemo-gym==0.4.0 httpx
$(ARENAS)/nemo.stamp: PYTHON = $(PYTHON312)
$(ARENAS)/%.stamp: .venv/bin/python pyproject.toml Makefile
	$(PYTHON) -m venv $(ARENAS)/$*
	$(ARENAS)/$*/bin/python -m pip install --quiet --disable-pip-version-check $(WANTED) -e '.[solvers]'
	@touch $@

# Readers of exports in the same environments' folder; Harbor too wants Python 3.12.
ifdef PYTHON312
arenas: export MAKESPAN_HARBOR := $(CURDIR)/$(ARENAS)/harbor/bin
arenas: $(ARENAS)/harbor.stamp
endif
arenas: export MAKESPAN_OPENEVOLVE := $(CURDIR)/$(ARENAS)/openevolve/bin
arenas: $(ARENAS)/openevolve.stamp

$(ARENAS)/harbor.stamp: Makefile
	$(PYTHON312) -m venv $(ARENAS)/harbor
	$(ARENAS)/harbor/bin/python -m pip install --quiet --disable-pip-version-check 'harbor==0.26.0'
	@touch $@

$(ARENAS)/openevolve.stamp: Makefile
	$(PYTHON) -m venv $(ARENAS)/openevolve
	$(ARENAS)/openevolve/bin/python -m pip install --quiet --disable-pip-version-check 'openevolve==0.4.1'
	@touch $@

evolvers: .venv/all.stamp $(ARENAS)/openevolve.stamp  ## OpenEvolve beside our own search (a quarter of an hour)
	$(BIN)/python -m tests.arenas.evolvers $(ARENAS)/openevolve/bin/openevolve-run

$(PEERS)/inspect.stamp: WANTED = 'inspect-ai==0.3.285' 'openai[aiohttp]>=3.4,<4'
$(PEERS)/lm-eval.stamp: WANTED = 'lm-eval[api]==0.4.13'
$(PEERS)/inspect.stamp $(PEERS)/lm-eval.stamp: $(PEERS)/%.stamp: Makefile
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check $(WANTED)
	@touch $@

# A folder rather than an environment: it asks for a newer Python, and runs on 3.11 nevertheless.
$(PEERS)/eee.stamp: .venv/bin/python Makefile
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps \
		--ignore-requires-python --target $(PEERS)/eee every-eval-ever==0.3.0
	@touch $@

# The oldest SDKs that are supported, and the newest; litellm caps openai below 3, so it is in .venv.
SDKS := .venv/sdks
OLDEST := 'openai[aiohttp]==1.99.0' 'anthropic[aiohttp]==0.64.0'
NEWEST := 'openai[aiohttp]>=3,<4' 'anthropic[aiohttp]>=2,<3'

providers: $(SDKS)/oldest.stamp $(SDKS)/newest.stamp  ## the providers' tests with both
	$(SDKS)/oldest/bin/python -m pytest -m 'not slow' tests/harness/models
	$(SDKS)/newest/bin/python -m pytest -m 'not slow' tests/harness/models

$(SDKS)/oldest.stamp: WANTED = $(OLDEST)
$(SDKS)/newest.stamp: WANTED = $(NEWEST)
$(SDKS)/%.stamp: .venv/bin/python pyproject.toml Makefile
	$(PYTHON) -m venv $(SDKS)/$*
	$(SDKS)/$*/bin/python -m pip install --quiet --disable-pip-version-check $(WANTED) -e ".[run,anthropic]" pytest hypothesis
	@touch $@

heavy: .venv/all.stamp  ## whole runs, searches and audits, killed and gone on with: seconds each
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m heavy $(PYTEST_FLAGS)

PROPERTIES := tests/generators tests/graders tests/memory tests/tasks tests/harness/evolve tests/harness/report \
	tests/harness/schemas
slow: .venv/all.stamp  ## kill -9 at 20 moments, what else takes minutes, and all cases of a property
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -n auto -m 'not slow' --hypothesis-profile deep $(PROPERTIES)

# The tests once more, against the package as it is installed.
wheel-test: .venv/wheel.stamp
	$(BIN)/python -m tests.wheel .venv/wheel/bin/python -n auto -m 'not slow'

.venv/wheel.stamp: .venv/all.stamp
	$(PYTHON) -m venv .venv/wheel
	.venv/wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ".[all,dev]"
	@touch $@

check-all: test heavy bench bench-peers providers exports arenas slow wheel-test  ## also what is too slow for every day

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "makespan needs Python 3.11 or later"; exit 2; }
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'makespan needs Python 3.11 or later')"
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[run]"
	@touch $@

.venv/all.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,dev]"
	@touch $@ .venv/run.stamp

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
