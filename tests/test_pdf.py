"""What the PDF shows in place of HTML: tables of LaTeX, pictures of live figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import altair
import pytest
from docutils import nodes
from sphinx import addnodes

from lossbook.interactive import Interactive, Slider, numbers
from lossbook.show import table

BOOK = Path(__file__).resolve().parent.parent / "book"
sys.path.append(str(BOOK / "_ext"))

import pdf  # noqa: E402


def of(*args, **kwargs):
    return list(pdf.table(table(*args, **kwargs)._repr_html_()))


def test_a_table_has_its_cells_code_and_formulas():
    rows = [["`log_softmax` & co", 0.5], [r"$\tau < 1$", 2.0]]
    caption, spec, made = of(rows, ["name", "value"], caption="In $x$.")
    assert caption.astext() == "In x." and len(list(caption.findall(nodes.math))) == 1
    assert spec["spec"] == "lr"
    cells = [entry.astext().replace(r"\allowbreak{}", "") for entry in made.findall(nodes.entry)]
    assert cells == ["name", "value", "log_softmax & co", "0.5", r"\tau < 1", "2"]
    assert [n.astext() for n in made.findall(nodes.literal)] == ["log_", "softmax"]
    assert [n.astext() for n in made.findall(nodes.math)] == [r"\tau < 1"]


def test_columns_share_a_line_that_is_too_short_for_them():
    assert pdf.columns([5, 5], [False, True]) == "lr"
    assert pdf.columns([100, 5], [False, True]) == r"\X{40}{48}\X{8}{48}"


def test_a_live_figure_becomes_a_picture_with_the_sliders_where_they_start(tmp_path):
    slider = Slider("k", "power k", low=1, high=3, step=1, start=2)
    data = numbers(k=slider.values, y=[2.0**k for k in slider.values])
    bar = altair.Chart(data).mark_bar().encode(y="y:Q").transform_filter(slider.here)
    rows = table([[k, 2.0**k] for k in slider.values], ["k", "power of 2"])
    live = Interactive(bar.add_params(slider.param), rows, alt="A bar that doubles.")
    (spec,) = pdf.SPEC.findall(live._repr_mimebundle_()["text/markdown"])

    images = []
    here = SimpleNamespace(
        app=SimpleNamespace(doctreedir=tmp_path),
        env=SimpleNamespace(
            srcdir=tmp_path,
            docname="page",
            images=SimpleNamespace(add_file=lambda page, path: images.append((page, path))),
        ),
    )
    image, note = pdf.Outputs.picture(here, json.loads(spec))
    assert images == [("page", image["uri"])] and image["alt"] == "A bar that doubles."
    assert (tmp_path / image["uri"]).read_bytes().startswith(b"%PDF")
    assert "power k = 2" in note.astext()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("%book/a#b-c", r"a topic, p.~\pageref{\detokenize{book/a:b-c}}"),
        ("https://example.org", "a topic"),
    ],
)
def test_a_topic_names_its_page(target, expected):
    link = nodes.reference("", "a topic", refuri=target)
    line = nodes.paragraph("", "", link)
    pdf.number(link)
    assert line.astext() == expected


def test_pages_that_are_empty_on_paper_are_left_out():
    whole = nodes.document(None, None)
    for name in ("book/01-odds", "book/references", "book/status"):
        whole += addnodes.start_of_file(docname=name)
    pdf.Pages.run(SimpleNamespace(document=whole))
    assert [page["docname"] for page in whole.findall(addnodes.start_of_file)] == ["book/01-odds"]
