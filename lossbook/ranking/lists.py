"""Losses of a list as a whole: softmax, ListNet, ListMLE, ApproxNDCG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from lossbook.arrays import Array, ArrayLike, constant, namespace, working_dtype
from lossbook.categorical.logits import soft_cross_entropy_rule
from lossbook.checks import check_number
from lossbook.driver import public
from lossbook.odds import odds_pair
from lossbook.ranking.order import (
    Gain,
    check_gain,
    lists,
    order_by,
    pair_blocks,
    running_logsumexp,
    runs,
    shares,
    take,
)
from lossbook.ranking.pair_lists import pushed
from lossbook.reduction import Reduction
from lossbook.rule import rule
from lossbook.softmax import softmax_rule


@public
def ranking_softmax_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Softmax cross-entropy over the items of a list, weighted by their relevance.

    .. math::
        \ell(s, r) = -\sum_i r_i \ln \frac{e^{s_i}}{\sum_j e^{s_j}}

    Parameters
    ----------
    scores
        Scores s; floats, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape. They are not divided by their sum.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each list; 0, with
        gradient 0, for a list without a relevant item.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ or a relevance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> scores, relevance = np.array([[1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), [[0, 0, 1], [0, 0, 0]]
    >>> ranking_softmax_loss(scores, relevance, reduction="none")
    array([1.40760596, 0.        ])

    Notes
    -----
    The derivative is :math:`p \sum_k r_k - r` with p the softmax of the scores. With one
    relevant item it is the cross-entropy of chapter 4. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    return rows.prepared(ranking_softmax_loss_rule, {}, reduction)


@rule("row")
def ranking_softmax_loss_rule(xp, s, r, keep=None):
    s, keep, _ = never_empty(xp, s, keep)
    return soft_cross_entropy_rule.function(xp, s, r, keep)


def never_empty(xp: Any, s: Array, keep: Array | None) -> tuple[Array | None, ...]:
    """Lists without an item get equal scores for all; 1 for the other lists, and 0 for them."""
    if keep is None:
        return s, None, 1.0
    some = xp.any(keep, axis=-1, keepdims=True)
    return xp.where(some, s, 0.0), keep | ~some, xp.astype(some, s.dtype)


@public
def listnet_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy between the softmax of the relevances and that of the scores.

    .. math::
        \ell(s, r) = -\sum_i \frac{e^{r_i}}{\sum_j e^{r_j}} \ln \frac{e^{s_i}}{\sum_j e^{s_j}}

    Both are distributions over which item comes first. The least value is the entropy of the
    one that the relevances give, at scores that are the relevances up to a constant.

    Parameters
    ----------
    scores
        Scores s; floats, K of them along ``axis``.
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
        The reduced loss in nats, or with ``reduction="none"`` one loss for each list. A list
        whose items are all equally relevant asks for equal scores. 0 if there is no item.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ or a relevance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> listnet_loss(np.array([[0.5, 0.2]]), [[1.0, 0.0]], reduction="none")
    array([0.63503767])

    Notes
    -----
    The derivative is the difference of the two distributions. Z. Cao et al., *Learning to rank:
    from pairwise approach to listwise approach*, 2007. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    return rows.prepared(listnet_loss_rule, {}, reduction)


@rule("row")
def listnet_loss_rule(xp, s, r, keep=None):
    s, keep, some = never_empty(xp, s, keep)
    e, total = softmax_rule.function(xp, r, keep)[0]()
    return soft_cross_entropy_rule.function(xp, s, e / total * some, keep)


@public
def listmle_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Minus the log-likelihood of the order of a list in the model of Plackett and Luce.

    .. math::
        \ell(s, r) = -\sum_{i:\, r_i > r_{\min}} \ln \frac{e^{s_i}}{\sum_{j:\, r_j \le r_i} e^{s_j}}

    The order is drawn from the top: at each place an item is chosen, with the probabilities of a
    softmax, from those that are left. Items of equal relevance have no order among them.
    Each of them is compared with all that are no better (N. Breslow's rule for ties), which
    does not depend on the order in which they are stored. The least relevant items, of relevance
    :math:`r_{\min}`, are what is left over; nothing is chosen from them: they add no term. For
    relevances of 0 and 1 the result is therefore :func:`ranking_softmax_loss`.

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
        The reduced loss in nats, or with ``reduction="none"`` one loss for each list; 0, with
        gradient 0, for a list whose items are all equally relevant.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ or a relevance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> listmle_loss(np.log([[1.0, 3.0, 2.0]]), [[0.0, 2.0, 1.0]], reduction="none")
    array([1.09861229])

    Notes
    -----
    The derivative for :math:`s_j` is the sum, over all i with :math:`r_i \ge r_j` that have a
    term, of the probability that j is chosen where i was, less 1 if j has a term itself. F. Xia et
    al., *Listwise approach to learning to rank: theory and algorithm*, 2008. Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    return rows.prepared(listmle_loss_rule, {}, reduction)


@rule("row")
def listmle_loss_rule(xp, s, r, keep=None):
    s, back, first, last, chosen = from_the_bottom(xp, s, r, keep)
    lowest = xp.full_like(s[:, :1], -xp.finfo(s.dtype).max)  # minus infinity, but differentiable
    upto = running_logsumexp(xp, s)
    total = take(xp, upto, last)  # over an item, its equals and all below
    alone = chosen & (first == last)  # an item without equals is ahead of all below by -gap
    gap = xp.where(alone, xp.concat([lowest, upto[:, :-1]], axis=-1) - s, 0.0)
    up, down = odds_pair(xp, gap)

    def value():
        single = xp.maximum(gap, 0.0) + xp.log1p(up * down)
        return xp.sum(xp.where(alone, single, xp.where(chosen, total - s, 0.0)), axis=-1)

    def slope():
        terms = xp.flip(xp.where(chosen, -total, lowest), axis=-1)
        terms = xp.concat([xp.flip(running_logsumexp(xp, terms), axis=-1), lowest], axis=-1)
        others = xp.exp(s + take(xp, terms, xp.where(alone, last + 1, first)))
        own = xp.where(alone, up / (up + down), xp.astype(chosen, s.dtype))
        return take(xp, others - own, back)

    return value, slope


def from_the_bottom(xp: Any, s: Array, r: Array, keep: Array | None) -> tuple[Array, ...]:
    """Scores by rising relevance, less the largest, and the way back to the old order.

    Then where the run of equals of each begins and ends, and which items have any below.
    """
    lowest = -xp.finfo(s.dtype).max
    if keep is not None:
        s, r = xp.where(keep, s, lowest), xp.where(keep, r, -1.0)
    s = s - xp.max(constant(s), axis=-1, keepdims=True)
    order = order_by(xp, r)
    r, s = take(xp, r, order), xp.maximum(take(xp, s, order), lowest)
    first, last = runs(xp, r)
    out = xp.sum(xp.astype(r < 0, xp.int64), axis=-1, keepdims=True)
    return s, xp.argsort(order, axis=-1), first, last, first > out


@public
def approx_ndcg_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    temperature: float = 1.0,
    gain: Gain = "exponential",
    item_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""What a smooth NDCG lacks to 1: each rank is a sum of sigmoids in place of steps.

    .. math::
        \ell(s, r) = 1 - \frac{1}{\mathrm{IDCG}} \sum_i \frac{g_i}{\log_2(1 + \hat\pi_i)}, \qquad
        \hat\pi_i = 1 + \sum_{j \ne i} \sigma\Bigl(\frac{s_j - s_i}{\tau}\Bigr)

    Parameters
    ----------
    scores
        Scores s, finite; floats, K of them along ``axis``.
    relevance
        Relevances r, 0 or larger; same shape.
    temperature
        The number :math:`\tau > 0` that divides the differences: toward 0 the ranks become true
        ones, and the gradient vanishes.
    gain
        ``"exponential"`` for :math:`g = 2^r - 1`, ``"linear"`` for g = r.
    item_mask
        Booleans, broadcast to the scores; an item that is False is not in the list.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each list.
    axis
        The axis of the K items.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each list; 0, with gradient
        0, for a list without a relevant item.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, shapes differ, a relevance is negative, the temperature is not
        positive or there is no such gain.

    Examples
    --------
    >>> import numpy as np
    >>> scores, relevance = np.array([3.0, 2.0, 1.0]), [0.0, 0.0, 1.0]
    >>> [float(approx_ndcg_loss(scores, relevance, temperature=t).round(6)) for t in (1, 0.1)]
    [0.460259, 0.499996]

    Notes
    -----
    The list is walked through in blocks of pairs. T. Qin, T.-Y. Liu and H. Li, *A general
    approximation framework for direct optimization of information retrieval measures*, 2010.
    Chapter 7.
    """
    rows = lists(scores, relevance, axis, item_mask, weights, where)
    tau = check_number("temperature", temperature, 0, open_low=True)
    # where scores tie the slope is a quarter of 1/tau, which must not be infinite
    least = namespace(rows.scores).finfo(working_dtype(rows.scores)).smallest_normal
    params = {"temperature": max(tau, float(least)), "gain": check_gain(gain)}
    return rows.prepared(approx_ndcg_loss_rule, params, reduction)


@rule("row")
def approx_ndcg_loss_rule(xp, s, r, keep=None, *, temperature=1.0, gain="exponential"):
    g = shares(xp, r, gain)
    keep = xp.ones_like(r, dtype=xp.bool) if keep is None else keep
    s = xp.where(keep, s, 0.0)
    ahead = [xp.sum(each, axis=2) for _, each in passes(xp, s, keep, temperature)]
    rank = 1 + xp.concat(ahead, axis=-1)
    log = xp.log1p(rank)

    def value():
        some = xp.astype(xp.any(g > 0, axis=-1), s.dtype)
        return some - math.log(2) * xp.sum(g / log, axis=-1)

    def slope():
        cost = math.log(2) * g / ((1 + rank) * log**2)  # of one rank more
        steep = passes(xp, s, keep, temperature, slope=True)
        return pushed(xp, ((part, cost[:, part, None] * each) for part, each in steep))

    return value, slope


def passes(
    xp: Any, s: Array, keep: Array, temperature: float, *, slope: bool = False
) -> Iterator[tuple[slice, Array]]:
    """By how much each other item is ahead of one, from 0 to 1; or the slope of that."""
    place = xp.arange(s.shape[-1], device=s.device)
    for part, gap in pair_blocks(xp, s):
        up, down = odds_pair(xp, gap / temperature)
        total = up + down
        each = up * down / (total * total * temperature) if slope else up / total
        other = place[part, None] != place[None, :]
        yield part, xp.where(keep[:, None, :] & other, each, 0.0)
