# Every target sets up what it needs in .venvs/; see CONTRIBUTING.md.
#   PYTHON=python3.12       which interpreter (default: the first usable one from 3.10 to 3.12)
#   PINNED=1                Python 3.10 with lava-dl's own pins (torch 2.3, numpy 1.26), nothing patched
#   TORCH=torch-cpu.whl     what to install as torch: a file, a URL or a requirement
#   PIP_ARGS="..."          more arguments for pip, e.g. --extra-index-url
#   WORKERS=2               test processes          PYTEST_ARGS="..." more arguments for pytest

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

USABLE := import ensurepip, sys, venv; assert (3, 10) <= sys.version_info < (3, 13)
ifeq ($(PINNED),1)
CANDIDATES := python3.10 python3
USABLE := $(USABLE) and sys.version_info < (3, 11)
else
CANDIDATES := python3 python3.11 python3.12 python3.10
endif
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for name in $(CANDIDATES); do $$name -c '$(USABLE)' 2>/dev/null && { echo $$name; break; }; done)
endif
VERSION := $(if $(PYTHON),$(shell $(PYTHON) -c '$(USABLE); print("%d.%d" % sys.version_info[:2])' 2>/dev/null))
TORCH ?= -r requirements/torch.txt
WORKERS ?= 2
DEFENSES := hire hire-stock conversion sr stog stog-stock sea

FLAVOUR := $(if $(filter 1,$(PINNED)),-pinned)
ENVIRONMENT := .venvs/py$(VERSION)$(FLAVOUR)
IN := $(ENVIRONMENT)/bin
STAMP := $(ENVIRONMENT)/.complete
SETTINGS := Makefile pyproject.toml setup.py $(wildcard requirements/*.txt)

.PHONY: help setup demo models pages picture defenses comparison test lint unit test-matrix bench clean interpreter

help:
	@sed -n '2,6s/^# *//p' Makefile
	@echo "targets: demo test lint unit bench models pages picture defenses comparison test-matrix setup clean"

interpreter:
	@[ -n "$(VERSION)" ] || { \
	  echo "error: $(if $(PYTHON),$(PYTHON) is not,found no) Python $(if $(FLAVOUR),3.10 (needed by PINNED=1),3.10 to 3.12)" \
	       "with venv and ensurepip. Install one (on Debian and Ubuntu also its python3-venv package)," \
	       "or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }

# The stamp is written last, so an interrupted set-up is taken up again; pip then keeps what is complete.
$(STAMP): $(SETTINGS) | interpreter
	@rm -f $@
	@$(IN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(ENVIRONMENT); $(PYTHON) -m venv $(ENVIRONMENT); }
ifeq ($(PINNED),1)
	$(IN)/python -m pip install $(PIP_ARGS) lava-dl==0.6.0 -e '.[dev]'
else
	$(IN)/python -m pip install $(PIP_ARGS) -c requirements/constraints.txt $(TORCH) -e '.[dev]'
	$(IN)/python -m lavarobust.compat install
endif
	$(IN)/python -m pip install $(PIP_ARGS) --no-deps -r requirements/counters.txt
	@touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(IN)/lavarobust demo

# The shipped models and their cards: the demo's, whose tables the README shows, and one of every defence.
models: $(STAMP)
	$(IN)/lavarobust demo --force
	for name in $(DEFENSES); do \
	  $(IN)/lavarobust train digits-$$name --out runs/models/digits-$$name --force; \
	  $(IN)/lavarobust report runs/models/digits-$$name; \
	done
	$(IN)/python -m lavarobust.experiment.publish runs/demo/digits-plain runs/demo/digits-adversarial \
	  $(DEFENSES:%=runs/models/digits-%) --out netx_models
	$(IN)/python -m lavarobust.reporting.embed runs/demo/report.md README.md
	$(MAKE) pages picture

# A page of every shipped model. A suite attacks those that it has not attacked yet: seconds of a plain model to half an
# hour of one that draws.
pages: $(STAMP)
	for model in netx_models/*.net; do \
	  name=$$(basename $$model .net); suite=netx_models/$$name.suite.json; \
	  grep -qs "$$(sha256sum < $$model | cut -d' ' -f1)" $$suite || \
	    $(IN)/lavarobust attack $$model --suite adaptive --eps 0.1 --limit 100 --audit 8 --json $$suite; \
	  $(IN)/lavarobust report $$model --out runs/pages/$$name; \
	  cp runs/pages/$$name/report.html netx_models/$$name.html; \
	done

# The README's picture of the demo's page, taken by the system's Chromium.
picture: $(STAMP)
	$(IN)/lavarobust demo
	$(IN)/python docs/picture.py runs/demo/report.html docs/report.png

# What of the sweep is not in benchmarks/results yet; the README's table is made of what is.
defenses: $(STAMP)
	$(IN)/lavarobust sweep mnist-defenses --workers $(WORKERS) --results benchmarks/results/mnist-defenses
	$(IN)/python -m lavarobust.reporting.embed runs/mnist-defenses/sweep.md README.md --name mnist-defenses

# The same of HIRE-SNN, rate coding and the ANN at equal clean accuracy.
comparison: $(STAMP)
	$(IN)/lavarobust sweep hire-energy --workers $(WORKERS) --results benchmarks/results/hire-energy
	$(IN)/python -m lavarobust.reporting.embed runs/hire-energy/sweep.md README.md --name hire-energy

test: lint unit

# lava-dl's own pins are there to run the tests with, not to check types against an old torch.
lint: $(STAMP)
ifneq ($(PINNED),1)
	$(IN)/ruff check .
	$(IN)/ruff format --check .
	$(IN)/mypy
	$(IN)/lint-imports
endif

# Lava forks a process per Process: more threads than cores only slow it down.
unit: $(STAMP)
	OMP_NUM_THREADS=1 $(IN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# About 13 minutes on two cores; BENCH_ARGS=--help shows how to run a part.
bench: $(STAMP)
	$(IN)/python -m pip install $(PIP_ARGS) --quiet --no-deps -r requirements/bench.txt
	OMP_NUM_THREADS=1 $(IN)/python -m benchmarks.run $(BENCH_ARGS)

# An interpreter that is missing doesn't stop the others, but the matrix is then not complete and fails.
test-matrix:
	@failed=""; \
	for case in "python3.10 1" "python3.11 0" "python3.12 0"; do \
	  set -- $$case; \
	  if ! $$1 -c '' 2>/dev/null; then echo "== $$1: not found on the PATH"; failed="$$failed $$1(missing)"; continue; fi; \
	  echo "== $$1$$([ $$2 = 1 ] && echo ' with the pins of lava-dl' || true)"; \
	  $(MAKE) --no-print-directory test PYTHON=$$1 PINNED=$$2 || failed="$$failed $$1"; \
	done; \
	[ -z "$$failed" ] || { echo "error: test-matrix failed for:$$failed" >&2; exit 1; }

clean:
	rm -rf .venvs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
