.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO ?= demo
DEMO_RADAR ?= demo-radar
EXAMPLE ?= example
CHROMIUM ?= /usr/bin/chromium
# Prefect and Dask read these before any of our code runs.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet -e '.[dev]'
	@# Without compiled bytecode every Dask worker spends seconds on `import prefect`.
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
	$(BIN)/python -m sitsflow.steps.kernels
	@touch $@

$(VENV)/.bench $(VENV)/.docs $(VENV)/.ui: $(VENV)/.%: $(INSTALLED)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet -e '.[$*]'
	@touch $@

.PHONY: help install demo demo-radar deploy serve test test-slow test-ui chaos chaos-short soak coverage lint bench bench-quick bench-growth bench-sensors bench-tile bench-sentinel1 bench-orchestration docs docs-site constraints clean
help: ## show these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-19s %s\n", $$1, $$2}' Makefile
install: $(INSTALLED) ## make the environment in .venv
demo: $(INSTALLED) ## simulate two Sentinel-2 tiles and map them (into demo/)
	$(BIN)/sitsflow demo $(DEMO)
demo-radar: $(INSTALLED) ## simulate two tiles of Sentinel-1 over a ridge and map them (into demo-radar/)
	$(BIN)/sitsflow demo --radar $(DEMO_RADAR)
deploy: $(INSTALLED) ## register blocks and deployments on the configured Prefect server
	$(BIN)/python -m deployments.deploy
serve: $(INSTALLED) ## this machine's Prefect server, a worker and the deployments, until Ctrl-C
	@exec $(BIN)/python -m deployments.serve $(EXAMPLE)
test: $(INSTALLED) ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile
test-slow: $(INSTALLED) ## run the longer checks
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'slow and not ui and not chaos'
test-ui: $(INSTALLED) ## run the tests that drive a browser
	@test -x $(CHROMIUM) || { echo "make test-ui needs Debian's chromium at $(CHROMIUM):" \
		"apt-get install chromium" >&2; exit 1; }
	@$(MAKE) --no-print-directory $(VENV)/.ui
	CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest -m ui tests/ui
chaos: $(INSTALLED) ## break inputs, kill processes, part machines, and count what came of it
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'chaos and not soak' tests/chaos
chaos-short: $(INSTALLED) ## the same, in less than five minutes
	CHAOS=short $(BIN)/python -m pytest -n 2 --dist loadfile -m 'chaos and not soak' tests/chaos
soak: $(INSTALLED) ## twenty runs in the same processes: none of them may keep more and more (SOAK_RUNS=N)
	$(BIN)/python -m pytest -s -p no:randomly -m soak tests/chaos
coverage: $(INSTALLED) ## run the tests and the longer checks, and list the lines that they do not reach
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not ui and not chaos' --cov --cov-report=term-missing:skip-covered
lint: $(INSTALLED) ## ruff, deptry, mypy, and whether the generated documentation is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deptry .
	$(BIN)/mypy
	$(BIN)/python -m blocks.reference --check docs/configuration.md
	$(BIN)/python -m blocks.sensor_table --check docs/sensors.md
bench: $(VENV)/.bench ## measure the engine, the whole flow, rivals and floors on the same maps (up to an hour)
	$(BIN)/python -m tests.benchmarks $(ARGS)
bench-quick: $(VENV)/.bench ## the same on a small tile, once
	$(BIN)/python -m tests.benchmarks --quick $(ARGS)
bench-growth: $(INSTALLED) ## measure how CPU and memory grow with dates, pixels, bands, features and tiles
	$(BIN)/python -m tests.benchmarks.growth $(ARGS)
bench-sensors: $(INSTALLED) ## measure what each mask and band of each sensor costs
	$(BIN)/python -m tests.benchmarks.sensors $(ARGS)
bench-tile: $(INSTALLED) ## measure each part of a run on one whole tile (ARGS="/tmp/FOLDER --dates 6", up to 6 GB)
	$(BIN)/python -m tests.benchmarks.whole_tile $(ARGS)
bench-orchestration: $(INSTALLED) ## measure what a task costs beside its work (ARGS="-n 1000")
	$(BIN)/python -m tests.benchmarks.orchestration $(ARGS)
bench-sentinel1: $(INSTALLED) ## measure the geocoding of one scene of Sentinel-1 (ARGS="/tmp/FOLDER --sarsen PYTHON", 2 GB)
	$(BIN)/python -m tests.benchmarks.sentinel1 $(ARGS)
docs: $(INSTALLED) ## write the configuration reference and the table of sensors again
	$(BIN)/python -m blocks.reference docs/configuration.md
	$(BIN)/python -m blocks.sensor_table docs/sensors.md
docs-site: $(VENV)/.docs ## build the documentation as a site, site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
constraints: $(VENV)/.bench $(VENV)/.docs $(VENV)/.ui ## pin what is installed now
	$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable --exclude sitsflow \
		| grep '==' | LC_ALL=C sort > constraints.txt
clean: ## remove the demo, caches and the environment
	rm -rf $(DEMO) $(DEMO_RADAR) $(EXAMPLE) $(VENV) build site .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
