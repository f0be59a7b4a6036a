# Two commands do everything: `make demo` and `make test`. The rest is for people who work on it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit bench screenshots format clean

help: ## show what there is
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## simulated cars on an embedded MQTT broker; Ctrl-C stops it
	@exec $(BIN)/bmw2mqtt demo $(ARGS)

test: $(VENV)/.dev ## all checks
	@scripts/need mosquitto
	@scripts/need --optional chromium
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

screenshots: $(VENV)/.dev ## the page's pictures in docs/images
	@scripts/need mosquitto chromium
	$(BIN)/python scripts/screenshots.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.demo: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) demo
	@scripts/need --optional mosquitto mosquitto_sub
	@touch $@

$(VENV)/.dev: pyproject.toml
	@scripts/venv $(PYTHON) $(VENV) dev
	@touch $@ $(VENV)/.demo
