# `make run`: the default study, from counts to report. `make test`: the test suite.
# Both need Debian with Python 3.11, make and git, and make the environment in .venv first.

PYTHON ?= python3
CORES ?= $(shell nproc)
CONFIG ?=
ENV := .venv
BIN := $(ENV)/bin
# Where the SLURM of the tests keeps its configuration, state and logs.
SLURM := /tmp/perturbselect-slurm
# Another study has a folder of its own.
FOLDER := $(if $(CONFIG),runs/$(basename $(notdir $(CONFIG))),.)

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-slurm report-zip env browser peers celleval test-peers cancel lint check lock docs trace crate benchmark clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: env ## Run the default study, or another: CONFIG=config/real/papalexi2021.yaml; CORES=8
	$(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG) --directory $(FOLDER))
	@cat $(FOLDER)/results/summary.txt
	@echo "Report: $(abspath $(FOLDER)/results/report.html)"

report-zip: env ## Write a finished study's report as results/report.zip too: CONFIG as in `make run`
	$(BIN)/snakemake --cores 1 --configfile $(FOLDER)/results/study.yaml --directory $(FOLDER) \
		--report $(abspath $(FOLDER)/results/report.zip)

test: env ## Run the test suite
	$(BIN)/python -m pytest -n $(CORES) --dist worksteal

test-slow: env ## Run the slow tests: whole studies, real screens, kills, every change of the rerun matrix
	$(BIN)/python -m pytest -n $(CORES) --dist worksteal -m "slow and not slurm"

test-slurm: env ## Start a real SLURM on this machine (root, Debian) and run the tests on it
	bash tests/slurm/loopback.sh start $(SLURM)
	$(BIN)/python -m pytest -m slurm; \
		code=$$?; bash tests/slurm/loopback.sh stop $(SLURM); exit $$code

cancel: env ## Cancel the cluster jobs that a killed run left: CONFIG as in `make run`
	$(BIN)/python -m perturbselect.orphans --study $(FOLDER)

env: $(ENV)/.complete ## Make the environment in .venv from the lock

$(ENV)/.complete: envs/requirements.txt pyproject.toml envs/make_venv.sh
	sh envs/make_venv.sh $(PYTHON) $(ENV)
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

browser: ## Install Chromium, for the test of the interactive page (Debian, as root; else that test is skipped)
	@command -v chromium >/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "no Chromium here: the test of the interactive page will be skipped"; fi

peers: .venv-peers/.complete ## Make the environment of the peers, cell-gears and bmdal-reg, in .venv-peers

.venv-peers/.complete: envs/peers.txt envs/make_venv.sh
	sh envs/make_venv.sh $(PYTHON) .venv-peers
	.venv-peers/bin/python -m pip install --quiet --no-deps --requirement envs/peers.txt
	touch $@

celleval: .venv-celleval/.complete ## Make the environment of cell-eval, another peer, in .venv-celleval

.venv-celleval/.complete: envs/cell-eval.txt envs/make_venv.sh
	sh envs/make_venv.sh $(PYTHON) .venv-celleval
	.venv-celleval/bin/python -m pip install --quiet --no-deps --requirement envs/cell-eval.txt
	touch $@

test-peers: env peers celleval ## Run the tests against the peers
	PERTURBSELECT_PEERS=$(abspath .venv-peers/bin/python) \
	PERTURBSELECT_CELLEVAL=$(abspath .venv-celleval/bin/python) $(BIN)/python -m pytest -m peer

lint: env ## Format and check code, rules and types
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

check: env ## Check format, rules and types, and change nothing
	$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy

lock: env ## Renew the lock from envs/requirements.in
	sh envs/lock.sh $(BIN)/python

docs: env ## Write the generated pages: config schema, config/README.md
	$(BIN)/python -m perturbselect.config_page

trace: env ## Show how a result was made: FILE=results/tables/scores.tsv; ROW=5: one row of it
	@$(BIN)/python -m perturbselect.records.trace $(FILE) $(if $(ROW),--row $(ROW))

crate: env ## Write the study with its provenance as an RO-Crate: CRATE=crates/mine; CONFIG as in `make run`
	$(BIN)/python -m perturbselect.records.crate $(or $(CRATE),crates/study) --study $(FOLDER)

benchmark: env ## Measure the main job
	$(BIN)/python benchmarks/main_job.py

clean: ## Remove the environment and all results
	rm -rf $(ENV) .venv-peers .venv-celleval .snakemake runs && find results -mindepth 1 ! -name README.md -delete
