"""What a deployment adds: buttons, the cell that installs, the status page; links; versions."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import links
import status
import versions

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book/_ext"


def extension(name):
    spec = importlib.util.spec_from_file_location(f"extension_{name}", EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


deployment, status_page = extension("deployment"), extension("status")


# ------------------------------------------------------------------ buttons
CONF = f"""\
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_nb", "sphinx_book_theme", "deployment", "status"]
html_theme, nb_execution_mode, root_doc = "sphinx_book_theme", "off", "book/page"
"""


def notebook(*code):
    cells = [{"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# Page"}]
    for n, source in enumerate(code):
        cells.append(
            {
                "cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source,
                "outputs": [], "execution_count": 1,
            }
        )  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    (root / "conf.py").write_text(CONF)
    (root / "book").mkdir()
    (root / "book/page.ipynb").write_text(json.dumps(notebook("1 + 1")))
    (root / "book/status.md").write_text("# Status\n\n```{status}\n```\n")

    def run(**deployed):
        env = {k: v for k, v in os.environ.items() if not k.startswith("LOSSBOOK_")} | deployed
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", root, root / "html"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        return done, root / "html"

    run.root = root
    return run


def test_buttons_appear_only_with_the_address(build):
    done, site = build()
    assert done.returncode == 0, done.stderr
    plain = (site / "book/page.html").read_text()
    assert not any(w in plain for w in ("colab", "mybinder", "github.com/owner"))
    assert deployment.CELL not in (site / "_sources/book/page.ipynb").read_text()

    url = "https://github.com/owner/name"
    done, site = build(LOSSBOOK_REPOSITORY=url, LOSSBOOK_BRANCH="trunk")
    assert done.returncode == 0, done.stderr
    page = (site / "book/page.html").read_text()
    for address in (
        "https://colab.research.google.com/github/owner/name/blob/notebooks/page.ipynb",
        "https://mybinder.org/v2/gh/owner/name/trunk?urlpath=lab/tree/book/page.ipynb",
        f'href="{url}"',
        f"{url}/issues/new",
        f"{url}/edit/trunk/book/page.ipynb",
    ):
        assert address in page
    copy = json.loads((site / "_sources/book/page.ipynb").read_text())
    assert [c["id"] for c in copy["cells"]] == [deployment.CELL, "t", "c0"]
    assert f"git+{url}@trunk" in copy["cells"][0]["source"]

    # Outside GitHub there is no Colab; a second build replaces the cell.
    other = "https://gitlab.com/owner/name"
    done, site = build(LOSSBOOK_REPOSITORY=other)
    assert done.returncode == 0, done.stderr
    page = (site / "book/page.html").read_text()
    assert "colab" not in page and f"{other}/-/issues/new" in page
    copy = json.loads((site / "_sources/book/page.ipynb").read_text())
    assert [c["id"] for c in copy["cells"]] == [deployment.CELL, "t", "c0"]
    assert f"git+{other}@main" in copy["cells"][0]["source"]


def test_a_wrong_address_is_named(build):
    done, _ = build(LOSSBOOK_REPOSITORY="owner/name")
    assert done.returncode != 0
    assert "LOSSBOOK_REPOSITORY is 'owner/name'" in done.stderr


def test_the_cell_installs_the_package_alone():
    assert "--no-deps" in deployment.INSTALL
    assert "numpy" not in deployment.INSTALL.partition("%pip")[2]


# ------------------------------------------------------------------ status
REPORT = """\
<testsuites><testsuite>
<testcase classname="book.page.ipynb" name="Cell 0" time="1.25"/>
<testcase classname="book.page.ipynb" name="Cell 1" time="0.5"/>
<testcase classname="book.other.ipynb" name="Cell 0" time="0.5"><failure/></testcase>
<testcase classname="book.other.ipynb" name="Cell 1" time="0.1"><skipped/></testcase>
<testcase classname="tests.test_odds" name="test_it" time="9"/>
</testsuite></testsuites>
"""


@pytest.fixture
def found(tmp_path):
    code = ["%matplotlib inline\ncheck('one', 1 == 1, 2 == 2)", "assert True\nprint('check')"]
    (tmp_path / "page.ipynb").write_text(json.dumps(notebook(*code)))
    (tmp_path / "other.ipynb").write_text(json.dumps(notebook("1 / 0", "1")))
    (tmp_path / "report.xml").write_text(REPORT)
    return status.chapters(tmp_path / "report.xml", tmp_path)


def test_seconds_claims_and_results(found):
    assert list(found) == ["other", "page"]
    page, other = found["page"], found["other"]
    assert page["passed"] and page["seconds"] == pytest.approx(1.8, abs=0.06)
    assert page["cells"] == 2 and page["claims"] == 3
    assert not other["passed"] and other["failed"] == 1 and other["skipped"] == 1


def record(python, chapters):
    return {
        "checked": "2026-01-02 03:04 UTC", "commit": "abc1234", "chapters": chapters,
        "environment": {"Python": python, "NumPy": "2.4", "torch": "2.13", "device": "cpu"},
    }  # fmt: skip


def test_the_page_shows_every_environment(found, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/here.json").write_text(json.dumps(record("3.11.7", found)))
    only = {"page": found["page"]}
    (tmp_path / "here.json").write_text(json.dumps(record("3.9.1", only)))
    records = status_page.read(tmp_path)
    assert [r["environment"]["Python"] for r in records] == ["3.9.1", "3.11.7"]
    text = "\n".join(status_page.written(records, {"page", "other"}))
    assert "1. Python 3.9.1, NumPy 2.4, torch 2.13, on cpu: checked 2026-01-02 03:04 UTC" in text
    assert "1 of 2 notebooks passed" in text
    assert "| [](./other.ipynb) | 0 | not run | **failed** in 1 of 2 cells |" in text
    assert "| [](./page.ipynb) | 3 | passed, 1.8 s | passed, 1.8 s |" in text


def test_a_book_without_records_shows_no_result(build):
    done, site = build()
    assert done.returncode == 0, done.stderr
    assert "it has no results" in (site / "book/status.html").read_text()
    # The next build shows what was recorded meanwhile, though no source has changed.
    row = {"seconds": 1.0, "cells": 1, "failed": 0, "skipped": 0, "claims": 7, "passed": True}
    target = build.root / "_build/status/here.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(record("3.11.7", {"page": row})))
    done, site = build()
    shutil.rmtree(target.parent)
    assert done.returncode == 0, done.stderr
    assert "passed, 1.0 s" in (site / "book/status.html").read_text()


def test_the_source_of_the_page_states_no_result():
    assert not any(c.isdigit() for c in (ROOT / "book/status.md").read_text())


# ------------------------------------------------------------------ links
class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def closed():
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def page_with(folder, *targets):
    anchors = "".join(f'<a href="{t}">x</a>' for t in targets)
    (folder / "page.html").write_text(f'<link href="https://never.example">{anchors}')


def test_broken_links_are_named_with_their_page(tmp_path, host, closed, capsys):
    page_with(tmp_path, f"{host}/200#part", f"{host}/403", f"{host}/503", f"{host}/404", closed,
              "other.html", "#here")  # fmt: skip
    assert links.main([str(tmp_path)], pause=0) == 1
    shown = capsys.readouterr().out
    assert f"broken: {host}/404 (status 404), linked from page.html" in shown
    assert f"broken: {closed} " in shown
    assert f"unsure: {host}/403" in shown and f"unsure: {host}/503" in shown
    assert "5 external links: 1 fine, 2 unsure, 2 broken" in shown


def test_a_refusal_is_no_fault(tmp_path, host):
    page_with(tmp_path, f"{host}/200", f"{host}/403")
    assert links.main([str(tmp_path)], pause=0) == 0


def test_an_unbuilt_site_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        links.main([str(tmp_path)])
    assert "make book" in capsys.readouterr().err


# ------------------------------------------------------------------ versions
def test_newest_pins_nothing_but_what_is_held():
    newest = versions.requirements("newest")
    assert {"numpy", "torch", "pytest", "jupyter-book>=1,<2"} <= set(newest)
    assert [line for line in newest if "==" in line] == []
    assert "zipp" not in newest  # pulled in by others


def test_oldest_has_every_lower_bound_of_the_package():
    bounds = versions.bounds((ROOT / "pyproject.toml").read_text())
    assert {"numpy", "array-api-compat", "torch", "sympy", "mpmath", "matplotlib"} <= set(bounds)
    assert {f"{n}=={v}" for n, v in bounds.items()} <= set(versions.requirements("oldest"))


# ------------------------------------------------------------------ PDF
def test_a_missing_tex_is_named(tmp_path):
    make = shutil.which("make")
    assert make
    done = subprocess.run(
        [make, "-C", ROOT, "--no-print-directory", "tex"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "make pdf needs xelatex, latexmk and xindy" in done.stdout + done.stderr
    assert "apt-get install" in done.stdout + done.stderr
