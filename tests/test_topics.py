"""The topic index: well-formed, up to date, and every link leads somewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import topics

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build/html"


@pytest.fixture
def book(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["(kept-label)=\n", "## A heading, here\n"]},
        {"cell_type": "code", "source": ["(no-label)=\n"]},
    ]
    (tmp_path / "03-page.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def csv_with(book, *lines):
    path = book / "topics.csv"
    path.write_text("\n".join(["topic,chapter,anchor", *lines]) + "\n")
    return path


# ------------------------------------------------------------------ this book
def test_the_index_is_up_to_date_and_its_anchors_stand_in_the_sources(capsys):
    assert topics.main(["--check"]) == 0, capsys.readouterr().err


def test_the_anchors_stand_in_the_built_pages():
    # LOSSBOOK_SITE=1 demands a built site; an old one in the way is no reason to fail.
    demanded = os.environ.get("LOSSBOOK_SITE") == "1"
    pages = SITE / "book/topics.html"
    source = ROOT / "book/topics.md"
    fresh = pages.is_file() and pages.stat().st_mtime >= source.stat().st_mtime
    if not demanded and not fresh:
        pytest.skip("the book is not built: make book looks for the anchors after building")
    assert topics.missing_built(topics.read(ROOT / "book/topics.csv"), SITE) == []


# ------------------------------------------------------------------ the tool
def test_page_is_sorted_and_grouped(book):
    path = csv_with(
        book, "zero,Ch,03-page#kept-label", "Alpha,Ch,03-page#a-heading-here",
        "$\\beta$,Ch,03-page#kept-label", "0 log 0,Ch,03-page#kept-label",
    )  # fmt: skip
    page = topics.render(topics.read(path), book)
    assert page.index("[0 log 0]") < page.index("[Alpha]") < page.index("[$\\beta$]")
    assert page.index("## Numbers and symbols") < page.index("## A\n") < page.index("## Z\n")
    assert "- [zero](#kept-label) (Ch)" in page
    assert "- [Alpha](03-page.ipynb#a-heading-here) (Ch)" in page


@pytest.mark.parametrize(
    "line, message",
    [
        ("only,two", "line 2 is"),
        ("a,,03-page#kept-label", "none empty"),
        ("a, Ch,03-page#kept-label", "none empty or padded"),
        ("a,Ch,03-page", "expected page#label"),
    ],
)
def test_malformed_lines_are_named(book, line, message):
    with pytest.raises(ValueError, match=message):
        topics.read(csv_with(book, line))


def test_wrong_header_and_repeated_line_are_named(book):
    line = "a,Ch,03-page#kept-label"
    with pytest.raises(ValueError, match="line 3 repeats 'A'"):
        topics.read(csv_with(book, line, line.replace("a", "A", 1)))
    (book / "topics.csv").write_text("topic,anchor\n")
    with pytest.raises(ValueError, match="begins with"):
        topics.read(book / "topics.csv")


def test_anchors_that_the_sources_lack_are_named(book):
    path = csv_with(book, "a,Ch,03-page#no-label", "b,Ch,04-none#x", "c,Ch,03-page#kept-label")
    first, second = topics.missing(topics.read(path), book)
    assert "(no-label)=" in first and "03-page.ipynb" in first
    assert "no page '04-none'" in second


def test_anchors_that_the_site_lacks_are_named(book):
    site = book / "site/book"
    site.mkdir(parents=True)
    (site / "03-page.html").write_text('<h2 id="kept-label">')
    path = csv_with(book, "a,Ch,03-page#kept-label", "b,Ch,03-page#gone", "c,Ch,04-none#x")
    found = topics.missing_built(topics.read(path), book / "site")
    assert found == ["'b': no id 'gone' in 03-page.html", "'c': no page book/04-none.html"]


def test_main_fails_and_says_why(book, monkeypatch, capsys):
    monkeypatch.setattr(topics, "BOOK", book)
    csv_with(book, "a,Ch,03-page#kept-label")
    assert topics.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert topics.main([]) == 0 and topics.main(["--check"]) == 0
    csv_with(book, "a,Ch,03-page#gone")
    assert topics.main([]) == 1
    assert "gone" in capsys.readouterr().err
