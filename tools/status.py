#!/usr/bin/env python3
"""Record what nbval found in the chapters, for the status page.

python tools/status.py nbval.xml     pytest's JUnit report; writes _build/status/here.json
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "_build/status/here.json"


def chapters(report: Path, book: Path = ROOT / "book") -> dict[str, dict]:
    """Per notebook: seconds, cells, failed cells, and the claims that it states."""
    found: dict[str, dict] = {}
    for case in ET.parse(report).iter("testcase"):
        # "book.01-logits-and-odds.ipynb", the path with dots for slashes
        name = case.get("classname", "").removesuffix(".ipynb").rpartition(".")[2]
        path = book / f"{name}.ipynb"
        if not path.is_file():
            continue
        row = found.setdefault(name, {"seconds": 0.0, "cells": 0, "failed": 0, "skipped": 0})
        row["seconds"] += float(case.get("time", 0))
        row["cells"] += 1
        row["failed"] += case.find("failure") is not None or case.find("error") is not None
        row["skipped"] += case.find("skipped") is not None
    for name, row in found.items():
        row["seconds"] = round(row["seconds"], 1)
        row["claims"] = claims(book / f"{name}.ipynb")
        row["passed"] = not row["failed"] and not row["skipped"]
    return dict(sorted(found.items()))


def claims(notebook: Path) -> int:
    """The assertions in the code, and the claims handed to check()."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    plain = TransformerManager().transform_cell  # magics to Python
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    return sum(_weight(node) for text in code for node in ast.walk(ast.parse(plain(text))))


def _weight(node: ast.AST) -> int:
    if isinstance(node, ast.Assert):
        return 1
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "check":
        return len(node.args) - 1  # the first is the label
    return 0


def environment() -> dict[str, str]:
    from lossbook.devices import device

    names = {"numpy": "NumPy", "torch": "torch"}
    versions = {shown: version(name) for name, shown in names.items()}
    return {"Python": platform.python_version(), **versions, "device": str(device())}


def commit() -> str | None:
    """Which version was checked; with a plus sign, it had changes of its own."""
    if "GITHUB_SHA" in os.environ:
        return os.environ["GITHUB_SHA"][:7]
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or None


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    parser.add_argument("--to", type=Path, default=TARGET, help="the record")
    args = parser.parse_args(argv)
    record = {
        "checked": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "environment": environment(),
        "chapters": chapters(args.report),
    }
    args.to.parent.mkdir(parents=True, exist_ok=True)
    args.to.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    passed = sum(row["passed"] for row in record["chapters"].values())
    print(f"status.py: {passed} of {len(record['chapters'])} notebooks passed, recorded")


if __name__ == "__main__":
    main()
