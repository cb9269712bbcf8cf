"""What a page tells machines about itself, and the two pages that no source stands for.

Every page gets a description, taken from its first paragraph, and the properties that a
message shows when it links there. A search engine and a preview need absolute addresses:
those appear only if the deployment tells where the site will stand, by
LOSSBOOK_SITE=https://owner.github.io/name/.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from docutils import nodes
from sphinx.errors import ExtensionError

COVER = "Loss functions, derived, checked and run"
CARD = "_static/card.png"
CARD_TEXT = "lossbook: loss functions, derived, checked and run. One of two losses goes flat."
NOINDEX = '<meta name="robots" content="noindex">'
LONGEST = 200  # characters of a description; search engines show about 160

MISSING = """
<h1>This page is not here</h1>
<p>The address may be mistyped, or the page has another name now. These lead on:</p>
<ul>
<li><a href="{book}index.html">the cover</a>, with a list of all chapters</li>
<li><a href="{book}symptoms.html">symptoms</a>, if a number on your screen is wrong</li>
<li><a href="{book}topics.html">the topic index</a>, and <a href="search.html">search</a></li>
</ul>
"""


def place_site(app: Any, config: Any) -> None:
    site = os.environ.get("LOSSBOOK_SITE", "")
    if site and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", site):
        raise ExtensionError(f"LOSSBOOK_SITE is {site!r}, expected https://owner.github.io/name/")
    if site:
        config.html_baseurl = site.rstrip("/") + "/"


# ------------------------------------------------------------------ descriptions
def description(doctree: nodes.document) -> str:
    """The first paragraph of a page as plain text, cut after a sentence or a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            return shortened(" ".join(plain(paragraph).split()))
    return ""


def plain(paragraph: nodes.paragraph) -> str:
    """The text of a paragraph, its formulas without LaTeX's own signs."""
    parts = []
    for node in paragraph.findall(nodes.Text):
        text = node.astext()
        if isinstance(node.parent, nodes.math):
            text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
            text = re.sub(r"\\(?:mathrm|operatorname|text)\b|[{}$\\]", "", text)
        parts.append(text)
    return "".join(parts)


def shortened(text: str, longest: int = LONGEST) -> str:
    """At most this many characters: whole sentences if the first fits, else whole words."""
    if len(text) <= longest:
        return text
    ends = [m.end() for m in re.finditer(r"[.?!](?= )", text[:longest])]
    if ends and ends[-1] > longest / 3:
        return text[: ends[-1]]
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def describe_page(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if page == app.config.root_doc:
        context["title"] = COVER
    found = tags(app, page, context["title"], doctree) if doctree else [NOINDEX] * (page == "404")
    context["metatags"] = "\n".join([context.get("metatags", ""), *found])


def tags(app: Any, page: str, title: str, doctree: nodes.document) -> Iterator[str]:
    yield meta("og:title", html.unescape(re.sub("<[^>]*>", "", title)))
    yield meta("og:type", "website" if page == app.config.root_doc else "article")
    yield meta("og:site_name", app.config.project)
    if text := description(doctree):
        yield meta("description", text, key="name")
        yield meta("og:description", text)
    if base := app.config.html_baseurl:
        yield meta("og:url", urljoin(base, app.builder.get_target_uri(page)))
        yield meta("og:image", urljoin(base, CARD))
        yield meta("og:image:alt", CARD_TEXT)
        yield meta("twitter:card", "summary_large_image", key="name")


def meta(name: str, content: str, key: str = "property") -> str:
    return f'<meta {key}="{name}" content="{html.escape(content)}">'


# ------------------------------------------------------------------ pages without a source
def missing_page(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    folder = app.config.root_doc.rpartition("/")[0]
    body = MISSING.format(book=f"{folder}/" if folder else "")
    yield "404", {"title": "This page is not here", "body": body}, "page.html"


def finish(app: Any, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    if base:
        # A server shows it for addresses of any depth, so its own links must not depend on that.
        page = out / "404.html"
        page.write_text(absolute(page.read_text("utf-8"), urlsplit(base).path), "utf-8")
    if app.config.root_doc != "index":
        cover = app.builder.get_target_uri(app.config.root_doc)
        (out / "index.html").write_text(entrance(cover, base), "utf-8")


def absolute(text: str, root: str) -> str:
    """A page at the root of the site with addresses that hold everywhere on its server."""
    relative = r'\b(href|src|action|data-content_root)="(?![#/]|[a-z]+:)(?:\./)?'
    return re.sub(relative, rf'\1="{root.rstrip("/")}/', text)


def entrance(cover: str, base: str) -> str:
    """The page at the root of the site: it leads to the cover, and can be previewed."""
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="refresh" content="0; url={cover}">',
        f"<title>lossbook: {COVER}</title>",
        meta("og:title", f"lossbook: {COVER}"),
    ]
    if base:
        head += [
            f'<link rel="canonical" href="{urljoin(base, cover)}">',
            meta("og:image", urljoin(base, CARD)),
            meta("og:image:alt", CARD_TEXT),
        ]
    lines = "\n".join(head)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{lines}\n</head>\n'
        f'<body><main><h1>lossbook</h1><p><a href="{cover}">To the book</a></p></main></body>\n'
        "</html>\n"
    )


def setup(app: Any) -> dict[str, Any]:
    app.connect("config-inited", place_site)
    app.connect("html-collect-pages", missing_page)
    app.connect("html-page-context", describe_page)
    app.connect("build-finished", finish, priority=950)  # after the repairs of reader.py
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
