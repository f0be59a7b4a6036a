# Two commands do everything: `make demo` and `make test`. The rest is for people who work on it.
PYTHON ?= python3
# Each other Python has a folder of its own: `make test PYTHON=python3.14` uses .venv-python3.14.
VENV ?= $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin

# The tests start hundreds of processes: compiled modules are kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test prepare lint unit mutations soak soak-real bench docs reference screenshots image container-test recipes-test format clean

help: ## show what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## simulated cars on an embedded MQTT broker; Ctrl-C stops it
	@exec $(BIN)/bmw2mqtt demo $(ARGS)

test: prepare ## all checks
	@$(MAKE) --no-print-directory lint unit

prepare: $(VENV)/.dev
	@scripts/need mosquitto
	@scripts/need --optional chromium

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Many tests wait for processes; others work meanwhile. One after another: ARGS=-n0. Coverage is of all tests or of none.
WORKERS ?= $(shell echo $$((3 * $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN || echo 2))))
unit: $(VENV)/.dev
	$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(if $(ARGS),$(ARGS),--cov --cov-report=)

mutations: $(VENV)/.dev ## break the most important rules one by one: the tests must see each
	@scripts/need mosquitto
	$(BIN)/python scripts/mutations.py $(ARGS)

soak: $(VENV)/.dev ## 30 days in virtual time in which everything goes wrong: ARGS="--days 3 --seed 7"
	$(BIN)/python -m tests.history.year
	$(BIN)/python -m tests.soak.virtual $(ARGS)

soak-real: $(VENV)/.dev ## 20 minutes with a broker that is killed, stopped, slowed, swapped: ARGS="--seed 7"
	@scripts/need mosquitto
	$(BIN)/python -m tests.soak.real $(ARGS)

bench: $(VENV)/.dev ## what is promised about speed, measured beside its floors
	@scripts/need mosquitto
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.dev ## the page's pictures in docs/images
	@scripts/need mosquitto chromium
	$(BIN)/python scripts/screenshots.py

DOCKER ?= docker
BASE_IMAGE ?= python:3.13-slim

image: ## the Docker image bmw2mqtt
	$(DOCKER) build --build-arg BASE_IMAGE=$(BASE_IMAGE) \
	  --build-arg REVISION=$$(git rev-parse --short HEAD 2>/dev/null || echo unknown) \
	  --build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) -t bmw2mqtt $(ARGS) .

container-test: $(VENV)/.dev ## the image in a Docker engine, if one answers: $(DOCKER)
	@scripts/need mosquitto
	CONTAINER_TEST=1 DOCKER="$(DOCKER)" BASE_IMAGE=$(BASE_IMAGE) $(BIN)/pytest tests/container $(ARGS)

# What npm installs is kept in .recipes; RECIPES_LOGS=folder keeps the programs' logs.
RECIPES := node-red iobroker
recipes-test: $(VENV)/.dev ## the recipes for Node-RED and ioBroker in the real programs, from npm
	@scripts/need mosquitto npm
	@set -e; for program in $(RECIPES); do \
	  mkdir -p .recipes/$$program; cp tests/recipes/$$program/package.json .recipes/$$program/; \
	  npm install --prefix .recipes/$$program --no-audit --no-fund --loglevel error; \
	done
	RECIPES_TEST=1 $(BIN)/pytest tests/recipes $(ARGS)

docs: $(VENV)/.dev ## the guide as a site, in site/; checks its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

reference: $(VENV)/.dev ## write the pages that are made of the code anew
	$(BIN)/python -m reference

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-* .recipes .coverage .coverage.* site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.demo: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) demo
	@scripts/need --optional mosquitto mosquitto_sub
	@touch $@

$(VENV)/.dev: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) dev
	@touch $@ $(VENV)/.demo
