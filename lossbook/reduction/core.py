"""The four reductions (chapter 9).

With w the weights (1 if none are given) and n the number of entries that the mask keeps:

``"none"``
    each loss, times its weight; 0 where the mask is False.
``"sum"``
    the sum of w times loss.
``"mean"``
    that sum divided by n: weights change how much an entry counts, not what is divided by.
``"weighted_mean"``
    that sum divided by the sum of w: doubling all weights changes nothing.

An entry that the mask leaves out, or whose weight is 0, adds nothing to value or gradient,
even if it holds inf or nan. (Where autograd asks for the derivative of a weight, that of a
weight of 0 is its loss.) The sum of nothing is 0, and so is the mean of nothing: a batch
in which all is masked, or an empty one, has loss 0 and gradient 0.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from lossbook.arrays import (
    Array,
    ArrayLike,
    cast,
    constant,
    is_torch,
    namespace,
    plain_cpu,
    requires_grad,
    same_kind,
    wide_dtype,
    working_dtype,
)
from lossbook.checks import check_broadcasts, check_float, check_mask, check_weights
from lossbook.rule import Share

Reduction = Literal["none", "sum", "mean", "weighted_mean"]


def reduce(
    losses: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Reduce losses that you computed yourself, by the rules of this package.

    .. math::
        \text{sum} = \sum_i w_i \ell_i, \qquad
        \text{mean} = \frac1n \sum_i w_i \ell_i, \qquad
        \text{weighted mean} = \frac{\sum_i w_i \ell_i}{\sum_i w_i}

    Parameters
    ----------
    losses
        Floats of any shape.
    weights
        Non-negative, broadcast to the losses.
    where
        Booleans, broadcast to the losses; False leaves an entry out.
    reduction
        ``"none"``, ``"sum"``, ``"mean"`` or ``"weighted_mean"``: see above,
        or :mod:`lossbook.reduction.core`.

    Returns
    -------
    Array
        One number, or for ``"none"`` the shape of ``losses``.

    Raises
    ------
    TypeError, ValueError
        For losses that are no floats, masks that are no booleans, weights that are negative
        or don't fit the losses.

    Examples
    --------
    >>> import numpy as np
    >>> losses, weights = np.array([2.0, 0.4]), np.array([1.0, 3.0])
    >>> float(reduce(losses, weights=weights))
    1.6
    >>> float(round(reduce(losses, weights=weights, reduction="weighted_mean"), 6))
    0.8
    """
    losses, weights, where = same_kind(losses=losses, weights=weights, where=where)
    check_float("losses", losses)
    share = share_out(losses, tuple(losses.shape), weights, where, reduction)
    xp, kept = namespace(losses), cast(losses, working_dtype(losses))
    mask = share.mask
    if weights is not None and requires_grad(weights):
        # what a weight of 0 leaves out is its derivative, if it is a number
        mask = mask | xp.isfinite(kept) if where is None else where & (mask | xp.isfinite(kept))
    with np.errstate(all="ignore"):  # a sum that is too large is inf
        if mask is not None:
            kept = xp.where(mask, kept, xp.zeros_like(kept))
        if share.upstream is not None:
            kept = kept * cast(share.upstream, kept.dtype)
        if reduction != "none":
            kept = xp.sum(kept, dtype=wide_dtype(kept)) * share.factor
        kept = cast(kept, losses.dtype)
        return (1 * kept if kept is losses else kept)[()]  # never the caller's own


def share_out(
    like: Array,
    shape: tuple[int, ...],
    weights: Array | None,
    where: Array | None,
    reduction: Reduction,
) -> Share:
    """Check weights, mask and reduction, and say how much each loss of this shape counts."""
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction must be one of {get_args(Reduction)}, got {reduction!r}")
    xp, mask = namespace(like), None
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, shape)
        mask = where = xp.broadcast_to(where, shape)
    if weights is not None:
        weights = check_weights("weights", weights, like, shape, where=where)
        mask = weights > 0 if mask is None else mask & (weights > 0)
        if reduction == "weighted_mean":
            weights = _sized(weights, where)
    return Share(weights, _factor(like, shape, weights, where, reduction), mask)


def shares_of_entries(like: Array, weights: Array | None, where: Array | None) -> Array | None:
    """The weights of the entries of one mean, 0 for those left out; None for all alike."""
    share = share_out(like, tuple(like.shape), weights, where, "sum")
    if share.mask is None or share.upstream is None:
        return share.mask
    xp = namespace(like)
    return xp.where(share.mask, share.upstream, xp.zeros_like(share.upstream))


def _sized(weights: Array, where: Array | None) -> Array:
    """Weights of which only the ratios count, times a power of two if they are far from 1:
    then no product with a loss overflows, or loses its digits, for that reason."""
    xp = namespace(weights)
    kept = weights if where is None else xp.where(where, weights, xp.zeros_like(weights))
    if 0 in weights.shape:
        return weights
    top, one = xp.max(constant(kept)), xp.ones_like(kept[(0,) * kept.ndim])
    far = 2.0 ** (512 if weights.dtype.itemsize > 4 else 64)
    if plain_cpu(weights) and 1 / far <= float(top) <= far:
        return weights
    return kept * xp.where(top > far, one / far, xp.where(top < 1 / far, one * far, one))


def _factor(like, shape, weights, where, reduction) -> Array | float:
    if reduction in ("none", "sum"):
        return 1.0
    if reduction == "mean" or weights is None:
        if where is None:
            return 1.0 / max(1, math.prod(shape))
        return _inverse(like, namespace(like).sum(where))
    xp, dtype = namespace(like), wide_dtype(like)
    kept = weights if where is None else xp.where(where, weights, xp.zeros_like(weights))
    return _inverse(like, xp.sum(kept, dtype=dtype))


def _inverse(like: Array, total: Array) -> Array | float:
    """1/total, and 0 for nothing. On a GPU it stays there: its value is not waited for."""
    if not is_torch(like):
        return 1.0 / float(total) if total > 0 else 0.0
    total = total.to(wide_dtype(like))
    some = total > 0
    return some / namespace(like).where(some, total, 1.0)
