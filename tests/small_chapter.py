"""A small chapter that has one of everything, and what spoils it."""

from __future__ import annotations

import nbformat
import pytest

import nb as tool

v4 = nbformat.v4
SETUP = """\
def check(label, claim):
    assert claim, label
    print(f"checked: equation {label}")"""
FIGURE = """\
import matplotlib.pyplot as plt

from lossbook.figures import use_book_style

use_book_style()
fig, ax = plt.subplots()
ax.plot([0, 1, 2], [0, 0.5, 2])
plt.show()"""
ALT = {"mystnb": {"image": {"alt": "A rising line."}}}


def sample():
    """A small chapter that has one of everything."""
    cells = [
        v4.new_markdown_cell("# Title\n\n$$\nx^2 \\ge 0\n$$ (eq-square)"),
        v4.new_code_cell(SETUP, metadata={"tags": ["hide-input"]}),
        v4.new_code_cell('x = 2.0\ncheck("eq-square", x**2 >= 0)\nprint(x**2 + 0.5)'),
        v4.new_code_cell("from IPython.display import Math\n\nMath('x^2')"),
        v4.new_code_cell(FIGURE, metadata=ALT),
        v4.new_code_cell("print('a timing')", metadata={"tags": ["nbval-ignore-output"]}),
        v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
    ]
    names = ["title", "setup", "square", "symbol", "figure", "timing", "raise"]
    for cell, name in zip(cells, names, strict=True):
        cell.id = name
    return v4.new_notebook(cells=cells)


@pytest.fixture(scope="session")
def chapter(tmp_path_factory):
    """The sample, executed once by the tool."""
    path = tmp_path_factory.mktemp("chapter") / "clean.ipynb"
    path.write_text(nbformat.writes(sample()))
    assert tool.main(["run", str(path)]) == 0
    return path


def spoil(chapter, change):
    """A copy of the chapter after ``change(cells by id, notebook)``."""
    notebook = tool.read(chapter)
    change({c.id: c for c in notebook.cells}, notebook)
    return notebook


def stripped(c, notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def no_twin(c, _):
    del c["figure"].outputs[0].data[tool.lint.TWIN]
