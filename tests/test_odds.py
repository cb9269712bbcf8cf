"""Probability, odds and logit: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import over_libraries, plain, to
from lossbook import (
    log1mexp,
    log_sigmoid,
    logit,
    odds_from_probs,
    probs_from_odds,
    sigmoid,
    softplus,
    value_and_grad,
)
from lossbook.odds import odds_pair


@over_libraries
@pytest.mark.parametrize("dtype, tail", [("float64", 735.0), ("float32", 94.0)])
def test_both_tails_are_kept_to_the_smallest_number(library, dtype, tail):
    (z,) = to(library, [[-tail, tail]], dtype)
    low, high = plain(sigmoid(z))
    assert 0 < low < 1e-40 and high == 1
    # the last digits of numbers below the normal range are up to the library's log1p
    assert plain(value_and_grad(sigmoid, z)[1]) == pytest.approx([low, low], rel=1e-3)
    assert plain(log_sigmoid(z)) == pytest.approx([-tail, -low], rel=1e-3)
    assert plain(softplus(z)) == pytest.approx([low, tail], rel=1e-3)


@over_libraries
def test_one_minus_sigma_is_never_formed(library):
    (z,) = to(library, [[40.0]])
    assert plain(sigmoid(-z))[0] == pytest.approx(4.248354255291589e-18, rel=1e-15)
    assert 1 - plain(sigmoid(z))[0] == 0


@over_libraries
def test_the_edges(library):
    (ends,) = to(library, [[-math.inf, math.inf]])
    assert plain(sigmoid(ends)).tolist() == [0, 1]
    assert plain(log_sigmoid(ends)).tolist() == [-math.inf, 0]
    assert plain(softplus(ends)).tolist() == [0, math.inf]
    (p, o, x) = to(library, [[0.0, 1.0], [0.0, math.inf], [-math.inf, 0.0]])
    assert plain(logit(p)).tolist() == [-math.inf, math.inf]
    assert plain(odds_from_probs(p)).tolist() == [0, math.inf]
    assert plain(probs_from_odds(o)).tolist() == [0, 1]
    assert plain(log1mexp(x)).tolist() == [0, -math.inf]


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logit_is_odd_and_exactly_zero_at_one_half(library, dtype):
    eps = float(np.finfo(dtype).eps)
    (p,) = to(library, [[0.5, 0.5 + eps, 0.5 - eps, 0.25, 0.75]], dtype)
    middle, above, below, low, high = plain(logit(p))
    assert middle == 0 and above == pytest.approx(4 * eps) and below == pytest.approx(-4 * eps)
    assert low == pytest.approx(-high, rel=4 * eps)


@over_libraries
def test_the_odds_of_infinite_odds_and_of_huge_ones(library):
    (o,) = to(library, [[1e150, 1.4e154, 1e160, 1e300, math.inf]])
    assert plain(probs_from_odds(o)).tolist() == [1] * 5
    slope = plain(value_and_grad(probs_from_odds, o)[1])
    # (1 + o)^2 overflows where the slope is still a number
    assert slope[:3] == pytest.approx([1e-300, 1 / 1.4e154 / 1.4e154, 1e-320], rel=1e-3)
    assert slope[3:].tolist() == [0, 0]


def test_log1mexp_changes_its_formula_without_a_step():
    x = -math.log(2) * (1 + np.linspace(-1e-12, 1e-12, 41))
    steps = np.diff(log1mexp(x))
    assert (steps > 0).all() or (steps < 0).all()
    assert np.ptp(steps) < 1e-15


@over_libraries
def test_a_pair_of_odds_has_a_larger_member_of_exactly_one(library):
    (z,) = to(library, [[-math.inf, -800, -2, 0, 2, 800, math.inf]])
    up, down = odds_pair(np if library == "numpy" else torch_namespace(), z)
    assert np.maximum(plain(up), plain(down)).tolist() == [1] * 7
    with np.errstate(divide="ignore", over="ignore"):
        assert plain(up) / plain(down) == pytest.approx(np.exp(plain(z)))


def torch_namespace():
    from array_api_compat import torch as xp

    return xp


def test_torch_gets_the_tail_that_its_own_functions_lose():
    z = torch.tensor([-740.0], dtype=torch.float64)
    assert torch.sigmoid(z) == 0 and sigmoid(z) > 0
    z = torch.tensor([20.5], dtype=torch.float64)
    assert torch.nn.functional.softplus(z) == z and softplus(z) > z
