"""Binary losses: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import gradient, over_libraries, plain, to
from lossbook import (
    binary_cross_entropy,
    binary_cross_entropy_from_probs,
    binary_focal_loss,
    brier_score,
    logistic_loss,
    value_and_grad,
)
from lossbook.binary import binary_cross_entropy_rule


@over_libraries
@pytest.mark.parametrize("dtype, z", [("float64", 50.0), ("float32", 20.0)])
def test_a_confident_right_answer_keeps_loss_and_gradient(library, dtype, z):
    # sigma(z) - 1 would be 0 here
    logits, ones = to(library, [[z], [1.0]], dtype)
    eps = float(np.finfo(dtype).eps)
    for loss, targets in ((binary_cross_entropy, ones), (logistic_loss, ones)):
        value, slope = value_and_grad(loss, logits, targets)
        assert plain(value) == pytest.approx(math.exp(-z), rel=8 * eps)
        assert plain(slope) == pytest.approx(-math.exp(-z), rel=8 * eps)
    value, slope = value_and_grad(brier_score, logits, ones)
    assert plain(value) == pytest.approx(math.exp(-2 * z), rel=8 * eps)
    assert plain(slope) == pytest.approx(-2 * math.exp(-2 * z), rel=8 * eps)


@over_libraries
def test_a_confident_wrong_answer_has_a_gradient(library):
    # where the popular loss of the sigmoid clips, and its gradient dies
    z, y, p = to(library, [[-50.0, -1000.0, 20.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    for loss in (binary_cross_entropy, binary_focal_loss):
        value, slope = value_and_grad(loss, z, y, reduction="none")
        assert plain(value) == pytest.approx([50, 1000, 20], rel=1e-7)
        assert plain(slope) == pytest.approx([-1, -1, 1], rel=1e-7)
    assert plain(binary_cross_entropy_from_probs(p, y, reduction="none"))[0] == math.inf


@over_libraries
def test_brier_has_none(library):
    z, y = to(library, [[-40.0, 0.0], [1.0, 1.0]])
    value, slope = value_and_grad(brier_score, z, y, reduction="none")
    assert plain(value) == pytest.approx([1, 0.25]) and abs(plain(slope)[0]) < 1e-16
    steepest = np.linspace(-3, 3, 6001)
    slopes = value_and_grad(brier_score, steepest, 0 * steepest + 1, reduction="none")[1]
    assert abs(slopes).max() == pytest.approx(8 / 27, rel=1e-6)


def test_the_focal_slope_has_a_bound_a_little_above_one():
    z = np.linspace(-20, 20, 40_001)
    slopes = value_and_grad(binary_focal_loss, z, 0 * z, reduction="none")[1]
    assert 1 < abs(slopes).max() < 1.25


@over_libraries
@pytest.mark.parametrize("gamma", [0.25, 0.5, 1.0, 3.0])
def test_powers_of_a_probability_of_zero_have_finite_gradients(library, gamma):
    # p ** (gamma - 1) is infinite at p = 0
    z, y = to(library, [[800.0, -800.0, 40.0, 17.0], [1.0, 0.0, 1.0, 1.0]])
    value, slope = value_and_grad(binary_focal_loss, z, y, gamma=gamma, reduction="none")
    assert np.isfinite(plain(value)).all() and np.isfinite(plain(slope)).all()
    assert plain(value)[2] == pytest.approx(math.exp(-40 * (1 + gamma)), rel=1e-13)


@over_libraries
def test_options_broadcast_like_arrays(library):
    z, y, w = to(library, [np.zeros((2, 3)), np.ones((2, 3)), [1.0, 2.0, 3.0]])
    found = binary_cross_entropy(z, y, pos_weight=w, reduction="none")
    assert plain(found) == pytest.approx(np.log(2) * np.array([[1.0, 2, 3]] * 2))
    tall = binary_cross_entropy(z, y, pos_weight=w[:2, None], reduction="none")
    assert plain(tall) == pytest.approx(np.log(2) * np.array([[1.0] * 3, [2.0] * 3]))


@over_libraries
def test_soft_targets_cost_their_entropy_at_best(library):
    z, y = to(library, [[math.log(0.7 / 0.3)], [0.7]])
    value, slope = value_and_grad(binary_cross_entropy, z, y)
    assert plain(value) == pytest.approx(0.6108643020548934, rel=1e-15)
    assert plain(slope) == pytest.approx(0, abs=1e-16)


def test_the_rule_needs_no_driver():
    import array_api_compat.numpy as xp

    z, y = np.array([0.0, 2.0]), np.array([1.0, 0.0])
    value, slope = binary_cross_entropy_rule.function(xp, z, y)
    assert value() == pytest.approx(np.log1p(np.exp(z)) - z * y)
    assert slope() == pytest.approx(1 / (1 + np.exp(-z)) - y)


def test_a_network_learns_through_it():
    torch.manual_seed(0)
    x = torch.randn(200, 2, dtype=torch.float64)
    y = (x[:, 0] > 0.2).double()
    w = torch.zeros(2, dtype=torch.float64)
    losses = []
    for _ in range(100):
        losses.append(float(binary_cross_entropy(x @ w, y)))
        w = w - gradient(lambda w: binary_cross_entropy(x @ w, y), w)
    assert losses[0] == pytest.approx(math.log(2)) and losses[-1] < 0.3
    assert (np.diff(losses) < 0).all()
