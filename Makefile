# The verbs of the course. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := _build/sample
READY  := $(VENV)/.ready
# Threads beyond the machine's cores make small TensorFlow programs slower, not faster.
export TF_CPP_MIN_LOG_LEVEL := 3
export CUDA_VISIBLE_DEVICES := -1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help course test install exercises book sample bench lint lock clean

help: ## list these verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

course: exercises book sample ## install, build exercises and book, grade a sample class
	@echo
	@echo "The book:               $(CURDIR)/_build/html/index.html"
	@echo "The exercises:          $(CURDIR)/exercises/"
	@echo "A sample class' grades: $(CURDIR)/$(SAMPLE)/grades.csv"
	@echo "A student's feedback:   $(CURDIR)/$(SAMPLE)/feedback/student0003/rnn/rnn.html"

test: install ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

install: $(READY) ## make .venv with the exact environment

# Bytecode is compiled here: without it every kernel start is several times slower.
$(READY): requirements.txt pyproject.toml
	@test -d $(VENV) || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ..."'
	@echo "Installing the environment (about two minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q -j 2 $(VENV)/lib || true
	@touch $@

exercises: install ## build exercises/ and the hidden cases from solutions/
	$(BIN)/autograder build
	$(BIN)/autograder mutants --markdown book/appendices/misconceptions.md

book: install ## build the book into _build/html, warnings as errors
	$(BIN)/jupyter-book build book/ --config _config.yml --path-output . -W -n --keep-going

sample: export COURSE_DATA := $(SAMPLE)
sample: exercises ## make up a class of 12, grade it, write feedback and a CSV
	$(BIN)/autograder sample-class rnn --students 12 --target $(SAMPLE)/submitted
	$(BIN)/autograder grade rnn
	$(BIN)/nbgrader generate_feedback rnn --log-level=WARN
	$(BIN)/nbgrader export --to $(SAMPLE)/grades.csv --log-level=WARN

bench: install exercises ## measure grading speed beside plain nbgrader
	$(BIN)/python -m autograder.bench

lint: install ## style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lock: install ## compile requirements.txt from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes --no-header --quiet -o requirements.txt

clean: ## remove everything that was built, keep the environment and the secret
	rm -rf _build
