# One target per habit. `make demo` and `make test` work on a clean machine with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE  # tests start many processes, each of which would compile mtlens again

.PHONY: demo dashboard test pytest faults browser lint bench clean

demo: $(STAMP)
	$(BIN)/mtlens demo

dashboard: $(STAMP)
	$(BIN)/mtlens dashboard

test: $(STAMP)
	$(MAKE) --no-print-directory --jobs 2 lint pytest

pytest: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not fault and not browser"

faults: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m fault

browser: $(STAMP)
	$(BIN)/python -m pytest -m browser

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyrefly check --summary=none
	$(BIN)/lint-imports

bench: $(STAMP)
	for file in experiments/benchmarks/*.py; do $(BIN)/python -m experiments.benchmarks.$$(basename $$file .py) || exit 1; done

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[arms,offline,onnx,mlflow,dev]'
	touch $(STAMP)

clean:
	rm -rf .venv
