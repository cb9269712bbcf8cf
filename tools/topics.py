#!/usr/bin/env python3
"""The alphabetical topic index: book/topics.csv in, book/topics.md out.

    python tools/topics.py                      write the page
    python tools/topics.py --check              say whether it is up to date, and its links real
    python tools/topics.py --built _build/html  look for every anchor in the built pages

A line of the CSV holds a topic, the chapter's name and an anchor, such as
``eps caps the loss,Binary cross-entropy,03-binary-cross-entropy#eps-caps-the-loss``.
The anchor is a page of book/ and a label ``(eps-caps-the-loss)=`` or a heading in it.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

BOOK = Path(__file__).resolve().parent.parent / "book"
COLUMNS = ["topic", "chapter", "anchor"]
INTRO = """\
% Written by tools/topics.py from book/topics.csv: change that.

# Topics

Every topic of the book, with the chapter that treats it.
"""


class Topic(NamedTuple):
    topic: str
    chapter: str
    page: str
    target: str

    @property
    def anchor(self) -> str:
        return f"{self.page}#{self.target}"


class Targets(NamedTuple):
    """What a page's source lets one link to."""

    source: str  # file name
    labels: set[str]
    headings: set[str]


# ------------------------------------------------------------------ read
def read(path: Path) -> list[Topic]:
    """Read the CSV; a malformed line raises a ValueError that names it."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header != COLUMNS:
        raise ValueError(f"{path.name} begins with {header}, expected {COLUMNS}")
    topics = [_topic(f"{path.name} line {n}", row) for n, row in enumerate(rows, 2)]
    seen: set[tuple[str, str]] = set()
    for n, topic in enumerate(topics, 2):
        key = (topic.topic.casefold(), topic.anchor)
        if key in seen:
            raise ValueError(f"{path.name} line {n} repeats {topic.topic!r} at {topic.anchor}")
        seen.add(key)
    return topics


def _topic(where: str, row: list[str]) -> Topic:
    if len(row) != len(COLUMNS) or not all(cell.strip() == cell and cell for cell in row):
        raise ValueError(f"{where} is {row}, expected {COLUMNS}, none empty or padded")
    page, mark, target = row[2].partition("#")
    if not (page and mark and target):
        raise ValueError(f"{where}: anchor {row[2]!r}, expected page#label")
    return Topic(row[0], row[1], page, target)


def targets(book: Path, page: str) -> Targets | None:
    """The labels and headings of a page, or None if there is no such page."""
    for suffix in (".ipynb", ".md"):
        path = book / (page + suffix)
        if path.is_file():
            text = _markdown(path)
            labels = set(re.findall(r"^\(([^()\s]+)\)=[ \t]*$", text, re.M))
            headings = re.findall(r"^#{1,3}[ \t]+(.+)$", text, re.M)
            return Targets(path.name, labels, {slug(h) for h in headings})
    return None


def _markdown(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = [c["source"] for c in json.loads(text)["cells"] if c["cell_type"] == "markdown"]
    return "\n\n".join("".join(source) for source in cells)


def slug(heading: str) -> str:
    """The anchor that MyST gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# ------------------------------------------------------------------ check
def missing(topics: list[Topic], book: Path) -> list[str]:
    """Topics whose page or label the sources don't have."""
    found = []
    for topic in topics:
        there = targets(book, topic.page)
        if there is None:
            found.append(f"{topic.topic!r}: no page {topic.page!r}")
        elif topic.target not in there.labels | there.headings:
            found.append(
                f"{topic.topic!r}: {there.source} has no label ({topic.target})= nor that heading"
            )
    return found


def missing_built(topics: list[Topic], site: Path) -> list[str]:
    """Topics whose page or id the built site doesn't have."""
    found = []
    for topic in topics:
        page = site / BOOK.name / f"{topic.page}.html"
        if not page.is_file():
            found.append(f"{topic.topic!r}: no page {BOOK.name}/{topic.page}.html")
        elif f'id="{topic.target}"' not in page.read_text(encoding="utf-8"):
            found.append(f"{topic.topic!r}: no id {topic.target!r} in {topic.page}.html")
    return found


# ------------------------------------------------------------------ write
def render(topics: list[Topic], book: Path) -> str:
    """The page, sorted by topic."""
    ordered = sorted(topics, key=lambda t: (_key(t.topic), t.anchor))
    parts = [INTRO]
    for letter, group in itertools.groupby(ordered, key=lambda t: _letter(t.topic)):
        parts.append(f"\n## {letter}\n\n")
        parts += [f"- [{t.topic}]({_link(t, book)}) ({t.chapter})\n" for t in group]
    return "".join(parts)


def _key(topic: str) -> str:
    return re.sub(r"[^\w ]", "", topic).casefold().strip()


def _letter(topic: str) -> str:
    first = _key(topic)[:1].upper()
    return first if first.isalpha() else "Numbers and symbols"


def _link(topic: Topic, book: Path) -> str:
    there = targets(book, topic.page)
    if there is None or topic.target in there.labels:
        return f"#{topic.target}"
    return f"{there.source}#{topic.target}"


# ------------------------------------------------------------------ commands
def run(args: argparse.Namespace) -> list[str]:
    source, page = BOOK / "topics.csv", BOOK / "topics.md"
    try:
        topics = read(source)
    except (OSError, ValueError) as error:
        return [str(error)]
    if args.built:
        print(f"topics.py: {len(topics)} topics looked for in {args.built}")
        return missing_built(topics, args.built)
    problems, text = missing(topics, BOOK), render(topics, BOOK)
    if args.check:
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            problems.append(f"{page.name} is out of date: python tools/topics.py")
        print(f"topics.py: {len(topics)} topics checked")
    elif not problems:
        page.write_text(text, encoding="utf-8", newline="\n")
        print(f"topics.py: {len(topics)} topics written to book/{page.name}")
    return problems


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--built", type=Path, metavar="DIR", help="check the built pages in DIR")
    problems = run(parser.parse_args(argv))
    for problem in problems:
        print(f"topics.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
