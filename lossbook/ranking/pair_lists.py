"""Losses of all the pairs of a list: each item against each that is less relevant.

A list of K items has up to K(K - 1)/2 such pairs. The hinge finds their sum by sorting; the
others walk through them in blocks. A list without a pair, since all its items are equally
relevant, or since there is but one, has loss 0 and gradient 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_near,
    cast,
    check_number,
    constant,
    namespace,
    wide_dtype,
)
from lossbook.driver import public
from lossbook.odds import odds_pair
from lossbook.ranking.order import (
    Gain,
    check_gain,
    discounts,
    lists,
    order_by,
    pair_blocks,
    places,
    runs,
    shares,
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

    def value():
        return summed(xp, logistic_pairs(xp, s, grade, keep)) / count

    def slope():
        return pushed(xp, logistic_pairs(xp, s, grade, keep, slope=True)) / count[:, None]

    return value, slope


def logistic_pairs(
    xp: Any, s: Array, grade: Array, keep: Array, *, slope: bool = False
) -> Iterator[tuple[slice, Array]]:
    """The loss ln(1 + e^gap) of all pairs, or its slope in the gap, 0 where there is no pair."""
    for part, gap in pair_blocks(xp, s):
        up, down = odds_pair(xp, gap)
        each = up / (up + down) if slope else xp.maximum(gap, 0.0) + xp.log1p(up * down)
        pair = (grade[:, part, None] > grade[:, None, :]) & keep[:, part, None] & keep[:, None, :]
        yield part, xp.where(pair, each, 0.0)


def summed(xp: Any, blocks: Iterator[tuple[slice, Array]]) -> Array:
    """The sum over all pairs of each list."""
    return sum(xp.sum(each, axis=(1, 2)) for _, each in blocks)


def pushed(xp: Any, blocks: Iterator[tuple[slice, Array]]) -> Array:
    """For each item, what its pairs push it down by, less what they push it up by."""
    up, down = [], 0.0
    for _, each in blocks:
        up.append(xp.sum(each, axis=2))
        down = down + xp.sum(each, axis=1)
    return down - xp.concat(up, axis=-1)


@public
def lambdarank_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    gain: Gain = "exponential",
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Logistic loss of the pairs of a list, each weighted by what its swap would do to NDCG.

    .. math::
        \ell(s, r) = \sum_{r_i > r_j} |\Delta_{ij}| \ln(1 + e^{s_j - s_i}), \qquad
        \Delta_{ij} = \frac{(g_i - g_j)(d_i - d_j)}{\mathrm{IDCG}}

    Here g are the gains, and d the discounts of the places that the items have now. The
    weights move when the order changes, but to the derivative they are constants: what is
    followed downhill is a list of forces, of which this number is a potential only as long
    as no two items change places.

    Parameters
    ----------
    scores
        Scores s, finite; floats, K of them along ``axis``. Of items with the same score the
        one that stands first in the list has the higher place.
    relevance
        Relevances r, 0 or larger; same shape.
    gain
        ``"exponential"`` for :math:`2^r - 1`, ``"linear"`` for r.
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
        If scores are no floats, shapes differ, a relevance is negative or there is no such gain.

    Examples
    --------
    >>> import numpy as np
    >>> lambdarank_loss(np.array([0.0, 0.0, 0.0]), [0.0, 0.0, 1.0])
    np.float64(0.4373271798194368)

    Notes
    -----
    C. Burges, R. Ragno and Q. V. Le, *Learning to rank with nonsmooth cost functions*, 2006;
    C. Burges, *From RankNet to LambdaRank to LambdaMART: an overview*, 2010, section 4. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    return rows.prepared(lambdarank_loss_rule, {"gain": check_gain(gain)}, reduction)


@rule("row")
def lambdarank_loss_rule(xp, s, r, keep=None, *, gain="exponential"):
    g = shares(xp, r, gain)
    s, keep, grade, _ = graded_pairs(xp, s, r, keep)
    d = discounts(xp, places(xp, constant(s), keep))

    def weighed(slope):
        for part, each in logistic_pairs(xp, s, grade, keep, slope=slope):
            yield part, each * swaps(xp, g, d, part)

    return lambda: summed(xp, weighed(False)), lambda: pushed(xp, weighed(True))


def swaps(xp: Any, g: Array, d: Array, part: slice) -> Array:
    """What it does to the DCG that two items change places."""
    return xp.abs((g[:, part, None] - g[:, None, :]) * (d[:, part, None] - d[:, None, :]))


def lambdarank_weights(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    gain: Gain = "exponential",
    item_mask: ArrayLike | None = None,
) -> Array:
    r"""By how much NDCG changes if two items of a list change places.

    .. math::
        |\Delta_{ij}| = \frac{|(g_i - g_j)(d_i - d_j)|}{\mathrm{IDCG}}

    Parameters
    ----------
    scores, relevance, gain, item_mask
        As in :func:`lambdarank_loss`; the items run along the last axis.

    Returns
    -------
    Array
        A matrix of K x K for each list: row i, column j is the weight of the pair, 0 unless
        :math:`r_i > r_j`. The loss itself never forms it.

    Raises
    ------
    TypeError, ValueError
        As :func:`lambdarank_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> lambdarank_weights(np.array([3.0, 2.0, 1.0]), [0.0, 0.0, 1.0]).round(4)
    array([[0.    , 0.    , 0.    ],
           [0.    , 0.    , 0.    ],
           [0.5   , 0.1309, 0.    ]])

    Notes
    -----
    Chapter 7.
    """
    rows = lists(scores, relevance, -1, item_mask, None, None)
    xp, s = namespace(rows.scores), cast(constant(rows.scores), wide_dtype(rows.scores))
    r = cast(rows.relevance, s.dtype)
    keep = xp.ones_like(r, dtype=xp.bool) if rows.keep is None else rows.keep
    d = discounts(xp, places(xp, s, keep))
    g = shares(xp, r, check_gain(gain))
    change = (g[..., :, None] - g[..., None, :]) * (d[..., :, None] - d[..., None, :])
    pair = (r[..., :, None] > r[..., None, :]) & keep[..., :, None] & keep[..., None, :]
    return cast(xp.where(pair, xp.abs(change), 0.0), rows.scores.dtype)
