# Everything lives in .venv, which only grows: the device part with the demo first, all the rest when wanted.
PYTHON ?= python3
PARTS ?=
DATA ?= $(LINEGATE_DATA)
ARGS ?=

bin := .venv/bin
# By environment, because only so do the older pips hold the build backend to the pins as well.
pip_install := install --quiet --disable-pip-version-check
pins := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
# Debian keeps daemons out of a user's PATH.
mosquitto := command -v mosquitto >/dev/null || test -x /usr/sbin/mosquitto

everything := --kills 1000 --signals 10000 --holds 200 --link-faults 200 --misbehaviours 5 --away-parts 180000 --power-cuts 100 --troubles 10 --cameras 100 --fuzz 1000020 --graphs 13500 --hours 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-model test booted lint types imports rooms check simulate judge bench modbus bench-activate campaign camera-campaign camera-pictures drift results unseen experiments picture architecture commands config schemas constraints clean mosquitto heatmaps small backbones node audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.device ## a station with a simulated belt, broker and gate; PARTS=n stops after n parts
	@$(bin)/edge demo $(if $(PARTS),--parts $(PARTS))

demo-model: .venv/.everything ## learn the demo's model again, from simulated photographs to samples/demo.tflite
	rm -rf build/demo
	$(bin)/edge --capture build/demo/data/ok --count 3000 --camera.seed 1
	$(bin)/edge --capture build/demo/data/defect --count 3000 --camera.seed 1
	$(bin)/trainer train build/demo/data --out build/demo/run --model scratch --size 128 --groups none --epochs 40
	$(bin)/quantize build/demo/run --out samples/demo.tflite
	rm -rf samples/parts
	$(bin)/edge --capture samples/parts/ok --count 18 --camera.seed 2
	$(bin)/edge --capture samples/parts/defect --count 18 --camera.seed 2

test: .venv/.everything mosquitto ## the tests, on two cores; ARGS='-m "not slow"' goes to pytest
	$(bin)/pytest --numprocesses 2 --dist loadfile $(ARGS)

booted: .venv/.everything ## install, break, upgrade and remove the service on a Debian of its own; as root, 5 minutes
	LINEGATE_BOOTED=$${LINEGATE_BOOTED:-1} $(bin)/pytest tests/test_booted.py $(ARGS)

lint: .venv/.everything ## ruff: rules and format
	$(bin)/ruff check .
	$(bin)/ruff format --check .

types: .venv/.everything ## mypy, strict
	$(bin)/mypy
	$(bin)/mypy systemd/install

imports: .venv/.everything ## who may import whom
	$(bin)/lint-imports --no-cache

rooms: .venv/.everything ## the rooms of edge, floor by floor, and imports that run upwards (none)
	$(bin)/python -m benchmarks.rooms

check: lint types imports ## all checks but the tests

simulate: .venv/.everything ## the gate on a simulated conveyor, a million parts; ARGS='--seed 2'
	$(bin)/python -m testing.conveyor $(ARGS)

judge: .venv/.everything ## the gate beside its rules a second time, a million random sequences; ARGS='--jobs 2'
	$(bin)/python -m testing.judge $(ARGS)

bench: .venv/.everything mosquitto ## time, memory and wear beside a bare loop; docs/research/performance.md again
	$(bin)/python -m benchmarks.performance $(ARGS)

modbus: .venv/.everything mosquitto ## docs/research/modbus.md again: kills of station and PLC, latency; an hour; ARGS='--kills 10' does a part
	$(bin)/python -m benchmarks.modbus $(or $(ARGS),--seconds 120 --kills 1000) --out docs/research/modbus.md

bench-activate: .venv/.everything mosquitto ## bundles activated 1,000 times under load; nothing may be missed
	$(bin)/python -m benchmarks.activations $(ARGS)

camera-campaign: .venv/.everything ## docs/research/camera-campaign.md again: cameras made to fail; takes 50 minutes
	$(bin)/python -m benchmarks.camera_campaign $(ARGS)

camera-pictures: .venv/.everything ## how often good photographs in DATA are called faulty, for docs/research/camera-pictures.md
	$(bin)/python -m benchmarks.camera_pictures $(DATA)

campaign: .venv/.everything mosquitto ## docs/research/reliability.md again, as root; takes hours; ARGS='--kills 10' does a part
	$(bin)/python -m benchmarks.campaign $(or $(ARGS),$(everything)) --out docs/research/reliability.md

drift: .venv/.everything ## how far the scores of good parts move, from the photographs in DATA, for docs/research/score-drift.md
	$(bin)/python -m benchmarks.drift $(DATA)

unseen: .venv/.everything ## the table of unseen parts in docs/research/results.md again, from the photographs in DATA; takes hours
	$(bin)/python -m benchmarks.unseen $(DATA) $(ARGS)

results: .venv/.everything mosquitto ## docs/research/results.md again, from the photographs in DATA; takes half an hour
	$(bin)/python -m benchmarks.results $(DATA)

heatmaps: .venv/.everything ## the table of docs/research/heatmap.md again, from the photographs in DATA; takes minutes
	$(bin)/python -m benchmarks.heatmaps $(DATA)

small: .venv/.everything ## the table of docs/research/small.md again: what smaller models cost; takes half an hour
	$(bin)/python -m benchmarks.small $(DATA)

experiments: .venv/.everything ## docs/research/pieces.md again, from the photographs in DATA; takes an hour
	$(bin)/python -m benchmarks.experiments $(DATA)

picture: .venv/.device ## docs/parts.png again, by the demo's model
	$(bin)/python -m benchmarks.picture

architecture: .venv/.device ## the pictures of docs/architecture.md again
	$(bin)/python -m benchmarks.architecture

commands: .venv/.everything ## docs/reference/commands.md, man pages and completions again from the parsers
	$(bin)/python -m benchmarks.commands
	$(bin)/python -m benchmarks.shell

config: .venv/.device ## write config.toml again from the settings and their descriptions
	@mkdir -p build
	$(bin)/python -m edge.settings.settings_document > build/config.toml
	mv build/config.toml config.toml

schemas: .venv/.device ## write docs/reference/schemas, asyncapi.json and statistics.md again from the code
	$(bin)/python -m edge.outputs.mqtt.schemas docs/reference/schemas
	@mkdir -p build
	$(bin)/python -m edge.outputs.mqtt.asyncapi > build/asyncapi.json
	mv build/asyncapi.json docs/reference/asyncapi.json
	$(bin)/python -m edge.service.statistics_document > build/statistics.md
	mv build/statistics.md docs/reference/statistics.md

constraints: ## newest versions into constraints.txt; run it with PYTHON=python3.11
	rm -rf build/pins && mkdir -p build
	$(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip $(pip_install) --upgrade '.[demo,gpio,modbus,page,train,dev]' hatchling editables setuptools wheel
	sed -n '/^#/p' constraints.txt > build/constraints.txt
	build/pins/bin/python -m pip freeze --all --exclude pip --exclude linegate >> build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove what was built, .venv too; samples and photographs stay
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find edge trainer quantize testing tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

mosquitto:
	@if $(mosquitto); then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients; \
	else \
		echo "mosquitto is missing, tests that need it are skipped: sudo apt-get install mosquitto mosquitto-clients"; \
	fi

audit: .venv/bin/python ## known weaknesses of the pinned packages, by pip-audit; needs the network
	$(bin)/python -m testing.audit_packages

# Without scripts of the packages: nothing that is installed here runs before a test runs it.
backbones: .venv/.everything ## the table of trainer/backbones/README.md again: what each backbone takes
	$(bin)/python -m benchmarks.backbones $(DATA)

node: ## Node-RED, the AsyncAPI parser and modbus-serial for the tests that need them, into build/node; needs npm
	@mkdir -p build/node
	@cp tests/node/package.json build/node/
	npm install --prefix build/node --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel error

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "$(PYTHON) is missing or not Python 3.11 to 3.13: name another one with PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/.device: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing the device part and the demo into .venv"
	@$(pins) $(bin)/python -m pip $(pip_install) -e '.[demo,page]'
	@touch $@

.venv/.everything: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing all parts and the tools into .venv; TensorFlow is large, this takes minutes"
	@$(pins) $(bin)/python -m pip $(pip_install) -e '.[demo,page,train,dev]'
	@touch $@
