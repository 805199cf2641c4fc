# make demo    the bot on http://127.0.0.1:8080, nothing to configure (PORT=8099 takes another port)
#              LOCAL=1 installs PyTorch for the demo model, LOCAL=0 does without; else it depends on what that would bring
# make test    the whole test suite
# make check   ruff, mypy, import rules, bandit, advisories of the dependencies
# make faults  kill -9 and errors at every step of a job, on every platform and database
# make again   what failed last, once more, one after the other
# make deploy-check  the Dockerfile's own commands in a clean environment, other people's checks of the files beside it
# make soak    seeded histories of faults and crashes in virtual time, then ten requests a second for an hour
# make bench   the performance tables; bench-load: many people at once, and a bare FIFO bot beside it
# make train-demo   the demo model, from nothing

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8080
LOCAL ?=
# Most tests wait for sockets and disks, so there may be more of them than cores.
WORKERS ?= 4
DATA ?= data
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
CONSTRAINTS := deploy/constraints.txt

.PHONY: demo test check faults again deploy-check soak bench bench-engine bench-cluster bench-load train-demo clean

demo: $(VENV)/.demo $(VENV)/.local-$(LOCAL)
	@$(BIN)/imagine-bot demo --port $(PORT) --data $(DATA)

test: $(VENV)/.dev
	@$(BIN)/python -m tests.browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -c pyproject.toml -r bot adapters
	$(BIN)/python -m tests.audit

faults: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m faults

# Ends with an error too where nothing was left to run.
again: $(VENV)/.dev
	@echo "RUN AGAIN, alone: whatever passes now is a race to look at"
	$(BIN)/python -m pytest -m "faults or not faults" --last-failed --last-failed-no-failures none -v -ra

deploy-check: $(VENV)/.dev
	$(BIN)/python -m tests.deploy_check

# SOAK_SECONDS=3600 make soak   new histories for an hour; SEED=17 make soak   that one, event by event
soak: $(VENV)/.dev
	SOAK_SECONDS=$${SOAK_SECONDS:-600} $(BIN)/python -m tests.simulation
	[ -n "$$SEED" ] || SUSTAINED_SECONDS=$${SUSTAINED_SECONDS:-3600} $(BIN)/python -m tests.bench.load sustained

bench-load: $(VENV)/.dev
	$(BIN)/python -m tests.bench.load
	$(BIN)/python -m tests.bench.peers

bench-engine: $(VENV)/.dev
	$(BIN)/python -m tests.bench.bench_engine

bench-cluster: $(VENV)/.dev
	$(BIN)/python -m tests.bench.bench_cluster

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "imagine-bot needs Python 3.11 or newer: make demo PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing imagine-bot (about a minute the first time) ..."
	@$(PIP) install -e . -c $(CONSTRAINTS)
	@touch $@

# Whether PyTorch is wanted is asked once; 3 says that nobody could tell, which is no reason not to start.
$(VENV)/.local-$(LOCAL): $(VENV)/.demo
	@$(BIN)/python -m adapters.local_extra "$(LOCAL)" $(CONSTRAINTS); code=$$?; \
		if [ $$code = 0 ]; then touch $@; elif [ $$code != 3 ]; then exit $$code; fi

$(VENV)/.dev: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing imagine-bot and its development tools ..."
	@$(PIP) install -e '.[dev]' -c $(CONSTRAINTS)
	@touch $@ $(VENV)/.demo

# Trains the demo model anew: hours on one core; stopped and started again it goes on. States are in build/demo-model.
train-demo: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m adapters.backends.diffusers.demo.train --export adapters/backends/diffusers/demo/checkpoint

clean:
	rm -rf $(VENV)
