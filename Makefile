# Everything a developer types. Each target does only what is not done yet.

PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# New releases are taken up after this time: most bad ones are found out sooner.
COOL_DOWN ?= 2 days
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --exclude-newer "$(COOL_DOWN)"
RUFF := $(BIN)/ruff
COMPILED := .venv-compiled
COMPILED_TESTS ?= tests/fhir tests/outcomes tests/storage tests/interactions tests/agreement
SOURCES := service tests benchmarks scripts migrations

.DEFAULT_GOAL := help
.PHONY: help install run test test-long compiled test-compiled lint format check bench conformance mutation outcomes openapi snapshots lock clean

help:  ## what can be done
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: $(INSTALLED)  ## .venv with everything, from the lock files

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.lock requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

run: install  ## the sandbox on http://127.0.0.1:8080/fhir, with invented people; PORT=8090 for another
	$(BIN)/thrive-fhir serve --sandbox --port $(PORT)

test: install  ## all tests but the long ones, on every processor
	$(BIN)/python -m pytest -m "not long" -n auto --dist loadfile --no-loadscope-reorder

test-long: install  ## the tests that take minutes to hours
	$(BIN)/python -m pytest -m long

compiled: install  ## .venv-compiled: as .venv, with the hot layers compiled (ADR 0029); needs a C compiler
	rm -rf dist/compiled
	THRIVE_COMPILE=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-w dist/compiled .
	$(BIN)/python -m venv --clear --without-pip $(COMPILED)
	$(BIN)/python -m pip --python $(COMPILED)/bin/python install --quiet --disable-pip-version-check --no-deps \
		--no-index dist/compiled/*.whl
	# Whatever else is in .venv, and the tests, are found behind the package itself.
	$(BIN)/python -c 'import sysconfig, pathlib; print(sysconfig.get_path("purelib"), pathlib.Path.cwd(), sep="\n")' \
		> "$$($(COMPILED)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"

# The package that was built must be found, and not the one here: hence PYTHONSAFEPATH.
test-compiled: compiled  ## the tests of what is compiled, with it compiled; COMPILED_TESTS=… for others
	PYTHONSAFEPATH=1 $(COMPILED)/bin/python -c 'import service.fhir.codec as it; assert it.__file__.endswith(".so"), it'
	PYTHONSAFEPATH=1 $(COMPILED)/bin/python -m pytest -m "not slow and not long" -n auto --dist loadfile \
		--no-loadscope-reorder $(COMPILED_TESTS)

lint: install  ## format, lint, types, import contracts
	$(RUFF) format --check $(SOURCES)
	$(RUFF) check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## puts the code in order
	$(RUFF) check --fix --select I $(SOURCES)
	$(RUFF) format $(SOURCES)

check: lint test  ## lint and test: what every change must pass

bench: install  ## load scenarios against a server of their own; see docs/performance.md
	$(BIN)/python -m benchmarks

conformance:  ## HL7's validator over fhir_profiles; needs Java and Maven, see conformance/README.md
	mvn --quiet --batch-mode --file conformance/pom.xml package
	java -cp "conformance/target/classes:conformance/target/libraries/*" \
		example.thrivefhir.conformance.Conformance $(ASK)

mutation: install  ## small changes of the clinic's rules, each of which the tests must notice
	PYTHONPATH=. $(BIN)/python scripts/mutate_outcomes.py

snapshots: install  ## writes the snapshots in fhir_profiles/StructureDefinition anew
	$(BIN)/python scripts/write_snapshots.py

outcomes: install  ## writes docs/outcomes.md anew from the tests of the rules
	PYTHONPATH=. $(BIN)/python scripts/write_outcomes.py

openapi: install  ## writes openapi/thrive-fhir.json anew
	$(BIN)/python scripts/write_openapi.py

lock:  ## writes the lock files anew from pyproject.toml
	$(COMPILE) --upgrade pyproject.toml -o requirements.lock
	$(COMPILE) --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --upgrade tests/clients/requirements.in -o tests/clients/requirements.lock

clean:  ## removes what was made here, the sandbox's data included
	rm -rf $(VENV) $(COMPILED) dist var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
