# make quickstart: from a fresh clone to a trained, tracked network.
# make test:       the same set-up if it is missing, then the tests.
# make docs:       the site in build/site; a broken link or an undocumented public name fails.
# make vendor:     the scripts of reports, fetched anew from npm.
# make bench-env: an environment for each contestant of benchmarks/, under build/bench (12 GB).
# make torture:    half an hour of kills, damage and garbage; writes docs/reliability.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := build/bench

.PHONY: quickstart test bench-env torture lint format docs vendor clean

quickstart: $(READY)
	$(BIN)/kerascnn train --recipe digits-quick
	@echo '(first: source $(BIN)/activate)'

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

bench-env: $(BENCH)/kerascnn/.ready $(BENCH)/jax/.ready $(BENCH)/torch/.ready

$(BENCH)/%/.ready: benchmarks/environments/%.txt benchmarks/environments/constraints.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv --clear $(BENCH)/$*
	$(BENCH)/$*/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c benchmarks/environments/constraints.txt -r $<
	touch $@

torture: $(READY)
	$(BIN)/python -m benchmarks.torture $(PARTS)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Not --quiet: what is not told is not counted by --strict either.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --site-dir build/site
	@echo build/site/index.html

vendor: $(READY)
	PYTHON=$(abspath $(BIN))/python .ci/vendor

# Rebuilt when what is installed changes, and only marked ready when it is whole.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"kerascnn needs Python 3.11 or newer, this is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs,embedding,litert,onnx,openvino]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
