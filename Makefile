# Needs Debian's python3, g++, make and python3-venv, for the tests also chromium, mosquitto and minisign; the
# set-up says what is missing.
# Everything goes into .venv, but for what is slow to get: ~/.cache/edgewise keeps that for the next checkout.

PYTHON ?= python3
BIN := .venv/bin
UV := .venv/uv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--custom-compile-command "make lock" $(ARGS)

export PYTHONUNBUFFERED := # whatever the caller has: programs that print nothing, or fail, without it are to show

.DEFAULT_GOAL := help
.PHONY: help run setup setup-test setup-bench setup-fuzz test test-slow chaos fuzz check bench soak lock clean

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Set everything up and start the daemon; flags: make run ARGS="--port 9000"
	@exec $(BIN)/edgewise run $(ARGS)

setup: ## Make .venv/bin/edgewise ready.
	@$(PYTHON) -m scripts.setup

setup-test: ## The same, and what the checks and tests need.
	@$(PYTHON) -m scripts.setup test
	@$(BIN)/python -m scripts.starter
	@$(BIN)/python -m scripts.twin

setup-bench: setup-test
	@$(PYTHON) -m scripts.setup bench

setup-fuzz: setup-test
	@$(PYTHON) -m scripts.setup fuzz

test: check ## Set up and run the checks and the tests; one file: make test ARGS=tests/test_units.py
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: setup-test ## Run the tests that take minutes.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -m slow -n 3 --timeout 900 $(ARGS)

chaos: setup-test ## Wound a device in every way, and print what each fault has cost; minutes.
	$(BIN)/pytest tests/faults -m "" --timeout 900 $(ARGS)

fuzz: setup-fuzz ## Send anything at all to everything that takes something; half an hour.
	$(BIN)/pytest tests/fuzz -m "" --hypothesis-profile fuzz --timeout 3600 $(ARGS)

check: setup-test ## Run the linter, the formatter and the type checker.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: setup-bench ## Measure on this machine; writes nothing into the checkout.
	$(BIN)/python -m benchmarks $(ARGS)

soak: setup-test ## An hour of mixed load and faults, and what grows: make soak ARGS="--minutes 10"
	$(BIN)/python -m benchmarks.soak $(ARGS)

lock: ## Write the lock files anew; newer versions: make lock ARGS=--upgrade
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/pip install --quiet uv
	$(UV) pyproject.toml -o requirements.lock
	$(UV) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(UV) --group build -c requirements-dev.lock -o requirements-build.lock
	$(UV) --group bench -c requirements-dev.lock -o requirements-bench.lock
	$(UV) --group fuzz -c requirements-dev.lock -o requirements-fuzz.lock

clean: ## Remove the environment and all that was built; ~/.cache/edgewise stays.
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
