"""Cross-entropy over K classes, from probabilities or their logarithms (chapter 4).

For a model that gives nothing else. Where there are logits, use :mod:`lossbook.categorical.logits`:
a probability near 1 has lost the digits that a loss needs.
"""

from __future__ import annotations

import math

from lossbook.arrays import Array, ArrayLike
from lossbook.categorical.logits import own, rivals
from lossbook.categorical.rows import across, distributed, labeled, smoothed
from lossbook.checks import check_number, check_simplex, check_within
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def nll_loss(
    log_probs: ArrayLike,
    labels: ArrayLike,
    *,
    class_weights: ArrayLike | None = None,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Negative log-likelihood of the true class, from log-probabilities.

    .. math::
        \ell(x, y) = -x_y, \qquad x_k = \ln p_k

    Parameters
    ----------
    log_probs
        Log-probabilities x in nats, at most 0; floats, K of them along ``axis``.
    labels
        Integers y from 0 to K - 1; the shape of ``log_probs`` without ``axis``.
    class_weights
        The weight of each class, K non-negative numbers; see :mod:`lossbook.categorical.logits`.
    ignore_index
        A label that marks rows to leave out.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each label.
    axis
        The axis of the K classes.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each label.

    Raises
    ------
    TypeError, ValueError
        If ``log_probs`` are no floats or positive (then they are no logarithms of
        probabilities), labels are no integers or out of range, or shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> float(nll_loss(np.log([[0.25, 0.75]]), [0]).round(6))
    1.386294

    Notes
    -----
    The derivative is -1 at the label and 0 elsewhere. Chapter 4.
    """
    rows = labeled(
        "log_probs", log_probs, labels, axis, ignore_index=ignore_index,
        class_weights=class_weights, weights=weights, where=where,
    )  # fmt: skip
    each = across(rows.x, rows.where, rows.axis)
    check_within("log_probs", rows.x, -math.inf, 0, where=each, nan=True)
    return rows.weighed().prepared(nll_loss_rule, {}, reduction)


@rule("row")
def nll_loss_rule(xp, x, y):
    of_label = own(xp, x, y)

    def value():
        return 0 - of_label[:, 0]  # of a certainty 0, not -0

    def slope():
        pull = xp.where(xp.isnan(of_label), of_label, -1.0)  # a nan has to show
        return (1 - rivals(xp, x, y)) * pull

    return value, slope


@public
def cross_entropy_from_probs(
    probs: ArrayLike,
    labels: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Negative log-likelihood of the true class, from probabilities.

    .. math::
        \ell(p, y) = -\ln p_y

    Nothing is clipped and nothing is divided by its sum: a probability of 0 for what happened
    costs :math:`\infty`, and a row that doesn't sum to 1 is an error.

    Parameters
    ----------
    probs
        Probabilities p that sum to 1 along ``axis``, 1/128 being left for rounding; floats, K
        of them.
    labels
        Integers y from 0 to K - 1; the shape of ``probs`` without ``axis``.
    label_smoothing
        Takes :math:`\varepsilon` in [0, 1] of the target's mass from the label and spreads it
        evenly over all K classes.
    class_weights
        The weight of each class, K non-negative numbers; see :mod:`lossbook.categorical.logits`.
    ignore_index
        A label that marks rows to leave out.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each label.
    axis
        The axis of the K classes.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each label.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` are no floats, a row is no distribution, labels are no integers or out of
        range, shapes don't fit, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> probs = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0]])
    >>> cross_entropy_from_probs(probs, [2, 0], reduction="none")
    array([0.35667494,        inf])

    Notes
    -----
    The derivative is :math:`-1/p_y` at the label and 0 elsewhere. Chapter 4.
    """
    rows = labeled(
        "probs", probs, labels, axis, ignore_index=ignore_index,
        class_weights=class_weights, weights=weights, where=where,
    )  # fmt: skip
    check_simplex("probs", rows.x, rows.axis, where=rows.where, nan=True)
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    if smoothing:
        return _soft(rows.soft(), smoothing, reduction)
    return rows.weighed().prepared(cross_entropy_from_probs_rule, {}, reduction)


@rule("row")
def cross_entropy_from_probs_rule(xp, p, y):
    of_label = own(xp, p, y) + 0.0  # -0 is 0

    def value():
        return 0 - xp.log(of_label)[:, 0]

    def slope():
        return xp.where(rivals(xp, p, y) == 0, -1 / of_label, 0.0 * of_label)

    return value, slope


@public
def soft_cross_entropy_from_probs(
    probs: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy of a distribution over the classes, from probabilities.

    .. math::
        H(q, p) = -\sum_k q_k \ln p_k

    Nothing is clipped and nothing is divided by its sum.

    Parameters
    ----------
    probs
        Probabilities p that sum to 1 along ``axis``, 1/128 being left for rounding; floats, K
        of them.
    targets
        Probabilities q of the same shape that sum to 1 alike.
    label_smoothing
        Replaces q by :math:`(1-\varepsilon)\,q + \varepsilon/K`; a number in [0, 1].
    class_weights
        The weight of each class, K non-negative numbers; see :mod:`lossbook.categorical.logits`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each row.
    axis
        The axis of the K classes.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each row.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` are no floats, a row of either is no distribution, shapes differ, or a
        parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> probs, targets = np.array([[0.5, 0.5, 0.0]]), np.array([[0.25, 0.75, 0.0]])
    >>> float(soft_cross_entropy_from_probs(probs, targets).round(6))
    0.693147

    Notes
    -----
    The derivative is :math:`-q_k/p_k`. Chapter 4.
    """
    rows = distributed(
        "probs", probs, targets, axis, class_weights=class_weights, weights=weights, where=where
    )
    check_simplex("probs", rows.x, rows.axis, where=rows.where, nan=True)
    return _soft(rows, check_number("label_smoothing", label_smoothing, 0, 1), reduction)


def _soft(rows, smoothing, reduction) -> Prepared:
    if rows.class_weights is not None:
        rows, smoothing = rows.tilted(smoothing), 0.0
    params = {"smoothing": smoothing}
    return rows.prepared(soft_cross_entropy_from_probs_rule, params, reduction)


@rule("row")
def soft_cross_entropy_from_probs_rule(xp, p, q, *, smoothing=0.0):
    q = smoothed(xp, q, xp.ones_like(p), smoothing) if smoothing else q
    # 0 ln 0 is 0, and -0 is 0
    some = xp.where((q == 0) & (p == 0), 1.0, p + 0.0)

    def value():
        return 0 - xp.sum(q * xp.log(some), axis=-1)

    def slope():
        return -q / some

    return value, slope
