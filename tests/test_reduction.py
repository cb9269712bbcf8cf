"""From many losses to one number. What all losses share is in test_masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import REDUCTIONS, over_libraries, over_reductions, plain, to
from lossbook import reduce, root_mean_squared_error, squared_error
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
