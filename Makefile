# `make demo` and `make test` set up what they need; nothing else has to be installed by hand.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint browser bench figures notebooks clean

$(VENV)/.user: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable ".[notebook]"
	touch $@

$(VENV)/.dev: $(VENV)/.user
	$(PIP) install --constraint constraints.txt --editable ".[notebook,dev]"
	touch $@

demo: $(VENV)/.user
	$(BIN)/lensfree demo --out demo_output

# The tests of pages drive Debian's Chromium; where it cannot be installed they are skipped.
browser:
	@command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq chromium > /dev/null; } \
		|| echo "no Chromium: tests that need a browser are skipped"

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread a worker: two workers with two threads each would wait for each other. Neighbours in a
# file share what is costly to make: each worker takes a stretch of them, and steals when it is done.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
test: lint browser
	$(PYTEST) --cov --cov-report=term --cov-fail-under=90 --durations=20
	$(MAKE) notebooks

notebooks: $(VENV)/.dev
	mkdir -p build/notebooks
	for source in tutorials/*.py notebooks/*.py; do \
		$(BIN)/jupytext --quiet --to ipynb --output build/notebooks/$$(basename $$source .py).ipynb $$source || exit 1; done
	$(PYTEST) -q --nbmake build/notebooks/*.ipynb

BENCHMARKS := real_holograms frame fast_path solvers culture phase_contrast simulator reconstruction \
	ablation failures calibration warm_start tuning table1 image_quality speed real_cells changes \
	focus_sort focus_restore focus_whole
bench: $(VENV)/.dev
	mkdir -p benchmarks/results
	for name in $(BENCHMARKS); do \
		$(BIN)/python benchmarks/$$name.py --json benchmarks/results/$$name.json || exit 1; done

figures: $(VENV)/.dev
	$(BIN)/python benchmarks/make_figures.py

clean:
	rm -rf $(VENV) build demo_output benchmarks/output
