"""Promise: what a mask leaves out, or a weight of 0, counts for nothing, whatever it holds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from cases import (
    LOSSES,
    REDUCTIONS,
    TOTALS,
    alone,
    gradient,
    over,
    over_libraries,
    over_reductions,
    plain,
    sample,
    spoilt,
    to,
)
from lossbook import reduce, value_and_grad

KEEP = np.array([True, False, True, True, False, True])
WEIGHTS = np.array([0.5, 3.0, 2.0, 0.25, 1.0, 1.0])
GARBAGE = (math.nan, math.inf, -math.inf, 7.0, -1e300)


def both_ways(entry, library, columns, **keywords):
    """Value and gradient, by value_and_grad and, of tensors, by autograd: they must agree."""
    arrays = to(library, columns)
    every = tuple(range(entry.wrt))
    value, slopes = value_and_grad(entry.function, *arrays, wrt=every, **keywords)
    if library == "torch":
        leaves = [a.clone().requires_grad_() for a in arrays[: entry.wrt]]
        result = entry.function(*leaves, *arrays[entry.wrt :], **keywords)
        by_autograd = torch.autograd.grad(result.sum(), leaves)
        for a, b in zip(by_autograd, slopes, strict=True):
            assert np.array_equal(plain(a), plain(b))
        assert plain(result) == pytest.approx(plain(value))
    return plain(value), np.stack([plain(s) for s in slopes], axis=-1)


def masks(library, keep=KEEP, weights=WEIGHTS):
    """A mask and weights; the weights keep float64."""
    return to(library, [keep], "bool")[0], to(library, [weights])[0]


# ------------------------------------------------------------------- a mask is deletion
@over(LOSSES)
@over_libraries
@over_reductions
@pytest.mark.parametrize("weighted", [False, True])
def test_a_mask_equals_deletion(entry, library, reduction, weighted):
    columns = sample(entry)
    where, weights = masks(library)
    kept = {"weights": masks(library, weights=WEIGHTS[KEEP])[1]} if weighted else {}
    given = {"weights": weights} if weighted else {}
    deleted = both_ways(entry, library, [c[KEEP] for c in columns], reduction=reduction, **kept)
    masked = both_ways(entry, library, columns, reduction=reduction, where=where, **given)
    value = masked[0][KEEP] if reduction == "none" else masked[0]
    assert value == pytest.approx(deleted[0], rel=1e-15)
    assert masked[1][KEEP] == pytest.approx(deleted[1], rel=1e-15)
    assert not masked[1][~KEEP].any()
    assert reduction != "none" or not masked[0][~KEEP].any()


@over(LOSSES)
@over_libraries
@over_reductions
def test_a_masked_entry_may_hold_anything(entry, library, reduction):
    columns = sample(entry)
    where, _ = masks(library)
    clean = both_ways(entry, library, columns, reduction=reduction, where=where)
    for junk in GARBAGE:
        dirty = spoilt(entry, columns, KEEP, junk)
        found = both_ways(entry, library, dirty, reduction=reduction, where=where)
        for a, b in zip(found, clean, strict=True):
            assert np.array_equal(a, b), junk


@over(LOSSES)
@over_libraries
@over_reductions
def test_a_weight_of_zero_is_a_mask(entry, library, reduction):
    columns = sample(entry)
    _, weights = masks(library, weights=KEEP * WEIGHTS)
    dirty = [*spoilt(entry, columns, KEEP, math.nan)[:1], *columns[1:]]
    found = both_ways(entry, library, dirty, reduction=reduction, weights=weights)
    clean = both_ways(entry, library, columns, reduction=reduction, weights=weights)
    for a, b in zip(found, clean, strict=True):
        assert np.array_equal(a, b)
    assert not found[1][~KEEP].any()


@over(LOSSES)
def test_second_derivatives_do_not_see_a_masked_nan_either(entry):
    x, *others = to("torch", spoilt(entry, sample(entry), KEEP, math.nan))
    where, weights = masks("torch")
    for reduction in REDUCTIONS:

        def total(x, reduction=reduction):
            keywords = {"where": where, "weights": weights, "reduction": reduction}
            return entry.function(x, *others, **keywords).sum()

        curvature = torch.autograd.functional.hessian(total, x).reshape(6, x.numel() // 6, -1)
        assert torch.isfinite(curvature).all()
        assert not curvature[~where].any()


@over_libraries
def test_your_own_losses_are_masked_alike(library):
    losses = np.where(KEEP, WEIGHTS, math.nan)
    where, weights = masks(library)
    for reduction in TOTALS:
        found = reduce(to(library, [losses])[0], where=where, weights=weights, reduction=reduction)
        kept = reduce(WEIGHTS[KEEP], weights=WEIGHTS[KEEP], reduction=reduction)
        assert plain(found) == pytest.approx(kept)


def test_a_masked_infinity_of_your_own_has_gradient_zero():
    losses = torch.tensor([1.0, math.inf, math.nan], dtype=torch.float64)
    where, weights = torch.tensor([True, False, True]), torch.tensor([2.0, 1.0, 0.0])
    for reduction in TOTALS:

        def total(losses, reduction=reduction):
            return reduce(losses, where=where, weights=weights, reduction=reduction)

        found = gradient(total, losses)
        assert torch.isfinite(found).all() and found[0] > 0 and not found[1:].any()


# ------------------------------------------------------------------- nothing is left
@over(LOSSES)
@over_libraries
@over_reductions
def test_all_masked_or_without_weight_is_zero(entry, library, reduction):
    first, *others = sample(entry)
    columns = [np.full_like(first, math.nan), *others]
    where, weights = masks(library, np.zeros(6), np.zeros(6))
    for keywords in ({"where": where}, {"weights": weights}, {"where": ~where, "weights": weights}):
        for found in both_ways(entry, library, columns, reduction=reduction, **keywords):
            assert not found.any()


@over(LOSSES)
@over_libraries
@over_reductions
@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_an_empty_batch_is_zero(entry, library, reduction, shape):
    where, weights = masks(library, np.ones(shape), np.ones(shape))
    for keywords in ({}, {"where": where}, {"weights": weights}):
        value, slope = both_ways(
            entry, library, sample(entry, shape), reduction=reduction, **keywords
        )
        assert not value.any() and slope.shape[: len(shape)] == shape


# ------------------------------------------------------------------- shapes of weights
@over(LOSSES)
@over_libraries
@over_reductions
@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1), (1, 4)])
def test_weights_and_masks_broadcast_to_the_losses(entry, library, reduction, shape):
    columns, rng = sample(entry, (3, 4)), np.random.default_rng(7)
    keep, weights = rng.random(shape) < 0.6, rng.uniform(0.1, 2, shape)
    narrow = masks(library, keep, weights)
    full = masks(library, np.broadcast_to(keep, (3, 4)), np.broadcast_to(weights, (3, 4)))
    found, expected = (
        both_ways(entry, library, columns, reduction=reduction, where=m, weights=w)
        for m, w in (narrow, full)
    )
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


@over(LOSSES)
@over_libraries
def test_weights_may_be_numbers_lists_integers_or_booleans(entry, library):
    arrays = to(library, sample(entry))
    for reduction in REDUCTIONS:
        plainly = entry.function(*arrays, reduction=reduction)
        for ones in (1.0, 1, [1, 1, 1, 1, 1, 1], [True] * 6, to(library, [np.ones(6)], "int64")[0]):
            assert np.array_equal(
                plain(entry.function(*arrays, weights=ones, reduction=reduction)), plain(plainly)
            )
        kept = entry.function(*arrays, where=True, reduction=reduction)
        assert np.array_equal(plain(kept), plain(plainly))
        listed = entry.function(*arrays, where=KEEP.tolist(), reduction=reduction)
        where, _ = masks(library)
        assert np.array_equal(
            plain(listed), plain(entry.function(*arrays, where=where, reduction=reduction))
        )


@over(LOSSES)
@over_libraries
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_many_weights_of_half_precision_add_up(entry, library, dtype):
    # their sum is larger than any float16
    columns = [np.repeat(c[:1], 70_000, axis=0) for c in sample(entry, 1)]
    arrays = to(library, columns, "float32")
    (weights,) = to(library, [np.ones(70_000)], dtype)
    found = entry.function(*arrays, weights=weights, reduction="weighted_mean")
    assert plain(found) == pytest.approx(plain(entry.function(*arrays)), rel=1e-6)


@over(LOSSES)
@over_libraries
def test_weights_are_added_up_in_double_precision(entry, library):
    # 2^24 + 1 is no float32: one after the other, the ones would be lost
    weights = np.r_[2.0**24, np.ones(100)]
    columns = [np.repeat(c, 101, axis=0) for c in sample(entry, 1)]
    *arrays, w = to(library, [*columns, weights], "float32")
    found = entry.function(*arrays, weights=w, reduction="weighted_mean")
    assert plain(found) == pytest.approx(plain(entry.function(*arrays)), rel=1.3e-7)


@over(LOSSES)
@over_libraries
@over_reductions
def test_weights_beyond_single_precision(entry, library, reduction):
    # in float32 they would be infinite, or 0, and infinity times a loss of 0 is nan
    columns = sample(entry, 2)
    arrays = to(library, columns, "float32")
    keywords = {"weights": to(library, [[1e60, 1.0]])[0], "reduction": reduction}
    with pytest.raises(ValueError, match=r"weights must be in \[0, inf\), got inf at index 0"):
        entry.function(*arrays, **keywords)
    keywords["weights"] = to(library, [[1e-60, 1.0]])[0]
    columns[0][0] = math.nan
    spoiled = to(library, columns[:1], "float32")
    value, slope = value_and_grad(entry.function, *spoiled, *arrays[1:], **keywords)
    assert np.isfinite(plain(value)).all() and not plain(slope)[0].any()


# ------------------------------------------------------------- what the reductions mean
@over(LOSSES)
@over_libraries
def test_doubling_the_weights(entry, library):
    columns = sample(entry)
    _, weights = masks(library)
    for reduction, factor in (("none", 2), ("sum", 2), ("mean", 2), ("weighted_mean", 1)):
        once = both_ways(entry, library, columns, weights=weights, reduction=reduction)
        twice = both_ways(entry, library, columns, weights=2 * weights, reduction=reduction)
        for a, b in zip(once, twice, strict=True):
            assert b == pytest.approx(factor * a, rel=1e-15)


@over(LOSSES)
@over_libraries
def test_an_integer_weight_is_a_repetition(entry, library):
    columns, counts = sample(entry), np.array([1, 0, 3, 2, 1, 1])
    (weights,) = to(library, [counts.astype(float)])
    repeated = [np.repeat(c, counts, axis=0) for c in columns]
    for reduction in ("sum", "weighted_mean"):
        once = entry.function(*to(library, columns), weights=weights, reduction=reduction)
        again = entry.function(*to(library, repeated), reduction=reduction)
        assert plain(once) == pytest.approx(plain(again), rel=1e-14)


@over(LOSSES)
@over_libraries
@pytest.mark.parametrize("split", [(1, 4), (2, 3, 5), (0, 6), (5,)])
def test_sums_over_any_split_add_up_to_the_whole(entry, library, split):
    # micro-batches of different sizes: add sums, divide once, never average averages
    columns, (where, weights) = sample(entry), masks(library)
    for reduction, count in (("mean", KEEP.sum()), ("weighted_mean", WEIGHTS[KEEP].sum())):
        whole = both_ways(
            entry, library, columns, where=where, weights=weights, reduction=reduction
        )
        parts = [
            both_ways(
                entry, library, [c[p] for c in columns],
                where=where[p], weights=weights[p], reduction="sum",
            )
            for p in slices(split)
        ]  # fmt: skip
        assert sum(v for v, _ in parts) / count == pytest.approx(whole[0], rel=1e-14)
        assert np.concatenate([g for _, g in parts]) / count == pytest.approx(whole[1], rel=1e-14)


def slices(split):
    edges = [0, *split, 6]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


@over(LOSSES)
@over_libraries
def test_none_then_reduce_is_the_loss_reduced(entry, library):
    arrays, (where, weights) = to(library, sample(entry)), masks(library)
    each = entry.function(*arrays, **alone(entry))
    for reduction in REDUCTIONS:
        keywords = {"where": where, "weights": weights, "reduction": reduction}
        assert plain(reduce(each, **keywords)) == pytest.approx(
            plain(entry.function(*arrays, **keywords)), rel=1e-14
        )
