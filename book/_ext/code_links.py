"""Names of lossbook in the code cells lead to their entries in the API reference.

A page is read as Python would: an import makes a name known, any other binding of the same
name makes it unknown, and what is defined within a function holds there alone. Only the
first of several equal names in a cell becomes a link, so that a keyboard has few stops.
"""

from __future__ import annotations

import ast
import contextlib
import html
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from names import public

CELL = re.compile(
    r'(<div class="highlight-ipython3 [^>]*><div class="highlight"><pre>)(.*?)</pre>', re.S
)
LINK = '<a class="api" href="{}">{}</a>'


class Use(NamedTuple):
    offset: int  # in the text of the cell
    name: str  # as it stands there
    target: str  # where it comes from


class Names(ast.NodeVisitor):
    """The names of lossbook in one cell after the other."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.lines: list[str] = []
        self.uses: list[Use] = []

    def read(self, cell: str) -> list[Use]:
        # A command of Jupyter is no Python. Its line stays, so that the others keep their numbers.
        cell = re.sub(r"^\s*[%!].*", lambda command: "#" * len(command[0]), cell, flags=re.M)
        self.lines, self.uses = cell.splitlines(keepends=True), []
        with contextlib.suppress(SyntaxError):  # the other languages of Jupyter, as after %%bash
            self.visit(ast.parse(cell))
        return self.uses

    def use(self, line: int, column: int, name: str, target: str) -> None:
        """Note a name that ends in this column, which Python counts in bytes."""
        before = self.lines[line - 1].encode()[:column].decode()
        offset = sum(map(len, self.lines[: line - 1])) + len(before) - len(name)
        self.uses.append(Use(offset, name, target))

    def dotted(self, node: ast.AST) -> str | None:
        if isinstance(node, ast.Attribute):
            package = self.dotted(node.value)
            return package and f"{package}.{node.attr}"
        return self.known.get(node.id) if isinstance(node, ast.Name) else None

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.known.pop(alias.asname or alias.name, None)
            if alias.name.split(".")[0] == "lossbook":
                self.known[alias.asname or "lossbook"] = alias.name if alias.asname else "lossbook"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.known.pop(alias.asname or alias.name, None)
            if node.module and node.module.split(".")[0] == "lossbook":
                target = self.known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                end = alias.col_offset + len(alias.name)
                self.use(alias.lineno, end, alias.name, target)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.known.pop(node.id, None)
        elif target := self.known.get(node.id):
            self.use(node.end_lineno, node.end_col_offset, node.id, target)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        if target := self.dotted(node):
            self.use(node.end_lineno, node.end_col_offset, node.attr, target)

    def visit_arg(self, node: ast.arg) -> None:
        self.generic_visit(node)
        self.known.pop(node.arg, None)

    def scope(self, node: ast.AST) -> None:
        self.known.pop(getattr(node, "name", None), None)
        outside = dict(self.known)
        self.generic_visit(node)
        self.known = outside

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = scope


def linked(body: str, address: Callable[[str], str | None]) -> str:
    """A page with links in its code cells, to the addresses of the names that have one."""
    names = Names()

    def cell(found: re.Match[str]) -> str:
        pieces = re.split(r"(<[^>]*>)", found[2])  # text and tags in turn
        texts = [html.unescape(text) for text in pieces[::2]]
        uses: dict[str, Use] = {}
        for use in names.read("".join(texts)):
            uses.setdefault(use.target, use)
        at = {use.offset: use for use in uses.values()}
        offset = 0
        for number, text in enumerate(texts):
            use = at.get(offset)
            if use and use.name == text and (there := address(use.target)):
                pieces[2 * number] = LINK.format(there, pieces[2 * number])
            offset += len(text)
        return f"{found[1]}{''.join(pieces)}</pre>"

    return CELL.sub(cell, body)


def add_links(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if doctree is None:
        return

    def address(target: str) -> str | None:
        there = public(app.env, target)
        return there and f"{app.builder.get_relative_uri(page, there.docname)}#{there.node_id}"

    context["body"] = linked(context["body"], address)


def setup(app: Any) -> dict[str, Any]:
    app.connect("html-page-context", add_links)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
