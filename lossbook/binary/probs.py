"""Binary cross-entropy and the Brier score, from probabilities (chapter 3).

For a model that gives nothing but probabilities. Where there are logits, use
:mod:`lossbook.binary.logits`: a probability near 1 has lost the digits that a loss needs.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, times
from lossbook.binary.logits import checked, pulls
from lossbook.checks import check_number, check_within
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def binary_cross_entropy_from_probs(
    probs: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    pos_weight: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of yes/no targets, from probabilities.

    .. math::
        \ell(p, y) = -w\,y \ln p - (1-y) \ln(1-p)

    Nothing is clipped: a probability of 0 for what happened costs :math:`\infty`.

    Parameters
    ----------
    probs
        Probabilities p in [0, 1]; floats of any shape.
    targets
        Probabilities y in [0, 1] that the answer is yes, or booleans; same shape.
    label_smoothing
        Replaces y by :math:`(1-\varepsilon)\,y + \varepsilon/2`; a number in [0, 1].
    pos_weight
        The weight w of the positive half, non-negative, broadcast to the probs; 1 if None.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each probability.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` is not a floating-point array, libraries are mixed,
        the shapes differ, a probability or target lies outside [0, 1], or a parameter
        is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> probs, targets = np.array([0.9, 0.0, 0.0]), np.array([1.0, 0.0, 1.0])
    >>> binary_cross_entropy_from_probs(probs, targets, reduction="none")
    array([0.10536052, 0.        ,        inf])

    Notes
    -----
    The derivative for a probability is :math:`(p-y)/(p(1-p))` for w = 1. Chapter 3.
    """
    probs, targets, pos_weight, weights, where = checked(
        "probs", probs, targets, pos_weight, weights, where
    )
    check_within("probs", probs, 0, 1, where=where, nan=True)
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    inputs = (probs, targets) if pos_weight is None else (probs, targets, pos_weight)
    rule = binary_cross_entropy_from_probs_rule
    return Prepared(rule, inputs, {"smoothing": smoothing}, weights, where, reduction)


@rule("element")
def binary_cross_entropy_from_probs_rule(xp, p, y, w=1.0, *, smoothing=0.0):
    yes, no = pulls(y, w, smoothing)

    def value():
        return -times(xp, yes, xp.log(p)) - times(xp, no, xp.log1p(-p))

    def slope():
        soft = (yes != 0) & (no != 0)
        inside = xp.where(soft, p, 0.5)  # p - y, unlike its two parts, does not cancel
        both = (_mass(yes, no, w) * inside - yes) / (inside * (1 - inside))
        hard = no / xp.where(no == 0, 1.0, 1 - p) - yes / xp.where(yes == 0, 1.0, p)
        return xp.where(soft, both, hard)

    return value, slope


def _mass(yes, no, w):
    return 1.0 if isinstance(w, float) and w == 1 else yes + no


@public
def brier_score_from_probs(
    probs: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Squared error of the probability, from probabilities.

    .. math::
        \ell(p, y) = (p - y)^2

    Parameters
    ----------
    probs
        Probabilities p in [0, 1]; floats of any shape.
    targets
        Probabilities y in [0, 1] that the answer is yes, or booleans; same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced score, 0 at best; with ``reduction="none"`` one for each probability.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a probability or target lies outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> float(brier_score_from_probs(np.array([0.75, 0.5]), np.array([1, 0])))
    0.15625

    Notes
    -----
    The derivative is :math:`2(p-y)`. G. W. Brier, *Verification of forecasts expressed in
    terms of probability*, 1950. Chapter 3.
    """
    probs, targets, _, weights, where = checked("probs", probs, targets, None, weights, where)
    check_within("probs", probs, 0, 1, where=where, nan=True)
    return Prepared(brier_score_from_probs_rule, (probs, targets), {}, weights, where, reduction)


@rule("element")
def brier_score_from_probs_rule(xp, p, y):
    return lambda: (p - y) ** 2, lambda: 2 * (p - y)
