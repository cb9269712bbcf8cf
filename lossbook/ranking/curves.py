"""Metrics over all thresholds (chapter 7): average precision, the areas under the two curves.

They have no gradient. As in :mod:`lossbook.ranking.metrics`, each list has one number, nan if
it is not defined, and the mean leaves those out.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike
from lossbook.ranking.order import (
    place_of,
    take,
)
from lossbook.ranking.ranked import given_lists, over
from lossbook.reduction import Reduction


def average_precision(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Mean precision at the relevant items; its mean over the lists is the MAP.

    .. math::
        \mathrm{AP} = \frac{1}{P} \sum_{i:\, y_i = 1}
        \frac{|\{j : y_j = 1,\ s_j \ge s_i\}|}{|\{j : s_j \ge s_i\}|}

    Items of equal score are taken together, as by a threshold that lets all of them in.

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    labels
        1 or True for the P relevant items, 0 or False for the others; same shape.
    item_mask, weights, where, reduction, axis
        As for :func:`dcg`.

    Returns
    -------
    Array
        The mean over the lists in double precision, or as ``reduction`` says. A list without
        a relevant item is nan, and the mean leaves it out.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a label is neither 0 nor 1 or a score is nan.

    Examples
    --------
    >>> float(average_precision([4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0]).round(6))
    0.833333

    Notes
    -----
    It is the area under the curve of precision over recall drawn in steps. Chapter 7.
    """
    given = given_lists(scores, "labels", labels, item_mask, weights, where, axis)
    xp, y, _, _, last = given.ranked()
    hits, total = take(xp, xp.cumulative_sum(y, axis=-1), last), xp.sum(y, axis=-1)
    found = xp.sum(y * hits / (1 + xp.astype(last, y.dtype)), axis=-1)
    return given.reduced(over(xp, found, total), reduction)


def roc_auc(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Area under the ROC curve: the chance that a positive is ranked above a negative.

    .. math::
        \mathrm{AUC} = \frac{1}{P N} \sum_{i:\, y_i = 1} \sum_{j:\, y_j = 0}
        \Bigl( [s_i > s_j] + \tfrac12 [s_i = s_j] \Bigr)

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    labels
        1 or True for the P positives, 0 or False for the N negatives; same shape.
    item_mask, weights, where, reduction, axis
        As for :func:`dcg`.

    Returns
    -------
    Array
        The mean over the lists in double precision, or as ``reduction`` says. A list of one
        class only is nan, and the mean leaves it out.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a label is neither 0 nor 1 or a score is nan.

    Examples
    --------
    >>> float(roc_auc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1]))
    0.875

    Notes
    -----
    It is the statistic of Mann and Whitney, found from the sum of the ranks. J. A. Hanley and B.
    J. McNeil, *The meaning and use of the area under a receiver operating characteristic (ROC)
    curve*, 1982. Chapter 7.
    """
    given = given_lists(scores, "labels", labels, item_mask, weights, where, axis)
    xp, y, kept, first, last = given.ranked()
    negative = xp.astype(kept, y.dtype) - y
    seen = xp.cumulative_sum(negative, axis=-1)
    none_above = xp.sum(negative, axis=-1, keepdims=True) - take(xp, seen, last)
    tied = take(xp, seen, last) - take(xp, seen - negative, first)
    pairs = xp.sum(y, axis=-1) * xp.sum(negative, axis=-1)
    return given.reduced(over(xp, xp.sum(y * (none_above + tied / 2), axis=-1), pairs), reduction)


def pr_auc(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Area under the curve of precision over recall, rightly interpolated.

    .. math::
        \mathrm{PR\,AUC} = \int_0^1 \frac{T}{T + F}\,d\frac{T}{P}

    Between two thresholds the numbers T of true and F of false positives rise in proportion:
    that is what letting in a random part of a tied run gives. The precision between them is then
    no straight line; over a tied run the trapezoid of a straight one is mostly too large.

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    labels
        1 or True for the P positives, 0 or False for the others; same shape.
    item_mask, weights, where, reduction, axis
        As for :func:`dcg`.

    Returns
    -------
    Array
        The mean over the lists in double precision, or as ``reduction`` says. A list without a
        positive is nan, and the mean leaves it out.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a label is neither 0 nor 1 or a score is nan.

    Examples
    --------
    >>> float(pr_auc([1.0, 1.0, 1.0, 1.0], [1, 0, 0, 0]))  # all tied: the share of positives
    0.25

    Notes
    -----
    J. Davis and M. Goadrich, *The relationship between precision-recall and ROC curves*, 2006.
    The sum without interpolation is :func:`average_precision`. Chapter 7.
    """
    given = given_lists(scores, "labels", labels, item_mask, weights, where, axis)
    xp, y, kept, first, last = given.ranked()
    seen, place = xp.cumulative_sum(y, axis=-1), place_of(xp, y)
    before = take(xp, seen - y, first)  # true positives at the start of the run
    rise, start = take(xp, seen, last) - before, xp.astype(first, y.dtype)
    steep = (xp.astype(last, y.dtype) + 1 - start) / xp.where(rise == 0, 1.0, rise)
    # the integral of (before + t) / (start + steep t) from 0 to rise
    begun = xp.where(start == 0, 1.0, start)
    bend = (before - start / steep) / steep * xp.log1p(steep * rise / begun)
    area = rise / steep + xp.where(start == 0, 0.0, bend)
    once = (place == xp.astype(last, y.dtype)) & (rise > 0) & kept
    return given.reduced(
        over(xp, xp.sum(xp.where(once, area, 0.0), axis=-1), xp.sum(y, axis=-1)), reduction
    )
