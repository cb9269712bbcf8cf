"""What only a deployment knows: the address of the repository.

With LOSSBOOK_REPOSITORY=https://github.com/owner/name (and LOSSBOOK_BRANCH, else main) the
pages get buttons for Colab, Binder, the repository, an issue and an edit, and the notebooks
that can be downloaded begin with a cell that installs lossbook. Without it, nothing changes.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from sphinx.errors import ExtensionError

# Colab opens notebooks from a branch; .github/workflows/test.yml puts the built ones there.
NOTEBOOKS = "notebooks"
CELL = "install-lossbook"
INSTALL = """\
# Colab has no lossbook. --no-deps leaves its numpy and torch as they are.
import importlib.util

if importlib.util.find_spec("lossbook") is None:
    %pip install --quiet --no-deps array-api-compat "lossbook @ git+{url}@{branch}"\
"""


class Repository(NamedTuple):
    url: str
    branch: str

    @property
    def on_github(self) -> bool:
        return self.url.startswith("https://github.com/")


def repository() -> Repository | None:
    url = os.environ.get("LOSSBOOK_REPOSITORY", "").rstrip("/").removesuffix(".git")
    if not url:
        return None
    if not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ExtensionError(
            f"LOSSBOOK_REPOSITORY is {url!r}, expected https://github.com/owner/name"
        )
    return Repository(url, os.environ.get("LOSSBOOK_BRANCH") or "main")


def add_buttons(app: Any, config: Any) -> None:
    there = repository()
    if there is None:
        return
    options = config.html_theme_options
    buttons = ("use_repository_button", "use_issues_button", "use_edit_page_button")
    options |= dict.fromkeys(buttons, True)
    options |= {"repository_url": there.url, "repository_branch": there.branch}
    options["path_to_docs"] = ""
    options["launch_buttons"] = {
        **options.get("launch_buttons", {}),
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com" if there.on_github else "",
        "notebook_interface": "jupyterlab",
    }


def redirect_colab(app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
    """Open the notebook with the cell that installs: the theme knows one branch only."""
    there = repository()
    for group in context.get("header_buttons", []) if there else []:
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                folder = f"{page.rpartition('/')[0]}/".lstrip("/")
                button["url"] = button["url"].replace(
                    f"/blob/{there.branch}/{folder}", f"/blob/{NOTEBOOKS}/"
                )


def add_install_cells(app: Any, exception: Exception | None) -> None:
    there = repository()
    if there is None or exception or app.builder.format != "html":
        return
    for path in (Path(app.outdir) / "_sources").rglob("*.ipynb"):
        notebook = with_install(json.loads(path.read_text(encoding="utf-8")), there)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def with_install(notebook: dict[str, Any], there: Repository) -> dict[str, Any]:
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": CELL,
        "metadata": {},
        "outputs": [],
        "source": INSTALL.format(url=there.url, branch=there.branch),
    }
    rest = [c for c in notebook["cells"] if c.get("id") != CELL]
    return {**notebook, "cells": [cell, *rest]}


def setup(app: Any) -> dict[str, Any]:
    app.connect("config-inited", add_buttons)
    app.connect("html-page-context", redirect_colab, priority=900)
    app.connect("build-finished", add_install_cells)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
