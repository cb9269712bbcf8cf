"""Cross-entropy over K classes and its relatives, from logits (chapter 4).

Those that take probabilities or their logarithms are in :mod:`lossbook.categorical.probs`.
A row of K logits runs along ``axis``; labels are whole numbers from 0 to K - 1 and have no
such axis. A logit of :math:`-\\infty` is a class that is not on offer.

Class weights w count a row by the weight M of its (smoothed) target y, :math:`M = \\sum_k w_k
y_k`, and are the same as the row weight M with the target :math:`w_k y_k / M`. So
``"mean"`` divides by the number of rows, ``"weighted_mean"`` by the sum of M, which for plain
labels is the sum of :math:`w_y`.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, constant, times
from lossbook.categorical.rows import distributed, labeled, smoothed
from lossbook.checks import check_number
from lossbook.driver import public
from lossbook.reduction import Reduction
from lossbook.rule import Quotient, pick, put, rule


@public
def cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    class_mask: ArrayLike | None = None,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Negative log-likelihood of the true class, from logits.

    .. math::
        \ell(z, y) = -\ln \operatorname{softmax}(z)_y
        = \ln\Bigl(1 + \sum_{k \ne y} e^{z_k - z_y}\Bigr)

    Parameters
    ----------
    logits
        Scores z in nats; floats, K of them along ``axis``.
    labels
        Integers y from 0 to K - 1; the shape of ``logits`` without ``axis``.
    label_smoothing
        Takes :math:`\varepsilon` in [0, 1] of the target's mass from the label and spreads it
        evenly over the classes on offer, the label's own included.
    class_weights
        The weight of each class, K non-negative numbers; see :mod:`lossbook.categorical.logits`.
    class_mask
        Booleans, broadcast to the logits; a class that is False is not on offer in that row,
        as if its logit were :math:`-\infty`.
    ignore_index
        A label that marks rows to leave out. If it is a class, the class still has its logit
        in the other rows.
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
        If ``logits`` are no floats, labels are no integers, shapes don't fit, a label is out of
        range or left out by ``class_mask``, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[20.0, 0.0], [0.0, 3.0], [1.0, 2.0]])
    >>> cross_entropy(logits, [0, 0, -100], ignore_index=-100, reduction="none")
    array([2.06115362e-09, 3.04858735e+00, 0.00000000e+00])

    Notes
    -----
    The derivative is :math:`p - y` with p the softmax and y the (smoothed) target. Smoothing: C.
    Szegedy et al., *Rethinking the Inception architecture*, 2016, section 7. Chapter 4.
    """
    rows = labeled(
        "logits", logits, labels, axis, ignore_index=ignore_index,
        class_weights=class_weights, class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    if smoothing and class_weights is not None:
        rows = rows.soft().tilted(smoothing)
        return rows.prepared(soft_cross_entropy_rule, {}, reduction)
    return rows.weighed().prepared(cross_entropy_rule, {"smoothing": smoothing}, reduction)


@rule("row")
def cross_entropy_rule(xp, z, y, keep=None, *, smoothing=0.0):
    if smoothing:
        soft, q = soft_cross_entropy_rule.function, 1 - rivals(xp, z, y)  # the one-hot row
        return soft(xp, z, q, keep, smoothing=smoothing)
    z, label = offered(xp, z, keep), y[:, None]
    top = xp.max(constant(z), axis=-1, keepdims=True)
    behind = pick(z, label) - top  # the label's logit less the best one
    e = put(xp.exp(z - top), label, 0.0)  # of the rivals; 0 at the label
    wrong = xp.sum(e, axis=-1, keepdims=True)
    more = wrong + xp.expm1(behind)  # the sum less 1: just wrong if the label is the best

    def value():
        return (xp.log1p(more) - behind)[:, 0]

    def slope():
        return Quotient(put(e, label, -wrong), more + 1)  # p - 1 is minus the rivals' share

    return value, slope


def rivals(xp, z, y):
    """1 for every class of a row but the label, which has 0."""
    classes = xp.arange(z.shape[-1], dtype=z.dtype, device=z.device)
    return xp.minimum(xp.abs(classes - y[:, None]), 1.0)


def own(xp, z, y):
    """The logit of the label."""
    return pick(z, y[:, None])


def offered(xp, z, keep):
    """The logits, -inf for a class that is not on offer."""
    return z if keep is None else xp.where(keep, z, -xp.inf)


@public
def soft_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    class_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy of a distribution over the classes, from logits.

    .. math::
        H(q, p) = -\sum_k q_k \ln p_k, \qquad p = \operatorname{softmax}(z)

    Parameters
    ----------
    logits
        Scores z in nats; floats, K of them along ``axis``.
    targets
        Probabilities q, shaped like ``logits``, that sum to 1 along ``axis``; 1/128 is left
        for rounding.
    label_smoothing
        Replaces q by :math:`(1-\varepsilon)\,q + \varepsilon/K`, with K the number of classes
        on offer in the row; a number in [0, 1].
    class_weights
        The weight of each class, K non-negative numbers; see :mod:`lossbook.categorical.logits`.
    class_mask
        Booleans, broadcast to the logits; a class that is False is not on offer in that row,
        as if its logit were :math:`-\infty`.
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
        If ``logits`` are no floats, shapes differ, a row of targets is no distribution or has
        mass on a class that is not on offer, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> logits, targets = np.array([[-np.inf, 0.0, 1.0]]), np.array([[0.0, 1.0, 0.0]])
    >>> soft_cross_entropy(logits, targets, reduction="none")
    array([1.31326169])

    Notes
    -----
    The derivative is :math:`p \sum_k q_k - q`. The least value is the entropy of q, not 0.
    Chapter 4.
    """
    rows = distributed(
        "logits", logits, targets, axis,
        class_weights=class_weights, class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    if class_weights is not None:
        rows, smoothing = rows.tilted(smoothing), 0.0
    return rows.prepared(soft_cross_entropy_rule, {"smoothing": smoothing}, reduction)


@rule("row")
def soft_cross_entropy_rule(xp, z, q, keep=None, *, smoothing=0.0):
    z = offered(xp, z, keep)
    q = smoothed(xp, q, z != -xp.inf, smoothing) if smoothing else q
    d = z - xp.max(constant(z), axis=-1, keepdims=True)
    e = xp.exp(d)
    ones = xp.floor(e)  # of the largest: in the sum they would swallow the rest
    others = xp.sum(e - ones, axis=-1, keepdims=True)
    others = others + (xp.sum(ones, axis=-1, keepdims=True) - 1)
    mass = xp.sum(q, axis=-1, keepdims=True)

    def value():  # no term is negative: nothing can cancel
        logs = xp.sum(times(xp, q, d), axis=-1, keepdims=True)
        return (mass * xp.log1p(others) - logs)[:, 0]

    def slope():  # mass p - q, with each p and q against all the others
        return Quotient(e * (mass - q) - q * (others + (1 - e)), 1 + others)

    return value, slope
