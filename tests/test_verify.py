"""Checks that a reader sees must be able to fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from cases import CATALOGUE, over
from lossbook import exact, verify
from lossbook.catalogue import entry as find
from lossbook.verify import agrees, autograd_slope, check, our_slope, verification_table

x = sp.Symbol("x", real=True)


def test_a_check_says_that_it_holds(capsys):
    check("square", (x + 1) ** 2 - x**2 - 2 * x - 1, True, np.bool_(True), sp.Matrix([0, x - x]))
    assert capsys.readouterr().out == "checked: equation square\n"


@pytest.mark.parametrize(
    "claims, number",
    [
        ([(x + 1) ** 2 - x**2], 1),
        ([True, False], 2),
        ([sp.Matrix([0, x])], 1),
        ([np.array(False)], 1),
        ([sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1, None], 2),
    ],
)
def test_a_check_that_does_not_hold_raises(claims, number, capsys):
    with pytest.raises(AssertionError, match=f"equation wrong: claim {number} does not hold: "):
        check("wrong", *claims)
    assert capsys.readouterr().out == ""


def test_a_check_of_nothing_is_no_check():
    with pytest.raises(ValueError, match=r"check\('empty'\) needs at least one claim"):
        check("empty")


def test_what_agrees():
    third = exact.mpmath.mpf(1) / 3
    assert agrees(1 / 3, third) and not agrees(1 / 3 + 1e-12, third)
    assert agrees([1.0, math.inf], [1, exact.mpmath.inf])
    assert not agrees(-math.inf, exact.mpmath.inf)
    assert not agrees(1e308, exact.mpmath.inf) and not agrees(math.nan, 1)
    assert agrees(1e-320, exact.mpmath.mpf("1e-320"))  # not all digits exist down there
    assert not agrees(0.0, exact.mpmath.mpf("1e-300"))
    assert agrees(0.0, exact.mpmath.mpf("1e-400"))
    with pytest.raises(ValueError, match="zip"):
        agrees([1.0, 2.0], [1.0])


@over(CATALOGUE)
def test_the_two_slopes_of_the_table_are_the_same(entry):
    for inputs in entry.ordinary:
        assert np.asarray(our_slope(entry, inputs)) == pytest.approx(
            autograd_slope(entry, inputs), rel=1e-14
        )


def test_a_witness_that_is_wrong_shows(monkeypatch):
    # a table of ticks is worth something only if a wrong number would break it
    entry = find("softplus")
    wrong = {
        "sign": lambda inputs: -entry.function(*inputs),
        "digit": lambda inputs: entry.function(*inputs) * (1 + 1e-9),
        "nan": lambda inputs: math.nan,
        "error": lambda inputs: 1 / 0,
    }
    monkeypatch.setattr(verify, "_value_witnesses", lambda e: wrong)
    row = verification_table("softplus").rows[1]
    assert row[-4:] == ("-2.127", "off by 1e-9", "nan", "ZeroDivisionError")


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(verify, "_installed", lambda e: [p for p in e.peers if p.name[0] != "t"])
    assert verification_table("sigmoid").headers == ("$z$", "exact value", "lossbook", "scipy")
    assert verify._resolve("no_such_library.function") is None


def test_the_table_says_what_it_compares():
    table = verification_table("sigmoid", "slope")
    assert table.headers == ("$z$", "exact slope", "lossbook", "autograd", "torch")
    assert "slope of `sigmoid` in float64" in table.caption
    assert len(table.rows) == len(find("sigmoid").ordinary) + len(find("sigmoid").hostile)
