"""The way out of Jupyter Book 1.x: its exported Sphinx configuration on the newest Sphinx.

Slow, and needs a package index: LOSSBOOK_SLOW=1, or ``make exit``. The environment is made
once; ``make clean`` removes it, and the next run gets the versions that are newest then.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEWEST = ROOT / "_build/newest"
BOOK_ONLY = ("jupyter_book", "sphinx_jupyterbook_latex")
# The package too: its docstrings are pages. torch stays out.
STACK = [
    "sphinx", "myst-nb", "sphinx-book-theme", "sphinx-design", "sphinx-copybutton",
    "sphinx-togglebutton", "sphinx-comments", "sphinx-external-toc", "sphinx-multitoc-numbering",
    "sphinx-exercise", "sphinx-proof", "sphinxcontrib-bibtex", "--editable", f"{ROOT}[sympy,plots]",
]  # fmt: skip


def environment() -> Path:
    """Its Python."""
    python, installed = NEWEST / "bin/python", NEWEST / "installed.txt"
    if not installed.is_file() or installed.read_text() != "\n".join(STACK):
        venv.create(NEWEST, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *STACK], check=True)
        installed.write_text("\n".join(STACK))
    return python


def exported(folder: Path) -> str:
    """The conf.py that Jupyter Book writes of _config.yml, without its own extensions."""
    tool = Path(sys.executable).with_name("jupyter-book")
    subprocess.run([tool, "config", "sphinx", folder], check=True, stdout=subprocess.DEVNULL)
    return re.sub(rf"'({'|'.join(BOOK_ONLY)})',? ?", "", (folder / "conf.py").read_text())


@pytest.mark.skipif("LOSSBOOK_SLOW" not in os.environ, reason="slow: make exit")
def test_the_sources_build_on_the_newest_sphinx(tmp_path):
    source, site = tmp_path / "source", tmp_path / "html"
    source.mkdir()
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, source)
    for name in ("book", "assignments"):
        shutil.copytree(ROOT / name, source / name)
    conf = exported(source)
    assert not any(f"'{name}'" in conf for name in BOOK_ONLY)
    (source / "conf.py").write_text(conf)

    strict = ["-W", "-n", "--keep-going", "-q", "-b", "html"]
    # Where Jupyter Book finds the local extensions by itself.
    env = os.environ | {"PYTHONPATH": str(source / "book/_ext")}
    command = [environment(), "-m", "sphinx", *strict, source, site]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (site / "book/index.html").is_file()
