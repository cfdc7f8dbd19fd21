# Each verb does its own set-up in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is imported compiles itself; pip would compile all of NumPy and torch.
PIP := PIP_COMPILE=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SOURCES := pyproject.toml CMakeLists.txt constraints.txt $(shell find csrc src python cmake -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: demo test lint bench lift robustness docs test-native clean
.DEFAULT_GOAL := test

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.cli: $(BIN)/python $(SOURCES)
	$(PIP) ".[cli]"
	@touch $@

# One installation for tests and lint: every one builds the wheel.
$(VENV)/.test: $(BIN)/python $(SOURCES)
	$(PIP) torch==2.13.0 && $(PIP) ".[test,static,torch,lint]"
	@touch $@

demo: $(VENV)/.cli  ## a memory gets better on real questions, in minutes
	$(BIN)/engrain demo

# One process per core, each in one thread: sums then have one order however many cores there are.
test: $(VENV)/.test  ## the whole suite against the installed wheel
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

lint: $(VENV)/.test  ## style, types, floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files '*.cpp' '*.hpp' '*.cu' | xargs $(BIN)/clang-format --dry-run -Werror

bench: $(VENV)/.test  ## timings beside their peers, one run: a table, bench.json and bench.svg
	$(PIP) ".[bench]"
	$(BIN)/python asv_bench/table.py --json bench.json --svg bench.svg $(BENCH_ARGS)

lift: $(VENV)/.test  ## docs/lift.md from the data sets in ENGRAIN_DATA: half an hour of one core
	$(PIP) lightgbm
	$(BIN)/python -m engrain.evaluation.lift $(ENGRAIN_DATA) --write docs/lift.md $(LIFT_ARGS)

robustness: $(VENV)/.test  ## docs/robustness.md from the data sets in ENGRAIN_DATA: half an hour of one core
	$(BIN)/python -m engrain.evaluation.robustness $(ENGRAIN_DATA) --write docs/robustness.md $(ROBUSTNESS_ARGS)

docs: $(VENV)/.test  ## HTML documentation in docs/_build/html
	$(PIP) ".[docs]"
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

test-native:  ## the C++ alone: release, address + undefined, thread sanitizers
	for preset in release asan tsan; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset || exit 1; \
	done

clean:  ## remove what the verbs made
	rm -rf $(VENV) build docs/_build .asv report.html bench.json bench.svg demo.db*
