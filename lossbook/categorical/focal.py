"""The focal loss over K classes, and the z-loss, from logits (chapter 4)."""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, constant, same_kind, times
from lossbook.categorical.logits import offered, own
from lossbook.categorical.rows import checked_class_mask, labeled
from lossbook.checks import check_number, check_row
from lossbook.driver import Prepared, public
from lossbook.odds import odds_pair
from lossbook.reduction import Reduction
from lossbook.rule import put, rule
from lossbook.softmax import logsumexp_rule


@public
def focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: float = 2.0,
    class_weights: ArrayLike | None = None,
    class_mask: ArrayLike | None = None,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy that counts an easy example less, for K classes, from logits.

    .. math::
        \ell(z, y) = -(1 - p_y)^\gamma \ln p_y, \qquad p = \operatorname{softmax}(z)

    Parameters
    ----------
    logits
        Scores z in nats; floats, K of them along ``axis``.
    labels
        Integers y from 0 to K - 1; the shape of ``logits`` without ``axis``.
    gamma
        The focusing exponent, at least 0; with 0 this is the cross-entropy.
    class_weights
        The weight of each class, K non-negative numbers: the :math:`\alpha` of the paper.
    class_mask, ignore_index
        As in :func:`cross_entropy`.
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
        As in :func:`cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.log([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]])
    >>> focal_loss(logits, [0, 0], reduction="none")
    array([1.05360516e-03, 1.86509393e+00])

    Notes
    -----
    The derivative is :math:`(p - y)\,(1-p_y)^{\gamma-1} (1 - p_y - \gamma\, p_y \ln p_y)` with y
    one-hot. T.-Y. Lin et al., *Focal loss for dense object detection*, 2017, section 3.
    Chapter 4.
    """
    rows = labeled(
        "logits", logits, labels, axis, ignore_index=ignore_index,
        class_weights=class_weights, class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    params = {"gamma": check_number("gamma", gamma, 0)}
    return rows.weighed().prepared(focal_loss_rule, params, reduction)


@rule("row")
def focal_loss_rule(xp, z, y, keep=None, *, gamma):
    rivals, gap, pushed = against(xp, z, y, keep)
    up, down = odds_pair(xp, gap)
    both = rivals * up + down
    p, minus_log_p = down / both, xp.maximum(gap, 0.0) + xp.log1p(rivals * up + (down - 1))

    def power():  # (1 - p)^gamma: its derivatives are finite at p = 1 too
        if not gamma:
            return xp.ones_like(p)
        return xp.exp(gamma * xp.minimum(gap, 0.0)) * (rivals / both) ** gamma

    def value():
        return times(xp, power(), minus_log_p)

    def slope():
        bend = gamma * times(xp, p, minus_log_p)
        return pushed(power() * (bend + rivals * up / both))

    return value, slope


def against(xp, z, y, keep=None):
    """The label against its rivals, whose best one is ahead of it by the gap.

    The odds against the label are the sum, over its rivals, of e^(z - top), times
    e^gap. A slope in their logarithm pulls the label; its rivals share the push in
    proportion to their probabilities.
    """
    others = put(1 * offered(xp, z, keep), y[:, None], -xp.inf)
    top = xp.max(constant(others), axis=-1, keepdims=True)
    e = xp.exp(others - xp.where(top == -xp.inf, 0.0, top))
    total = xp.sum(e, axis=-1)
    total = xp.where(total == 0, 1.0, total)  # no rival on offer: the gap is -inf
    top, label = top[:, 0], own(xp, z, y)[:, 0]
    gap = top - label

    def pushed(slope):
        return put(e * (slope / total)[:, None], y[:, None], -slope[:, None])

    return total * (1 + lost(xp, top, label, gap)), gap, pushed


def lost(xp, a, b, gap):
    """What rounding took from a - b, to first order the factor that e^gap lacks.

    D. E. Knuth's error-free subtraction; told only where the loss is small enough
    to feel it, and a constant to autograd.
    """
    a, b, gap = constant(a), constant(b), constant(gap)
    back = gap - a
    rest = (a - (gap - back)) - (b + back)
    return xp.where((gap < 0) & (gap > -1000), rest, 0.0)


@public
def z_loss(
    logits: ArrayLike,
    *,
    class_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Square of the log-sum-exp: keeps logits from drifting where the softmax can't see it.

    .. math::
        \ell(z) = \Bigl(\ln \sum_k e^{z_k}\Bigr)^2

    Parameters
    ----------
    logits
        Scores z in nats; floats, K of them along ``axis``.
    class_mask
        Booleans, broadcast to the logits; a class that is False is left out of the sum.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each row.
    axis
        The axis of the K classes.

    Returns
    -------
    Array
        The reduced loss in nats squared, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, a row is empty, or a mask doesn't fit.

    Examples
    --------
    >>> import numpy as np
    >>> z_loss(np.array([[100.0, 100.0], [0.5, 0.5]]) - np.log(2), reduction="none")
    array([1.0e+04, 2.5e-01])

    Notes
    -----
    The derivative is :math:`2 \ln(\sum_k e^{z_k})\, p`. It is added to the cross-entropy with a
    small factor, 1e-4 in A. Chowdhery et al., *PaLM*, 2022, section 5. Chapter 4.
    """
    logits, class_mask, weights, where = same_kind(
        logits=logits, class_mask=class_mask, weights=weights, where=where
    )
    check_row("logits", logits, axis)
    keep = checked_class_mask(logits, class_mask)
    inputs = (logits,) if keep is None else (logits, keep)
    return Prepared(z_loss_rule, inputs, {}, weights, where, reduction, axis)


@rule("row")
def z_loss_rule(xp, z, keep=None):
    log_sum, p = logsumexp_rule.function(xp, z, keep)

    def slope():
        e, total = p()
        return 2 * (log_sum()[:, None] * (e / total))

    return lambda: log_sum() ** 2, slope
