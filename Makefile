# Linegate: `make demo` to see it, `make test` to test it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PROJECT := pyproject.toml constraints.txt
PARTS ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-model test check bench config schemas clean mosquitto

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/demo.stamp ## watch simulated parts being inspected; PARTS=200 ends by itself
	@$(BIN)/python -m edge.demo $(if $(PARTS),--parts $(PARTS))

demo-model: $(VENV)/dev.stamp ## draw a dataset, train, quantize, replace samples/demo.tflite
	rm -rf build/demo
	$(BIN)/edge --capture build/demo/data/ok --count 2000 --camera.source simulated --camera.seed 1
	$(BIN)/edge --capture build/demo/data/defect --count 2000 --camera.source simulated --camera.seed 1
	$(BIN)/trainer train build/demo/data --out build/demo/run
	$(BIN)/quantize build/demo/run --out samples/demo.tflite

test: $(VENV)/dev.stamp mosquitto ## run all tests; ARGS="-k name" for some
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## lint, types, import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp ## latency of our inspector beside the bare runtime
	$(BIN)/python benchmarks/latency.py

config: $(VENV)/demo.stamp ## write config.toml from the settings
	$(BIN)/python -m edge.settings_document > config.toml

schemas: $(VENV)/demo.stamp ## write docs/schemas from the messages
	$(BIN)/python -m edge.mqtt.schemas docs/schemas

clean: ## remove what was made here
	rm -rf $(VENV) build dist state .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Linegate needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "cannot make $(VENV); on Debian: apt install python3-venv" >&2; exit 2; }

# Two stamps, one environment: it only grows, so the demo and the tests never undo each other.
$(VENV)/demo.stamp: $(PROJECT) | $(BIN)/python
	@echo "installing the device part into $(VENV) …"
	@$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: $(PROJECT) | $(BIN)/python
	@echo "installing everything for training and tests into $(VENV) (TensorFlow takes a while) …"
	@$(PIP) -e '.[demo,train,dev]'
	@touch $@ $(VENV)/demo.stamp

mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null \
	|| if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients; \
	else echo "the broker tests need mosquitto: sudo apt install mosquitto mosquitto-clients" >&2; fi
