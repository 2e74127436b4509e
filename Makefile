# Every target works alone, straight after a clone: the virtual environment is made first, from hash-locked files.
.DELETE_ON_ERROR:
.PHONY: demo test test-fast soak lint bench generate pictures owner fuzz release-tree lock upgrade clean

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.stamp
BIN := $(VENV)/bin
TYPED := $(wildcard src dev tests benchmarks)
WORKFLOWS = $(wildcard .github/workflows/*.yml examples/*/.github/workflows/*.yml)

demo: $(STAMP)  ## a pattern on this machine, with real containers. make demo PATTERN=3
	$(BIN)/python -m dev.demo $(PATTERN)

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses auto --no-loadscope-reorder

test-fast: $(STAMP)  ## no engine, no network
	$(BIN)/python -m pytest --numprocesses auto tests/rules tests/machine tests/aws tests/contract tests/timelines tests/infra

soak: $(STAMP)  ## generated timelines, ten times as many as in the tests. make soak COUNT=20000
	GENERATED_TIMELINES=$(or $(COUNT),20000) $(BIN)/python -m pytest --numprocesses auto tests/timelines/generated

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(TYPED)
	$(BIN)/zizmor --offline --quiet --pedantic --config dev/zizmor.yml $(wildcard action.yml actions .github)
	$(BIN)/zizmor --offline --quiet --config dev/zizmor.yml $(wildcard examples)
	$(BIN)/actionlint $(WORKFLOWS)
	$(BIN)/cfn-lint $(wildcard infra/cloudformation/*.yaml)

pictures: $(STAMP)  ## docs/pictures: the job summary in a real browser
	PYTHONPATH=src $(BIN)/python -m tests.pictures

bench: $(STAMP)
	$(BIN)/python -m benchmarks

generate: $(STAMP)  ## action.yml, tables of docs/ and schemas, from the code
	PYTHONPATH=src $(BIN)/python -m tests.contract.generate
	PYTHONPATH=src $(BIN)/python -m tests.contract.reports

owner: $(STAMP)  ## makes this copy yours, in every file that names its owner. make owner OWNER=acme
	@test -n "$(OWNER)" || { echo "say whose it is: make owner OWNER=acme" >&2; exit 2; }
	PYTHONPATH=src $(BIN)/python -m dev.owner "$(OWNER)"
	$(BIN)/ruff format --quiet
	$(MAKE) generate

fuzz: $(STAMP)  ## compares our reader of Dockerfiles with BuildKit's; needs Go. make fuzz COUNT=60000
	PYTHONPATH=src $(BIN)/python -m tests.rules.images.fuzz_dockerfiles $(COUNT)

release-tree: $(STAMP)  ## make release-tree DEST=directory
	@test -n "$(DEST)" || { echo "say where to: make release-tree DEST=directory" >&2; exit 2; }
	$(BIN)/python -m dev.tree "$(DEST)"

# The locks hold for CPython 3.10 and newer on every platform; no index is written into them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url

lock: $(STAMP)
	$(COMPILE) --excludes requirements/excludes.txt requirements/runtime.in -o requirements/runtime.txt
	$(COMPILE) --excludes requirements/dev-excludes.txt requirements/dev.in -o requirements/dev.txt
	$(COMPILE) requirements/ministack.in -o requirements/ministack.txt
	$(COMPILE) requirements/uv.in -o requirements/uv.txt

upgrade: $(STAMP)  ## the newest boto3 that the actions run with
	$(MAKE) lock COMPILE='$(COMPILE) --upgrade-package boto3 --upgrade-package botocore'

$(STAMP): requirements/dev.txt requirements/ministack.txt requirements/uv.txt
	@sh dev/venv.sh "$(PYTHON)" $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) .cache
