# make run     serve the page                  make lint    check the style
# make test    all tests but slow ones       make shots   screenshots of the page, into shots/
# make bench   the speed table                 make clean   remove what make installed
# make wheel   the wheel, into dist/             make package-check   what it does, once installed elsewhere
# make model DATA=DIR        the default model again from the published encoder: hours, and less each time it goes on
# make space-check           the folder of a Space, installed and started as Hugging Face does
# make pins    requirements.txt and tests/requirements.txt from pyproject.toml (ARGS=--upgrade: newer releases)
#
# Each makes .venv first and installs what it needs, again only when a requirement file or pyproject.toml changed.
#   make test-all                   the slow tests, too
#   make run PYTHON=python3.12      another interpreter
#   make run ARGS="--port 8000"     arguments for app.py (make test: for pytest, make bench: for the benchmark)
#   make run TORCH=cpu              on Linux: torch without CUDA, a tenth of the download

PYTHON ?= python3
ARGS ?=
TORCH ?=
DATA ?=

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: run test test-all bench lint shots model wheel package-check space-check pins clean
.DEFAULT_GOAL := run

run: $(VENV)/installed
	$(BIN)/python app.py $(ARGS)

# In two processes: a browser and its server wait for each other as often as they compute.
test: CHOICE := -m "not slow"
test test-all: $(VENV)/installed-tests
	@PYTHON=$(BIN)/python sh tests/chromium.sh
ifeq ($(ARGS),)
	$(BIN)/python -m pytest --ignore tests/browser --numprocesses 2 --dist worksteal $(CHOICE)
	$(BIN)/python -m pytest tests/browser --numprocesses 2 --dist worksteal $(CHOICE)
else
	$(BIN)/python -m pytest $(ARGS)
endif

bench: $(VENV)/installed
	$(BIN)/python -m tests.bench $(ARGS)

lint: $(VENV)/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

shots: $(VENV)/installed-tests
	@PYTHON=$(BIN)/python sh tests/chromium.sh
	PYTHONPATH=. $(BIN)/python tests/browser/shots.py shots

# Each step is skipped where it is done; what they are, and why, is in assets/models/default/steps.toml.
model: $(VENV)/installed
	@test -n "$(DATA)" || { echo "Name the folder of the data sets: make model DATA=DIR" >&2; exit 1; }
	$(BIN)/python -m mtl rebuild $(DATA) $(ARGS)

wheel: | $(BIN)/python
	rm -rf dist
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .

# In an empty environment outside this folder: some minutes, as everything is installed anew.
package-check: wheel
	PYTHONPATH=. $(BIN)/python tests/installed.py

# As slow, and of the Python that a Space has, where it is here (ARGS="--python python3.12" names one).
space-check: $(VENV)/installed
	PYTHONPATH=. $(BIN)/python tests/a_space.py $(ARGS)

# What is pinned already stays as it is where pyproject.toml allows it. Indexes are not written down.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make pins"
pins: | $(BIN)/python
	$(PIP) uv
	$(COMPILE) $(ARGS) pyproject.toml --output-file requirements.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra dev --extra mcp --extra onnx --extra ray --constraint requirements.txt --output-file tests/requirements.txt

clean:
	rm -rf $(VENV) shots dist

# Some systems' venv stops half way and leaves a .venv without pip, so what it needs is asked for first.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or later, or name yours: make PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo "Install a newer one, or name one that you have: make PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment: its venv or ensurepip is missing." >&2; \
	  echo "On Debian and Ubuntu install it with: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The project itself is installed as it lies here, for the command `mtl`.
$(VENV)/installed: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements.txt (some minutes, the first time)"
ifeq ($(TORCH),cpu)
	@$(PIP) "$$(grep '^torch==' requirements.txt)" --index-url https://download.pytorch.org/whl/cpu
endif
	@$(PIP) -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/installed-tests: tests/requirements.txt $(VENV)/installed
	@echo "Installing tests/requirements.txt"
	@$(PIP) -r tests/requirements.txt
	@touch $@
