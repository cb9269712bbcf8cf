#!/usr/bin/env python3
"""Put MathJax, which the pages load, under book/_extra/vendor.

    python tools/vendor.py           fetch it with npm and check it
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

TARGET = Path(__file__).resolve().parent.parent / "book/_extra/vendor/mathjax"
PACKAGE = "mathjax@3.2.2"
# In the package, and under the target. The fonts must stand where the script looks for them.
FILES = {
    "LICENSE": "LICENSE",
    "es5/tex-chtml.js": "tex-chtml.js",
    "es5/output/chtml/fonts/woff-v2": "output/chtml/fonts/woff-v2",
}
SHA256 = "b142fcd7aaa297ba34b7750a4a26a287b0cc0c6b7993cebd5b56c7b21fa6c331"


def digest(folder: Path) -> str:
    """One hash over the names and contents of all files."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()


def check(folder: Path) -> None:
    found = digest(folder)
    if found != SHA256:
        raise SystemExit(f"{folder.name}: sha256 {found}, expected {SHA256} ({PACKAGE})")


def fetch(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to fetch MathJax, and was not found")
    with tempfile.TemporaryDirectory() as scratch:
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
        subprocess.run([*install, "--prefix", scratch], check=True, stdout=subprocess.DEVNULL)
        package = Path(scratch, "node_modules", "mathjax")
        fresh = Path(scratch, "mathjax")
        for source, target in FILES.items():
            copy(package / source, fresh / target)
        check(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    if not parser.parse_args().check:
        fetch(TARGET)
    check(TARGET)
    count = sum(p.is_file() for p in TARGET.rglob("*"))
    print(f"{PACKAGE}: {count} files, sha256 as pinned")


if __name__ == "__main__":
    sys.exit(main())
