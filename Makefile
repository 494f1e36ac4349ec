# Two commands matter: `make table1` gives the table, `make test` passes the tests. Both set up .venv first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# .venv keeps copies of the locks that it was made from: dates don't matter, contents do. A moved .venv is stale too.
READY  := $(shell cmp -s requirements.lock $(VENV)/requirements.lock && $(BIN)/python -c '' 2>/dev/null \
	&& grep -qF '$(CURDIR)/$(VENV)' $(BIN)/activate && echo yes)
WHOLE  := $(shell cat requirements-dev.lock requirements-nodeps.txt | cmp -s - $(VENV)/requirements-dev.lock && echo yes)
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" pip-compile --quiet --strip-extras --unsafe-package pip --annotation-style line \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(UPGRADE)
# Snakemake's jobs start `python` themselves, so .venv must come first in their PATH.
ENTER  := . $(BIN)/activate &&

INSTALL = sh workflow/pip_install.sh $(VENV)
FAILED  = { echo "Setting up failed. Is the package index reachable, and the disk not full? Then run the same command again. All that pip said: $(VENV)/pip.log" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup dev venv extras table1 train reproduce reference test runs paper docs lint lock clean

help: ## show this list
	@sed -nE 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

setup: $(if $(READY),,venv) ## make .venv from requirements.lock, if it is missing or stale

dev: setup $(if $(READY),$(if $(WHOLE),,extras),extras) ## add to .venv what training, tests, docs, the demo and clusters need

table1: setup ## restore and measure the test faces: results/table1.csv and the image beside it
	@$(ENTER) CLRFACE_SHOW=no snakemake --cores all table1
	@$(ENTER) python -m clrface show results/table1.json

train: dev ## train every network of CLR-Face, and the U-Net, from the training faces
	@$(ENTER) snakemake --cores all train

reproduce: setup ## make every table and claim, and compare each value with results/reference/embedded
	@$(ENTER) CLRFACE_SHOW=no snakemake --cores all
	@$(ENTER) python -m clrface reproduce

reference: setup ## make every table and claim, and keep them as results/reference/embedded
	@$(ENTER) CLRFACE_SHOW=no snakemake --cores all
	@$(ENTER) python -m clrface reference

test: dev ## run the tests but for the long ones of `make runs` and `make paper` (options: make test PYTEST="-k config")
	@$(ENTER) OMP_NUM_THREADS=1 pytest -n logical --maxprocesses 4 --dist loadfile $(PYTEST)

runs: dev ## test whole runs of the workflow: tables, the air gap, DVC, Kubernetes (more: make runs PYTEST="-k kill")
	@$(ENTER) OMP_NUM_THREADS=1 pytest -n logical --maxprocesses 4 --dist loadfile tests/runs contrib/kubernetes/tests $(PYTEST)

paper: dev ## test the paper's preset end to end at 512x512, on miniatures of its sets: about half an hour on two cores
	@$(ENTER) pytest tests/paper $(PYTEST)

docs: dev ## build the docs as a site, strictly: results/site/index.html
	@$(ENTER) NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true mkdocs build --quiet

lint: dev ## check style, types, spelling, the workflow, and that imports run one way
	@$(ENTER) ruff check .
	@$(ENTER) ruff format --check .
	@$(ENTER) pyright
	@$(ENTER) snakefmt --check Snakefile workflow
	@$(ENTER) snakemake --lint
	@$(ENTER) codespell
	@$(ENTER) lint-imports --no-cache --no-logo

lock: dev ## pin pyproject.toml's dependencies again (newest versions: make lock UPGRADE=--upgrade)
	@$(ENTER) $(COMPILE) --extra train,dev,dvc,cluster,generate,demo,docs,ntire,insightface,face-alignment --output-file requirements-dev.lock pyproject.toml
	@$(ENTER) $(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	@$(ENTER) $(COMPILE) --constraint requirements-dev.lock --extra train --output-file environment.lock pyproject.toml
	@# Lock with the oldest Python 3.11 at hand: some newest versions want 3.11.5. The same locks serve every machine: CPU or CUDA is pip's choice there.
	@sed -E -i.bak -e '/^(nvidia|cuda|triton)/d' -e 's/^([a-z0-9.-]+==[^ +]+)\+[a-z0-9.]+/\1/' -e '/^(# The following.*|# pip|)$$/d' requirements.lock requirements-dev.lock environment.lock
	@rm requirements.lock.bak requirements-dev.lock.bak environment.lock.bak
	@{ sed '/- pip:/q' environment.yml; sed -nE 's/^([a-z0-9.-]+==[^ ]+).*/      - \1/p' environment.lock; } > environment.yml.new
	@mv environment.yml.new environment.yml
	@rm environment.lock

clean: ## remove what the table's run made; downloads, trained weights and .venv stay
	rm -rf results/restored results/scores results/cache results/figures results/table* results/claims* data/aligned data/degraded .pytest_cache .ruff_cache

venv:
	@command -v git >/dev/null || { echo "git is missing: install it, then run the same command again." >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
		{ echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), expected Python 3.11 to 3.13. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv), then run the same command again." >&2; exit 1; }
	@echo "Setting up $(VENV): $$(grep -c '==' requirements.lock) packages, once, 1 to 5 minutes (about 2 GB; more where pip takes PyTorch with CUDA) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@{ $(INSTALL) -r requirements.lock && $(INSTALL) --no-deps --no-build-isolation -e . ; } || $(FAILED)
	@cp requirements.lock $(VENV)/
	@echo "$(VENV) is ready."

extras: | setup
	@echo "Adding to $(VENV): $$(grep -c '==' requirements-dev.lock) packages for training, tests, docs, demo and clusters, once, 1 to 3 minutes ..."
	@{ $(INSTALL) -r requirements-dev.lock && $(INSTALL) --no-deps -r requirements-nodeps.txt ; } || $(FAILED)
	@cat requirements-dev.lock requirements-nodeps.txt > $(VENV)/requirements-dev.lock
