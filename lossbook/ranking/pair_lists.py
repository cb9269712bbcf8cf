"""Losses of all the pairs of a list: each item against each that is less relevant.

A list of K items has up to K(K - 1)/2 such pairs. The hinge finds their sum by sorting; the
others walk through them in blocks. A list without a pair, since all its items are equally
relevant, or since there is but one, has loss 0 and gradient 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lossbook.arrays import Array, ArrayLike, as_near
from lossbook.checks import check_number
from lossbook.driver import public
from lossbook.odds import odds_pair
from lossbook.ranking.order import (
    lists,
    order_by,
    pair_blocks,
    runs,
    take,
)
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def all_pairs_hinge_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    margin: float = 1.0,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Mean hinge loss of the pairs of a list.

    .. math::
        \ell(s, r) = \frac{1}{|P|} \sum_{(i, j) \in P} \max(0,\ m - (s_i - s_j)),
        \qquad P = \{(i, j) : r_i > r_j\}

    Parameters
    ----------
    scores
        Scores s, finite; floats, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape.
    margin
        The lead m that is enough; a number, 0 or larger.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each list; 0 for a list
        without a pair.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ, a relevance or the margin is negative.

    Examples
    --------
    >>> import numpy as np
    >>> all_pairs_hinge_loss(np.array([2.0, 0.5, 0.0]), [1.0, 2.0, 0.0])
    np.float64(1.0)

    Notes
    -----
    The derivative for :math:`s_i` is the number of items below it that are less than m behind,
    from which the same number for the items above is taken, over :math:`-|P|`. It takes one sort
    for each binary digit of the number of grades, not :math:`K^2` pairs. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    params = {"margin": as_near(check_number("margin", margin, 0), rows.scores)}
    return rows.prepared(all_pairs_hinge_loss_rule, params, reduction)


@rule("row")
def all_pairs_hinge_loss_rule(xp, s, r, keep=None, *, margin=1.0):
    s, keep, grade, count = graded_pairs(xp, s, r, keep)
    x = xp.concat([s, s - margin], axis=-1)  # scores, and what they should not pass
    area, push = xp.zeros_like(s[:, 0]), 0 * s
    for digit in range(digits_of(xp, grade)):
        upper = (grade >> digit) & 1 == 1  # against the rest of its group
        stairs = Staircases(xp, x, grade >> (digit + 1), ~upper & keep, upper & keep)
        area = area + stairs.area()
        push = push + stairs.push()

    def value():
        return area / count

    def slope():
        return push / count[:, None]

    return value, slope


class Staircases:
    """Two counts along the line of scores: of the marks that lie below, of the scores above.

    Between two neighbors on the line, each mark below is passed by each score above. The sum
    of all that is passed is therefore the area under the product of the counts: no term of
    it is negative. In ``x`` stand K scores, then K marks. Groups are told apart.
    """

    def __init__(self, xp: Any, x: Array, group: Array, lower: Array, upper: Array) -> None:
        no = xp.zeros_like(lower)
        order = order_by(xp, xp.concat([group, group], axis=-1), x)
        first, last = runs(xp, take(xp, xp.concat([group, group], axis=-1), order))
        self.scores = take(xp, xp.astype(xp.concat([lower, no], axis=-1), xp.int64), order)
        self.marks = take(xp, xp.astype(xp.concat([no, upper], axis=-1), xp.int64), order)
        marks, scores = (xp.cumulative_sum(c, axis=-1) for c in (self.marks, self.scores))
        self.below = marks - take(xp, marks - self.marks, first)  # in the group, so far
        self.above = take(xp, scores, last) - scores  # in the group, from here on
        self.xp, self.x, self.order = xp, x, order

    def area(self) -> Array:
        """The sum over all pairs of how far the score has passed the mark."""
        xp, x = self.xp, take(self.xp, self.x, self.order)
        width = xp.astype((self.below * self.above)[:, :-1], x.dtype)
        steps = xp.where(width > 0, x[:, 1:] - x[:, :-1], 0.0)
        return xp.sum(steps * width, axis=-1)

    def push(self) -> Array:
        """How many marks each score has passed, less how many scores have passed its mark."""
        xp = self.xp
        moved = self.scores * self.below - self.marks * self.above
        both = take(xp, moved, xp.argsort(self.order, axis=-1))
        size = both.shape[-1] // 2
        return xp.astype(both[:, :size] + both[:, size:], self.x.dtype)


def graded_pairs(xp: Any, s: Array, r: Array, keep: Array | None) -> tuple[Array, ...]:
    """Scores, the mask, grades 0, 1, ... in place of relevances, and the number of pairs.

    The number is at least 1, so that one can divide by it; nan if a score is nan.
    """
    if keep is None:
        keep = xp.ones_like(r, dtype=xp.bool)
    s, r = xp.where(keep, s, 0.0), xp.where(keep, r, xp.inf)
    order = order_by(xp, r)
    back, (first, _) = xp.argsort(order, axis=-1), runs(xp, take(xp, r, order))
    place = xp.arange(r.shape[-1], device=r.device)
    grade = take(xp, xp.cumulative_sum(xp.astype(first == place, xp.int64), axis=-1) - 1, back)
    lower = xp.sum(xp.where(keep, take(xp, first, back), 0), axis=-1)
    count = xp.astype(xp.where(lower == 0, 1, lower), s.dtype)
    return s, keep, grade, xp.where(xp.any(xp.isnan(s), axis=-1), xp.nan, count)


def digits_of(xp: Any, grade: Array) -> int:
    """How many binary digits the grades have."""
    return int(xp.max(grade)).bit_length() if 0 not in grade.shape else 0


@public
def all_pairs_logistic_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Mean logistic loss of the pairs of a list: RankNet on a list.

    .. math::
        \ell(s, r) = \frac{1}{|P|} \sum_{(i, j) \in P} \ln(1 + e^{s_j - s_i}),
        \qquad P = \{(i, j) : r_i > r_j\}

    Parameters
    ----------
    scores
        Scores s, finite; floats, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each list; 0 for a
        list without a pair.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ or a relevance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> scores, relevance = np.array([[0.5, 0.2], [0.2, 0.5]]), [[1, 0], [1, 0]]
    >>> all_pairs_logistic_loss(scores, relevance, reduction="none")
    array([0.55435524, 0.85435524])

    Notes
    -----
    The derivative for :math:`s_i` is the sum of :math:`\sigma(s_i - s_k)` over the items k above,
    less the sum of :math:`\sigma(s_j - s_i)` over the items j below, over :math:`|P|`. C. Burges
    et al., *Learning to rank using gradient descent*, 2005. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    return rows.prepared(all_pairs_logistic_loss_rule, {}, reduction)


@rule("row")
def all_pairs_logistic_loss_rule(xp, s, r, keep=None):
    s, keep, grade, count = graded_pairs(xp, s, r, keep)
    back, *sorted_rows = upwards(xp, grade, keep, s)

    def value():
        return summed(xp, logistic_pairs(xp, *sorted_rows)) / count

    def slope():
        push = pushed(xp, logistic_pairs(xp, *sorted_rows, slope=True))
        return take(xp, push, back) / count[:, None]

    return value, slope


def upwards(xp: Any, grade: Array, keep: Array, *rows: Array) -> tuple[Array, ...]:
    """The way back from the order of grades, in which an item is above none that comes later;
    then, in this order, the grades, those of the items that may be above others, and the rows."""
    order, above = xp.argsort(grade, axis=-1), xp.where(keep, grade, 0)
    return xp.argsort(order, axis=-1), *(take(xp, x, order) for x in (grade, above, *rows))


def logistic_pairs(
    xp: Any, grade: Array, above: Array, s: Array, *, slope: bool = False
) -> Iterator[tuple[slice, Array]]:
    """The loss ln(1 + e^gap) of all pairs, or its slope in the gap, 0 where there is no pair."""
    for part, gap in pair_blocks(xp, s, lower=True):
        up, down = odds_pair(xp, gap)
        each = up / (up + down) if slope else xp.maximum(gap, 0.0) + xp.log1p(up * down)
        pair = above[:, part, None] > grade[:, None, : part.stop]
        yield part, xp.where(pair, each, 0.0)


def summed(xp: Any, blocks: Iterator[tuple[slice, Array]]) -> Array:
    """The sum over all pairs of each list."""
    return sum(xp.sum(each, axis=(1, 2)) for _, each in blocks)


def pushed(xp: Any, blocks: Iterator[tuple[slice, Array]]) -> Array:
    """For each item, what its pairs push it down by, less what they push it up by."""
    up, down = [], None
    for _, each in blocks:
        up.append(xp.sum(each, axis=2))
        more = xp.sum(each, axis=1)
        known = more[:, :0] if down is None else down  # of fewer items, maybe
        rest = xp.zeros_like(more[:, known.shape[1] :])
        down = more + xp.concat([known, rest], axis=-1)
    return down - xp.concat(up, axis=-1)
