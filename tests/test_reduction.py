"""From many losses to one number. What all losses share is in test_masks."""

from __future__ import annotations

import itertools
import math
import textwrap
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from cases import LIBRARIES, REDUCTIONS, over_libraries, over_reductions, plain, to
from lossbook import (
    RunningMean,
    cross_entropy,
    cvar,
    effective_number_weights,
    effective_sample_size,
    exact_sum,
    inverse_frequency_weights,
    kahan_sum,
    log_mean_exp,
    logsumexp,
    neumaier_sum,
    pairwise_sum,
    reduce,
    root_mean_squared_error,
    running_sums,
    shard_mean,
    shift_to_base_rate,
    shift_to_priors,
    softmax,
    squared_error,
    tilted_mean,
    value_and_grad,
)
from lossbook.processes import run_processes
from lossbook.reduction import share_out

LOSSES, WEIGHTS = np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 0.5])


@over_libraries
def test_the_four_reductions(library):
    losses, w = to(library, [LOSSES, WEIGHTS])
    (where,) = to(library, [[1, 1, 0]], "bool")
    expected = {
        (False, False): ([1, 2, 4], 7, 7 / 3, 7 / 3),
        (True, False): ([3, 2, 2], 7, 7 / 3, 7 / 4.5),
        (False, True): ([1, 2, 0], 3, 3 / 2, 3 / 2),
        (True, True): ([3, 2, 0], 5, 5 / 2, 5 / 4),
    }
    for (weighted, masked), values in expected.items():
        keywords = {"weights": w if weighted else None, "where": where if masked else None}
        for reduction, value in zip(REDUCTIONS, values, strict=True):
            found = reduce(losses, reduction=reduction, **keywords)
            assert plain(found) == pytest.approx(value, rel=1e-15)


def test_the_two_means_of_another_library():
    # squared errors 1 and 2 of weights 3 and 1: which library divides by what
    losses, weights = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    assert reduce(losses, weights=weights, reduction="weighted_mean") == 1.25
    assert reduce(losses, weights=weights, reduction="mean") == 2.5
    assert reduce(losses[:1], weights=weights[:1], reduction="weighted_mean") == 1.0


@over_libraries
@over_reductions
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_dtype_and_shape(library, reduction, dtype):
    (losses,) = to(library, [np.ones((2, 3))], dtype)
    (weights,) = to(library, [np.ones(3)])
    found = reduce(losses, weights=weights, reduction=reduction)
    assert found.dtype == losses.dtype
    assert tuple(found.shape) == ((2, 3) if reduction == "none" else ())
    assert isinstance(found, torch.Tensor if library == "torch" else (np.ndarray, np.generic))


@over_libraries
def test_infinities_of_losses_are_told_honestly(library):
    (losses,) = to(library, [[1.0, math.inf]])
    for reduction in ("sum", "mean", "weighted_mean"):
        assert reduce(losses, reduction=reduction) == math.inf
    (opposed,) = to(library, [[math.inf, -math.inf]])
    assert np.isnan(plain(reduce(opposed)))
    (large,) = to(library, [[60000.0, 60000.0]], "float16")
    assert reduce(large, reduction="sum") == math.inf
    assert reduce(large) == 60000


@over_libraries
@pytest.mark.parametrize(("dtype", "unit"), [("float64", 1e308), ("float64", 5e-324),
                                             ("float32", 3e38), ("float32", 1e-44)])  # fmt: skip
def test_only_the_ratios_of_weights_count_for_their_mean(library, dtype, unit):
    losses, w = to(library, [[10.0, 20.0, math.nan], [unit, unit, unit]], dtype)
    (where,) = to(library, [[1, 1, 0]], "bool")
    for keep in (None, where):
        part = slice(2 if keep is None else 3)
        keywords = {"weights": w[part], "where": keep, "reduction": "weighted_mean"}
        assert plain(reduce(losses[part], **keywords)) == 15
        value, slope = value_and_grad(squared_error, losses[part], 0 * w[part], **keywords)
        assert plain(value) == pytest.approx(250, rel=1e-6)
        assert plain(slope)[:2] == pytest.approx([10, 20], rel=1e-6)
    if library == "torch":
        w.requires_grad_()
        found = reduce(losses, weights=w, where=where, reduction="weighted_mean")
        assert plain(found.detach()) == 15


def test_autograd_runs_through_your_own_losses():
    losses = torch.tensor(LOSSES, requires_grad=True)
    weights = torch.tensor(WEIGHTS, requires_grad=True)
    where = torch.tensor([True, True, False])
    for reduction in REDUCTIONS:

        def f(losses, weights, reduction=reduction):
            return reduce(losses, weights=weights, where=where, reduction=reduction)

        assert torch.autograd.gradcheck(f, (losses, weights))
        assert torch.autograd.gradgradcheck(f, (losses, weights))


@over_libraries
def test_a_share_says_how_much_each_loss_counts(library):
    like, w = to(library, [np.zeros((2, 3)), [2.0, 0.0, 1.0]])
    (where,) = to(library, [[[1], [0]]], "bool")
    share = share_out(like, (2, 3), w, where, "mean")
    assert share.upstream.tolist() == [[2, 0, 1]] * 2
    assert share.mask.tolist() == [[True, False, True], [False] * 3]
    assert float(share.factor) == pytest.approx(1 / 3)  # by the mask, not by the weights
    assert float(share_out(like, (2, 3), w, where, "weighted_mean").factor) == pytest.approx(1 / 3)
    assert float(share_out(like, (2, 3), w, None, "weighted_mean").factor) == pytest.approx(1 / 6)
    assert share_out(like, (2, 3), None, None, "sum") == (None, 1.0, None)


def test_the_derivative_of_a_weight_of_zero_is_its_loss():
    for values, weights, reduction, expected in (
        ([4.0, 1.0, 0.25], [0.0, 0.0, 0.0], "sum", [4, 1, 0.25]),
        ([9.0, 1.0], [0.0, 1.0], "weighted_mean", [8, 0]),
        ([math.inf, 1.0, math.nan, 4.0], [0.0, 1.0, 0.0, 0.0], "sum", [0, 1, 0, 4]),
    ):
        w = torch.tensor(weights, requires_grad=True)
        x = torch.tensor(values).sqrt().requires_grad_()
        for total in (
            reduce(x.detach() ** 2, weights=w, reduction=reduction),
            squared_error(x, torch.zeros(len(x)), weights=w, reduction=reduction),
        ):
            (found,) = torch.autograd.grad(total, w, retain_graph=True)
            assert found.tolist() == pytest.approx(expected)
        (slope,) = torch.autograd.grad(total, x, create_graph=True)  # where learning starts
        assert slope.tolist() == [2 if w_i else 0 for w_i in weights]
        (mixed,) = torch.autograd.grad(slope.sum(), w)
        assert reduction != "sum" or mixed.tolist() == [
            2 * v if math.isfinite(v) else 0 for v in x.tolist()
        ]


@over_libraries
def test_losses_that_are_handed_back_are_a_copy(library):
    (losses,) = to(library, [LOSSES])
    found = reduce(losses, reduction="none")
    found *= 0
    assert plain(losses).tolist() == LOSSES.tolist()


@over_libraries
def test_a_masked_weight_may_hold_anything(library):
    x, weights = to(library, [[1.0, 1.0], [math.nan, 2.0]])
    for reduction in REDUCTIONS:
        keywords = {"weights": weights, "where": [False, True], "reduction": reduction}
        for found in (squared_error(x, 0 * x, **keywords), reduce(x, **keywords)):
            assert plain(found).sum() == (1 if reduction == "weighted_mean" else 2)
    assert plain(
        root_mean_squared_error(x, 0 * x, weights=weights, where=[False, True])
    ) == pytest.approx(1)


# -------------------------------------------------------------------- sums and digits
SUMS = (pairwise_sum, kahan_sum, neumaier_sum, exact_sum)
U = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


@pytest.mark.parametrize("dtype, end", [("float16", 2048), ("bfloat16", 256)])
def test_a_running_sum_of_ones_stops(dtype, end):
    ones = torch.ones(end + 50, dtype=getattr(torch, dtype))
    sums = running_sums(ones)
    assert sums.dtype == ones.dtype and float(sums.max()) == end
    assert sums[: end + 1].double().tolist() == [*range(1, end + 1), end]
    assert float(ones.sum()) == float(exact_sum(ones)) == float(torch.tensor(end + 50.0).to(ones))
    if dtype == "float16":
        assert running_sums(ones.numpy()).tolist() == sums.tolist()


def test_a_running_sum_in_single_precision_stops_too():
    assert running_sums(np.ones(2**24 + 2, np.float32))[-1] == 2**24
    assert running_sums(np.full(10**6, 0.1, np.float32))[-1] == np.float32(100958.34)


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 100])
def test_sums_keep_within_the_bounds_of_the_book(library, dtype, size):
    if (library, dtype) == ("numpy", "bfloat16"):
        return
    for seed, spread in itertools.product(range(3), (0.1, 3)):
        rng = np.random.default_rng(seed)
        (x,) = to(
            library, [rng.normal(size=size) * 10 ** (spread * rng.normal(size=size) / 3)], dtype
        )
        true = sum(map(Fraction, plain(x).tolist()))
        most, u = sum(map(abs, map(Fraction, plain(x).tolist()))), Fraction(U[dtype])
        steps = {"running": max(0, size - 1), "pairwise": math.ceil(math.log2(max(1, size)))}
        steps = {name: k * u / (1 - k * u) * most for name, k in steps.items()}
        compensated = (2 * u + 4 * size * u**2) * most
        if size:
            assert abs(Fraction(float(running_sums(x)[-1])) - true) <= steps["running"]
        assert abs(Fraction(float(pairwise_sum(x))) - true) <= steps["pairwise"]
        for function in (kahan_sum, neumaier_sum):
            assert abs(Fraction(float(function(x))) - true) <= compensated
        assert float(exact_sum(x)) == float(plain(to("torch", [np.float64(true)], dtype)[0]))
        assert all(function(x).dtype == x.dtype and not function(x).shape for function in SUMS)


def test_what_only_some_sums_get_right():
    x = np.array([1.0, 1e100, 1.0, -1e100])
    assert [float(f(x)) for f in SUMS] == [0, 0, 2, 2]
    assert exact_sum(np.array([1e308, 1e308, -1e308])) == 1e308
    assert exact_sum(np.array([1e308] * 3)) == math.inf
    assert exact_sum(np.array([-math.inf, 1.0])) == -math.inf
    assert np.isnan(exact_sum(np.array([math.inf, -math.inf])))
    assert exact_sum(np.array([6e4, 6e4], np.float16)) == math.inf
    with pytest.raises(TypeError, match="x must be a floating-point array, got dtype int64"):
        kahan_sum(np.ones(3, int))


def test_a_pairwise_sum_can_be_differentiated():
    x = torch.arange(5.0, dtype=torch.float64, requires_grad=True)
    pairwise_sum(x * x).backward()
    assert x.grad.tolist() == [0, 2, 4, 6, 8]


# ------------------------------------------------------------------- which losses count
ROWS = np.random.default_rng(1).normal(size=(5, 7))
HEAVY = np.random.default_rng(2).choice([0.0, 0.5, 1.0, 3.0], size=(5, 7))
NUMBERS = st.lists(st.floats(-50, 50), min_size=1, max_size=6)
SOME = settings(max_examples=60, deadline=None, derandomize=True, database=None)
MEANS = (
    (log_mean_exp, {}), (tilted_mean, {"tilt": -0.7}), (tilted_mean, {"tilt": 0}),
    (cvar, {"fraction": 0.3}), (cvar, {"fraction": 1}),
)  # fmt: skip
over_means = pytest.mark.parametrize("mean, options", MEANS)


@SOME
@given(NUMBERS, st.floats(-3, 3), st.floats(0.01, 1), st.sampled_from(LIBRARIES))
def test_slopes_are_weights_over_the_examples(losses, tilt, fraction, library):
    (x,) = to(library, [losses])
    for mean, options in ((tilted_mean, {"tilt": tilt}), (cvar, {"fraction": fraction})):
        value, slope = map(plain, value_and_grad(mean, x, **options))
        assert slope.min() >= 0 and slope.sum() == pytest.approx(1, rel=1e-14)
        assert min(losses) - 1e-12 <= value <= max(losses) + 1e-12
        moved = plain(mean(x + 2.0, **options))
        assert moved == pytest.approx(value + 2, rel=1e-14, abs=1e-13)


@SOME
@given(NUMBERS)
def test_tilts_and_fractions_lead_from_the_mean_to_the_largest(losses):
    x = np.array(losses)
    tilted = [float(tilted_mean(x, tilt=t)) for t in (-1e5, -1, -1e-3, 0, 1e-3, 1, 1e5)]
    assert (np.diff(tilted) >= -1e-12).all()
    assert tilted[0] == pytest.approx(x.min(), abs=1e-4)
    assert tilted[3] == pytest.approx(x.mean(), rel=1e-13, abs=1e-13)
    assert tilted[-1] == pytest.approx(x.max(), abs=1e-4)
    worst = [float(cvar(x, fraction=b)) for b in (1e-9, 0.1, 0.5, 1)]
    assert (np.diff(worst) <= 1e-12).all() and worst[0] == pytest.approx(x.max(), rel=1e-15)
    assert tilted_mean(x, tilt=1e-12) == pytest.approx(x.mean(), rel=1e-9, abs=1e-9)


@over_libraries
def test_a_weight_counts_as_so_many_examples(library):
    x, w = [1.0, 3.0, 2.0, 3.0], [2, 0, 1, 3]
    repeated = np.repeat(x, w)
    x, weights, repeated = to(library, [x, w, repeated])
    for mean, options in MEANS:
        value, slope = value_and_grad(mean, x, weights=weights, **options)
        once, each = value_and_grad(mean, repeated, **options)
        assert float(value) == pytest.approx(float(once), rel=1e-15)
        summed = [plain(each)[plain(repeated) == v].sum() for v in (1, 3, 2)]
        assert plain(slope)[[0, 3, 2]] == pytest.approx(summed, rel=1e-14) and slope[1] == 0


@over_libraries
@over_means
def test_what_a_mask_leaves_out_counts_for_nothing(library, mean, options):
    keep = np.array([True, False, True, True, False, True, False])
    dirty = np.where(keep, ROWS, [[math.nan] * 7, [math.inf] * 7, [-math.inf] * 7, *ROWS[:2]])
    x, weights, rest = to(library, [dirty, HEAVY, ROWS[:, keep]])
    (where,) = to(library, [keep], "bool")
    for w, left in ((None, None), (weights, weights[:, keep])):
        value, slope = value_and_grad(mean, x, weights=w, where=where, **options)
        expected, grad = value_and_grad(mean, rest, weights=left, **options)
        assert plain(value) == pytest.approx(plain(expected), rel=1e-15)
        assert plain(slope)[:, keep] == pytest.approx(plain(grad), rel=1e-14)
        assert not plain(slope)[:, ~keep].any()


@over_libraries
@over_means
def test_the_mean_of_nothing_is_0(library, mean, options):
    x, none = to(library, [np.full((2, 3), math.nan), np.zeros((2, 0))])
    (where,) = to(library, [[[False] * 3] * 2], "bool")
    for losses, keywords in ((x, {"where": where}), (x, {"weights": [0.0] * 3}), (none, {})):
        if "weights" in keywords and library == "numpy":
            keywords = {"weights": np.zeros(3)}
        value, slope = value_and_grad(mean, losses, **keywords, **options)
        assert plain(value).tolist() == [0, 0] and not plain(slope).any()
        assert tuple(slope.shape) == tuple(losses.shape)


@over_means
def test_weights_and_masks_pass_the_differences(mean, options):
    x, w = torch.tensor(ROWS, requires_grad=True), torch.tensor(HEAVY)
    where = torch.tensor([True, False, True, True, False, True, False])
    for axis, masked in ((1, where), (0, where[:5, None])):

        def f(x, axis=axis, masked=masked):
            return mean(x, weights=w, where=masked, axis=axis, **options)

        assert torch.autograd.gradcheck(f, x) and torch.autograd.gradgradcheck(f, x)


def test_the_tilted_mean_keeps_its_digits():
    for losses, tilt in (
        ([1e-9, 3e-9, 2e-9], 1.0), ([5.0, 5.0 + 1e-9], 1e-3), ([0.0, 700.0], -2.0),
        ([1e-3] * 7, 1e-8), ([-800.0, -900.0, 3.0], 0.5), (np.linspace(0, 1e-6, 1000), 2.0),
    ):  # fmt: skip
        with mpmath.workdps(60):
            terms = [mpmath.exp(tilt * mpmath.mpf(float(v))) for v in losses]
            true = mpmath.log(mpmath.fsum(terms) / len(terms)) / tilt
        assert float(tilted_mean(np.array(losses), tilt=tilt)) == pytest.approx(
            float(true), rel=1e-15
        )
    x = np.array([1e-9, 3e-9])  # the difference of two numbers near ln 2 has seven digits left
    assert abs(float(logsumexp(x)) - math.log(2) - 2e-9) > 1e-17
    assert abs(float(log_mean_exp(x)) - 2.0000000005e-9) < 1e-24


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_tilts_and_fractions_beyond_the_dtype(library, dtype):
    (x,) = to(library, [np.array([1.0, 1.25, 3.0])], dtype)
    mean, rel = float(np.mean([1.0, 1.25, 3.0])), 2 * U[dtype]
    for tilt, expected in ((1e308, 3), (-1e308, 1), (1e-300, mean), (-5e-324, mean)):
        value, slope = value_and_grad(tilted_mean, x, tilt=tilt)
        assert plain(value) == pytest.approx(expected, rel=rel)
        assert plain(slope).sum() == pytest.approx(1, rel=2 * rel)
    value, slope = value_and_grad(cvar, x, fraction=1e-50)
    assert plain(value) == 3 and plain(slope).tolist() == [0, 0, 1]


def test_cvar_is_the_least_over_all_thresholds_and_the_mean_of_the_k_largest():
    for fraction in (0.1, 0.3, 3 / 7, 0.75):
        for row in ROWS:
            over = [c + np.maximum(row - c, 0).mean() / fraction for c in row]
            assert float(cvar(row, fraction=fraction)) == pytest.approx(min(over), rel=1e-13)
    for k in (1, 3, 7):
        largest = torch.topk(torch.tensor(ROWS), k).values.mean(-1)
        assert plain(cvar(ROWS, fraction=k / 7)) == pytest.approx(plain(largest), rel=1e-14)


def test_equal_losses_share_what_is_left():
    _, slope = value_and_grad(cvar, np.array([2.0, 5.0, 2.0, 2.0, 1.0]), fraction=0.4)
    assert slope == pytest.approx([1 / 6, 1 / 2, 1 / 6, 1 / 6, 0], rel=1e-14)
    _, slope = value_and_grad(tilted_mean, np.array([math.inf, 1.0, math.inf]), tilt=2)
    assert slope.tolist() == [0.5, 0, 0.5]


def test_parameters_out_of_range():
    for tilt in (math.inf, math.nan):
        with pytest.raises(ValueError, match="tilt must be a number in"):
            tilted_mean(LOSSES, tilt=tilt)
    for fraction in (0, -0.1, 1.5):
        with pytest.raises(ValueError, match=r"fraction must be a number in \(0, 1\]"):
            cvar(LOSSES, fraction=fraction)
    with pytest.raises(ValueError, match="losses must have an axis of entries"):
        cvar(np.float64(1.0))


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_effective_sample_size(library, dtype):
    for weights, size in (
        ([1, 1, 1, 1], 4), ([1, 2, 3, 4], 10 / 3), ([0, 0, 5], 1), ([0, 0], 0), ([], 0),
        ([6e4, 6e4], 2), ([6e-8, 6e-8, 0], 2),
    ):  # fmt: skip
        (w,) = to(library, [np.array(weights, float)], dtype)
        found = effective_sample_size(w)
        assert found.dtype == w.dtype
        assert float(found) == pytest.approx(size, rel=2 * U[dtype])
    table = np.arange(6.0).reshape(2, 3)
    assert plain(effective_sample_size(*to(library, [table]), axis=0)).shape == (3,)
    with pytest.raises(ValueError, match="weights must be in"):
        effective_sample_size(np.array([1.0, -1.0]))


# --------------------------------------------------------------------------- imbalance
@over_libraries
def test_weights_of_classes(library):
    labels = np.repeat([0, 1, 2], [90, 9, 1])
    (counts,) = to(library, [[90, 9, 1]])
    found = inverse_frequency_weights(counts)
    assert plain(found) == pytest.approx(
        compute_class_weight("balanced", classes=np.arange(3), y=labels), rel=1e-15
    )
    assert (plain(found)[labels]).mean() == pytest.approx(1)
    assert plain(effective_number_weights(counts, beta=0)).tolist() == [1, 1, 1]
    near = plain(effective_number_weights(counts, beta=1 - 1e-12))
    assert near == pytest.approx(plain(found) * 3 / plain(found).sum(), rel=1e-9)
    some = plain(effective_number_weights(counts, beta=0.9))
    by_hand = 0.1 / (1 - 0.9 ** np.array([90.0, 9, 1]))
    assert some == pytest.approx(3 * by_hand / by_hand.sum(), rel=1e-14)


def test_counts_that_there_cannot_be():
    with pytest.raises(ValueError, match=r"counts must be in \[1, inf\), got 0 at index 1"):
        inverse_frequency_weights(np.array([3, 0]))
    with pytest.raises(ValueError, match="counts must be a row"):
        inverse_frequency_weights(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"beta must be a number in \[0, 1\)"):
        effective_number_weights(np.ones(2), beta=1.0)


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_shift_turns_one_prior_into_the_other(library, dtype):
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.9, 0.0])
    likelihood = np.random.default_rng(3).uniform(0.1, 1, (4, 3))
    (z,) = to(library, [np.log(likelihood * old)], dtype)
    moved = shift_to_priors(z, *to(library, [old, new], "float64"))
    p = likelihood * new / (likelihood * new).sum(-1, keepdims=True)
    assert moved.dtype == z.dtype
    assert plain(softmax(moved)) == pytest.approx(p, rel=40 * U[dtype])
    across = shift_to_priors(z.T, *to(library, [old, new], "float64"), axis=0)
    assert plain(across.T).tolist() == plain(moved).tolist()


@over_libraries
def test_a_shift_has_the_digits_of_its_priors(library):
    (z,) = to(library, [[0.0, 0.0]])
    old, new = to(library, [np.array([0.1, 0.9]), np.array([0.3, 0.7])], "float16")
    exact = np.log(plain(new).astype(float) / plain(old).astype(float))
    assert plain(shift_to_priors(z, old, new)) == pytest.approx(exact, rel=1e-14)
    rare = shift_to_priors(z, *to(library, [[1e-310, 1.0], [0.5, 0.5]]))
    assert plain(rare)[0] == pytest.approx(math.log(0.5) - math.log(1e-310), rel=1e-14)


def test_a_base_rate_is_two_priors():
    z = np.random.default_rng(4).normal(size=5)
    two = shift_to_priors(np.stack([0 * z, z], -1), [0.7, 0.3], [0.99, 0.01])
    assert shift_to_base_rate(z, 0.3, 0.01) == pytest.approx(two[:, 1] - two[:, 0], rel=1e-13)
    kept = 0.3 / (0.3 + 0.1 * 0.7)  # of the negatives, a tenth
    assert shift_to_base_rate(z, kept, 0.3) - z == pytest.approx(math.log(0.1), rel=1e-13)
    with pytest.raises(ValueError, match="trained_on must be positive, got 0"):
        shift_to_priors(np.zeros((1, 2)), [1.0, 0.0], [0.5, 0.5])
    with pytest.raises(ValueError, match="used_on must hold a frequency for each of 2 classes"):
        shift_to_priors(np.zeros((1, 2)), [0.5, 0.5], [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match=r"used_on must be a number in \(0, 1\)"):
        shift_to_base_rate(z, 0.5, 1.0)


# ------------------------------------------------------------------------------ shards
SHARDS = st.lists(st.lists(st.floats(0, 50), max_size=4), min_size=1, max_size=5)


@SOME
@given(SHARDS, st.sampled_from(LIBRARIES))
def test_shards_add_up_to_the_mean_however_they_are_cut(shards, library):
    pieces = to(library, [np.array(s) for s in shards])
    count = sum(map(len, shards))
    whole = float(np.mean(np.concatenate(shards))) if count else 0.0
    added = sum(float(shard_mean(x, count)) for x in pieces)
    assert added == pytest.approx(whole, rel=1e-14, abs=1e-300)
    epoch, means = RunningMean(), RunningMean()
    for x in pieces:
        epoch.update(x)
        means.add(float("nan") if not len(x) else float(x.mean()), count=len(x))
    assert epoch.value == pytest.approx(whole, rel=1e-14, abs=1e-300)
    assert means.value == pytest.approx(whole, rel=1e-14, abs=1e-300)
    assert RunningMean().merge(epoch).merge(means).value == pytest.approx(whole, rel=1e-14)


def test_accumulated_gradients_are_those_of_the_whole_batch():
    rng = np.random.default_rng(5)
    z, labels = rng.normal(size=(12, 3)), torch.tensor(rng.integers(0, 3, 12))
    where, weights = torch.tensor(rng.random(12) < 0.6), torch.tensor(rng.uniform(size=12))
    for w, total in ((None, where.sum()), (weights, weights[where].sum())):
        whole = torch.tensor(z, requires_grad=True)
        reduction = "mean" if w is None else "weighted_mean"
        loss = cross_entropy(whole, labels, where=where, weights=w, reduction=reduction)
        loss.backward()
        for cuts in ([5], [0, 1, 2], [3, 3, 9]):  # an empty piece among them
            x, value = torch.tensor(z, requires_grad=True), 0.0
            for part in torch.tensor_split(torch.arange(12), cuts):
                each = cross_entropy(x[part], labels[part], reduction="none")
                own = None if w is None else w[part]
                piece = shard_mean(each, total, weights=own, where=where[part])
                piece.backward()
                value += piece.item()
            assert value == pytest.approx(loss.item(), rel=1e-14)
            assert torch.allclose(x.grad, whole.grad, rtol=1e-13, atol=1e-17)


def test_shards_of_half_precision_and_of_nothing():
    losses = torch.full((3000,), 100.0, dtype=torch.float16)
    assert float(shard_mean(losses, 6000)) == 50  # their sum is no float16
    assert RunningMean().update(losses).value == 100
    assert shard_mean(np.zeros(0), 0) == 0 and RunningMean().value == 0
    masked = RunningMean().update(np.array([math.nan, 3.0]), where=np.array([False, True]))
    assert (masked.value, masked.count) == (3, 1)
    for total, reason in ((-1, "in \\[0, inf\\)"), (math.nan, "in"), (0, "is 0, and there are")):
        with pytest.raises(ValueError, match=f"total.*{reason}"):
            shard_mean(LOSSES, total)
    for count in (-1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"count must be in .*, got {count}"):
            RunningMean().add(1.0, count=count)
    with pytest.raises(ValueError, match="mean must be one number, got the shape"):
        RunningMean().add([1.0, 2.0], count=2)


def test_a_running_mean_adds_up_in_double_precision():
    half = RunningMean().add(torch.tensor(2.0).half(), count=torch.tensor(100_000))
    assert half.value == 2  # their sum is no float16
    ones = RunningMean().add(torch.tensor(1.0), count=2**24)
    assert ones.add(torch.tensor(1.0), count=1).total == 2**24 + 1  # no float32


# -------------------------------------------------------------------- across processes
PROCESSES = """
    import numpy as np
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    from lossbook import cross_entropy, shard_mean
    from lossbook.reduction.distributed import (
        for_ddp, mean_over_processes, sum_over_processes,
    )

    CUTS = {2: [7], 4: [1, 1, 5]}  # 7 and 3 rows; 1, 0, 4 and 5

    def model():
        made = torch.nn.Linear(4, 3).double()
        with torch.no_grad():
            for i, p in enumerate(made.parameters()):
                p.copy_(torch.linspace(-1 - i, 1, p.numel()).reshape(p.shape))
        return made

    def data():
        rng = np.random.default_rng(7)
        x, labels = torch.tensor(rng.normal(size=(10, 4))), torch.tensor(rng.integers(0, 3, 10))
        return x, labels, torch.tensor(rng.uniform(size=10)), torch.tensor(rng.random(10) < 0.7)

    def flat(parameters):
        return torch.cat([p.grad.reshape(-1) for p in parameters])

    def work(rank, count):
        rows = torch.tensor_split(torch.arange(10), CUTS[count])[rank]
        x, labels, weights, where = (a[rows] for a in data())
        found = {}
        for name, reduction, options in (
            ("mean", "mean", {}),
            ("masked", "mean", {"where": where}),
            ("weighted", "weighted_mean", {"weights": weights, "where": where}),
            ("nothing", "mean", {"where": where & False}),
        ):
            plain, wrapped = model(), DistributedDataParallel(model())
            each = cross_entropy(plain(x), labels, reduction="none")
            loss = mean_over_processes(each, reduction=reduction, **options)
            loss.backward()
            summed = flat(plain.parameters())
            dist.all_reduce(summed)
            each = cross_entropy(wrapped(x), labels, reduction="none")
            value = for_ddp(mean_over_processes(each, reduction=reduction, **options))
            value.backward()
            ddp = flat(wrapped.module.parameters())
            found[name] = [loss.item(), summed.tolist(), value.item(), ddp.tolist()]
        # two micro-batches in each process, of which the first is not sent around
        wrapped, total = DistributedDataParallel(model()), sum_over_processes(where.sum())
        cuts = torch.tensor_split(torch.arange(len(rows)), [1])
        for part, last in zip(cuts, (False, True)):
            wrapped.require_backward_grad_sync = last
            each = cross_entropy(wrapped(x[part]), labels[part], reduction="none")
            for_ddp(shard_mean(each, total, where=where[part])).backward()
        found["accumulated"] = flat(wrapped.module.parameters()).tolist()
        return found
"""


@pytest.fixture(scope="module", params=[2, 4])
def processes(request, tmp_path_factory):
    """The program, and what it returned from each of its processes."""
    path = tmp_path_factory.mktemp("shards") / "program.py"
    path.write_text(textwrap.dedent(PROCESSES), "utf-8")
    program = {}
    exec(path.read_text("utf-8"), program)
    return program, run_processes(path, request.param, timeout=120)


@pytest.mark.parametrize("name", ["mean", "masked", "weighted", "nothing"])
def test_processes_find_the_mean_that_one_process_finds(processes, name):
    program, found = processes
    x, labels, weights, where = program["data"]()
    options = {
        "mean": {}, "masked": {"where": where}, "nothing": {"where": where & False},
        "weighted": {"where": where, "weights": weights, "reduction": "weighted_mean"},
    }[name]  # fmt: skip
    model = program["model"]()
    loss = cross_entropy(model(x), labels, **options)
    loss.backward()
    grad = program["flat"](model.parameters()).tolist()
    for value, summed, ddp_value, ddp in (each[name] for each in found):
        assert value == ddp_value == pytest.approx(loss.item(), rel=1e-13)
        assert summed == pytest.approx(grad, rel=1e-12, abs=1e-15)
        assert ddp == pytest.approx(grad, rel=1e-12, abs=1e-15)
    if name == "masked":  # accumulated over micro-batches as well
        for each in found:
            assert each["accumulated"] == pytest.approx(grad, rel=1e-12, abs=1e-15)
