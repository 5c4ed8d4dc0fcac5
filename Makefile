# Everything that is done often, by name. `make` alone lists it.
# Nothing is written outside this folder but the package cache in HOME.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help demo test lint bench bench-peers growth sweep cheats escapes faults kills test-agents constraints clean

# The python3 that PATH means comes first; a shim that does not start is passed over.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
    "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
UV ?= $(shell command -v uv)
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A machine that forbids it would compile every module again in every process of a test.
unexport PYTHONDONTWRITEBYTECODE

# The stamp names the folder: a clone that was moved or copied makes its environment anew.
READY := .venv/ready-$(shell pwd | cksum | cut -d ' ' -f 1)
RUN := .venv/bin/python -P

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 18

demo: $(READY) ## a whole run in a throw-away repository: no keys, no network
	@$(RUN) examples/demo.py

# One more worker than cores: tests of daemons and kernels wait for processes most of the time.
test: lint ## lint, then every test
	@$(RUN) -m pytest -n 3 --dist worksteal

lint: $(READY) ## style, format and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

bench: $(READY) ## measure the time, processes and syncs of a run
	@$(RUN) tests/bench/bench.py

bench-peers: $(READY) ## supervisor and circus, installed below build/peers, beside our daemon
	@$(RUN) tests/bench/peers.py

growth: $(READY) ## measure runs of up to 1,000 items, repositories of up to 100,000 files
	@$(RUN) tests/bench/growth.py

sweep: $(READY) ## the points of the longer proofs that `make test` leaves out
	@$(RUN) -m pytest -n 2 -m sweep
	@$(RUN) -m pytest -n 2 --hypothesis-profile=sweep tests/fuzz

cheats: $(READY) ## try ways to make a broken change pass, beside honest changes of the same look
	@$(RUN) tests/cheats/cheats.py

escapes: $(READY) ## try to get out of the sandbox, from agents and from verification commands
	@REAL_AGENTS_IN="$(wildcard $(CURDIR)/build/agents)" $(RUN) tests/escapes/escapes.py $(ATTEMPTS)

faults: $(READY) ## what is said and done while processes die, hang, flood and fill: every claim beside the truth
	@$(RUN) tests/faults/faults.py $(if $(TRIALS),--trials $(TRIALS))

kills: $(READY) ## 200 random SIGKILLs of daemons and kernels; every run must end as if there had been none
	@$(RUN) tests/faults/kills.py $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS))

test-agents: $(READY) ## the real codex and claude, installed below build/agents, against a model server of our own
	@$(RUN) tests/agents/run.py $(if $(SHORT),--short)

constraints: ## resolve constraints.txt again (UPGRADE=1: to the newest versions; needs uv)
	@test -n "$(UV)" || { echo "Cannot resolve constraints.txt: uv is not on PATH. Hint: pip install uv" >&2; exit 6; }
	@"$(UV)" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make constraints" $(if $(UPGRADE),--upgrade) \
	    --group dev pyproject.toml --output-file constraints.txt

clean: ## remove the environment and every cache
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find daemon client kernel probes tests docs examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Dependencies come by hash; the project itself is a folder, which has none, so it is installed apart, with nothing fetched.
# uv where it works, else the pip of this Python: a mirror or a proxy is often known to only one of them.
PINNED := install --quiet --require-hashes -r constraints.txt
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Cannot make .venv: no Python 3.11 or newer on PATH. Hint: apt install python3, or make PYTHON=/path/to/python3" >&2; exit 6; }
	@echo "making .venv: about a minute, the first time" >&2
	@rm -rf .venv
	@if test -n "$(UV)" && "$(UV)" venv --quiet --python "$(PYTHON)" .venv && "$(UV)" pip $(PINNED) --python .venv/bin/python; then :; \
	elif "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
	    "$(PYTHON)" -m venv --clear .venv && .venv/bin/python -m pip $(PINNED); \
	elif "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
	    "$(PYTHON)" -m venv --clear --without-pip .venv && "$(PYTHON)" -m pip --python .venv/bin/python $(PINNED); \
	else \
	    echo "Cannot make .venv: this Python has neither ensurepip nor pip, and there is no uv. Hint: apt install python3-venv" >&2; exit 6; \
	fi
	@.venv/bin/python -m pip install --quiet --no-deps --no-index --no-build-isolation --editable .
	@touch $@
