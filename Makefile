VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

# `make check` says style before it says tests.
.NOTPARALLEL:

.PHONY: env check style test test-all oldest bench demo docs notebooks dist clean

# The environment, made again when what it is made from changes.
env: $(VENV)/.made

$(VENV)/.made: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

# Style, types and the fast tests.
check: style test

style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tests that take seconds each.
test: env
	$(BIN)/pytest -q -n 2 -m "not slow"

# Every test, the slow ones too: half an hour on two cores.
test-all: env
	$(BIN)/pytest -q -n 2

# The fast tests with the oldest releases that pyproject.toml allows.
oldest:
	$(PYTHON) -m venv --clear $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet uv
	$(VENV)-oldest/bin/uv pip install --quiet --python $(VENV)-oldest --resolution lowest-direct --editable ".[dev]"
	$(VENV)-oldest/bin/pytest -q -n 2 -m "not slow"

# Measure everything in benchmarks/ and write its tables; best on a machine that does nothing else.
bench: env
	$(BIN)/python -m benchmarks

# A drawn atlas from nothing to a scored answer, in some six minutes on two cores.
demo: env
	$(BIN)/python -m hpa_lit.demo

# The pages of docs/ into build/docs; a link or a name that leads nowhere is an error. Needs no network.
docs: env
	$(BIN)/mkdocs build --quiet --strict

# Run the notebooks of docs/ from the first cell to the last.
notebooks: env
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs,notebooks]"
	$(BIN)/pytest -q tests/test_notebooks.py

# The sources as an archive, and a wheel, into dist/.
dist: env
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) $(VENV)-oldest build dist .pytest_cache .ruff_cache .mypy_cache
