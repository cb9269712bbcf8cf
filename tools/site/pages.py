"""What the files of the built book say, read without a browser."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

# A doctest that shows an error leaves the frames out.
TRACEBACK = re.compile(r"Traceback \(most recent call last\)(?!:\s*\.\.\.)")
# What a page fetches by itself, not when the reader follows a link.
FETCHED = {"script", "img", "iframe", "source", "video", "audio", "embed", "object"}
RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "manifest"}


class Link(NamedTuple):
    line: int
    tag: str
    target: str
    fetched: bool

    def __str__(self) -> str:
        return f"line {self.line}, <{self.tag}> to {self.target!r}"


class Page(HTMLParser):
    """The title, anchors, links and words of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[Link] = []
        self.unnamed: list[str] = []  # images without alternative text
        self.live = 'class="lossbook-lab"' in text
        self.title = ""
        self.leads_on = False  # at once, to another page
        self._words: list[str] = []
        self._in = ""
        self.feed(text)
        self.words = "".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        given = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        fetched = tag in FETCHED or bool(
            tag == "link" and RELATIONS & set(given.get("rel", "").split())
        )
        for key in ("href", "src", "poster") + ("data",) * (tag == "object"):
            if given.get(key):
                self.links.append(Link(line, tag, given[key], fetched))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.leads_on = True
            target = given.get("content", "").partition("=")[2].strip("'\" ")
            self.links.append(Link(line, tag, target, fetched=False))
        # The logo, whose alternative text is empty, stands beside its words.
        named = given.get("alt") or ("alt" in given and "logo__image" in given.get("class", ""))
        # Sphinx gives an image without a text its file name.
        if tag == "img" and (not named or given["alt"] == given.get("src")):
            self.unnamed.append(f"line {line}, <img> {given.get('src', '')!r}")

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._in == "title" and not self.title:
            self.title = data.partition(" — ")[0]


def read(root: Path) -> dict[str, Page]:
    """Every page, by its path below the root."""
    files = {file.relative_to(root).as_posix(): file for file in sorted(root.rglob("*.html"))}
    aside = ("_static/", "_sources/", "vendor/")
    return {
        name: Page(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if not name.startswith(aside)
    }


def faults(root: Path, pages: dict[str, Page]) -> Iterator[tuple[str, str]]:
    """Pairs of a page and what is wrong with it."""
    for name, page in pages.items():
        if found := TRACEBACK.search(page.words):
            around = page.words[max(found.start() - 60, 0) : found.end() + 100]
            shown = " ".join(around.split())
            yield name, f"{shown!r}: expected no traceback"
        for image in page.unnamed:
            yield name, f"{image}: expected an alternative text"
        for link in page.links:
            if expected := _expected(root, pages, name, link):
                yield name, f"{link}: expected {expected}"


def _expected(root: Path, pages: dict[str, Page], name: str, link: Link) -> str | None:
    """What a link lacks."""
    parts = urlsplit(link.target)
    if parts.scheme or parts.netloc:
        local = parts.scheme in ("data", "mailto", "blob", "javascript")
        return "no request to a third party" if link.fetched and not local else None
    if parts.path.startswith("/"):
        return "a relative path: this one leads out of a site below a path"
    path = unquote(parts.path)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
    if target.startswith("../"):
        return "a target inside the site"
    if (root / target).is_dir():
        target = posixpath.normpath(posixpath.join(target, "index.html"))
    if not (root / target).is_file():
        return "a file that exists"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"an anchor that {target} has"
    return None
