"""Means of what arrives in pieces (chapter 9): micro-batches, or the batches of an epoch.

The mean of means is the mean only if all pieces are equally large. What can be added up is
the sum of each piece, divided by what *all* pieces count.
"""

from __future__ import annotations

import math
from typing import Any

from lossbook.arrays import (
    Array,
    ArrayLike,
    cast,
    constant,
    is_float,
    namespace,
    same_kind,
    wide_dtype,
)
from lossbook.checks import LARGEST, check_float, check_real, check_within
from lossbook.reduction.core import reduce, share_out
from lossbook.rule import quiet


def shard_mean(
    losses: ArrayLike,
    total: float | Array,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    r"""What one piece of a batch adds to the mean of the whole batch.

    .. math::
        L_s = \frac1n \sum_{i \in s} w_i \ell_i, \qquad \sum_s L_s = L

    Parameters
    ----------
    losses
        The losses of this piece; floats of any shape, perhaps none.
    total
        What the whole batch counts: the number n of its losses that no mask leaves out, or
        the sum of their weights; one number.
    weights
        Non-negative weights w, broadcast to the losses.
    where
        Booleans, broadcast to the losses; False leaves an entry out.

    Returns
    -------
    Array
        One number. Added up over the pieces they are the mean, their gradients its gradient.

    Raises
    ------
    TypeError, ValueError
        As :func:`reduce`; and if ``total`` is not in [0, inf), or is 0 and the losses are not.

    Examples
    --------
    >>> import numpy as np
    >>> pieces = [np.array([1.0, 2.0, 3.0]), np.array([10.0])]
    >>> [float(shard_mean(piece, 4)) for piece in pieces]
    [1.5, 2.5]

    Notes
    -----
    Of a whole batch in which nothing counts, 0. Chapter 9.
    """
    (losses,) = same_kind(losses=losses)
    check_float("losses", losses)
    wide = cast(losses, wide_dtype(losses))  # half precision can't hold every sum
    found = reduce(wide, weights=weights, where=where, reduction="sum")
    number = float(total)
    if not 0 <= number < math.inf:
        raise ValueError(f"total must be a number in [0, inf), got {total}")
    if number == 0 and float(found) != 0:
        raise ValueError("total is 0, and there are losses that count")
    with quiet(losses):  # what is too large for their dtype is inf
        return cast(found / (number or 1.0), losses.dtype)


def divisor(
    losses: ArrayLike, weights: ArrayLike | None, where: ArrayLike | None, reduction: str
) -> Array | float:
    """By what the mean, or the weighted mean, divides the sum."""
    losses, weights, where = same_kind(losses=losses, weights=weights, where=where)
    check_float("losses", losses)
    shape, xp = tuple(losses.shape), namespace(losses)
    weights = share_out(losses, shape, weights, where, "sum").upstream
    if reduction != "mean" and weights is not None:
        counted = constant(weights)
    else:
        counted = xp.ones_like(constant(losses))
    if where is not None:
        counted = xp.where(xp.broadcast_to(where, shape), counted, xp.zeros_like(counted))
    return xp.sum(counted, dtype=wide_dtype(losses))


def _one(name: str, x: Array | None) -> Array:
    """One number, in double precision."""
    check_real(name, x)
    if math.prod(x.shape) != 1:
        raise ValueError(f"{name} must be one number, got the shape {tuple(x.shape)}")
    wide = wide_dtype(x) if is_float(x) else namespace(x).float64
    return cast(constant(x), wide).reshape(())


class RunningMean:
    r"""The mean of losses that arrive in batches, whatever their sizes.

    .. math::
        L = \frac{\sum_b \sum_{i \in b} w_i \ell_i}{\sum_b \sum_{i \in b} w_i}

    Attributes
    ----------
    total, count
        The sum of weighted losses so far, and the sum of their weights.

    Examples
    --------
    >>> import numpy as np
    >>> epoch = RunningMean()
    >>> for batch in (np.array([1.0, 2.0, 3.0]), np.array([10.0])):
    ...     _ = epoch.update(batch)
    >>> epoch.value
    4.0
    >>> RunningMean().add(2.0, count=3).add(10.0, count=1).value
    4.0

    Notes
    -----
    Added up in double precision; on a GPU nothing waits until ``value`` is asked for. Chapter 9.
    """

    def __init__(self) -> None:
        self.total: Any = 0.0
        self.count: Any = 0.0

    def update(
        self,
        losses: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> RunningMean:
        """Take in losses, one for each example, as :func:`reduce` takes them."""
        losses, weights, where = same_kind(losses=losses, weights=weights, where=where)
        check_float("losses", losses)
        wide = cast(constant(losses), wide_dtype(losses))
        weights = None if weights is None else constant(weights)
        self.total = self.total + reduce(wide, weights=weights, where=where, reduction="sum")
        self.count = self.count + divisor(wide, weights, where, "weighted_mean")
        return self

    def add(self, mean: float | Array, *, count: float | Array) -> RunningMean:
        """Take in a batch of which only the mean is there, and what it counts."""
        mean, count = same_kind(mean=mean, count=count)
        mean, count = _one("mean", mean), _one("count", count)
        check_within("count", count, 0, LARGEST)
        if bool(count > 0):  # the mean of nothing may be nan
            self.total = self.total + mean * count
            self.count = self.count + count
        return self

    def merge(self, other: RunningMean) -> RunningMean:
        """Take in all that another one has seen."""
        self.total = self.total + other.total
        self.count = self.count + other.count
        return self

    @property
    def value(self) -> float:
        """The mean so far; 0 if nothing has counted."""
        count = float(self.count)
        return float(self.total) / count if count > 0 else 0.0
