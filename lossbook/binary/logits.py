"""Binary cross-entropy and its relatives, from logits (chapter 3).

Those that take probabilities are in :mod:`lossbook.binary.probs`. Prefer logits: a
probability near 1 has lost the digits that a loss needs before it gets there.
"""

from __future__ import annotations

import operator

from lossbook.arrays import Array, ArrayLike, as_number, products, same_kind, times
from lossbook.checks import (
    check_float,
    check_number,
    check_real,
    check_same_shape,
    check_signs,
    check_weights,
    check_within,
)
from lossbook.driver import Prepared, public
from lossbook.odds import odds_pair
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def binary_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    pos_weight: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of yes/no targets, from logits.

    .. math::
        \ell(z, y) = w\,y \ln(1 + e^{-z}) + (1-y) \ln(1 + e^{z})

    Parameters
    ----------
    logits
        Log-odds z in nats; floats of any shape.
    targets
        Probabilities y in [0, 1] that the answer is yes, or booleans; same shape.
    label_smoothing
        Replaces y by :math:`(1-\varepsilon)\,y + \varepsilon/2`; a number in [0, 1].
    pos_weight
        The weight w of the positive half, non-negative, broadcast to the logits; 1 if None.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each logit.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array, libraries are mixed,
        the shapes differ, a target lies outside [0, 1], or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> logits, targets = np.array([50.0, -2.0]), np.array([1.0, 1.0])
    >>> binary_cross_entropy(logits, targets, reduction="none")
    array([1.92874985e-22, 2.12692801e+00])

    Notes
    -----
    The derivative for a logit is :math:`(1-y)\,\sigma(z) - w\,y\,\sigma(-z)`, which is
    :math:`\sigma(z) - y` for w = 1. Chapter 3.
    """
    logits, targets, pos_weight, weights, where = checked(
        "logits", logits, targets, pos_weight, weights, where
    )
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    inputs = (logits, targets) if pos_weight is None else (logits, targets, pos_weight)
    return Prepared(
        binary_cross_entropy_rule, inputs, {"smoothing": smoothing}, weights, where, reduction
    )


@rule("element")
def binary_cross_entropy_rule(xp, z, y, w=None, *, smoothing=0.0):
    yes, no = pulls(y, w, smoothing)
    # z in two parts, one of which is 0; at z = 0 autograd gives each a slope of 1/2, which is right
    above, below = xp.maximum(z, 0.0), xp.minimum(z, 0.0)
    up, down = xp.exp(below), xp.exp(-above)  # the odds, the larger as 1

    def value():
        against = products(xp, (no, above), (yes, below), join=operator.sub)
        both = xp.log1p(up * down)  # ln(1 + e^-|z|)
        return against + (both if w is None else (yes + no) * both)

    def slope():
        return (no * up - yes * down) / (up + down)

    return value, slope


def pulls(y, w, smoothing):
    """How strongly the target pulls up and down: w y' and 1 - y', y' being the smoothed y."""
    no = 1 - y
    if smoothing:
        y, no = (x * (1 - smoothing) + smoothing / 2 for x in (y, no))
    return (y if w is None else w * y), no


@public
def binary_focal_loss(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Binary cross-entropy that counts an easy example less, from logits.

    .. math::
        \ell(z, y) = \alpha\, y\, \sigma(-z)^\gamma \ln(1 + e^{-z})
        + (1-\alpha)\, (1-y)\, \sigma(z)^\gamma \ln(1 + e^{z})

    Parameters
    ----------
    logits
        Log-odds z in nats; floats of any shape.
    targets
        Probabilities y in [0, 1] that the answer is yes, same shape. A soft target gives
        the loss that is expected if yes has that probability.
    gamma
        The focusing exponent, at least 0; with 0 this is the binary cross-entropy.
    alpha
        The weight of the positive half, in [0, 1], the negative one getting 1 - alpha;
        None for no weights.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each logit.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array, libraries are mixed,
        the shapes differ, a target lies outside [0, 1], or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> binary_focal_loss(np.log([9.0, 1 / 9]), np.array([1, 1]), reduction="none")
    array([1.05360516e-03, 1.86509393e+00])

    Notes
    -----
    For y = 1 and p the sigmoid of z the derivative is
    :math:`(1-p)^\gamma (\gamma\, p \ln p + p - 1)`. T.-Y. Lin et al., *Focal loss for dense
    object detection*, 2017, section 3. Chapter 3.
    """
    logits, targets, _, weights, where = checked("logits", logits, targets, None, weights, where)
    params = {"gamma": check_number("gamma", gamma, 0), "alpha": None}
    if alpha is not None:
        params["alpha"] = check_number("alpha", alpha, 0, 1)
    return Prepared(binary_focal_loss_rule, (logits, targets), params, weights, where, reduction)


@rule("element")
def binary_focal_loss_rule(xp, z, y, *, gamma, alpha=None):
    yes, no = (y, 1 - y) if alpha is None else (alpha * y, (1 - alpha) * (1 - y))
    up, down = odds_pair(xp, z)
    p, q, small = up / (up + down), down / (up + down), xp.log1p(up * down)
    minus_log_p, minus_log_q = small - xp.minimum(z, 0.0), small + xp.maximum(z, 0.0)

    def power(minus_log):  # p^gamma by its logarithm: its derivatives are finite at p = 0 too
        return xp.exp(-gamma * minus_log) if gamma else xp.ones_like(minus_log)

    def value():
        of_yes = times(xp, power(minus_log_q), minus_log_p)
        of_no = times(xp, power(minus_log_p), minus_log_q)
        return times(xp, yes, of_yes) + times(xp, no, of_no)

    def slope():
        rise = power(minus_log_p) * (gamma * times(xp, q, minus_log_q) + p)
        fall = power(minus_log_q) * (gamma * times(xp, p, minus_log_p) + q)
        return no * rise - yes * fall

    return value, slope


@public
def logistic_loss(
    logits: ArrayLike,
    signs: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Binary cross-entropy for labels written as -1 and +1.

    .. math::
        \ell(z, s) = \ln(1 + e^{-s z})

    Parameters
    ----------
    logits
        Log-odds z in nats; floats of any shape.
    signs
        Labels s, each -1 or 1, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each logit.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a label is neither -1 nor 1.

    Examples
    --------
    >>> import numpy as np
    >>> logistic_loss(np.array([2.0, 2.0]), np.array([1, -1]), reduction="none")
    array([0.12692801, 2.12692801])

    Notes
    -----
    The derivative for a logit is :math:`-s\,\sigma(-s z)`. Chapter 3.
    """
    logits, signs, weights, where = same_kind(
        logits=logits, signs=signs, weights=weights, where=where
    )
    check_float("logits", logits)
    check_real("signs", signs)
    check_same_shape(logits=logits, signs=signs)
    check_signs("signs", signs, where=where)
    inputs = (logits, as_number(signs))
    return Prepared(logistic_loss_rule, inputs, {}, weights, where, reduction)


@rule("element")
def logistic_loss_rule(xp, z, s):
    up, down = odds_pair(xp, s * z)

    def value():
        return xp.log1p(up * down) - xp.minimum(s * z, 0.0)

    def slope():
        return -s * down / (up + down)

    return value, slope


@public
def brier_score(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Squared error of the probability, from logits.

    .. math::
        \ell(z, y) = (\sigma(z) - y)^2

    Parameters
    ----------
    logits
        Log-odds z in nats; floats of any shape.
    targets
        Probabilities y in [0, 1] that the answer is yes, or booleans; same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced score, 0 at best; with ``reduction="none"`` one for each logit.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array, libraries are mixed,
        the shapes differ or a target lies outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> brier_score(np.array([0.0, 20.0]), np.array([1, 1]), reduction="none")
    array([2.50000000e-01, 4.24835424e-18])

    Notes
    -----
    The derivative is :math:`2(\sigma(z)-y)\,\sigma(z)\,\sigma(-z)`: it vanishes where the
    prediction is confidently wrong, which is why a network is not trained on it. G. W. Brier,
    *Verification of forecasts expressed in terms of probability*, 1950. Chapter 3.
    """
    logits, targets, _, weights, where = checked("logits", logits, targets, None, weights, where)
    return Prepared(brier_score_rule, (logits, targets), {}, weights, where, reduction)


@rule("element")
def brier_score_rule(xp, z, y):
    up, down = odds_pair(xp, z)
    error = ((1 - y) * up - y * down) / (up + down)  # sigma(z) - y
    return lambda: error**2, lambda: 2 * error * up * down / (up + down) ** 2


def checked(name, predictions, targets, pos_weight, weights, where):
    """The checks that all losses of this module share."""
    named = {name: predictions, "targets": targets, "pos_weight": pos_weight}
    predictions, targets, pos_weight, weights, where = same_kind(
        **named, weights=weights, where=where
    )
    check_float(name, predictions)
    check_real("targets", targets)
    check_same_shape(**{name: predictions, "targets": targets})
    check_within("targets", targets, 0, 1, where=where)
    if pos_weight is not None:
        shape = tuple(predictions.shape)
        pos_weight = check_weights("pos_weight", pos_weight, predictions, shape)
    return predictions, as_number(targets), pos_weight, weights, where
