"""The checker of the built site finds what it is there to find, and says where.

The tests that build a book or start a browser are slow: LOSSBOOK_SLOW=1.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lossbook.interactive import Interactive, Slider, numbers
from lossbook.show import table

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "tools/site/check.py"
slow = pytest.mark.skipif("LOSSBOOK_SLOW" not in os.environ, reason="slow: LOSSBOOK_SLOW=1")


def load(path):
    spec = importlib.util.spec_from_file_location(f"site_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages, icons = load(ROOT / "tools/site/pages.py"), load(ROOT / "book/_ext/icons.py")


# ------------------------------------------------------------------ files
def faults(tmp_path, text):
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text('<meta http-equiv="refresh" content="0; url=book/a.html">')
    (tmp_path / "book/b.html").write_text('<p id="here">b</p>')
    (tmp_path / "book/a.html").write_text(f"<title>1. A — x</title>\n{text}")
    found = list(pages.faults(tmp_path, pages.read(tmp_path)))
    assert all(page == "book/a.html" for page, _ in found)
    return [fault for _, fault in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<a href="c.html">', "line 2, <a> to 'c.html': expected a file that exists"),
        ('<a href="b.html#no">', "expected an anchor that book/b.html has"),
        ('<a href="#no">', "expected an anchor that book/a.html has"),
        ('<a href="/book/b.html">', "expected a relative path"),
        ('<a href="../../b.html">', "expected a target inside the site"),
        ('<script src="https://c.example/x.js">', "expected no request to a third party"),
        ('<link rel="stylesheet" href="//c.example/x">', "expected no request to a third party"),
        ('<img src="b.html">', "line 2, <img> 'b.html': expected an alternative text"),
        ('<img src="b.html" alt="b.html">', "expected an alternative text"),
        ("<pre>Traceback (most <b>recent</b> call last) x", "call last) x': expected no traceback"),
    ],
)
def test_a_fault_in_a_file_is_named(tmp_path, text, expected):
    (found,) = faults(tmp_path, text)
    assert expected in found


def test_what_is_right_is_no_fault(tmp_path):
    right = """<a href="b.html#here"> <a href="#"> <a href="../"> <a href="https://c.example/">
        <img src="data:," alt="a curve"> <link rel="canonical" href="https://c.example/">"""
    assert faults(tmp_path, right) == []


def test_a_missing_site_or_browser_says_what_to_do(tmp_path):
    def run():
        command = [sys.executable, CHECK, tmp_path]
        empty = {"PATH": "/nowhere"}
        return subprocess.run(command, env=empty, capture_output=True, text=True)

    assert (run().returncode, run().stderr) == (
        2,
        f"{tmp_path}/index.html is not there: make book\n",
    )
    (tmp_path / "index.html").touch()
    assert run().returncode == 2
    assert "apt-get install chromium" in run().stderr


# ------------------------------------------------------------------ icons
def test_the_icons_of_pages_and_of_styles_are_kept():
    theme = r'.fa-bars:before,.fa-navicon:before{content:"\f0c9"}.fa-sun:before{content:"\f185"}'
    own = 'html{--icon:"\uf05a"}'
    assert icons.codes([theme, own], {"fa-navicon"}) == {0xF0C9, 0xF05A}


# ------------------------------------------------------------------ the build
CHAPTER = r"""# Logits and odds

The logit of $p$ is a logarithm. [There](#there) is more.

(there)=
## There

$$ z = \ln \frac{p}{1 - p} $$ (logit)
"""
TOC = """\
format: jb-book
root: book/index
chapters:
  - file: book/01-logits
  - file: book/02-live
  - file: book/symptoms
  - file: book/topics
"""


# One pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def live_figure():
    import altair

    slider = Slider("t", "temperature", low=1, high=3, step=1, start=2)
    data = numbers(t=slider.values, y=slider.values)
    chart = altair.Chart(data).mark_bar().encode(y="y:Q").transform_filter(slider.here)
    rows = table([[t, t] for t in slider.values], ["t", "y"])
    return Interactive(chart.add_params(slider.param), rows, "A bar as high as t.")


def notebook(*outputs):
    cells = [{"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# Live"}]
    for n, data in enumerate(outputs):
        shown = {"output_type": "display_data", "data": data, "metadata": {}}
        cells.append(
            {
                "cell_type": "code", "id": f"c{n}", "metadata": {}, "source": f"show({n})\n{n}",
                "outputs": [shown], "execution_count": 1,
            }
        )  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A book of few pages, with the settings and extensions of ours."""
    root = tmp_path_factory.mktemp("small")
    shutil.copy(ROOT / "_config.yml", root)
    for name in ("tools", "book/_ext", "book/_extra", "book/_static", "book/_latex"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "book/references.bib", root / "book")
    (root / "_toc.yml").write_text(TOC)
    (root / "book/index.md").write_text("# A book\n\nWords.\n")
    (root / "book/01-logits.md").write_text(CHAPTER)
    for name in ("symptoms", "topics"):  # which the page for missing pages leads to
        (root / f"book/{name}.md").write_text(f"# {name}\n\nWords.\n")
    html = live_figure()._repr_mimebundle_()["text/markdown"]
    (root / "book/02-live.ipynb").write_text(notebook({"text/markdown": html, "text/plain": "bar"}))
    return root


def build(root):
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "-n"]
    done = subprocess.run(
        [*command, "--keep-going", "-q"], cwd=root, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@slow
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("01-logits.md", "# A\n\n[x](no-such-page.md)", "01-logits.md:3: .*no-such-page.md"),
        ("01-logits.md", "# A\n\n[x](#no-such-label)", "01-logits.md:3: .*no-such-label"),
        ("01-logits.md", "# A\n\n{ref}`no-such-label`", "01-logits.md:3: .*no-such-label"),
        ("01-logits.md", "# A\n\n![](page.png)", "01-logits.md:3: .*without alternative text"),
        ("02-live.ipynb", notebook({"image/png": PNG}), "02-live.ipynb.*without alternative"),
        ("02-live.ipynb", "{}}", r"book/02-live.ipynb is no notebook: Extra data: line 1 column 3"),
    ],
)  # fmt: skip
def test_a_page_with_a_fault_is_not_built_and_named(small, tmp_path, name, text, expected):
    root = tmp_path / "small"
    shutil.copytree(small, root)
    shutil.copy(ROOT / "book/page.png", root / "book")
    (root / "book" / name).write_text(text)
    status, told = build(root)
    assert status != 0
    assert re.search(expected, told), told


# ------------------------------------------------------------------ the browser
PLANTED = {
    "book/01-logits.html": """
        <a href="02-live.html#nowhere">x</a> <img src="https://c.example/a.png" alt="a">
        <p style="color: #ccc">faint words</p> <button id="nameless"></button>
        <style>html[data-theme="dark"] .dim { color: #333 }</style><p class="dim">dim</p>
        <div style="width: 700px">wide thing</div>
        <p>Here <span class="math notranslate nohighlight">\\(\\nosuch{x}\\)</span></p>
        <script>console.error("planted"); fetch("big.bin"); noSuchFunction()</script>""",
    "book/02-live.html": """
        <script>addEventListener("input", e => e.stopImmediatePropagation(), true);
        addEventListener("load", () => setTimeout(
          () => document.querySelector("button.copybtn").remove()))</script>""",
    "book/index.html": """
        <script>addEventListener("load", () => { for (const e of document.querySelectorAll(
          ".primary-toggle")) e.replaceWith(e.cloneNode(true)) })</script>""",
    "genindex.html": """
        <script>addEventListener("load", () => { for (;;); })</script>""",
}
FOUND = """\
book/01-logits.html [file] line .*<a> to '02-live.html#nowhere': expected an anchor
book/01-logits.html [file] line .*c.example.*: expected no request to a third party
book/01-logits.html [1280] image https://c.example/a.png: expected no request to a third party
book/01-logits.html [1280] p:.*: axe, color-contrast
book/01-logits.html [1280] #nameless: axe, button-name
book/01-logits.html [390] #nameless: axe, button-name
book/01-logits.html [1280] in the dark: .dim: axe, color-contrast
book/01-logits.html [390] <div class="">.*wide thing.*: expected no wider than 390 px
book/01-logits.html [1280] mathematics near "Here.*an undefined macro: .*nosuch
book/01-logits.html [1280] console, .*planted: expected no error
book/01-logits.html [1280] console, .*noSuchFunction is not defined: expected no error
book/01-logits.html [1280] book/big.bin 1,200,000, .*bytes compressed, expected at most 1,048,576
book/02-live.html [1280] interactive figure 1, slider t, arrow key: expected another picture
book/02-live.html [1280] interactive figure 1, slider t, arrow key: expected another marked row
book/02-live.html [1280] interactive figure 1, slider t, arrow key: expected another number beside
book/02-live.html [1280] code cell 1: expected a copy button
book/index.html [390] button.primary-toggle: expected an open menu after Enter
genindex.html [1280] the visit: expected an end within 60 s"""


def check(site):
    command = [sys.executable, CHECK, site, "--seconds", "60"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@slow
def test_the_browser_finds_what_is_wrong_and_only_that(small, tmp_path):
    assert build(small)[0] == 0
    status, told, found = check(small / "_build/html")
    assert (status, found) == (0, ""), told
    assert "1 copy buttons, 2 sliders" in told and "No faults." in told

    site = tmp_path / "site"
    shutil.copytree(small / "_build/html", site)
    (site / "book/big.bin").write_bytes(os.urandom(1_200_000))
    for name, planted in PLANTED.items():
        page = site / name
        before, article, after = page.read_text().partition("</article>")
        page.write_text(before + planted + article + after)
    status, told, found = check(site)
    assert status == 1
    missed = [line for line in FOUND.splitlines()
              if not re.search("^" + line.replace("[", r"\["), found, re.M)]  # fmt: skip
    assert not missed, found
