"""Repairs of what Jupyter Book 1.0.4 and sphinx-book-theme 1.3 emit.

Most are faults that an accessibility checker or a page-speed audit finds on every page;
the rest are what readers missed in tables and figures.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from layout import arranged
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
DEFERRED = (
    "clipboard.min|copybutton|design-tabs|doctools|language_data|scripts/sphinx-book-theme"
    "|searchtools|sphinx_highlight|togglebutton"
)

REPAIRS = [
    # The stylesheet has the icon fonts; this script of 1.5 MB only repeats them.
    (r"<script[^>]*_static/scripts/fontawesome\.js[^>]*></script>\n?", ""),
    # The visible words of a toggle ("Show code cell source") are its name.
    (r'(<summary[^>]*?) aria-label="Toggle hidden content"', r"\1"),
    # So are those of the search button ("Search Ctrl+K").
    (r'(<button[^>]*?search-button-field[^>]*?) aria-label="Search"', r"\1"),
    (
        r'(<button[^>]*?) aria-label="Search"([^>]*?search-button-field)',
        r"\1\2",
    ),
    # A deprecated role that the list around it does not accept.
    (
        r'(<div [^>]*class="citation"[^>]*) role="doc-biblioentry"',
        r'\1 role="listitem"',
    ),
    # Fetched without holding up the first paint; nothing before </body> needs them.
    (
        rf'<script(?! defer)([^>]*) src="([^"]*(?:_static/(?:{DEFERRED})|searchindex)\.js[^"]*)"',
        r'<script defer\1 src="\2"',
    ),
    # The title in the sidebar else stands outside every landmark.
    (
        r'<div (class="bd-sidebar-primary bd-sidebar[^"]*" )?id="pst-primary-sidebar"',
        r'<div role="complementary" aria-label="Book" \1id="pst-primary-sidebar"',
    ),
    # A header of a hand-written table says what it heads.
    (r'<th class="head', r'<th scope="col" class="head'),
    (r'<th class="stub', r'<th scope="row" class="stub'),
    # On a phone a figure is small: it opens in full size. One that is a link stays as it is.
    (
        r'(?<=\n)(<img [^>]*?src="([^"]*_images/[^"]+)"[^>]*>)',
        r'<a class="full-size" href="\2">\1</a>',
    ),
    # A thumb that unfolds a solution is not to land on the exercise above it.
    (
        r'(<p class="admonition-title">Solution to)<a class="reference internal"[^>]*> (.*?)</a>',
        r"\1 \2",
    ),
    # MathJax sets a formula as a box, after which a line may end: not before its comma.
    (
        r'(?<!"unbroken">)(?<!"unbroken">\()'
        r'(\(?<span class="math notranslate nohighlight">[^<]*</span>[.,;:?!)]+)',
        r'<span class="unbroken">\1</span>',
    ),
]
COMPILED = [(re.compile(pattern), replacement) for pattern, replacement in REPAIRS]
TABLE = re.compile(r'<table class="lossbook-table">.*?</table>', re.S)
CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.S)
NUMBER = re.compile(r"(-?(\d[\d.,]*(e-?\d+)?|inf)%?|nan)?")
# The corner of a table heads nothing, and a header without words says nothing.
EMPTY_HEADER = re.compile(r'<th(?: scope="\w+")?( [^>]*)?>(?:<p></p>)?</th>')
# From disk no browser fetches the excerpts of search results; asking is an error each.
EXCERPTS = ("SHOW_SEARCH_SUMMARY: true", 'SHOW_SEARCH_SUMMARY: location.protocol !== "file:"')
UNUSED = ("scripts/fontawesome.js", "scripts/*.map", "styles/*.map")


def add_lab(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Only pages with an interactive figure load the script that draws it."""
    if 'class="lossbook-lab"' in context.get("body", ""):
        app.add_js_file("lab.js", defer="defer")


def name_no_notebook(app: Any, page: str, source: list[str]) -> None:
    """A file that is no notebook is named; the parser only quotes how it begins."""
    path = app.env.doc2path(page, base=False)
    if path.endswith(".ipynb"):
        try:
            json.loads(source[0])
        except ValueError as error:
            raise ExtensionError(f"{path} is no notebook: {error}") from None


def ask_for_texts(app: Any, doctree: nodes.document) -> None:
    """A warning for each image without an alternative text: Sphinx would show its file name."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            place = image
            while not place.line and place.parent:  # an image in a line has none of its own
                place = place.parent
            LOGGER.warning(
                "an image without alternative text: %s (in a notebook: mystnb.image.alt in the "
                "metadata of its cell)",
                image.get("uri", ""),
                location=place,
                type="reader",
                subtype="alt",
            )


def repair_pages(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = repaired(arranged(old, out))
        if new != old:
            page.write_text(new, encoding="utf-8")
    for pattern in UNUSED:
        for path in (out / "_static").glob(pattern):
            path.unlink()
    options = out / "_static/documentation_options.js"
    options.write_text(options.read_text(encoding="utf-8").replace(*EXCERPTS), encoding="utf-8")


def repaired(text: str) -> str:
    for pattern, replacement in COMPILED:
        text = pattern.sub(replacement, text)
    text = TABLE.sub(lambda table: right_aligned(table[0]), text)
    return EMPTY_HEADER.sub(r"<td\1></td>", text)


def right_aligned(table: str) -> str:
    """A table in which a column of numbers is one also where it has blanks or percents."""
    rows = [CELL.findall(row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.S)]
    columns = zip(*rows, strict=True)
    numeric = [all(NUMBER.fullmatch(cell[2]) for cell in column[1:]) for column in columns]
    place = itertools.cycle(numeric)

    def cell(found: re.Match[str]) -> str:
        name, attributes, content = found.groups()
        if next(place) and "class=" not in attributes:
            attributes += ' class="lossbook-number"'
        return f"<{name}{attributes}>{content}</{name}>"

    return CELL.sub(cell, table)


class NumbersOfTitles(SphinxTransform):
    """Sphinx's search leaves out numbers, and "0.693" is what a reader comes with: it finds
    what the general index names.
    """

    default_priority = 800  # before the index takes its entries

    def apply(self, **kwargs: Any) -> None:
        for title in list(self.document.findall(nodes.title)):
            numbers = re.findall(r"\d+\.\d+", title.astext())
            if numbers and isinstance(title.parent, nodes.section):
                place = title.parent["ids"][0]
                entries = [("single", number, place, "", None) for number in numbers]
                title.parent.insert(1, addnodes.index(entries=entries))


def setup(app: Any) -> dict[str, Any]:
    app.add_transform(NumbersOfTitles)
    app.connect("source-read", name_no_notebook)
    app.connect("doctree-read", ask_for_texts)
    app.connect("html-page-context", add_lab)
    app.connect("build-finished", repair_pages, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
