"""The notebook tool, shown a chapter spoilt in every way that it must catch."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import equations
import nb as tool
from small_chapter import no_twin, spoil, stripped

ROOT = Path(__file__).resolve().parent.parent
v4 = nbformat.v4


def stale_image(c, _):
    twin = c["figure"].outputs[0].data[tool.lint.TWIN]
    c["figure"].outputs[0].data[tool.lint.TWIN] = twin.replace("0.5", "0.6")


def no_alternative(c, _):
    c["figure"].metadata.mystnb.image.alt = " "


def big_image(c, _):
    c["figure"].outputs[0].data["image/png"] = "A" * 200_004


def wrong_counts(c, _):
    c["setup"].execution_count = 7


def same_id(c, _):
    c["symbol"].id = "square"


def no_id(c, _):
    c["symbol"].id = ""


def semicolon(c, _):
    c["symbol"].source += ";"


def empty_cell(c, _):
    c["symbol"].source = "\n"


def unknown_tag(c, _):
    c["symbol"].metadata["tags"] = ["hide_input"]


def marker(c, _):
    c["symbol"].source = "# NBVAL_IGNORE_OUTPUT\n" + c["symbol"].source


def many_ignored(c, _):
    for name in ("setup", "square", "symbol"):
        c[name].metadata["tags"] = [tool.lint.IGNORE]


def stored_error(c, _):
    del c["raise"].metadata["tags"]


def stderr(c, _):
    c["symbol"].outputs.append(v4.new_output("stream", name="stderr", text="UserWarning: x\n"))


def unknown_type(c, _):
    c["symbol"].outputs[0].data["application/javascript"] = "1"


def nothing_compared(c, notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []


def long_output(c, _):
    c["square"].outputs[0].text = "x" * 8001


def raw_cell(c, notebook):
    notebook.cells.append(v4.new_raw_cell("raw", id="raw"))


def printed(text):
    def change(c, _):
        c["square"].outputs[0].text = text

    change.__name__ = text
    return change


def written(text, code='check("eq-square", True)'):
    def change(c, _):
        c["title"].source, c["square"].source = text, code

    change.__name__ = f"{text} / {code}"
    return change


EQUATION = "$$\nx\n$$ (eq-square)"
SEEN_BY_CHECK = {
    stripped: ("6 of 6 code cells were never run",),
    stale_image: ("'figure'", "stale"),
    no_alternative: ("'figure'", "alternative text"),
    no_twin: ("'figure'", "use_book_style"),
    big_image: ("'figure'", "200,004 characters"),
    wrong_counts: ("[7, 2, 3, 4, 5, 6], expected 1 to 6",),
    same_id: ("cell 3, In [3], id 'square'", "used 2 times"),
    no_id: ("cell 3", "no id"),
    semicolon: ("'symbol'", "ends in ';'"),
    empty_cell: ("'symbol'", "an empty cell"),
    unknown_tag: ("'symbol'", "unknown tag 'hide_input'"),
    marker: ("'symbol'", "NBVAL_ comment"),
    many_ignored: ("4 cells are tagged", "at most 2: setup, square, symbol, timing"),
    stored_error: ("'raise'", "ZeroDivisionError"),
    stderr: ("'symbol'", "stderr", "UserWarning: x"),
    unknown_type: ("'symbol'", "application/javascript"),
    nothing_compared: ("proves nothing",),
    long_output: ("'square'", "8,001 characters"),
    raw_cell: ("'raw'", "type 'raw'"),
    printed("see /home/someone/book"): ("'square'", "a path of one machine", "/home/someone"),
    printed("<f at 0x7f1234567890>"): ("'square'", "a memory address"),
    printed("tensor(1., device='cuda:0')"): ("'square'", "a device name"),
    printed("tensor(1., grad_fn=<A>)"): ("'square'", "autograd repr"),
    printed("took 12.5 ms"): ("'square'", "a timing"),
    printed(" 45%|####"): ("'square'", "a progress bar"),
    printed("np.float64(1.5)"): ("'square'", "NumPy scalar"),
    printed("0.12345678901"): ("'square'", "ten digits"),
    written(EQUATION, "pass"): ("cell 0, id 'title'", "'eq-square' is not checked"),
    written("```{math}\n:label: eq-m\nx\n```\n" + EQUATION): ("'eq-m' is not checked",),
    written("\\begin{align}x\\label{eq-a}\\end{align}\n" + EQUATION): ("'eq-a' is not checked",),
    written(EQUATION, 'check("eq-squire", True)'): (
        "cell 2, In [2], id 'square': check of 'eq-squire'",
        "labels here: eq-square",
    ),
    written(EQUATION, "check(name, True)"): ("'square'", "check(name, ...)", "written out"),
    written(EQUATION, "if:"): ("'square'", "not Python", "line 1"),
    written(EQUATION + "\n% unchecked eq-square: why"): ("checks it: drop the line",),
    written(EQUATION + "\n% unchecked eq-square: ", "pass"): ("without a reason",),
    written(EQUATION + "\n% unchecked eq-x: why"): ("'unchecked eq-x'", "no equation has"),
    written(f"{EQUATION}\n\n{EQUATION}"): ("'eq-square' stands in cell 0", "already"),
}


@pytest.mark.parametrize("change", SEEN_BY_CHECK, ids=lambda c: c.__name__)
def test_check_catches(chapter, change):
    problems = tool.lint.problems(spoil(chapter, change))
    assert any(all(w in p for w in SEEN_BY_CHECK[change]) for p in problems), problems


@pytest.mark.parametrize(
    "change",
    [
        written(EQUATION + "\n% unchecked eq-square: a definition", "pass"),
        written(f"````{{prf:theorem}}\n{EQUATION}\n````"),
        written(EQUATION + "\n```python\n'$$ x $$ (eq-no)'\n```\nand `$$ x $$ (eq-no)`"),
        written("$$x$$\n\nso $$(a) + b$$ and\n" + EQUATION),
        written(":::{math}\n:label: eq-square\nx\n:::"),
        written(EQUATION, '%matplotlib inline\nlb.verify.check("eq-square", True)\n!ls'),
        printed("0.12345678, 3 s^2 and x/home/y"),
    ],
    ids=lambda c: c.__name__,
)
def test_check_is_content_with(chapter, change):
    assert tool.lint.problems(spoil(chapter, change)) == []


def test_a_listing_may_hold_long_numbers_and_a_tag_allows_exact_ones(chapter):
    def change(c, _):
        listing = {
            "text/markdown": "```python\nx = 0.1234567890123\n```",
            "text/plain": "0x1234567",
        }
        c["symbol"].outputs[0].data = nbformat.from_dict(listing)
        c["square"].outputs[0].text = "0.30000000000000004"
        c["square"].metadata["tags"] = [tool.lint.EXACT]

    assert tool.lint.problems(spoil(chapter, change)) == []


def test_check_says_where_and_fails(chapter, tmp_path, capsys):
    path = tmp_path / "spoilt.ipynb"
    tool.write(path, spoil(chapter, semicolon))
    assert tool.main(["check", str(path)]) == 1
    shown = capsys.readouterr().out
    assert f"{path}: cell 3, In [3], id 'symbol': ends in ';'" in shown
    assert "1 notebooks, 1 problems" in shown


@pytest.mark.parametrize("content", ["", "{}", '{"cells": [3]}', "nonsense"])
def test_what_is_no_notebook_is_a_message(tmp_path, capsys, content):
    path = tmp_path / "no.ipynb"
    path.write_text(content)
    assert tool.main(["check", str(path)]) == 1
    assert "not a notebook" in capsys.readouterr().out


def test_a_missing_file_is_a_message(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        tool.main(["check", str(tmp_path / "none.ipynb")])
    assert "no such file" in capsys.readouterr().err


# ------------------------------------------------------------------ run and fmt
def test_a_second_run_gives_the_same_bytes(chapter):
    before = chapter.read_bytes()
    command = [sys.executable, ROOT / "tools/nb.py", "run", chapter]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert chapter.read_bytes() == before


def test_fmt_undoes_what_editors_do(chapter, tmp_path):
    notebook = copy.deepcopy(tool.read(chapter))
    notebook.metadata["colab"] = {"provenance": []}
    notebook.metadata.language_info["version"] = "3.12.1"
    for number, cell in enumerate(notebook.cells):
        cell.metadata["collapsed"] = True
        cell.source += "\n"
        if cell.cell_type == "code":
            cell.source = cell.source.replace("\n\n", "\n   \n")
            cell.execution_count = 30 + number
            cell.metadata["execution"] = {"iopub.execute_input": "2024-01-01"}
            for output in cell.outputs:
                if output.output_type == "display_data":
                    output.metadata = {"needs_background": "light"}
                if output.output_type == "error":
                    output.traceback = ["a", "b"]
        if cell.id == "square":
            first, second = (copy.deepcopy(cell.outputs[0]) for _ in range(2))
            first.text, second.text = "checked: equation eq-square\n", "4.5\n"
            cell.outputs = [first, second]
    path = tmp_path / "messy.ipynb"
    path.write_text(json.dumps(notebook, indent=4))
    assert any("not normalized" in p for p in tool.check(path, 60))
    assert tool.main(["fmt", str(path)]) == 0
    assert path.read_bytes() == chapter.read_bytes()


def test_new_and_repeated_cells_get_ids_from_their_text():
    cells = [v4.new_markdown_cell("same") for _ in range(4)]
    for cell, name in zip(cells, ("kept", "", "", "kept"), strict=True):
        cell.id = name
    notebook = v4.new_notebook()
    notebook.cells = cells
    ids = [c.id for c in tool.normalize(notebook).cells]
    assert ids[0] == "kept" and len(set(ids)) == 4
    assert ids[2] == f"{ids[1]}-1" and ids[3] == f"{ids[1]}-2"


def test_a_failing_run_says_where_and_changes_nothing(tmp_path, capsys):
    notebook = v4.new_notebook(cells=[v4.new_code_cell("x = 1"), v4.new_code_cell("x / 0")])
    path = tmp_path / "fails.ipynb"
    path.write_text(nbformat.writes(notebook))
    before = path.read_bytes()
    assert tool.main(["run", str(path)]) == 1
    shown = capsys.readouterr().out
    assert f"{path}: cell 1, In [2], id " in shown
    assert "ZeroDivisionError: division by zero" in shown
    assert path.read_bytes() == before


def test_a_cell_that_takes_too_long_is_stopped(tmp_path, capsys):
    notebook = v4.new_notebook(cells=[v4.new_code_cell("while True:\n    pass")])
    path = tmp_path / "endless.ipynb"
    path.write_text(nbformat.writes(notebook))
    assert tool.main(["run", "--timeout", "1", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "cell 0" in shown and "CellTimeoutError" in shown and "1 seconds" in shown


def test_magics_are_not_in_the_way_of_the_equation_check():
    code = equations.without_magics("%time x\nif y:\n    !ls\nobject?\n")
    assert code == "pass\nif y:\n    pass\npass\n"
