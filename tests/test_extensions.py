"""What the build adds to the text of a page: links from code and words, sizes, breaks of lines."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from docutils import nodes
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.errors import ExtensionError

BOOK = Path(__file__).resolve().parent.parent / "book"
sys.path.append(str(BOOK / "_ext"))

import code_links  # noqa: E402
import glossary_links  # noqa: E402
import layout  # noqa: E402
import reader  # noqa: E402

import api  # noqa: E402
import lossbook as lb  # noqa: E402


# ------------------------------------------------------------------ names in code cells
def cells(*sources):
    boxes = (highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)) for source in sources)
    head = '<div class="highlight-ipython3 notranslate"><div class="highlight"><pre><span></span>'
    return "".join(f"{head}{box}</pre></div></div>" for box in boxes)


def links(*sources):
    """The targets of the links in each cell, in the order of the text."""
    page = code_links.linked(cells(*sources), lambda target: target)
    assert re.sub(r"</?a\b[^>]*>", "", page) == cells(*sources)
    link = re.compile(r'<a class="api" href="([^"]+)">\w+</a>')
    return [link.findall(part) for part in page.split("</pre>")[:-1]]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["import lossbook as lb\nlb.ndcg(s, lb.ranking)"],
         [["lossbook.ndcg", "lossbook.ranking"]]),
        (["from lossbook import ndcg as f", "λ = '<é>'; f(λ)"],
         [["lossbook.ndcg"], ["lossbook.ndcg"]]),
        (["from lossbook.show import (\n    num,\n    table,\n)"],
         [["lossbook.show.num", "lossbook.show.table"]]),
        (["import lossbook", "num(1)\nlossbook.show.num(2)"],
         [[], ["lossbook.show", "lossbook.show.num"]]),
        # Once for each cell, and commands of Jupyter are passed over.
        (["%matplotlib inline\nfrom lossbook import iou\niou(a); iou(b)", "!ls\niou"],
         [["lossbook.iou"], ["lossbook.iou"]]),
        (["%%bash\nfor x in *; do", "num?"], [[], []]),
        # Bound anew it is another's; what a function binds holds there alone.
        (["from lossbook import iou", "iou = 3", "iou"], [["lossbook.iou"], [], []]),
        (["from lossbook import iou", "def iou(): pass", "iou"], [["lossbook.iou"], [], []]),
        (["from lossbook import iou", "from torch import iou\niou"], [["lossbook.iou"], []]),
        (["from lossbook import iou", "def f(iou): return iou", "iou"],
         [["lossbook.iou"], [], ["lossbook.iou"]]),
        (["from lossbook import iou", "g = lambda iou: iou", "iou"],
         [["lossbook.iou"], [], ["lossbook.iou"]]),
    ],
)  # fmt: skip
def test_names_are_followed_as_python_does(sources, expected):
    found = [[t for t in targets if t != "lossbook"] for targets in links(*sources)]
    assert found == expected


def test_a_name_without_an_entry_stays_plain():
    page = cells("from lossbook import iou")
    assert code_links.linked(page, lambda target: None) == page


def test_a_name_of_another_module_is_no_public_name():
    class Environment:
        def get_domain(self, _):
            return self

        objects = {"lossbook.ndcg": "entry", "lossbook.exact.slope": "slope"}  # noqa: RUF012

    def there(target):
        return code_links.public(Environment(), target)

    assert there("lossbook.ndcg") == there("lossbook.ranking.metrics.ndcg") == "entry"
    assert there("lossbook.exact.slope") == "slope"
    assert there("lossbook.exact.ndcg") is there("numpy.ndcg") is None


def test_what_the_chapters_import_is_in_the_reference():
    listed = {f"lossbook.{name}" for name in lb.__all__}
    listed |= {f"lossbook.{m}.{n}" for m, names in api.HELPERS.items() for n in names.split()}
    for page in BOOK.glob("*.ipynb"):
        for cell in json.loads(page.read_text(encoding="utf-8"))["cells"]:
            for module, name in imports("".join(cell["source"])):
                helper = module.removeprefix("lossbook.") in api.HELPERS
                assert not helper or f"{module}.{name}" in listed, page.name


def imports(source):
    for line in re.findall(r"^from lossbook[\w.]* import (?:\([^)]*\)|.*)$", source, re.M):
        (node,) = ast.parse(line).body
        yield from ((node.module, alias.name) for alias in node.names)


# ------------------------------------------------------------------ words of the glossary
SOURCE = """\
Loss is a word before the list.
```{glossary}
.. not linked
loss
  A number. See [](#a).

.. also: batches
batch
  Examples for *one*
  step. See [](#b).

.. only: negatives
.. not in: 3, 10
negative
  Not a positive. See [](#c).
```
"""


def test_a_glossary_says_how_its_words_are_linked():
    loss, batch, negative = glossary_links.entries(SOURCE)
    assert loss.forms == () and batch.forms == ("batch", "batchs", "batches")
    assert batch.meaning == "Examples for *one* step."
    assert negative.forms == ("negatives",) and negative.elsewhere == {3, 10}
    with pytest.raises(ExtensionError, match="'loss'"):
        list(glossary_links.entries(SOURCE.replace("not linked", "unlinked")))


def test_the_glossary_of_the_book_is_understood():
    found = list(glossary_links.entries((BOOK / "glossary.md").read_text(encoding="utf-8")))
    assert len(found) >= 60 and not any(re.search(r"[\[\]*`$]", e.meaning) for e in found)
    forms = [form for entry in found for form in entry.forms]
    assert len(forms) == len(set(forms))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Batches of a batch", ["Batches", "batch"]),
        ("mini-batch batch-wise batching the_batch", []),
        ("loss and negative", []),
    ],
)
def test_only_whole_words_are_found(tmp_path, text, expected):
    (tmp_path / "glossary.md").write_text(SOURCE)
    _, pattern = glossary_links.lookup(str(tmp_path / "glossary.md"), 0)
    assert pattern.findall(text) == expected


def test_links_stand_in_paragraphs_alone():
    text, title, code = nodes.Text("a batch"), nodes.Text("a batch"), nodes.Text("batch")
    linked = nodes.Text("batch")
    page = nodes.document(None, None)
    page += nodes.section("", nodes.title("", "", title), nodes.paragraph("", "", text))
    page[0] += nodes.paragraph("", "", nodes.literal("", "", code))
    page[0] += nodes.paragraph("", "", nodes.reference("", "", linked))
    assert [glossary_links.open_to_links(t) for t in (text, title, code, linked)] == [
        True, False, False, False,
    ]  # fmt: skip


# ------------------------------------------------------------------ layout
def test_an_image_gets_its_size_once(tmp_path):
    (tmp_path / "_images").mkdir()
    Image.new("L", (30, 20)).save(tmp_path / "_images/a.png")
    new = layout.arranged('<img alt="A." src="../_images/a.png" />', tmp_path)
    assert new == '<img width="30" height="20" alt="A." src="../_images/a.png">'
    assert layout.arranged(new, tmp_path) == new


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cross_entropy_loss", "cross_<wbr>entropy_<wbr>loss"),
        ("torch.nn.functional", "torch.<wbr>nn.<wbr>functional"),
        ("__init__", "__init__"),
        ("short_name", "short_name"),
        ("0.25 with a_name and so on...", "0.25 with a_<wbr>name and so on..."),
    ],
)
def test_a_long_name_may_break_and_keeps_its_characters(tmp_path, name, expected):
    page = '<span class="pre">{}</span>'
    new = layout.arranged(page.format(name), tmp_path)
    assert new == page.format(expected)
    assert layout.arranged(new, tmp_path) == new


# ------------------------------------------------------------------ reader
def test_a_second_build_repairs_nothing_twice():
    """Sphinx writes the changed pages only, and the repairs go over all."""
    script = '<script src="../_static/doctools.js?v=9"></script>'
    formula = '<span class="math notranslate nohighlight">\\(x\\)</span>'
    image = '\n<img alt="A." src="../_images/a.png">'
    cell = '<table><tr><th class="head"></th><th class="stub">a</th></tr></table>'
    page = f"{script}<p>({formula}), {formula}.</p>{image}{cell}"
    once = reader.repaired(page)
    assert once.count("defer") == 1 and once.count("unbroken") == 2
    assert once.count("full-size") == once.count('scope="row"') == 1
    assert reader.repaired(once) == once
