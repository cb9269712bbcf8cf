# The commands of the book. They need Python 3.11 or newer, git and make; all else goes to .venv.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Others come from tools/versions.py.
REQUIREMENTS ?= requirements.txt
NOTEBOOKS := $(sort $(wildcard book/*.ipynb))
SITE := _build/html

.PHONY: help book test lab serve clean pdf tex links package exit site-test course bench marks
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

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
	@rm -f _build/nbval.xml
	$(BIN)/python -m pytest -q -n 2 --nbval --junitxml=_build/nbval.xml $(NOTEBOOKS); result=$$?; \
	  $(BIN)/python tools/status.py _build/nbval.xml && exit $$result
	@echo "All checks passed."

site-test: $(READY)  ## try the built book in a browser
	@test -f $(SITE)/index.html || { echo "$(SITE) is not built yet: make book"; exit 1; }
	@echo "== the built book as its readers meet it: links, every page in a browser, its controls"
	$(BIN)/python tools/site/check.py $(SITE)

course: $(READY)  ## build the students' notebooks of all assignments
	$(BIN)/python -m grader.build --solved
	@echo "Students' notebooks are in assignments/student/, solved ones in _build/course/."

lab: $(READY)  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=book

serve: $(READY)  ## serve the built book on this machine
	@test -f $(SITE)/index.html || { echo "$(SITE) is not built yet: make book"; exit 1; }
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) 8000

pdf: tex $(READY)  ## build the book as a PDF, with TeX
	@echo "== building the PDF"
	LATEXMKOPTS="-silent -f" $(BIN)/jupyter-book build . --path-output _build/pdf --builder pdflatex -n --keep-going -q
	@cp _build/pdf/_build/latex/lossbook.pdf _build/lossbook.pdf
	@echo "The PDF is _build/lossbook.pdf"

tex:
	@command -v xelatex >/dev/null && command -v latexmk >/dev/null && command -v xindy >/dev/null || { echo \
	  "make pdf needs xelatex, latexmk and xindy. On Debian and Ubuntu: apt-get install latexmk texlive-xetex" \
	  "texlive-latex-extra texlive-fonts-recommended fonts-freefont-otf fonts-dejavu-core xindy tex-gyre lmodern"; exit 1; }

bench: $(READY)  ## measure each loss beside its peers, and print the table
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks table

links:  ## ask for every external page that the built book links to
	$(PYTHON) tools/links.py $(SITE)

package: $(READY)  ## test the package and the tools alone, with any versions
	$(BIN)/python -m pytest -q -n 2 -W default

exit: $(READY)  ## build the same pages on the newest Sphinx, without Jupyter Book
	LOSSBOOK_SLOW=1 $(BIN)/python -m pytest -q tests/test_exit.py

marks: $(READY)  ## mark every answer of the assignments, with the numbers of twenty seeds
	LOSSBOOK_SLOW=1 $(BIN)/python -m pytest -q -n 2 tests/test_assignments.py -k should_be

clean:  ## remove the built book and the environment
	rm -rf _build .venv

$(READY): $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed, as '$(PYTHON)'. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo \
	  "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "== installing into .venv (minutes, the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --requirement $(REQUIREMENTS) --editable .
	@touch $@
