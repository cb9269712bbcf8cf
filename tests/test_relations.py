"""Promise: what is the same function under two names gives the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import LIBRARIES, LOGITS_ONLY, over, over_libraries, plain, to
from lossbook import (
    StreamingLogSumExp,
    binary_cross_entropy,
    binary_cross_entropy_from_probs,
    binary_focal_loss,
    brier_score,
    brier_score_from_probs,
    log1mexp,
    log_sigmoid,
    log_softmax,
    logistic_loss,
    logit,
    logsumexp,
    odds_from_probs,
    probs_from_odds,
    sigmoid,
    softmax,
    softplus,
    sparsemax,
    value_and_grad,
)

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
ULP = 2.0**-52
LOGITS = np.r_[0.0, 1e-8, -1e-8, np.linspace(-45, 45, 61), -700, 700, -1e4, 1e4]
INSIDE = np.linspace(0.03, 0.97, LOGITS.size)
HARD, SOFT = np.resize([0.0, 1.0, 1.0], LOGITS.size), np.linspace(0, 1, LOGITS.size)
numbers = st.floats(-100, 100)
rows = st.lists(numbers, min_size=1, max_size=6)
libraries = st.sampled_from(LIBRARIES)


def same(a, b, ulps=4, scale=1e-300):
    assert plain(a) == pytest.approx(plain(b), rel=ulps * ULP, abs=ulps * ULP * scale)


def both(loss, *arrays, **keywords):
    """Every single value and slope of a loss."""
    return value_and_grad(loss, *arrays, reduction="none", **keywords)


# ------------------------------------------------------------- probability, odds, logit
@over_libraries
def test_sigmoid_softplus_and_their_complements(library):
    (z,) = to(library, [LOGITS])
    same(sigmoid(z) + sigmoid(-z), 0 * z + 1)
    same(softplus(z) - softplus(-z), z, scale=1)
    same(log_sigmoid(z), -softplus(-z), ulps=0)
    same(sigmoid(z), plain(value_and_grad(softplus, z)[1]), ulps=2)
    same(sigmoid(-z), plain(value_and_grad(log_sigmoid, z)[1]), ulps=2)
    (z,) = to(library, [LOGITS[abs(LOGITS) <= 700]])
    same(log1mexp(log_sigmoid(z)), log_sigmoid(-z), ulps=60)


@over_libraries
def test_there_and_back_again(library):
    z, p, o = to(library, [np.linspace(-700, 4, 50), np.linspace(0, 1, 41), np.geomspace(1e-9, 9)])
    same(logit(sigmoid(z)), z, ulps=60)
    same(probs_from_odds(odds_from_probs(p[:-1])), p[:-1], ulps=6)
    same(odds_from_probs(probs_from_odds(o)), o, ulps=40)
    same(logit(p[1:-1]), np.log(plain(odds_from_probs(p[1:-1]))), scale=10)
    same(sigmoid(z), probs_from_odds(np.exp(z) if library == "numpy" else z.exp()), ulps=1500)


@over_libraries
def test_sigmoid_is_the_softmax_of_two(library):
    (z,) = to(library, [np.linspace(-700, 700, 57)])
    (pairs,) = to(library, [np.stack([plain(z), 0 * plain(z)], axis=-1)])
    same(softmax(pairs)[..., 0], sigmoid(z))
    same(log_softmax(pairs)[..., 0], log_sigmoid(z))
    same(logsumexp(pairs), softplus(z))


# ---------------------------------------------------------------- binary cross-entropy
@over_libraries
@pytest.mark.parametrize("targets", [HARD, SOFT], ids=["hard", "soft"])
def test_focal_loss_without_focus_is_binary_cross_entropy(library, targets):
    z, y = to(library, [LOGITS, targets])
    pairs = zip(
        both(binary_focal_loss, z, y, gamma=0), both(binary_cross_entropy, z, y), strict=True
    )
    for a, b in pairs:
        same(a, b, scale=1 if targets is SOFT else 1e-300)


@over_libraries
def test_binary_cross_entropy_is_the_logistic_loss_with_signs(library):
    z, y = to(library, [LOGITS, HARD])
    pairs = zip(both(logistic_loss, z, 2 * y - 1), both(binary_cross_entropy, z, y), strict=True)
    for a, b in pairs:
        same(a, b)


@over_libraries
def test_binary_cross_entropy_is_minus_the_log_likelihood(library):
    z, y = to(library, [LOGITS, SOFT])
    same(
        binary_cross_entropy(z, y, reduction="none"),
        -y * log_sigmoid(z) - (1 - y) * log_sigmoid(-z),
    )
    ones = 0 * y + 1
    same(binary_cross_entropy(z, ones, reduction="none"), -log_sigmoid(z), ulps=0)


@over_libraries
@pytest.mark.parametrize(
    "of_logits, of_probs, ulps",
    [(binary_cross_entropy, binary_cross_entropy_from_probs, 40),
     (brier_score, brier_score_from_probs, 40)],
)  # fmt: skip
def test_from_logits_is_from_probabilities(library, of_logits, of_probs, ulps):
    z, y = to(library, [np.linspace(-5, 5, 31), np.linspace(0, 1, 31)])
    p = sigmoid(z)
    same(of_logits(z, y, reduction="none"), of_probs(p, y, reduction="none"), ulps, scale=1)
    chain = plain(both(of_probs, p, y)[1]) * plain(value_and_grad(sigmoid, z)[1])
    same(both(of_logits, z, y)[1], chain, ulps, scale=1)


@over_libraries
def test_one_minus_everything_is_the_same_loss(library):
    z, y, p = to(library, [LOGITS, SOFT, np.linspace(0, 1, LOGITS.size)])
    for loss in (binary_cross_entropy, binary_focal_loss, brier_score):
        value, slope = both(loss, z, y)
        mirrored, back = both(loss, -z, 1 - y)
        same(value, mirrored, scale=1)
        same(slope, -back, scale=1)
    same(*(brier_score_from_probs(*x, reduction="none") for x in ((p, y), (1 - p, 1 - y))), scale=1)


# -------------------------------------------------------------------------- parameters
@over_libraries
def test_pos_weight_weighs_the_positive_half_alone(library):
    z, y, w, p = to(library, [LOGITS, SOFT, np.linspace(0, 3, LOGITS.size), INSIDE])
    for loss, x in ((binary_cross_entropy, z), (binary_cross_entropy_from_probs, p)):
        zero, one = 0 * y, 0 * y + 1
        for of in (0, 1):
            yes, no = both(loss, x, one)[of], both(loss, x, zero)[of]
            found = plain(both(loss, x, y, pos_weight=w)[of])
            expected = plain(w * y) * plain(yes) + (1 - plain(y)) * plain(no)
            size = plain(w * y) * abs(plain(yes)) + (1 - plain(y)) * abs(plain(no))
            assert (abs(found - expected) <= 8 * ULP * size).all()
            same(both(loss, x, y, pos_weight=1.0)[of], both(loss, x, y)[of], scale=1)


@over_libraries
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.5, 1.0])
def test_smoothing_is_smoothed_targets(library, epsilon):
    z, y = to(library, [LOGITS, SOFT])
    smooth = (1 - epsilon) * y + epsilon / 2
    (p,) = to(library, [INSIDE])
    for loss, x in ((binary_cross_entropy, z), (binary_cross_entropy_from_probs, p)):
        for pos_weight in (None, 2.5):
            found = both(loss, x, y, label_smoothing=epsilon, pos_weight=pos_weight)
            for a, b in zip(found, both(loss, x, smooth, pos_weight=pos_weight), strict=True):
                same(a, b, ulps=16, scale=20)


@over_libraries
def test_alpha_weighs_the_two_halves(library):
    z, y = to(library, [LOGITS, HARD])
    for alpha in (0.0, 0.25, 1.0):
        weight = alpha * y + (1 - alpha) * (1 - y)
        for a, b in zip(
            both(binary_focal_loss, z, y, alpha=alpha), both(binary_focal_loss, z, y), strict=True
        ):
            same(a, weight * b)


@over_libraries
def test_focal_loss_is_the_cross_entropy_times_a_power_of_the_other_probability(library):
    z, y = to(library, [np.linspace(-30, 30, 61), np.resize([0.0, 1.0], 61)])
    for gamma in (0.5, 1.0, 2.0, 5.0):
        rest = y * sigmoid(-z) + (1 - y) * sigmoid(z)
        expected = rest**gamma * binary_cross_entropy(z, y, reduction="none")
        same(binary_focal_loss(z, y, gamma=gamma, reduction="none"), expected, ulps=16 + 60 * gamma)


def test_the_best_prediction_of_a_proper_loss_is_the_probability():
    y = np.linspace(0.05, 0.95, 19)
    for loss, best in (
        (binary_cross_entropy, logit(y)),
        (brier_score, logit(y)),
        (binary_cross_entropy_from_probs, y),
        (brier_score_from_probs, y),
    ):
        value, slope = both(loss, best, y)
        assert abs(slope).max() < 1e-15
        for step in (-0.01, 0.01):
            assert (both(loss, best + step, y)[0] > value).all()
    entropy = -y * np.log(y) - (1 - y) * np.log1p(-y)
    same(binary_cross_entropy(logit(y), y, reduction="none"), entropy)


def test_the_best_prediction_of_the_focal_loss_is_drawn_to_one_half():
    y = np.array([0.6, 0.8, 0.95])
    slope = both(binary_focal_loss, logit(y), y)[1]
    assert (slope > 0).all()  # less certain is better
    assert (both(binary_focal_loss, logit(1 - y), 1 - y)[1] < 0).all()


# -------------------------------------------------------------------------------- rows
@over_libraries
def test_softmax_log_softmax_and_logsumexp_belong_together(library):
    (z,) = to(library, [np.random.default_rng(0).normal(size=(50, 5)) * 10])
    xp = np if library == "numpy" else torch
    same(log_softmax(z), np.log(plain(softmax(z))), scale=10)
    same(softmax(z), xp.exp(log_softmax(z)), ulps=80)
    same(log_softmax(z), z - logsumexp(z)[..., None], scale=100)
    same(value_and_grad(logsumexp, z)[1], softmax(z), ulps=2)


@over(LOGITS_ONLY)
def test_a_shift_of_all_logits(entry):
    @SOME
    @given(rows, st.integers(-1000, 1000), libraries)
    def holds(row, shift, library):
        z, moved = to(library, [np.round(row, 2), np.round(row, 2) + shift])
        expected = plain(entry.function(z)) + (shift if entry.kind == "row" else 0)
        # the sum itself is rounded: that moves a logit by up to half an ulp of 1100
        close = pytest.approx(expected, abs=3e-13, rel=3e-13)
        assert plain(entry.function(moved)) == close

    holds()


@over(LOGITS_ONLY)
def test_any_order_of_the_logits(entry):
    @SOME
    @given(rows.flatmap(lambda r: st.permutations(range(len(r))).map(lambda p: (r, p))), libraries)
    def holds(row_and_order, library):
        row, order = row_and_order
        z, other = to(library, [row, np.take(row, order)])
        expected = plain(entry.function(z))
        expected = expected if entry.kind == "row" else expected[order]
        assert plain(entry.function(other)) == pytest.approx(expected, rel=1e-14, abs=1e-14)

    holds()


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_a_temperature_divides_the_logits(function):
    @SOME
    @given(rows, st.floats(0.01, 100), libraries)
    def holds(row, temperature, library):
        (z,) = to(library, [row])
        found = plain(function(z, temperature=temperature))
        assert found == pytest.approx(plain(function(z / temperature)), rel=1e-10, abs=1e-12)

    holds()


@pytest.mark.parametrize("dtype, eps", [("float64", 2.0**-52), ("float32", 2.0**-23)])
def test_probabilities_sum_to_one(dtype, eps):
    @SOME
    @given(rows, libraries)
    def holds(row, library):
        (z,) = to(library, [row], dtype)
        p = plain(softmax(z))
        assert ((p >= 0) & (p <= 1)).all()
        assert math.fsum(p) == pytest.approx(1, abs=2 * eps)
        assert (plain(log_softmax(z)) <= 0).all()

    holds()


@pytest.mark.parametrize("size", [10, 1000, 50257])
def test_many_probabilities_sum_to_one(size):
    z = np.random.default_rng(0).normal(size=(4, size)) * 5
    for library in LIBRARIES:
        for dtype, bound in (("float64", 1e-15), ("float32", 1e-6)):
            total = plain(softmax(*to(library, [z], dtype))).sum(-1)
            assert total == pytest.approx(1, abs=bound)


@over_libraries
def test_a_mask_of_rows_equals_deletion(library):
    rng = np.random.default_rng(1)
    z, keep = rng.normal(size=(30, 6)), rng.random((30, 6)) < 0.6
    keep[:, 0] = True
    (full,), (where,) = to(library, [z]), to(library, [keep], "bool")
    for k in range(30):
        (kept,) = to(library, [z[k][keep[k]]])
        same(softmax(full, where=where)[k][keep[k]], softmax(kept))
        same(log_softmax(full, where=where)[k][keep[k]], log_softmax(kept), scale=1)
        same(logsumexp(full, where=where)[k], logsumexp(kept), scale=1)
    assert not plain(softmax(full, where=where))[~keep].any()


@over_libraries
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, sparsemax])
def test_any_axis_is_the_last_axis_moved(library, function):
    z = np.random.default_rng(2).normal(size=(3, 4, 5))
    for axis in (0, 1, 2, -1, -2, -3):
        (given_axis,), (last,) = to(library, [z]), to(library, [np.moveaxis(z, axis, -1).copy()])
        found, expected = plain(function(given_axis, axis=axis)), plain(function(last))
        moved = expected if function is logsumexp else np.moveaxis(expected, -1, axis)
        assert np.array_equal(found, moved)


@over_libraries
def test_logsumexp_lies_between_the_largest_and_its_bound(library):
    z = np.random.default_rng(3).normal(size=(100, 7)) * 5
    found = plain(logsumexp(*to(library, [z])))
    assert (found >= z.max(-1)).all() and (found <= z.max(-1) + math.log(7)).all()
    same(StreamingLogSumExp(*to(library, [z])).value, found, ulps=0)
