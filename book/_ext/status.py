"""The directive ``status``: which notebook passed where, as tools/status.py recorded it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

RECORDS = Path("_build/status")
NOTHING = (
    "The tests were not run before this copy of the book was built, so it has no results. "
    "`make test book` fills this page."
)


class Status(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / RECORDS
        self.env.metadata[self.env.docname]["records"] = stamp(folder)
        records = read(folder)
        pages = Path(self.env.doc2path(self.env.docname)).parent
        lines = list(written(records, {p.stem for p in pages.glob("*.ipynb")}))
        parent = nodes.container()
        self.state.nested_parse(StringList(lines, "status"), self.content_offset, parent)
        return parent.children


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of one run or of several, in the order of their environments."""
    records = [json.loads(p.read_text(encoding="utf-8")) for p in folder.rglob("*.json")]
    return sorted(records, key=lambda r: _numbers(r["environment"]["Python"]))


def stamp(folder: Path) -> str:
    """What changes if a record does."""
    return repr(sorted((p.name, p.stat().st_mtime_ns) for p in folder.rglob("*.json")))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def written(records: list[dict[str, Any]], pages: set[str]) -> Iterator[str]:
    """The page in Markdown: the environments, then a table with one column for each."""
    if not records:
        yield NOTHING
        return
    for number, record in enumerate(records, 1):
        *software, device = record["environment"].items()
        rows = record["chapters"].values()
        where = ", ".join(f"{name} {version}" for name, version in software)
        of = f", version {record['commit']}" if record["commit"] else ""
        yield f"{number}. {where}, on {device[1]}: checked {record['checked']}{of}."
        yield (
            f"   {sum(r['passed'] for r in rows)} of {len(rows)} notebooks passed, "
            f"in {sum(r['seconds'] for r in rows):.0f} s."
        )
    yield ""
    heads = (f"{n}. Python {r['environment']['Python']}" for n, r in enumerate(records, 1))
    yield f"| Page | Claims | {' | '.join(heads)} |"
    yield "|---|--:|" + "---|" * len(records)
    for name in sorted({n for r in records for n in r["chapters"]} & pages):
        rows = [r["chapters"].get(name) for r in records]
        claims = max(row["claims"] for row in rows if row)
        yield f"| [](./{name}.ipynb) | {claims} | " + " | ".join(map(_result, rows)) + " |"


def _result(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    if row["passed"]:
        return f"passed, {row['seconds']:.1f} s"
    return f"**failed** in {row['failed']} of {row['cells']} cells"


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Read the page anew if there are other records: they are no sources that Sphinx watches."""
    now = stamp(Path(env.srcdir) / RECORDS)
    pages = (d for d in env.found_docs if Path(d).name == "status")
    return [d for d in pages if env.metadata[d].get("records") != now]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("status", Status)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
