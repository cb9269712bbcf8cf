"""The loss chooser names every loss, links to where it is derived, and runs what it names."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path

import pytest

import lossbook as lb
from lossbook.catalogue import CATALOGUE

BOOK = Path(__file__).resolve().parent.parent / "book"
HEADER = "| the truth: *what matters* | loss |"
METRICS = {"average_precision", "dcg", "ndcg", "pr_auc", "reciprocal_rank", "reduce", "roc_auc"}
FUNCTIONS = {name: f for name in lb.__all__ if inspect.isfunction(f := getattr(lb, name))}


def cells(path):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in found]


def targets():
    """The file in which each target of the book stands."""
    return {
        target: path.stem
        for path in BOOK.glob("*.ipynb")
        for kind, text in cells(path)
        if kind == "markdown"
        for target in re.findall(r"^\(([^()\s]+)\)=$", text, re.M)
    }


def sections():
    """Each section of the page: its Markdown, and the calls and keywords that its code runs."""
    text = ""
    for kind, source in cells(BOOK / "chooser.ipynb"):
        if kind == "markdown":
            text = source
        else:
            calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
            ours = [c for c in calls if re.fullmatch(r"lb\.\w+", ast.unparse(c.func))]
            yield text, {c.func.attr for c in ours}, {k.arg for c in ours for k in c.keywords}


def rows(text):
    """Names and linked targets of each row of a section's decision table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    if lines and lines[0].startswith(HEADER):
        for line in lines[2:]:
            *_, losses = line.strip("|").split("|")
            yield re.findall(r"`(\w+)`", losses), re.findall(r"\]\(#([^)]+)\)", losses)


SECTIONS = list(sections())
ROWS = [row for text, _, _ in SECTIONS for row in rows(text)]


def chapter(name):
    """A loss without an entry belongs where the others of its module belong."""
    found = {e.name: e.chapter for e in CATALOGUE}
    modules = {e.function.__module__.split(".")[1]: e.chapter for e in CATALOGUE}
    modules["reduction"] = "09-reduction"
    return found.get(name) or modules[FUNCTIONS[name].__module__.split(".")[1]]


def test_every_loss_stands_in_a_decision_table():
    reduced = {n for n, f in FUNCTIONS.items() if "reduction" in inspect.signature(f).parameters}
    losses = {e.name for e in CATALOGUE if e.is_loss} | (reduced - METRICS)
    assert losses - {name for names, _ in ROWS for name in names} == set()


@pytest.mark.parametrize(("text", "calls", "keywords"), SECTIONS)
def test_a_section_runs_every_call_of_its_tables(text, calls, keywords):
    for names, _ in rows(text):
        assert set(names) <= calls | keywords
        assert set(names) & set(FUNCTIONS)
    named = set(re.findall(r"`([a-z_]+)[`(]", text)) & set(FUNCTIONS)
    if "|" in text and HEADER not in text and calls:  # the other tables
        assert named <= calls


def test_every_row_links_to_the_chapter_of_its_losses():
    files = targets()
    for names, links in ROWS:
        assert links and set(links) <= set(files)
        chapters = {files[link] for link in links}
        assert {chapter(name) for name in names if name in FUNCTIONS} <= chapters, names


def test_every_name_is_of_the_package():
    for text, calls, keywords in SECTIONS:
        named = set(re.findall(r"`([a-z]+_[a-z_]+)[`(]", text))
        assert named <= set(FUNCTIONS) | keywords
        assert calls <= set(FUNCTIONS)


def test_all_losses_are_listed_at_the_end():
    page = json.loads((BOOK / "chooser.ipynb").read_text(encoding="utf-8"))
    outputs = page["cells"][-1]["outputs"]
    shown = "".join("".join(o["data"]["text/plain"]) for o in outputs)
    listed = re.findall(r"^(\w+)  ", shown, re.M)
    assert set(listed) - {"loss"} == {e.name for e in CATALOGUE if e.is_loss}
