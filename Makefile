.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO ?= demo
# Prefect and Dask read these before any of our code runs.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet -e '.[dev]'
	@# Without compiled bytecode every Dask worker spends seconds on `import prefect`.
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
	$(BIN)/python -m sitsflow.kernels
	@touch $@

.PHONY: help install demo test test-slow lint bench docs constraints clean
help: ## show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile
install: $(INSTALLED) ## make the environment in .venv
demo: $(INSTALLED) ## simulate two Sentinel-2 tiles and map them (into demo/)
	$(BIN)/sitsflow demo $(DEMO)
test: $(INSTALLED) ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup
test-slow: $(INSTALLED) ## run the longer checks too
	$(BIN)/python -m pytest -m 'slow or not slow'
lint: $(INSTALLED) ## ruff, mypy, and whether the generated documentation is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m blocks.reference --check docs/configuration.md
bench: $(INSTALLED) ## measure the science against GDAL's warper
	$(BIN)/python -m tests.benchmarks
docs: $(INSTALLED) ## write the configuration reference again from the models
	$(BIN)/python -m blocks.reference docs/configuration.md
constraints: ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude sitsflow | grep '==' > constraints.txt
clean: ## remove the demo, caches and the environment
	rm -rf $(DEMO) $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
