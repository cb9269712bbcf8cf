"""Metrics of an order: what a ranking is judged by. They have no gradient.

Each takes lists as the losses do, computes in double precision and gives one number for each
list, or their mean. Of a list for which it is not defined (no relevant item; for the area
under the ROC curve, no irrelevant one either) the metric is nan, and the mean leaves it out.

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
from typing import Any, Literal, NamedTuple, get_args

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_number,
    cast,
    check_real,
    check_row,
    constant,
    is_float,
    namespace,
    refuse,
    same_kind,
    wide_dtype,
)
from lossbook.ranking.order import (
    Gain,
    check_gain,
    discounts,
    gains,
    graded,
    order_by,
    place_of,
    relative_gains,
    runs,
    take,
)
from lossbook.reduction import Reduction, reduce

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
    given = _given(scores, "relevance", relevance, item_mask, weights, where, axis)
    worth = gains(namespace(given.worth), given.worth, check_gain(gain))
    ranked = given._replace(worth=worth).ranked(_check_ties(ties))
    return given.reduced(ranked.dcg(_check_k(k)), reduction)


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
    given = _given(scores, "relevance", relevance, item_mask, weights, where, axis)
    xp, k = namespace(given.worth), _check_k(k)
    given = given._replace(worth=relative_gains(xp, given.worth, check_gain(gain)))
    best = given._replace(scores=given.worth).ranked().dcg(k)
    return given.reduced(_over(xp, given.ranked(_check_ties(ties)).dcg(k), best), reduction)


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
    given = _given(scores, "labels", labels, item_mask, weights, where, axis)
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
    given = _given(scores, "labels", labels, item_mask, weights, where, axis)
    xp, y, _, _, last = given.ranked()
    hits, total = take(xp, xp.cumulative_sum(y, axis=-1), last), xp.sum(y, axis=-1)
    found = xp.sum(y * hits / (1 + xp.astype(last, y.dtype)), axis=-1)
    return given.reduced(_over(xp, found, total), reduction)


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
    given = _given(scores, "labels", labels, item_mask, weights, where, axis)
    xp, y, kept, first, last = given.ranked()
    negative = xp.astype(kept, y.dtype) - y
    seen = xp.cumulative_sum(negative, axis=-1)
    none_above = xp.sum(negative, axis=-1, keepdims=True) - take(xp, seen, last)
    tied = take(xp, seen, last) - take(xp, seen - negative, first)
    pairs = xp.sum(y, axis=-1) * xp.sum(negative, axis=-1)
    return given.reduced(_over(xp, xp.sum(y * (none_above + tied / 2), axis=-1), pairs), reduction)


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
    no straight line, and the trapezoids of a straight one are too large.

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
    given = _given(scores, "labels", labels, item_mask, weights, where, axis)
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
        _over(xp, xp.sum(xp.where(once, area, 0.0), axis=-1), xp.sum(y, axis=-1)), reduction
    )


# -------------------------------------------------------------------------- what they share
class Ranked(NamedTuple):
    """Lists by falling score: what each item is worth, and where its run of ties begins and ends.

    Items that are left out stand at the end, with worth 0; ``kept`` is False there.
    """

    xp: Any
    worth: Array
    kept: Array
    first: Array
    last: Array

    def dcg(self, k: int | None) -> Array:
        """The sum of what the items are worth at their places, ties shared out evenly."""
        xp, place = self.xp, place_of(self.xp, self.worth)
        counts = discounts(xp, place)
        if k is not None:
            counts = xp.where(place < k, counts, 0.0)
        return xp.sum(self.worth * counts, axis=-1)

    def shared(self) -> Ranked:
        """The same with the mean of its run in place of what each item is worth."""
        xp, total = self.xp, self.xp.cumulative_sum(self.worth, axis=-1)
        run = take(xp, total, self.last) - take(xp, total - self.worth, self.first)
        return self._replace(worth=run / xp.astype(self.last - self.first + 1, run.dtype))


class Given(NamedTuple):
    """Checked lists, with the items along the last axis, in double precision."""

    scores: Array
    worth: Array
    kept: Array
    weights: Array | None
    where: Array | None

    def ranked(self, ties: str = "stored") -> Ranked:
        """The lists by falling score; runs of ties in the order that ``ties`` asks for."""
        xp, y = namespace(self.worth), self.worth
        by_worth = {"best": [-y], "worst": [y]}.get(ties, [])
        order = order_by(xp, xp.astype(~self.kept, xp.int8), -self.scores, *by_worth)
        s, kept, y = (take(xp, x, order) for x in (self.scores, self.kept, y))
        ends = (s[..., 1:] != s[..., :-1]) | (kept[..., 1:] != kept[..., :-1])
        run = xp.cumulative_sum(xp.astype(ends, xp.int64), axis=-1)
        first, last = runs(xp, xp.concat([xp.zeros_like(run[..., :1]), run], axis=-1))
        ranked = Ranked(xp, y, kept, first, last)
        return ranked.shared() if ties == "average" else ranked

    def reduced(self, values: Array, reduction: Reduction) -> Array:
        """The mean of those that are numbers; nan if there is none among them."""
        xp, shared = namespace(values), {"weights": self.weights, "reduction": reduction}
        if reduction == "none":
            return reduce(values, where=self.where, **shared)
        some = ~xp.isnan(values)
        some = some if self.where is None else some & self.where
        total = reduce(values, where=some, **shared)
        return total if reduction == "sum" else xp.where(xp.any(some), total, xp.nan)[()]


def _given(scores, name, truth, item_mask, weights, where, axis) -> Given:
    """Check lists of scores and of what is true of the items."""
    s, y, keep, weights, where = same_kind(
        **{"scores": scores, name: truth},
        item_mask=item_mask, weights=weights, where=where,
    )  # fmt: skip
    check_real("scores", s)
    s = cast(as_number(constant(s)), wide_dtype(s) if is_float(s) else namespace(s).float64)
    check_row("scores", s, axis)
    y, keep, axis = graded(s, name, y, axis, keep, where)
    xp = namespace(s)
    kept = xp.ones_like(s, dtype=xp.bool) if keep is None else keep
    asked = kept
    if where is not None:
        rows = tuple(s.shape[:axis] + s.shape[axis + 1 :])
        where = xp.broadcast_to(where, rows)
        asked = kept & xp.expand_dims(where, axis=axis)
    refuse("scores", s, xp.isnan(s), "numbers", asked)
    if name == "labels":
        refuse(name, y, (y != 0) & (y != 1), "0 or 1", asked)
    y = cast(y, s.dtype)
    last = [xp.moveaxis(x, axis, -1) for x in (s, y, kept)]
    return Given(*last, weights, where)


def _over(xp: Any, total: Array, count: Array) -> Array:
    """The quotient, nan where there is nothing to divide by."""
    return xp.where(count == 0, xp.nan, total / xp.where(count == 0, 1.0, count))


def _check_ties(ties: str) -> str:
    if ties not in get_args(Ties):
        raise ValueError(f"ties must be one of {get_args(Ties)}, got {ties!r}")
    return ties


def _check_k(k: int | None) -> int | None:
    if k is not None and (not isinstance(k, Integral) or isinstance(k, bool) or k < 1):
        raise ValueError(f"k must be a whole number from 1 on, or None, got {k!r}")
    return k
