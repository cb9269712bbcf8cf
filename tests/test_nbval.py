"""nbval, shown a chapter spoilt in every way that it must catch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nb as tool
from small_chapter import no_twin, spoil, stripped

ROOT = Path(__file__).resolve().parent.parent


def digit(c, _):
    c["square"].outputs[0].text = c["square"].outputs[0].text.replace("4.5", "4.6")


def formula(c, _):
    c["symbol"].outputs[0].data["text/latex"] = "$\\displaystyle x^3$"


def figure_data(c, _):
    c["figure"].source = c["figure"].source.replace("0.5", "0.6")


def code(c, _):
    c["square"].source = c["square"].source.replace("+ 0.5", "+ 0.6")


def new_warning(c, _):
    c["square"].source = "import warnings\n\nwarnings.warn('new')\n" + c["square"].source


def hidden_error(c, _):
    c["timing"].source = "[][0]"


def no_error_any_more(c, _):
    c["raise"].source = "1 / 1"


def other_error(c, _):
    c["raise"].source = "[][0]"


def false_claim(c, _):
    c["square"].source = c["square"].source.replace("x**2 >= 0", "x**2 < 0")


# The copy it is made in, the cell that must fail, and words of the message. A kernel takes
# seconds to start, so a copy has several faults; after an error its other cells are skipped.
SEEN_BY_NBVAL = {
    digit: ("a", "square", "- 4.5", "+ 4.6"),
    formula: ("a", "symbol", "text/latex", "x^3"),
    figure_data: ("a", "figure", tool.lint.TWIN, "y 3: 0 0.6 2"),
    no_error_any_more: ("a", "raise"),
    code: ("b", "square", "- 4.6", "+ 4.5"),
    no_twin: ("b", "figure", tool.lint.TWIN),
    other_error: ("b", "raise", "IndexError"),
    new_warning: ("c", "square", "stderr"),
    hidden_error: ("c", "timing", "IndexError"),
    false_claim: ("d", "square", "AssertionError"),
}


@pytest.fixture(scope="module")
def nbval(chapter, tmp_path_factory):
    """What one run of nbval says of the chapter and of all its spoilt copies."""
    folder = tmp_path_factory.mktemp("spoilt")
    tool.write(folder / "clean.ipynb", tool.read(chapter))
    tool.write(folder / "stripped.ipynb", spoil(chapter, stripped))
    for name in "abcd":
        notebook = tool.read(chapter)
        for change in (c for c, (where, *_) in SEEN_BY_NBVAL.items() if where == name):
            change({c.id: c for c in notebook.cells}, notebook)
        tool.write(folder / f"{name}.ipynb", notebook)
    report = folder / "report.json"
    (folder / "reporter.py").write_text(REPORTER)
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-n", "2", "-p", "no:cacheprovider"]
    command += ["-p", "no:hypothesispytest"]  # not needed, and slow to load
    command += ["-p", "reporter", "--rootdir", folder, "-c", ROOT / "pyproject.toml"]
    command += ["--confcutdir", ROOT, "-p", "conftest", *sorted(folder.glob("*.ipynb"))]
    paths = os.pathsep.join([str(ROOT), str(folder)])
    # These tests may run under xdist themselves, and the reporter asks who is the worker.
    outer = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = outer | {"REPORT": str(report), "PYTHONPATH": paths}
    done = subprocess.run(
        list(map(str, command)), env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert report.is_file(), done.stdout + done.stderr
    return json.loads(report.read_text())


REPORTER = """\
import json, os
reports = []

def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ and (report.when == "call" or report.skipped):
        text = report.longreprtext + "".join(t for _, t in report.sections)
        reports.append([report.nodeid, report.outcome, text])

def pytest_sessionfinish():
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with open(os.environ["REPORT"], "w") as file:
            json.dump(reports, file)
"""


def of(reports, name, outcome):
    found = [text for i, result, text in reports if i.startswith(f"{name}.") and result == outcome]
    return [re.sub(r"\x1b\[[\d;]*m", "", text) for text in found]


def test_nbval_passes_the_clean_chapter(nbval):
    assert len(of(nbval, "clean", "passed")) == 6
    assert not of(nbval, "clean", "failed")


@pytest.mark.parametrize("change", SEEN_BY_NBVAL, ids=lambda c: c.__name__)
def test_nbval_catches(nbval, change):
    name, cell, *words = SEEN_BY_NBVAL[change]
    (message,) = [m for m in of(nbval, name, "failed") if f"cell id {cell}\n" in m]
    assert f"{name}.ipynb, code cell In [" in message
    for word in words:
        assert word in message


def test_nbval_finds_no_other_fault(nbval):
    assert sum(len(of(nbval, name, "failed")) for name in "abcd") == len(SEEN_BY_NBVAL)


def test_after_an_error_the_rest_is_skipped(nbval):
    skipped = of(nbval, "d", "skipped")
    assert len(skipped) == 4 and "In [2] of this chapter stopped" in skipped[0]


def test_nbval_passes_a_stripped_notebook_so_check_must_not(nbval):
    assert not of(nbval, "stripped", "failed")


@pytest.mark.parametrize("option", [["--nbval-lax"], ["-n", "2", "--dist", "load"]])
def test_options_that_break_the_comparison_are_refused(option):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", *option, "book"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4
    assert "drop it" in done.stderr or "use --dist loadscope" in done.stderr
