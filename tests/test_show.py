"""Numbers, tables and sources come out in the same characters on every machine."""

from __future__ import annotations

import functools
import html.parser
import math
import re

import mpmath
import numpy as np
import pytest
import sympy
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lossbook.show import UnstableDigits, num, source, table


# ------------------------------------------------------------------ num
@pytest.mark.parametrize(
    "x, text",
    [
        (0.123456, "0.1235"),
        (123456.0, "1.235e5"),
        (1.5e-8, "1.5e-8"),
        (2e10, "2e10"),
        (1e100, "1e100"),
        (2.0, "2"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1e-3, "0.001"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (3, "3"),
        (True, "True"),
        (10**20, "100000000000000000000"),
        (np.float64(1.25), "1.25"),
        (np.int64(7), "7"),
        (np.array([1.5]), "1.5"),
        (torch.tensor(2.5), "2.5"),
        (mpmath.mpf("0.25"), "0.25"),
        (sympy.Rational(1, 3), "0.3333"),
    ],
)
def test_num(x, text):
    assert num(x) == text


def test_digits_as_asked():
    assert num(math.pi, sig=2) == "3.1"
    assert num(math.pi, sig=12, rtol=1e-15) == "3.14159265359"


def test_rounding_noise_is_zero_on_request():
    assert num(-3e-17, atol=1e-15) == "0"
    assert num(-3e-17) == "-3e-17"


@pytest.mark.parametrize("x", [0.12345, 0.12345 + 1e-12, -9.9995, 1.0005])
def test_unstable_last_digits_are_refused(x):
    with pytest.raises(UnstableDigits, match=r"with sig=4 may print .* or .*: use sig=\d"):
        num(x)


@given(st.floats(0.1, 10), st.integers(1, 8), st.sampled_from([1e-7, 1e-4, 1e-2]))
@example(0.12345, 4, 1e-7)
def test_the_advice_of_the_refusal_works(x, sig, rtol):
    try:
        num(x, sig, rtol)
    except UnstableDigits as refusal:
        for other in re.findall(r"use.*?sig=(\d+)", str(refusal)):
            num(x, int(other), rtol)
        assert "a smaller rtol" in str(refusal)


@pytest.mark.parametrize("a", [np.ones(3), torch.ones(2, 1), np.ones(0)])
def test_more_than_one_number_is_an_error(a):
    with pytest.raises(TypeError, match="got an array of shape"):
        num(a)


@given(st.floats(allow_nan=False), st.integers(1, 12), st.sampled_from([1e-9, 1e-7, 1e-4]))
def test_whatever_is_printed_is_printed_for_its_neighbours_too(x, sig, rtol):
    try:
        text = num(x, sig, rtol)
    except UnstableDigits:
        return
    assert text != "-0"
    assert math.isclose(float(text), x, rel_tol=0.5 * 10.0 ** (1 - sig) * 1.001, abs_tol=1e-323)
    if abs(float(text) - x) > abs(x) * rtol:
        assert {num(x * (1 + s * rtol / 3), sig, rtol / 3) for s in (-1, 1)} == {text}


# ------------------------------------------------------------------ table
class Reader(html.parser.HTMLParser):
    """Opening tags with attributes, closing tags, and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


@pytest.fixture
def shown():
    rows = [["a < `b`", 1 / 3, "yes"], ["$z^2$", math.inf, "no"]]
    return table(rows, ["input", "$p$", "right?"], caption="Two & more")


def test_text_is_aligned(shown):
    assert repr(shown).split("\n") == [
        "Two & more",
        "",
        "input       p  right?",
        "-----  ------  ------",
        "a < b  0.3333  yes",
        "z^2       inf  no",
    ]


def test_html_is_well_formed_and_accessible(shown):
    page = Reader(shown._repr_html_())
    assert page.open == []
    assert page.tags[0] == ("table", {"class": "lossbook-table"})
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert [h["scope"] for h in heads] == ["col"] * 3 + ["row"] * 2
    assert [tag for tag, _ in page.tags].count("caption") == 1
    assert [a.get("class") for t, a in page.tags if t == "td"] == ["lossbook-number", None] * 2


def test_html_escapes_text_and_marks_code_and_maths(shown):
    text = shown._repr_html_()
    assert "Two &amp; more" in text
    assert "a &lt; <code>b</code>" in text
    assert r'<span class="math notranslate nohighlight">\(z^2\)</span>' in text


def test_numbers_in_cells_that_are_text_already_are_aligned_as_well():
    assert table([["a", "1e-5"], ["b", "-inf"]], ["x", "y"]).numeric == (False, True)
    assert table([["a", "1e-5"], ["b", "raises"]], ["x", "y"]).numeric == (False, False)


def test_digits_of_a_table():
    assert table([["pi", math.pi]], ["x", "y"], sig=2).rows == (("pi", "3.1"),)
    assert table([["noise", 1e-17]], ["x", "y"], atol=1e-15).rows == (("noise", "0"),)
    with pytest.raises(UnstableDigits):
        table([["edge", 0.12345]], ["x", "y"])


def test_a_table_without_rows_has_its_header():
    assert repr(table([], ["x", "long"])) == "x  long\n-  ----"


def test_rows_of_another_length_are_an_error():
    with pytest.raises(ValueError, match=r"row 1 has 1 cells, expected 2: \['b'\]"):
        table([["a", 1], ["b"]], ["x", "y"])
    with pytest.raises(ValueError, match="at least one header"):
        table([], [])


# ------------------------------------------------------------------ source
def decorator(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@decorator
@decorator
def sample(x):
    """One line.

    And more.
    """

    # a comment that stays
    return x  # `x`


SAMPLE = """@decorator
@decorator
def sample(x):
    # a comment that stays
    return x  # `x`"""


def test_source_looks_through_decorators_and_drops_the_docstring():
    assert repr(source(sample, docstring=False)) == SAMPLE
    assert '"""One line.' in source(sample).code


def test_source_is_a_fenced_block_of_python():
    assert source(sample, docstring=False)._repr_markdown_() == f"```python\n{SAMPLE}\n```"


def test_a_fence_is_longer_than_any_in_the_source():
    def fenced():
        return "```"

    assert source(fenced)._repr_markdown_().startswith("````python\ndef fenced")


def test_source_without_a_docstring_is_as_it_is():
    def plain(x):
        return x

    def only():
        """Nothing else."""

    assert source(plain, docstring=False).code == "def plain(x):\n    return x"
    assert "Nothing else" in source(only, docstring=False).code


def test_source_of_a_class():
    assert source(Reader, docstring=False).code.startswith("class Reader(html.parser.HTMLParser):")
