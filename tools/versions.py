#!/usr/bin/env python3
"""Requirements that are not the exact ones of requirements.txt, for the weekly runs.

python tools/versions.py newest     the newest of everything that is used directly
python tools/versions.py oldest     the exact ones, but the package's own at their lower bounds
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Version 2 of Jupyter Book is another program: tests/test_exit.py keeps the other way out open.
# A very old one asks for no version of Sphinx, and pip would take it for the newest Sphinx.
HELD = {"jupyter-book": ">=1,<2"}
INDIRECT = "# what these pull in"


def direct(text: str) -> dict[str, str]:
    """The version of each package in requirements.txt that this repository uses itself."""
    part, mark, _ = text.partition(INDIRECT)
    if not mark:
        raise ValueError(f"requirements.txt has no line {INDIRECT!r}")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", part, re.M))


def bounds(text: str) -> dict[str, str]:
    """The lower bound of each dependency in pyproject.toml."""
    project = tomllib.loads(text)["project"]
    listed = [project["dependencies"], *project["optional-dependencies"].values()]
    found = (re.fullmatch(r"([\w.-]+)>=([\w.]+)", line) for lines in listed for line in lines)
    return {match[1]: match[2] for match in found if match}


def requirements(kind: str) -> list[str]:
    exact = direct((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    if kind == "newest":
        return [name + HELD.get(name, "") for name in exact]
    lowest = bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [f"{name}=={version}" for name, version in (exact | lowest).items()]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["newest", "oldest"])
    print("\n".join(requirements(parser.parse_args(argv).kind)))


if __name__ == "__main__":
    main()
