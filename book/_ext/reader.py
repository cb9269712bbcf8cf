"""Repairs of what Jupyter Book 1.0.4 and sphinx-book-theme 1.3 emit.

Each is a fault that an accessibility checker or a page-speed audit finds on every page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
        rf'<script([^>]*) src="([^"]*(?:_static/(?:{DEFERRED})|searchindex)\.js[^"]*)"(?! defer)',
        r'<script\1 defer src="\2"',
    ),
    # The title in the sidebar else stands outside every landmark.
    (
        r'<div (class="bd-sidebar-primary bd-sidebar[^"]*" )?id="pst-primary-sidebar"',
        r'<div role="complementary" aria-label="Book" \1id="pst-primary-sidebar"',
    ),
]
COMPILED = [(re.compile(pattern), replacement) for pattern, replacement in REPAIRS]
UNUSED = ("scripts/fontawesome.js", "scripts/*.map", "styles/*.map")


def repair_pages(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = repaired(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
    for pattern in UNUSED:
        for path in (out / "_static").glob(pattern):
            path.unlink()


def repaired(text: str) -> str:
    for pattern, replacement in COMPILED:
        text = pattern.sub(replacement, text)
    return text


def setup(app: Any) -> dict[str, Any]:
    app.connect("build-finished", repair_pages, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
