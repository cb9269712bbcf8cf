#!/usr/bin/env python3
"""Put MathJax and Vega, which the pages load, and axe, which tests them, in their places.

    python tools/vendor.py           fetch them with npm and check them
    python tools/vendor.py --check   check what is there

The files are committed, so building the book needs neither npm nor a network.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Library(NamedTuple):
    """What is taken from which packages: names in the package, and under the folder."""

    files: dict[str, dict[str, str]]
    sha256: str


LIBRARIES = {
    # The fonts must stand where the script looks for them.
    "book/_extra/vendor/mathjax": Library(
        {
            "mathjax@3.2.2": {
                "LICENSE": "LICENSE",
                "es5/tex-chtml.js": "tex-chtml.js",
                "es5/output/chtml/fonts/woff-v2": "output/chtml/fonts/woff-v2",
            }
        },
        "b142fcd7aaa297ba34b7750a4a26a287b0cc0c6b7993cebd5b56c7b21fa6c331",
    ),
    # The version of Vega-Lite that Altair writes for, and the Vega it needs.
    "book/_extra/vendor/vega": Library(
        {
            "vega@6.4.0": {"LICENSE": "LICENSE", "build/vega.min.js": "vega.min.js"},
            "vega-lite@6.4.3": {
                "LICENSE": "LICENSE-vega-lite",
                "build/vega-lite.min.js": "vega-lite.min.js",
            },
        },
        "58fcd20c9bb55f5357eb179ddda5865c30887cb2e62dd18937db19105faa1c3c",
    ),
    "tools/site/axe": Library(
        {"axe-core@4.14.1": {"LICENSE": "LICENSE", "axe.min.js": "axe.min.js"}},
        "f34ac01d15ffc4cf28e13605fae6a21fb5755e345a8ca4b14a3eea6799defc19",
    ),
}


def digest(folder: Path) -> str:
    """One hash over the names and contents of all files."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()


def check(folder: Path, library: Library) -> None:
    found = digest(folder)
    if found != library.sha256:
        packages = ", ".join(library.files)
        raise SystemExit(f"{folder.name}: sha256 {found}, expected {library.sha256} ({packages})")


def fetch(folder: Path, library: Library) -> None:
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to fetch the libraries, and was not found")
    with tempfile.TemporaryDirectory() as scratch:
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *library.files]
        subprocess.run([*install, "--prefix", scratch], check=True, stdout=subprocess.DEVNULL)
        fresh = Path(scratch, folder.name)
        for package, files in library.files.items():
            source = Path(scratch, "node_modules", package.rpartition("@")[0])
            for name, target in files.items():
                copy(source / name, fresh / target)
        check(fresh, library)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    only_check = parser.parse_args().check
    for name, library in LIBRARIES.items():
        folder = ROOT / name
        if not only_check:
            fetch(folder, library)
        check(folder, library)
        count = sum(p.is_file() for p in folder.rglob("*"))
        print(f"{', '.join(library.files)}: {count} files, sha256 as pinned")


if __name__ == "__main__":
    sys.exit(main())
