"""Metrics of an order: what a ranking is judged by. They have no gradient.

Each takes lists as the losses do, computes in double precision and gives one number for each
list, or their mean. Of a list without a relevant item the metric is nan, and the mean leaves it
out.

Items of equal score have no order. ``ties`` says what is done about them:

``"average"``
    the mean over all orders that they could have.
``"best"``, ``"worst"``
    the most relevant of them first, or last: the bounds of what an arbitrary order can give.
``"stored"``
    as they stand in the list, like a stable sort. The result then depends on the storage.
"""

from __future__ import annotations

from numbers import Integral
from typing import Literal, get_args

from lossbook.arrays import Array, ArrayLike, namespace
from lossbook.ranking.order import (
    Gain,
    check_gain,
    gains,
    place_of,
    relative_gains,
    take,
)
from lossbook.ranking.ranked import given_lists, over
from lossbook.reduction import Reduction
from lossbook.rule import quiet

Ties = Literal["average", "best", "worst", "stored"]


def dcg(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    gain: Gain,
    ties: Ties = "average",
    k: int | None = None,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Discounted cumulative gain of lists.

    .. math::
        \mathrm{DCG} = \sum_{i=1}^{k} \frac{g(r_i)}{\log_2(1 + i)}, \qquad
        s_1 \ge s_2 \ge \dots

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape.
    gain
        ``"linear"`` for g(r) = r, ``"exponential"`` for :math:`2^r - 1`. There is no default:
        both are in use, and the numbers differ.
    ties
        What is done about equal scores, see :mod:`lossbook.ranking.metrics`.
    k
        How many places count; all if None.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one number for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The mean over the lists in double precision, or as ``reduction`` says.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a relevance is negative, a score is nan or a parameter is none of
        those that there are.

    Examples
    --------
    >>> float(dcg([3.0, 2.0, 1.0], [2.0, 0.0, 1.0], gain="exponential"))
    3.5

    Notes
    -----
    K. Järvelin and J. Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, 2002;
    with ties, F. McSherry and M. Najork, *Computing information retrieval performance measures
    efficiently in the presence of tied scores*, 2008. Chapter 7.
    """
    given = given_lists(scores, "relevance", relevance, item_mask, weights, where, axis)
    with quiet(given.worth):  # a gain that is too large is inf
        worth = gains(namespace(given.worth), given.worth, check_gain(gain))
        found = given._replace(worth=worth).ranked(_check_ties(ties)).dcg(_check_k(k))
    return given.reduced(found, reduction)


def ndcg(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    gain: Gain,
    ties: Ties = "average",
    k: int | None = None,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Discounted cumulative gain of lists, divided by that of the best order.

    .. math::
        \mathrm{NDCG} = \frac{\mathrm{DCG}}{\mathrm{IDCG}}

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape.
    gain
        ``"linear"`` for g(r) = r, ``"exponential"`` for :math:`2^r - 1`; no default.
    ties
        What is done about equal scores, see :mod:`lossbook.ranking.metrics`.
    k
        How many places count, in the best order too; all if None.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one number for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The mean over the lists in double precision, or as ``reduction`` says. A list without
        a relevant item is nan, and the mean leaves it out.

    Raises
    ------
    TypeError, ValueError
        As for :func:`dcg`.

    Examples
    --------
    >>> scores, relevance = [0.5, 0.5], [1.0, 0.0]
    >>> [float(ndcg(scores, relevance, gain="linear", ties=t).round(6))
    ...  for t in ("worst", "average", "best")]
    [0.63093, 0.815465, 1.0]

    Notes
    -----
    Chapter 7.
    """
    given = given_lists(scores, "relevance", relevance, item_mask, weights, where, axis)
    xp, k = namespace(given.worth), _check_k(k)
    given = given._replace(worth=relative_gains(xp, given.worth, check_gain(gain)))
    best = given._replace(scores=given.worth).ranked().dcg(k)
    return given.reduced(over(xp, given.ranked(_check_ties(ties)).dcg(k), best), reduction)


def reciprocal_rank(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    ties: Ties = "average",
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""One over the rank of the first relevant item; its mean over the lists is the MRR.

    .. math::
        \mathrm{RR} = \frac{1}{\min \{\pi_i : y_i = 1\}}

    Parameters
    ----------
    scores
        Scores, K of them along ``axis``.
    labels
        1 or True for the relevant items, 0 or False for the others; same shape.
    ties
        What is done about equal scores, see :mod:`lossbook.ranking.metrics`.
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
        If shapes differ, a label is neither 0 nor 1, a score is nan or there is no such rule
        for ties.

    Examples
    --------
    >>> float(reciprocal_rank([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]], [[0, 1, 1], [1, 0, 0]]))
    0.75

    Notes
    -----
    E. M. Voorhees, *The TREC-8 question answering track report*, 1999. Chapter 7.
    """
    given = given_lists(scores, "labels", labels, item_mask, weights, where, axis)
    xp, hits, _, first, last = given.ranked("stored" if ties == "average" else _check_ties(ties))
    y, place = hits, place_of(xp, hits)
    if ties == "average":  # the chance of a relevant item here, if the run had none before
        seen = xp.cumulative_sum(y, axis=-1)
        here = take(xp, seen, last) - take(xp, seen - y, first)
        hits = xp.minimum(here / (1 + xp.astype(last, y.dtype) - place), 1.0)
    missed = xp.cumulative_prod(1 - hits, axis=-1)
    missed = xp.concat([xp.ones_like(y[..., :1]), missed[..., :-1]], axis=-1)
    found = xp.sum(hits * missed / (1 + place), axis=-1)
    return given.reduced(xp.where(xp.any(y > 0, axis=-1), found, xp.nan), reduction)


def _check_ties(ties: str) -> str:
    if ties not in get_args(Ties):
        raise ValueError(f"ties must be one of {get_args(Ties)}, got {ties!r}")
    return ties


def _check_k(k: int | None) -> int | None:
    if k is not None and (not isinstance(k, Integral) or isinstance(k, bool) or k < 1):
        raise ValueError(f"k must be a whole number from 1 on, or None, got {k!r}")
    return k
