"""The page Symptoms does not drift: repairs, links, list on top, names of the package."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import lossbook
import topics
from lossbook.catalogue import CATALOGUE

BOOK = Path(__file__).resolve().parent.parent / "book"
CELLS = json.loads((BOOK / "symptoms.ipynb").read_text(encoding="utf-8"))["cells"]
CHAPTERS = sorted(page.stem for page in BOOK.glob("[0-9][0-9]-*.ipynb"))
LINK = r"\[[^\]]+\]\(([^)#]*)#([\w-]+)\)"


def source(cell):
    return "".join(cell["source"])


def sections():
    """The cells of each symptom, by its target."""
    found, here = {}, []
    for cell in CELLS:
        if cell["cell_type"] == "markdown" and (m := re.match(r"\(([\w-]+)\)=\n", source(cell))):
            here = found.setdefault(m[1], [])
        here.append(cell)
    return {target: cells for target, cells in found.items() if target.startswith("sym-")}


SECTIONS = sections()


def chapter_of(page, target):
    """The chapter that has this target."""
    for chapter in CHAPTERS:
        there = topics.targets(BOOK, chapter)
        if target in (there.headings if page else there.labels) and page in ("", there.source):
            return chapter
    return None


def links(cells):
    text = "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")
    return [chapter_of(*link) for link in re.findall(LINK, text)]


def test_every_target_of_the_page_is_a_section():
    text = "\n".join(map(source, CELLS))
    assert re.findall(r"^\((sym-[\w-]+)\)=$", text, re.M) == list(SECTIONS)


@pytest.mark.parametrize("target", SECTIONS)
def test_a_symptom_is_shown_and_repaired_in_one_short_cell(target):
    [code] = [source(c) for c in SECTIONS[target] if c["cell_type"] == "code"]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code)))
    assert len(code.splitlines()) <= 10


@pytest.mark.parametrize("target", SECTIONS)
def test_a_symptom_ends_with_a_link_to_the_chapter_that_it_names(target):
    last = source(SECTIONS[target][-1]).splitlines()[-1]
    named = [int(n) for n in re.findall(r"[Cc]hapter (\d+), ", last)]
    written = [n for n in named if n in {int(chapter[:2]) for chapter in CHAPTERS}]
    found = links(SECTIONS[target][-1:])
    assert named and None not in found
    assert [int(chapter[:2]) for chapter in found] == written


def test_list_on_top_has_each_symptom_by_its_heading_in_the_order_of_the_page():
    listed = re.findall(r"^- \[(.+?)\]\(#([\w-]+)\): \S.*$", source(CELLS[0]), re.M)
    headings = [source(c[0]).splitlines()[1].removeprefix("### ") for c in SECTIONS.values()]
    assert listed == list(zip(headings, SECTIONS, strict=True))


def test_list_on_top_has_the_groups_of_the_page():
    listed = re.findall(r"^\[(.+?)\]\(#([\w-]+)\)$", source(CELLS[0]), re.M)
    text = "\n".join(map(source, CELLS))
    assert listed == [(h, t) for t, h in re.findall(r"^\(([\w-]+)\)=\n## (.+)$", text, re.M)]


@pytest.mark.parametrize("target", SECTIONS)
def test_cause_and_repair_stand_above_the_code(target):
    assert [c["cell_type"] for c in SECTIONS[target]][:3] == ["markdown", "code", "markdown"]
    assert len(source(SECTIONS[target][0]).split("\n\n")) == 3  # heading, cause, repair
    assert len(source(SECTIONS[target][2]).splitlines()) == 1  # the link


def test_at_most_32_symptoms():
    assert len(SECTIONS) <= 32


def test_every_chapter_is_linked():
    linked = {chapter for cells in SECTIONS.values() for chapter in links(cells)}
    assert sorted(linked - {None}) == CHAPTERS


def test_every_name_of_the_package_exists():
    known = {*lossbook.__all__, *(entry.name for entry in CATALOGUE)}
    used = set()
    for cell in (c for c in CELLS if c["cell_type"] == "code"):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "lb":
                used.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module == "lossbook":
                used.update(alias.name for alias in node.names)
    assert used and used <= known, sorted(used - known)
