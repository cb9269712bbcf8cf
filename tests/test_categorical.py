"""Losses over K classes: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import lossbook as lb
from cases import gradient, over_libraries, over_reductions, plain, to
from lossbook import value_and_grad

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
rng = np.random.default_rng(0)
Z = 2 * rng.normal(size=(6, 4))
Y = rng.integers(0, 4, 6)
W = np.array([0.5, 2.0, 1.0, 3.0])
HARD = (lb.cross_entropy, lb.focal_loss)


def one_hot(labels, size=4):
    return np.eye(size)[labels]


def both(library, *arrays, dtype="float64"):
    """Arrays in a library; labels stay integers."""
    return [to(library, [a], "int64" if np.asarray(a).dtype.kind == "i" else dtype)[0]
            for a in arrays]  # fmt: skip


# ------------------------------------------------------------------------- digits
@over_libraries
def test_a_confident_right_answer_keeps_its_digits(library):
    z, y = both(library, np.array([[20.0, 0.0]]), np.array([0]), dtype="float32")
    value, slope = value_and_grad(lb.cross_entropy, z, y)
    assert np.float32(value) == np.float32(2.0611537e-9)
    assert plain(slope) == pytest.approx(np.array([[-2.0611537e-9, 2.0611537e-9]]), rel=1e-7)
    z, y = both(library, np.array([[40.0, 0.0, 0.0]]), np.array([0]))
    assert plain(lb.cross_entropy(z, y)) == pytest.approx(2 * math.exp(-40), rel=1e-15)


@over_libraries
def test_large_logits_are_right(library):
    z = np.array([[1e8, 1e8], [1e8, -1e8], [-1e8, 1e8], [1e4, 1e4 - 1]])
    z, y = both(library, z, np.array([1, 1, 1, 1]), dtype="float32")
    found = plain(lb.cross_entropy(z, y, reduction="none"))
    assert found == pytest.approx([math.log(2), 2e8, 0, 1.3132617], rel=1e-7)


@over_libraries
def test_two_classes_are_the_binary_loss_of_the_difference(library):
    gap = np.array([-1000.0, -40.0, -3.0, 0.0, 3.0, 40.0, 700.0])
    z, d, ones = both(library, np.stack([0 * gap, gap], -1), gap, 0 * gap + 1)
    y = both(library, np.ones(7, dtype=int))[0]
    pairs = [
        (value_and_grad(f, z, y, reduction="none"), value_and_grad(g, d, ones, reduction="none"))
        for f, g in ((lb.cross_entropy, lb.binary_cross_entropy),
                     (lb.focal_loss, lb.binary_focal_loss))
    ]  # fmt: skip
    for (value, slope), (binary, push) in pairs:
        assert plain(value) == pytest.approx(plain(binary), rel=1e-14)
        assert plain(slope)[:, 1] == pytest.approx(plain(push), rel=1e-14)
        assert plain(slope)[:, 0] == pytest.approx(-plain(push), rel=1e-14)


def test_the_slopes_of_a_row_sum_to_zero_and_a_shift_changes_nothing():
    @SOME
    @given(st.lists(st.floats(-50, 50, width=16), min_size=2, max_size=6), st.sampled_from(HARD))
    def holds(row, loss):
        z = np.array([row])
        value, slope = value_and_grad(loss, z, [0])
        shifted, same = value_and_grad(loss, z + 64.0, [0])
        assert slope.sum() == pytest.approx(0, abs=1e-15)
        assert shifted == pytest.approx(value, rel=1e-12)
        assert same == pytest.approx(slope, rel=1e-12)

    holds()


# ------------------------------------------------------- one loss by different routes
@over_libraries
@over_reductions
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weights", [None, W])
def test_labels_targets_and_probabilities_are_one_loss(
    library, reduction, smoothing, class_weights
):
    options = {"reduction": reduction, "label_smoothing": smoothing}
    if class_weights is not None:
        options["class_weights"] = both(library, class_weights)[0]
    z, y, q = both(library, Z, Y, one_hot(Y))
    p = lb.softmax(z)
    expected = plain(lb.cross_entropy(z, y, **options))
    assert plain(lb.soft_cross_entropy(z, q, **options)) == pytest.approx(expected, rel=1e-14)
    for found in (
        lb.cross_entropy_from_probs(p, y, **options),
        lb.soft_cross_entropy_from_probs(p, q, **options),
    ):
        assert plain(found) == pytest.approx(expected, rel=1e-14)
    if not smoothing:
        del options["label_smoothing"]
        found = lb.nll_loss(lb.log_softmax(z), y, **options)
        assert plain(found) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("ignored", [(), (1, 4)])
def test_class_weights_are_torchs(smoothing, ignored):
    z, w = both("torch", Z, W)
    y = torch.tensor(Y)
    y[list(ignored)] = -100
    keep = y != -100

    def torchs(z, reduction):
        return F.cross_entropy(z, y, w, reduction=reduction, label_smoothing=smoothing)

    ours = {"class_weights": w, "ignore_index": -100, "label_smoothing": smoothing}
    for reduction in ("none", "sum"):
        found = lb.cross_entropy(z, y, reduction=reduction, **ours)
        assert plain(found) == pytest.approx(plain(torchs(z, reduction)), rel=1e-14)
    mean = lb.cross_entropy(z, y, **ours)
    assert plain(mean) == pytest.approx(plain(torchs(z, "sum") / keep.sum()), rel=1e-14)
    # torch divides by the weight of the labels, as if they had not been smoothed
    weight = w[y[keep]].sum() if not smoothing else ((0.9 * w[y[keep]]) + 0.1 * w.mean()).sum()

    def weighted(z):
        return lb.cross_entropy(z, y, reduction="weighted_mean", **ours)

    assert plain(weighted(z)) == pytest.approx(plain(torchs(z, "sum") / weight), rel=1e-14)
    slope = gradient(lambda z: torchs(z, "sum") / weight, z)
    assert plain(gradient(weighted, z)) == pytest.approx(plain(slope), rel=1e-12, abs=1e-15)


def test_a_weighted_mean_of_hard_labels_is_torchs_mean():
    z, w, y = torch.tensor(Z), torch.tensor(W), torch.tensor(Y)
    found = lb.cross_entropy(z, y, class_weights=w, reduction="weighted_mean")
    assert plain(found) == pytest.approx(plain(F.cross_entropy(z, y, w)), rel=1e-14)
    rows = torch.tensor([1.0, 0, 2, 1, 0.5, 3])
    mixed = lb.cross_entropy(z, y, class_weights=w, weights=rows, reduction="weighted_mean")
    each = F.cross_entropy(z, y, w, reduction="none")
    assert plain(mixed) == pytest.approx(plain((rows * each).sum() / (rows * w[y]).sum()))


# ------------------------------------------------------------------- masks and ignoring
@over_libraries
@pytest.mark.parametrize("loss", [*HARD, lb.nll_loss, lb.cross_entropy_from_probs])
def test_ignored_rows_have_gradient_zero_whatever_they_hold(library, loss):
    x = {"nll_loss": np.log, "cross_entropy_from_probs": np.array}.get(loss.__name__)
    x = x(one_hot(Y) * 0.6 + 0.1) if x else Z.copy()
    labels, dirty = Y.copy(), x.copy()
    labels[[0, 3]], dirty[0], dirty[3] = -100, math.nan, math.inf
    x, dirty, y, hard = both(library, x, dirty, labels, Y)
    keep = [False, True, True, False, True, True]
    expected = value_and_grad(loss, x, hard, where=keep)
    found = value_and_grad(loss, dirty, y, ignore_index=-100)
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(plain(a), plain(b))
    assert not plain(found[1])[[0, 3]].any()
    everything = value_and_grad(loss, dirty, y * 0 - 100, ignore_index=-100)
    assert plain(everything[0]) == 0 and not plain(everything[1]).any()


@over_libraries
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_masked_class_is_one_that_is_not_there(library, smoothing):
    mask = np.array([True, False, True, True])
    labels = np.array([0, 2, 3, 3, 0, 2])
    dirty = np.where(mask, Z, math.nan)
    z, rest, inf, y, fewer = both(
        library, dirty, Z[:, mask], np.where(mask, Z, -math.inf), labels, np.maximum(labels - 1, 0)
    )
    (keep,) = to(library, [mask], "bool")
    options = {"label_smoothing": smoothing, "reduction": "none"}
    value, slope = value_and_grad(lb.cross_entropy, rest, fewer, **options)
    targets = both(library, one_hot(labels))[0]
    for found in (
        value_and_grad(lb.cross_entropy, z, y, class_mask=keep, **options),
        value_and_grad(lb.cross_entropy, inf, y, **options),
        value_and_grad(lb.soft_cross_entropy, z, targets, class_mask=keep, **options),
        value_and_grad(lb.soft_cross_entropy, inf, targets, **options),
    ):
        assert plain(found[0]) == pytest.approx(plain(value), rel=1e-14)
        assert plain(found[1])[:, mask] == pytest.approx(plain(slope), rel=1e-13)
        assert not plain(found[1])[:, 1].any()
    for loss in (lb.focal_loss, lb.z_loss):
        args = () if loss is lb.z_loss else (y,)
        less = () if loss is lb.z_loss else (fewer,)
        found = value_and_grad(loss, z, *args, class_mask=keep)
        expected = value_and_grad(loss, rest, *less)
        assert plain(found[0]) == pytest.approx(plain(expected[0]), rel=1e-14)
        assert plain(found[1])[:, mask] == pytest.approx(plain(expected[1]), rel=1e-13)


@over_libraries
def test_a_label_that_can_not_be_costs_infinity(library):
    z, y = both(library, np.array([[-math.inf, 0.0, 1.0]] * 2), np.array([0, 1]))
    value, slope = value_and_grad(lb.cross_entropy, z, y, reduction="none")
    p = 1 / (1 + math.e)
    assert plain(value) == pytest.approx([math.inf, math.log(1 + math.e)], rel=1e-15)
    assert plain(slope) == pytest.approx(np.array([[-1, p, 1 - p], [0, p - 1, 1 - p]]))


@over_libraries
def test_another_axis_is_a_transposed_array(library):
    z = rng.normal(size=(2, 4, 3))
    labels, mask = rng.integers(1, 4, (2, 3)), np.array([False, True, True, True])
    moved, y, w = both(library, np.moveaxis(z, 1, -1).copy(), labels, W)
    z, q = both(library, z, np.moveaxis(one_hot(labels), -1, 1).copy())
    (keep,) = to(library, [mask], "bool")
    options = {"class_weights": w, "label_smoothing": 0.1, "reduction": "none"}
    expected = plain(lb.cross_entropy(moved, y, class_mask=keep, **options))
    found = lb.cross_entropy(z, y, class_mask=keep[:, None], axis=1, **options)
    soft = lb.soft_cross_entropy(z, q, class_mask=keep[:, None], axis=1, **options)
    assert plain(found) == pytest.approx(expected, rel=1e-14)
    assert plain(soft) == pytest.approx(expected, rel=1e-14)
    plainly = plain(lb.cross_entropy(moved, y, reduction="none"))
    assert plain(lb.cross_entropy(z, y, axis=1, reduction="none")) == pytest.approx(plainly)
    _, slope = value_and_grad(lb.cross_entropy, z, y, axis=1)
    _, straight = value_and_grad(lb.cross_entropy, moved, y)
    assert plain(slope) == pytest.approx(np.moveaxis(plain(straight), -1, 1))


# ------------------------------------------------------------------------- smoothing
@over_libraries
@pytest.mark.parametrize("gap, expected", [(0.0, 1.386294), (math.log(37), 0.348780),
                                           (10.0, 0.750136), (1e4, 750.0)])  # fmt: skip
def test_a_smoothed_loss_has_its_minimum_at_a_finite_gap(library, gap, expected):
    z, y = both(library, np.array([[gap, 0.0, 0.0, 0.0]]), np.array([0]))
    value, slope = value_and_grad(lb.cross_entropy, z, y, label_smoothing=0.1)
    assert plain(value) == pytest.approx(expected, rel=2e-6)
    assert np.sign(plain(slope)[0, 0].round(15)) == np.sign(gap - math.log(37))


def test_soft_targets_cost_their_entropy_at_best():
    q = np.array([[0.7, 0.2, 0.1]])
    value, slope = value_and_grad(lb.soft_cross_entropy, np.log(q), q)
    assert value == pytest.approx(-(q * np.log(q)).sum(), rel=1e-15)
    assert slope == pytest.approx(0, abs=1e-15)
    assert lb.soft_cross_entropy_from_probs(q, q) == pytest.approx(value, rel=1e-15)
    z = np.array([[0.3, -1.0, 2.0]])
    assert lb.soft_cross_entropy(z, q) == pytest.approx(1.999021, rel=1e-6)


# ----------------------------------------------------------------------------- errors
@over_libraries
@pytest.mark.parametrize("labels, message", [
    (np.array([0, 1, 2, 4, 1, 1]), r"labels must be in \[0, 4\), got 4 at index 3"),
    (np.array([0, 1, -1, 2, 1, 1]), r"labels must be in \[0, 4\), got -1 at index 2"),
    (np.zeros(6), "labels must be integers, got dtype"),
    (np.zeros((6, 1), int), r"labels must have the shape of logits without its axis 1 of classes, "
                            r"\(6,\), got \(6, 1\)"),
])  # fmt: skip
def test_wrong_labels_are_refused(library, labels, message):
    z, y = both(library, Z, labels)
    for loss in HARD:
        with pytest.raises((ValueError, TypeError), match=message):
            loss(z, y)


@over_libraries
def test_rows_that_are_no_distribution_are_refused(library):
    rows = np.array([[1.0, 0.0, 0.0], [0.1, 0.3, 0.7]])
    z, good, bad = both(library, Z[:2, :3], np.full((2, 3), 1 / 3), rows)
    message = "the sum of each row of targets must be 1, got 1.1 at index 1"
    for loss, x in ((lb.soft_cross_entropy, z), (lb.soft_cross_entropy_from_probs, good)):
        with pytest.raises(ValueError, match=message):
            loss(x, bad)
        assert plain(loss(x, bad, where=[True, False])) > 0
    with pytest.raises(ValueError, match=r"the sum of each row of probs must be 1, got 1\.1"):
        lb.cross_entropy_from_probs(bad, [0, 2])
    with pytest.raises(ValueError, match=r"log_probs must be in \(-inf, 0\], got 0.1"):
        lb.nll_loss(bad[1:], [2])  # the classic: probabilities in place of their logarithms


def test_rounding_is_no_error():
    p = torch.softmax(torch.randn(200, 5000, generator=torch.manual_seed(0)), -1)
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        assert lb.cross_entropy_from_probs(p.to(dtype).double(), [0] * 200) > 0
        assert lb.soft_cross_entropy(p, p.to(dtype)) > 0


def test_mass_on_a_class_that_is_not_on_offer_is_refused():
    mask = [True, True, False, True]
    with pytest.raises(ValueError, match="labels must be of a class that class_mask keeps, got 2 "):
        lb.cross_entropy(Z, [0, 1, 2, 3, 0, 0], class_mask=mask)
    message = (
        r"targets must be 0 for a class that class_mask leaves out, got 0.25 at index \(0, 2\)"
    )
    with pytest.raises(ValueError, match=message):
        lb.soft_cross_entropy(Z, np.full((6, 4), 0.25), class_mask=mask)


def test_labels_in_a_list_are_labels():
    for z in (Z, torch.tensor(Z)):
        found = plain(lb.cross_entropy(z, Y.tolist()))
        assert found == pytest.approx(plain(lb.cross_entropy(Z, Y)), rel=1e-15)
    assert lb.cross_entropy(Z[0], 2) == lb.cross_entropy(Z[:1], [2])
    assert plain(lb.cross_entropy(torch.tensor(Z), torch.tensor(Y, dtype=torch.uint8))) > 0
    with pytest.raises(TypeError, match="labels must be integers"):
        lb.cross_entropy(Z, Y > 1)


# ------------------------------------------------------------------------------ focal
@over_libraries
@pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 2.0, 5.0])
def test_focal_loss_is_its_definition(library, gamma):
    z, y = both(library, Z, Y)
    p = plain(lb.softmax(z))
    of_label = p[np.arange(6), Y]
    value, slope = value_and_grad(lb.focal_loss, z, y, gamma=gamma, reduction="none")
    assert plain(value) == pytest.approx(-((1 - of_label) ** gamma) * np.log(of_label), rel=1e-13)
    factor = (1 - of_label) ** (gamma - 1) * (1 - of_label - gamma * of_label * np.log(of_label))
    assert plain(slope) == pytest.approx((p - one_hot(Y)) * factor[:, None], rel=1e-12)
    far, label = both(library, np.array([[0.0, 800.0, -800.0], [0.0, -800.0, -800.0]]),
                      np.array([1, 1]))  # fmt: skip
    for result in value_and_grad(lb.focal_loss, far, label, gamma=gamma, reduction="none"):
        assert np.isfinite(plain(result)).all()


def test_focal_with_gamma_zero_is_cross_entropy():
    found = value_and_grad(lb.focal_loss, Z, Y, gamma=0.0, class_weights=W)
    expected = value_and_grad(lb.cross_entropy, Z, Y, class_weights=W)
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, rel=1e-14)


# --------------------------------------------------------------- what a text costs
@over_libraries
def test_perplexity_is_over_tokens(library):
    losses, w = both(library, np.array([1.0, 3.0]), np.array([3.0, 1.0]))
    assert plain(lb.perplexity(losses)) == pytest.approx(math.exp(2))
    assert plain(lb.perplexity(losses, weights=w)) == pytest.approx(math.exp(1.5))
    assert plain(lb.perplexity(losses, where=[True, False])) == pytest.approx(math.e)
    z, y = both(library, np.zeros((5, 7)), np.zeros(5, int))
    assert plain(lb.perplexity(lb.cross_entropy(z, y, reduction="none"))) == pytest.approx(7)


@over_libraries
def test_perplexity_beyond_the_range_of_exp(library):
    (losses,) = both(library, np.array([1000.0, 0.0, 200.0]))
    assert plain(lb.perplexity(losses)) == pytest.approx(math.exp(400), rel=1e-13)
    assert plain(lb.perplexity(3 * losses)) == math.inf
    (single,) = both(library, np.array([90.0, 84.0]), dtype="float32")
    assert plain(lb.perplexity(single)) == pytest.approx(math.exp(87), rel=1e-7)
    (mixed,) = both(library, np.array([5.0, math.nan]))
    assert plain(lb.perplexity(mixed, where=[True, False])) == pytest.approx(math.exp(5))
    assert math.isnan(plain(lb.perplexity(mixed)))


@over_libraries
def test_bits_per_byte_do_not_depend_on_the_tokens(library):
    letters, words = both(library, np.full(12, math.log(4)), np.full(3, 4 * math.log(4)))
    assert plain(lb.bits_per_byte(letters, 12)) == pytest.approx(2)
    assert plain(lb.bits_per_byte(words, 12)) == pytest.approx(2)
    assert plain(lb.perplexity(words)) == pytest.approx(plain(lb.perplexity(letters)) ** 4)
    with pytest.raises(ValueError, match="byte_count must be a number in"):
        lb.bits_per_byte(letters, 0)


# ------------------------------------------------------------------------ calibration
def overconfident(count=4000, factor=3.0):
    rng = np.random.default_rng(5)
    z = rng.normal(size=(count, 5))
    p = plain(lb.softmax(z))
    y = (p.cumsum(-1) < rng.random((count, 1))).sum(-1)
    return factor * z, y


@over_libraries
def test_a_temperature_that_was_put_in_is_found(library):
    z, y = overconfident()
    logits, labels = both(library, z, y)
    found = lb.fit_temperature(logits, labels)
    assert found == pytest.approx(3, rel=0.05)
    best = minimize_scalar(
        lambda t: lb.cross_entropy(z / t, y), bounds=(0.1, 10), options={"xatol": 1e-9}
    )
    assert found == pytest.approx(best.x, rel=1e-6)
    assert lb.fit_temperature(logits / 1e3, labels) == pytest.approx(found / 1e3, rel=1e-9)
    before, after = (
        lb.expected_calibration_error(lb.softmax(logits, temperature=t), labels)
        for t in (1.0, found)
    )
    assert before > 0.25 and after < 0.03


@over_libraries
def test_a_temperature_of_what_the_mask_keeps(library):
    z, y = overconfident(600)
    z[:100], labels = math.nan, np.where(np.arange(600) < 100, -1, y)
    logits, labels, part, rest = both(library, z, labels, z[100:], y[100:])
    assert lb.fit_temperature(logits, labels, ignore_index=-1) == pytest.approx(
        lb.fit_temperature(part, rest), rel=1e-9
    )


def test_there_may_be_no_best_temperature():
    z = np.array([[2.0, 0.0], [3.0, 1.0]])
    with pytest.raises(ValueError, match="every label has the largest logit"):
        lb.fit_temperature(z, [0, 0])
    with pytest.raises(ValueError, match="tell nothing of the labels"):
        lb.fit_temperature(z, [1, 1])


@over_libraries
def test_reliability_counts_each_row_once(library):
    p = np.array([[1.0, 0.0], [0.5, 0.5], [0.8, 0.2], [0.2, 0.8], [0.75, 0.25]])
    probs, labels = both(library, p, np.array([0, 0, 1, 1, 0]))
    count, confidence, accuracy = lb.reliability(probs, labels, bins=4)
    assert count.tolist() == [0, 1, 1, 3]
    assert confidence[1:] == pytest.approx([0.5, 0.75, 2.6 / 3])
    assert accuracy[1:] == pytest.approx([1, 1, 2 / 3]) and np.isnan(accuracy[0])
    expected = (0.5 + 0.25 + 0.6) / 5
    assert lb.expected_calibration_error(probs, labels, bins=4) == pytest.approx(expected)
    some = lb.expected_calibration_error(probs, labels, bins=4, where=[False, True] + [False] * 3)
    assert some == pytest.approx(0.5)
    assert lb.expected_calibration_error(probs, labels, where=[False] * 5) == 0


# ----------------------------------------------------------------------------- z-loss
@over_libraries
def test_z_loss_sees_the_shift_that_the_softmax_does_not(library):
    z, shift = both(library, Z, np.full((6, 1), 5.0))
    log_sum = plain(lb.logsumexp(z))
    found = plain(lb.z_loss(z + shift, reduction="none"))
    assert found == pytest.approx((log_sum + 5) ** 2, rel=1e-13)
    normal = lb.log_softmax(z)
    assert plain(lb.z_loss(normal)) == pytest.approx(0, abs=1e-28)


def test_a_network_learns_through_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = torch.tensor(np.argmax(x @ np.array([[1.0, -1, 0], [0, 1, -1]]), -1))
    x = torch.tensor(x)
    w, losses = torch.zeros(2, 3, dtype=torch.float64), []
    for _ in range(100):
        losses.append(float(lb.cross_entropy(x @ w, y)))
        w = w - gradient(lambda w: lb.cross_entropy(x @ w, y), w)
    assert losses[0] == pytest.approx(math.log(3)) and losses[-1] < 0.4
    assert (np.diff(losses) < 0).all()


def test_the_rules_need_no_driver():
    import array_api_compat.numpy as xp

    from lossbook.categorical import cross_entropy_rule

    value, slope = cross_entropy_rule.function(xp, Z, Y)
    p = plain(lb.softmax(Z))
    assert value() == pytest.approx(-np.log(p[np.arange(6), Y]))
    rows, total = slope()
    assert rows / total == pytest.approx(p - one_hot(Y))


# ------------------------------------------------------------------ what others have broken
def test_labels_of_eight_bits_are_not_wrapped():
    z = torch.tensor(np.random.default_rng(2).normal(size=(3, 200)))
    labels = torch.tensor([156, 1, 2])
    expected = lb.cross_entropy(z, labels, reduction="none")
    for ignored in (-100, 412):
        found = lb.cross_entropy(z, labels.byte(), ignore_index=ignored, reduction="none")
        assert torch.equal(found, expected)
    with pytest.raises(ValueError, match="got -1 at index 0"):
        lb.cross_entropy(z, torch.tensor([-1, 1, 2], dtype=torch.int8), ignore_index=255)


@pytest.mark.filterwarnings("ignore")  # those of the compiler about itself
@pytest.mark.parametrize("loss", [lb.cross_entropy, lb.focal_loss])
def test_a_compiler_shows_labels_out_of_range(loss):
    z, labels = torch.tensor(Z[:4], requires_grad=True), torch.tensor([0, 1, -100, 7])
    compiled = torch.compile(lambda z, y: loss(z, y, reduction="none"), backend="eager")
    found = compiled(z, labels)
    assert plain(found[:2]) == pytest.approx(plain(loss(z, labels % 4, reduction="none")[:2]))
    assert found[2:].isnan().all()
    found.sum().backward()
    assert z.grad[:2].isfinite().all() and z.grad[2:].isnan().all()


@over_libraries
def test_a_probability_of_minus_zero_pulls_as_zero_does(library):
    (p, q), y = both(library, np.array([-0.0, 1.0]), np.array([1.0, 0.0])), 0
    for loss, truth in ((lb.cross_entropy_from_probs, y), (lb.soft_cross_entropy_from_probs, q)):
        value, slope = value_and_grad(loss, p, truth)
        assert plain(value) == math.inf and plain(slope).tolist() == [-math.inf, 0]
    certain = lb.cross_entropy_from_probs(1 + p[:1], 0)
    assert math.copysign(1, plain(certain)) == 1


@over_libraries
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothing_does_not_hide_a_nan(library, smoothing):
    p, q, y = both(library, np.array([[math.nan, 0.5]]), np.array([[0.0, 1.0]]), np.array([1]))
    found = [value_and_grad(lb.soft_cross_entropy_from_probs, p, q, label_smoothing=smoothing)]
    if smoothing:
        found += [value_and_grad(lb.cross_entropy_from_probs, p, y, label_smoothing=smoothing)]
    for value, slope in found:
        assert math.isnan(plain(value)) and math.isnan(plain(slope)[0, 0])
        assert plain(slope)[0, 1] == pytest.approx(-(1 - smoothing / 2) / 0.5)


@over_libraries
def test_a_temperature_of_bad_far_and_weightless_logits(library):
    hundred, labels = both(library, np.array([[4.0, 0.0]] * 4), np.array([0, 0, 0, 1]))
    best = 4 / math.log(3)
    for scale in (1e-310, 1e306):
        assert lb.fit_temperature(scale * hundred, labels) == pytest.approx(scale * best)
    for bad in (math.nan, math.inf):
        z = 1 * hundred
        z[0, 1] = bad
        with pytest.raises(ValueError, match=rf"logits must be in \[-inf, inf\), got {bad}"):
            lb.fit_temperature(z, labels)
        found = lb.fit_temperature(z, labels, weights=[0, 1, 1, 1])
        assert found == pytest.approx(4 / math.log(2))
    with pytest.raises(ValueError, match="every label has the largest logit"):
        lb.fit_temperature(hundred, labels, weights=[1, 1, 1, 0])
    z[0, 1] = -math.inf
    assert lb.fit_temperature(z, labels) == pytest.approx(4 / math.log(2))
    z[3, 1] = -math.inf
    with pytest.raises(ValueError, match="a label has the logit -inf"):
        lb.fit_temperature(z, labels)


@over_libraries
def test_bits_of_a_long_text_in_half_precision(library):
    (losses,) = both(library, np.full(30_000, 2.5), dtype="float16")
    found = lb.bits_per_byte(losses, 120_000)
    assert found.dtype == losses.dtype
    assert plain(found) == np.float16(2.5 / 4 / math.log(2))


@over_libraries
@pytest.mark.parametrize("bins", [25, 49, 50, 100])
def test_the_edge_of_a_bin_belongs_to_the_bin_below(library, bins):
    edges = np.arange(bins // 2 + 1, bins + 1) / bins
    p, y = both(library, np.stack([edges, 1 - edges], -1), np.zeros(len(edges), int))
    found = lb.reliability(p, y, bins=np.int64(bins)).count
    assert found.tolist() == [0] * (bins // 2) + [1] * len(edges)


def test_labels_and_whole_numbers_of_others():
    class Column:  # as a column of pandas
        dtype = np.dtype(int)

        def __iter__(self):
            return iter(Y)

        def __array__(self, dtype=None, copy=None):
            return np.asarray(Y)

    for z in (Z, torch.tensor(Z)):
        expected = plain(lb.cross_entropy(z, Y.tolist()))
        assert plain(lb.cross_entropy(z, Column(), ignore_index=np.int64(-1))) == expected
        for bad in ([None, 1, 2, 0, 0, 0], [2**70, 1, 2, 0, 0, 0]):
            with pytest.raises(TypeError, match="labels must be integers, got dtype object"):
                lb.cross_entropy(z, bad)
        with pytest.raises(TypeError, match="labels can't be read as an array of integers"):
            lb.cross_entropy(z, [[1], [1, 2]])
        with pytest.raises(ValueError, match="got 123456789 at index 0"):
            lb.cross_entropy(z, [123456789, *Y[1:].tolist()])


@pytest.mark.filterwarnings("error")
def test_no_warnings():
    assert lb.perplexity(torch.tensor([1.0], requires_grad=True)).requires_grad
    assert lb.bits_per_byte(np.full(4, 6e4, np.float16), 1e-9) == math.inf
    with pytest.raises(ValueError, match="weights must be in"):
        lb.cross_entropy(Z.astype("f"), Y, class_weights=1e30 * W, weights=1e30)
    z = np.array([[4.0, -math.inf], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    assert lb.fit_temperature(z, [0, 0, 0, 1]) == pytest.approx(4 / math.log(2))
