"""What the build adds to pages: descriptions, addresses, repaired tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from docutils import nodes

sys.path.append(str(Path(__file__).resolve().parent.parent / "book/_ext"))

import previews
import reader


def page(*paragraph):
    document = nodes.document(None, None)
    section = nodes.section("", nodes.title("", "Title"), nodes.paragraph("", "", *paragraph))
    document += section
    return document


def test_a_description_is_the_first_paragraph_with_its_formulas_readable():
    text = (
        nodes.Text("The logit is "),
        nodes.math("", r"z = \ln \frac{p}{q}"),
        nodes.Text(" =\n2."),
    )
    assert previews.description(page(*text)) == "The logit is z = ln p/q = 2."
    assert previews.description(nodes.document(None, None)) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Short.", "Short."),
        ("One sentence here. Two.", "One sentence here."),
        ("A. B is a sentence that is long", "A. B is a sentence…"),
    ],
)
def test_a_long_description_ends_after_a_sentence_or_a_word(text, expected):
    assert previews.shortened(text, 21) == expected


def test_addresses_of_the_missing_page_do_not_depend_on_where_it_is_shown():
    relative = '<a href="book/a.html"><img src="./_static/b.svg"><html data-content_root="./">'
    expected = '<a href="/x/book/a.html"><img src="/x/_static/b.svg"><html data-content_root="/x/">'
    assert previews.absolute(relative, "/x/") == expected
    for kept in ('<a href="#top">', '<a href="/y">', '<a href="mailto:a">'):
        assert previews.absolute(kept, "/x/") == kept


def test_a_column_of_numbers_with_a_blank_is_right_aligned():
    row = "<tr><th>{}</th><td>{}</td><td>{}</td></tr>\n"
    body = row.format("name", "a", "b") + row.format("x", "1e-3", "no") + row.format("y", "", "2")
    new = reader.repaired(f'<table class="lossbook-table">{body}</table>')
    assert new.count("lossbook-number") == 3
    assert '<td class="lossbook-number">1e-3</td><td>no</td>' in new
    assert reader.repaired(new) == new


def test_a_figure_opens_in_full_size_once():
    image = '\n<img alt="A curve." src="../_images/a.png" />'
    new = reader.repaired(image)
    assert new == f'\n<a class="full-size" href="../_images/a.png">{image[1:]}</a>'
    assert reader.repaired(new) == new
