# Two commands do everything: `make demo` and `make test`. The rest is for people who work on it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit bench docs reference format clean

help: ## show what there is
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## simulated cars on an embedded MQTT broker; Ctrl-C stops it
	@exec $(BIN)/bmw2mqtt demo $(ARGS)

test: $(VENV)/.dev ## all checks
	@scripts/need mosquitto
	@$(MAKE) --no-print-directory lint unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/pytest $(ARGS)

bench: $(VENV)/.dev ## what is promised about speed, measured beside its floors
	@scripts/need mosquitto
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.dev ## the guide as a site, in site/; checks its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

reference: $(VENV)/.dev ## write the pages that are made of the code anew
	$(BIN)/python -m reference

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.demo: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) demo
	@scripts/need --optional mosquitto mosquitto_sub
	@touch $@

$(VENV)/.dev: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) dev
	@touch $@ $(VENV)/.demo
