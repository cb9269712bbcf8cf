"""LambdaRank: all the pairs of a list, each weighted by what its swap would do to NDCG."""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, ArrayLike, cast, constant, namespace, times, wide_dtype
from lossbook.driver import public
from lossbook.ranking.order import (
    Gain,
    check_gain,
    discounts,
    lists,
    places,
    shares,
    take,
)
from lossbook.ranking.pair_lists import graded_pairs, logistic_pairs, pushed, summed, upwards
from lossbook.reduction import Reduction
from lossbook.rule import rule


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
    back, *rows, g, d = upwards(xp, grade, keep, s, g, d)

    def weighed(slope):
        for part, each in logistic_pairs(xp, *rows, slope=slope):
            yield part, times(xp, swaps(xp, g, d, part, part.stop), each)

    return lambda: summed(xp, weighed(False)), lambda: take(xp, pushed(xp, weighed(True)), back)


def swaps(xp: Any, g: Array, d: Array, part: slice, stop: int | None = None) -> Array:
    """What it does to the DCG that an item of a part and one before ``stop`` change places."""
    of_g, of_d = (x[:, part, None] - x[:, None, :stop] for x in (g, d))
    return xp.abs(of_g * of_d)


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
