# The commands of the book. They need Python 3.11 or newer, git and make; all else goes to .venv.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
NOTEBOOKS := $(sort $(wildcard book/*.ipynb))
SITE := _build/html

.PHONY: help book test lab serve clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

book: $(READY)  ## build the book, and say where it is
	@echo "== building the book"
	$(BIN)/jupyter-book build . -W -n --keep-going -q
	@echo "== every entry of the topic index leads somewhere"
	$(BIN)/python tools/topics.py --built $(SITE)
	@echo "The book is built. Open $(SITE)/index.html, or file://$(CURDIR)/$(SITE)/index.html"

test: $(READY)  ## run every check: style, notebooks, package, chapters
	@echo "== 1 of 5: ruff check: mistakes in code and notebooks"
	$(BIN)/ruff check .
	@echo "== 2 of 5: ruff format: one layout of code"
	$(BIN)/ruff format --check .
	@echo "== 3 of 5: nb.py check: notebooks are clean, every labeled equation has its check"
	$(BIN)/python tools/nb.py check
	@echo "== 4 of 5: pytest: the package and the tools"
	$(BIN)/python -m pytest -q -n 2
	@echo "== 5 of 5: nbval: every chapter runs, and gives the outputs that it stores"
	$(if $(NOTEBOOKS),$(BIN)/python -m pytest -q -n 2 --nbval $(NOTEBOOKS),@echo "no chapters yet")
	@echo "All checks passed."

lab: $(READY)  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=book

serve: $(READY)  ## serve the built book on this machine
	@test -f $(SITE)/index.html || { echo "$(SITE) is not built yet: make book"; exit 1; }
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) 8000

clean:  ## remove the built book and the environment
	rm -rf _build .venv

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed, as '$(PYTHON)'. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo \
	  "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "== installing into .venv (minutes, the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --requirement requirements.txt --editable .
	@touch $@
