"""The judge: checked against numbers that nobody here computed, and against itself."""

from __future__ import annotations

import math

import mpmath
import pytest

from cases import CATALOGUE, SLOPES, over, over_slopes
from lossbook import exact
from lossbook.catalogue import entry as find

# from tables and closed forms, 30 digits
SIGMOID_OF_1 = "0.731058578630004879251159241822"
LN_2 = "0.693147180559945309417232121458"


def same(found, digits, count=30):
    with mpmath.workdps(60):
        true = mpmath.mpf(digits)
        assert abs(found - true) <= abs(true) * mpmath.mpf(10) ** (1 - count)


def test_numbers_that_are_known():
    same(exact.value(find("sigmoid"), 1.0), SIGMOID_OF_1)
    same(exact.value(find("softplus"), 0.0), LN_2)
    same(exact.value(find("logsumexp"), [0.0, 0.0]), LN_2)
    same(exact.slope(find("softplus"), 1.0), SIGMOID_OF_1)
    same(exact.value(find("brier_score"), 0.0, 1.0), "0.25")
    same(exact.value(find("binary_focal_loss"), 0.0, 1.0), str(mpmath.mpf(LN_2) / 4), 14)


@pytest.mark.parametrize("z", [-2000.0, -40.0, 1e-300, 40.0, 2000.0])
def test_fifty_digits_of_any_tail(z):
    # 1 + e^-|z| needs more than fifty digits to keep fifty of the small part
    with mpmath.workdps(4000):
        true = mpmath.log1p(mpmath.exp(mpmath.mpf(z)))
        for found in (
            exact.value(find("softplus"), z),
            exact.value(find("binary_cross_entropy"), z, 0.0),
            exact.value(find("logistic_loss"), -z, 1.0),
            exact.value(find("logsumexp"), [z, 0.0]),
            -exact.value(find("log_sigmoid"), -z),
        ):
            assert abs(found / true - 1) < mpmath.mpf(10) ** -50


def test_inputs_are_taken_as_the_floats_that_they_are():
    with mpmath.workdps(60):
        assert exact.value(find("brier_score_from_probs"), 0.3, 0.0) == mpmath.mpf(0.3) ** 2
        assert exact.value(find("brier_score_from_probs"), 0.3, 0.0) != mpmath.mpf("0.09")


@pytest.mark.parametrize(
    "name, inputs, value, slope",
    [
        ("sigmoid", (-math.inf,), 0, 0),
        ("softplus", (math.inf,), math.inf, 1),
        ("logit", (0.0,), -math.inf, math.inf),
        ("logit", (1.0,), math.inf, math.inf),
        ("probs_from_odds", (math.inf,), 1, 0),
        ("log1mexp", (0.0,), -math.inf, -math.inf),
        ("binary_cross_entropy", (math.inf, 1.0), 0, 0),
        ("binary_cross_entropy", (-math.inf, 1.0), math.inf, -1),
        ("binary_cross_entropy_from_probs", (0.0, 0.0), 0, 1),
        ("binary_cross_entropy_from_probs", (0.0, 0.5), math.inf, -math.inf),
        ("binary_focal_loss", (-math.inf, 1.0), math.inf, -1),
    ],
)  # fmt: skip
def test_an_edge_is_the_limit_from_inside(name, inputs, value, slope):
    assert float(exact.value(find(name), *inputs)) == value
    assert float(exact.slope(find(name), *inputs)) == slope


def test_impossible_logits_of_a_row():
    found = exact.value(find("softmax"), [0.0, -math.inf, 0.0])
    assert [float(p) for p in found] == [0.5, 0, 0.5]
    assert mpmath.isnan(exact.value(find("softmax"), [-math.inf] * 2)[0])


@over_slopes([(e, wrt) for e, wrt in SLOPES if e.kind == "element"])
def test_the_slope_is_the_limit_of_differences(entry, wrt):
    for inputs in entry.ordinary:
        sides = [
            tuple(x + s * (k == wrt) for k, x in enumerate(inputs)) for s in (2**-30, -(2**-30))
        ]
        with mpmath.workdps(60):
            above, below = (exact.value(entry, *side) for side in sides)
            difference = (above - below) / (mpmath.mpf(sides[0][wrt]) - sides[1][wrt])
        true = float(exact.slope(entry, *inputs, wrt=wrt))
        assert float(difference) == pytest.approx(true, rel=1e-12, abs=1e-15)


@over_slopes([(e, wrt) for e, wrt in SLOPES if e.kind == "row"])
def test_the_slope_of_a_row_is_the_limit_of_differences(entry, wrt):
    inputs, step = entry.ordinary[0], 2.0**-20
    found = exact.slope(entry, *inputs, wrt=wrt)
    for k in range(len(inputs[wrt])):
        moved = []
        for s in (step, -step):
            row = [x + s * (j == k) for j, x in enumerate(inputs[wrt])]
            moved.append(exact.value(entry, *inputs[:wrt], row, *inputs[wrt + 1 :]))
        difference = float((moved[0] - moved[1]) / (2 * step))
        assert difference == pytest.approx(float(found[k]), rel=1e-8, abs=1e-9)


@over([e for e in CATALOGUE if e.kind == "vector"])
def test_a_jacobian_is_given_row_by_row(entry):
    z = [0.3, -1.0, 2.0]
    jacobian = exact.slope(entry, z)
    assert len(jacobian) == 3 and all(len(row) == 3 for row in jacobian)
    with mpmath.workdps(60):
        if entry.inputs[0].name == "logits":  # a shift changes nothing
            assert all(abs(sum(row)) < 1e-45 for row in jacobian)
    step = 2.0**-20
    for k in range(3):
        moved = ([x + s * (j == k) for j, x in enumerate(z)] for s in (step, -step))
        above, below = (exact.value(entry, row) for row in moved)
        difference = [float((a - b) / (2 * step)) for a, b in zip(above, below, strict=True)]
        assert difference == pytest.approx([float(row[k]) for row in jacobian], rel=1e-9)


def test_parameters_are_part_of_the_formula():
    entry = find("binary_cross_entropy")
    with mpmath.workdps(30):
        weighed = exact.value(entry, 0.0, 1.0, pos_weight=3.0)
        assert abs(weighed / exact.value(entry, 0.0, 1.0) - 3) < 1e-25
    assert exact.simple_formula(entry).free_symbols == {
        s for s in exact.formula(entry).free_symbols if s.name in "zy"
    }
