"""Logits and odds (chapter 1): probability, odds and log-odds, and the ways between them.

All functions work entry by entry and keep full precision over the whole range of floats.
"""

from __future__ import annotations

import math
from typing import Any

from lossbook.arrays import Array, ArrayLike, same_kind
from lossbook.checks import check_float, check_within
from lossbook.driver import Prepared, public
from lossbook.rule import Rule, rule


@public
def odds_from_probs(probs: ArrayLike) -> Array:
    r"""Odds of an event: how often it happens for each time that it does not.

    .. math::
        o = \frac{p}{1-p}

    Parameters
    ----------
    probs
        Probabilities in [0, 1]; floats of any shape.

    Returns
    -------
    Array
        Odds in :math:`[0, \infty]`, shaped like ``probs``.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` is not a floating-point array, or not between 0 and 1.

    Examples
    --------
    >>> float(odds_from_probs(0.75))
    3.0

    Notes
    -----
    The derivative is :math:`1/(1-p)^2`. Chapter 1.
    """
    return _prepare(odds_from_probs_rule, "probs", probs, 0, 1)


@rule("element")
def odds_from_probs_rule(xp, p):
    return lambda: p / (1 - p), lambda: 1 / (1 - p) ** 2


@public
def probs_from_odds(odds: ArrayLike) -> Array:
    r"""Probability of an event from its odds.

    .. math::
        p = \frac{o}{1+o}

    Parameters
    ----------
    odds
        Odds in :math:`[0, \infty]`; floats of any shape.

    Returns
    -------
    Array
        Probabilities in [0, 1], shaped like ``odds``.

    Raises
    ------
    TypeError, ValueError
        If ``odds`` is not a floating-point array, or negative.

    Examples
    --------
    >>> float(probs_from_odds(3.0))
    0.75

    Notes
    -----
    The derivative is :math:`1/(1+o)^2`. Chapter 1.
    """
    return _prepare(probs_from_odds_rule, "odds", odds, 0, math.inf)


@rule("element")
def probs_from_odds_rule(xp, o):
    def value():
        return xp.where(o > 1, 1 / (1 + 1 / o), o / (1 + o))  # inf/inf is not 1

    def slope():
        return (1 / (1 + o)) ** 2  # the square of 1 + o overflows long before this is 0

    return value, slope


@public
def logit(probs: ArrayLike) -> Array:
    r"""Log-odds of an event from its probability.

    .. math::
        \operatorname{logit}(p) = \ln \frac{p}{1-p}

    Parameters
    ----------
    probs
        Probabilities in [0, 1]; floats of any shape.

    Returns
    -------
    Array
        Log-odds in nats, shaped like ``probs``: :math:`-\infty` at 0, :math:`\infty` at 1.

    Raises
    ------
    TypeError, ValueError
        If ``probs`` is not a floating-point array, or not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> logit(np.array([0.0, 0.5, 0.8]))
    array([      -inf, 0.        , 1.38629436])

    Notes
    -----
    The derivative is :math:`1/(p(1-p))`. A probability near 1 has lost its digits before
    it comes here: keep the logit instead. Chapter 1.
    """
    return _prepare(logit_rule, "probs", probs, 0, 1)


@rule("element")
def logit_rule(xp, p):
    def value():
        # near 1/2 the two logarithms cancel
        middle = xp.log1p((2 * p - 1) / (1 - p))
        outside = xp.log(p) - xp.log1p(-p)
        return xp.where(xp.abs(p - 0.5) < 0.25, middle, outside)

    def slope():
        return 1 / (p * (1 - p))

    return value, slope


@public
def sigmoid(logits: ArrayLike) -> Array:
    r"""Probability of an event from its log-odds.

    .. math::
        \sigma(z) = \frac{1}{1 + e^{-z}}

    Parameters
    ----------
    logits
        Log-odds in nats, :math:`\pm\infty` included; floats of any shape.

    Returns
    -------
    Array
        Probabilities in [0, 1], shaped like ``logits``.

    Raises
    ------
    TypeError
        If ``logits`` is not a floating-point array.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([0.0, -40.0]))
    array([5.00000000e-01, 4.24835426e-18])

    Notes
    -----
    The derivative is :math:`\sigma(z)\,\sigma(-z)`. Chapter 1.
    """
    return _prepare(sigmoid_rule, "logits", logits)


@rule("element")
def sigmoid_rule(xp, z):
    up, down = odds_pair(xp, z)

    def value():
        return up / (up + down)

    def slope():
        # sigma(z) sigma(-z): nothing is subtracted from 1
        return up * down / (up + down) ** 2

    return value, slope


@public
def log_sigmoid(logits: ArrayLike) -> Array:
    r"""Logarithm of the probability of an event from its log-odds.

    .. math::
        \ln \sigma(z) = -\ln(1 + e^{-z})

    Parameters
    ----------
    logits
        Log-odds in nats, :math:`\pm\infty` included; floats of any shape.

    Returns
    -------
    Array
        Log-probabilities in nats, at most 0, shaped like ``logits``.

    Raises
    ------
    TypeError
        If ``logits`` is not a floating-point array.

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 40.0]))
    array([-1.00000000e+03, -4.24835426e-18])

    Notes
    -----
    The derivative is :math:`\sigma(-z)`. Chapter 1.
    """
    return _prepare(log_sigmoid_rule, "logits", logits)


@rule("element")
def log_sigmoid_rule(xp, z):
    up, down = odds_pair(xp, z)

    def value():
        return xp.minimum(z, 0.0) - xp.log1p(up * down)

    def slope():
        return down / (up + down)

    return value, slope


@public
def softplus(logits: ArrayLike) -> Array:
    r"""Smooth positive part; minus the log-probability that an event does not happen.

    .. math::
        \operatorname{softplus}(z) = \ln(1 + e^{z}) = -\ln \sigma(-z)

    Parameters
    ----------
    logits
        Any real numbers, :math:`\pm\infty` included; floats of any shape.

    Returns
    -------
    Array
        Positive numbers, shaped like ``logits``.

    Raises
    ------
    TypeError
        If ``logits`` is not a floating-point array.

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np.array([-40.0, 1000.0]))
    array([4.24835426e-18, 1.00000000e+03])

    Notes
    -----
    The derivative is :math:`\sigma(z)`. Chapter 1.
    """
    return _prepare(softplus_rule, "logits", logits)


@rule("element")
def softplus_rule(xp, z):
    up, down = odds_pair(xp, z)

    def value():
        return xp.maximum(z, 0.0) + xp.log1p(up * down)

    def slope():
        return up / (up + down)

    return value, slope


@public
def log1mexp(log_probs: ArrayLike) -> Array:
    r"""Log-probability that an event does not happen, from the log-probability that it does.

    .. math::
        \operatorname{log1mexp}(x) = \ln(1 - e^{x})

    Parameters
    ----------
    log_probs
        Log-probabilities in nats, at most 0; floats of any shape.

    Returns
    -------
    Array
        Log-probabilities in nats, shaped like ``log_probs``; :math:`-\infty` at 0.

    Raises
    ------
    TypeError, ValueError
        If ``log_probs`` is not a floating-point array, or positive.

    Examples
    --------
    >>> import numpy as np
    >>> log1mexp(np.array([-1e-10, -40.0]))
    array([-2.30258509e+01, -4.24835426e-18])

    Notes
    -----
    The derivative is :math:`-e^x/(1-e^x)`. Two formulas are needed, one on each side of
    :math:`-\ln 2` (M. Mächler, *Accurately computing log(1 - exp(-|a|))*, 2012). Chapter 1.
    """
    return _prepare(log1mexp_rule, "log_probs", log_probs, -math.inf, 0)


@rule("element")
def log1mexp_rule(xp, x):
    complement = xp.abs(xp.expm1(x))  # 1 - e^x, from +0 up

    def value():
        return xp.where(x > -math.log(2), xp.log(complement), xp.log1p(-xp.exp(x)))

    def slope():
        return -xp.exp(x) / complement

    return value, slope


def odds_pair(xp: Any, z: Array) -> tuple[Array, Array]:
    """The odds e^z as a pair, up to down, of which the larger is exactly 1.

    Neither can overflow, and the smaller keeps its digits: up + down is
    1 + e^-|z|, and up times down is e^-|z|.
    """
    return xp.exp(xp.minimum(z, 0.0)), xp.exp(-xp.maximum(z, 0.0))


def _prepare(
    rule: Rule, name: str, x: ArrayLike, low: float = -math.inf, high: float = math.inf
) -> Prepared:
    """Check the one input of an elementwise function."""
    (x,) = same_kind(**{name: x})
    check_float(name, x)
    if (low, high) != (-math.inf, math.inf):
        check_within(name, x, low, high, nan=True)
    return Prepared(rule, (x,))
