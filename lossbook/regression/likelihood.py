"""Regression losses that are negative log-likelihoods (chapter 6).

A model that predicts a whole distribution: a mean and a variance, or the rate of a count.
"""

from __future__ import annotations

import math
from typing import Any

from lossbook.arrays import Array, ArrayLike, times
from lossbook.checks import LARGEST, check_number, check_within
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.regression.errors import check_finite, checked
from lossbook.rule import rule

LOG_TWO_PI = math.log(2 * math.pi)


@public
def gaussian_nll(
    means: ArrayLike,
    variances: ArrayLike,
    targets: ArrayLike,
    *,
    min_variance: float = 0.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of a normal distribution, from its mean and its variance.

    .. math::
        \ell(\mu, v, y) = \tfrac12 \Bigl(\ln(2\pi v) + \frac{(\mu - y)^2}{v}\Bigr)

    A network should give the logarithm of the variance, which needs no bound:
    see :func:`lossbook.gaussian_nll_from_log_variances`.

    Parameters
    ----------
    means
        Predicted means :math:`\mu`; floats of any shape.
    variances
        Predicted variances v, at least 0; same shape, no broadcasting.
    targets
        Finite numbers y, same shape.
    min_variance
        A smaller variance is replaced by this number, at least 0, and has no gradient then.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, which may be negative, or with ``reduction="none"`` one
        loss for each mean.

    Raises
    ------
    TypeError, ValueError
        If ``means`` or ``variances`` is not a floating-point array, libraries are mixed,
        the shapes differ, a variance is negative, a target is nan or infinite,
        or ``min_variance`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> means, variances, targets = np.zeros(3), np.array([1.0, 4.0, 0.0]), np.ones(3)
    >>> gaussian_nll(means, variances, targets, reduction="none")
    array([1.41893853, 1.73708571,        inf])

    Notes
    -----
    The derivatives are :math:`(\mu-y)/v` for the mean and :math:`(1-(\mu-y)^2/v)/(2v)` for the
    variance; ``value_and_grad(gaussian_nll, ..., wrt=(0, 1))`` gives both. The constant
    :math:`\tfrac12\ln 2\pi` is included. D. A. Nix and A. S. Weigend, *Estimating the mean and
    variance of the target probability distribution*, 1994. Chapter 6.
    """
    means, variances, targets, weights, where = checked(
        targets, weights, where, means=means, variances=variances
    )
    check_within("variances", variances, 0, math.inf, where=where, nan=True)
    check_finite("targets", targets, where)
    params = {"floor": check_number("min_variance", min_variance, 0)}
    inputs = (means, variances, targets)
    return Prepared(gaussian_nll_rule, inputs, params, weights, where, reduction)


@rule("element", wrt=2)
def gaussian_nll_rule(xp, mu, v, y, *, floor=0.0):
    e, bounded = mu - y, xp.where(v < floor, floor, v) if floor else v + 0.0
    # an error of 0 is 0 standard deviations, however few there are
    divisor = xp.where((bounded == 0) & (e == 0), 1.0, bounded)
    z = e / xp.sqrt(divisor)  # squared only at the end

    def value():
        return sum_of_logs(xp, xp.log(bounded), z * z)

    def slope():
        size = xp.abs(z)
        by_v = (1 - size) / bounded * (1 + size) / 2
        return e / divisor, xp.where(v < floor, 0.0, by_v) if floor else by_v

    return value, slope


@public
def gaussian_nll_from_log_variances(
    means: ArrayLike,
    log_variances: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of a normal distribution, from its mean and log-variance.

    .. math::
        \ell(\mu, u, y) = \tfrac12 \bigl(\ln 2\pi + u + (\mu - y)^2 e^{-u}\bigr)

    Parameters
    ----------
    means
        Predicted means :math:`\mu`; floats of any shape.
    log_variances
        Predicted logarithms u of the variance, any real numbers; same shape, no broadcasting.
    targets
        Finite numbers y, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, which may be negative, or with ``reduction="none"`` one
        loss for each mean.

    Raises
    ------
    TypeError, ValueError
        If ``means`` or ``log_variances`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> means, log_variances, targets = np.zeros(2), np.log([1.0, 4.0]), np.ones(2)
    >>> gaussian_nll_from_log_variances(means, log_variances, targets, reduction="none")
    array([1.41893853, 1.73708571])

    Notes
    -----
    The derivatives are :math:`(\mu-y)\,e^{-u}` for the mean and
    :math:`\tfrac12(1-(\mu-y)^2 e^{-u})` for the log-variance, which is never more than 1/2.
    D. A. Nix and A. S. Weigend, *Estimating the mean and variance of the target probability
    distribution*, 1994. Chapter 6.
    """
    means, log_variances, targets, weights, where = checked(
        targets, weights, where, means=means, log_variances=log_variances
    )
    check_finite("targets", targets, where)
    inputs, rule = (means, log_variances, targets), gaussian_nll_from_log_variances_rule
    return Prepared(rule, inputs, {}, weights, where, reduction)


@rule("element", wrt=2)
def gaussian_nll_from_log_variances_rule(xp, mu, u, y):
    highest = 0.99 * math.log(float(xp.finfo(mu.dtype).max))
    root = xp.exp(xp.minimum(-u / 2, highest))  # of the precision; not infinite
    z = times(xp, root, mu - y)

    def value():
        return sum_of_logs(xp, u, z * z)

    def slope():
        return z * root, (1 - z) * (1 + z) / 2

    return value, slope


def sum_of_logs(xp: Any, log_variance: Array, square: Array) -> Array:
    """Half of ln 2 pi + u + z^2, in which an infinite z^2 outweighs any u."""
    both = log_variance + square
    return (xp.where(square == xp.inf, square, both) + LOG_TWO_PI) / 2


@public
def poisson_nll(
    log_rates: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of a Poisson distribution up to a constant, from its log-rate.

    .. math::
        \ell(z, y) = e^{z} - y z

    The term :math:`\ln y!`, which no prediction changes, is left out.

    Parameters
    ----------
    log_rates
        Predicted logarithms z of the expected count; floats of any shape.
    targets
        Counts y, at least 0, whole or not; same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, which may be negative, or with ``reduction="none"`` one
        loss for each rate.

    Raises
    ------
    TypeError, ValueError
        If ``log_rates`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is negative, nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> poisson_nll(np.log([2.0, 2.0]), np.array([2, 0]), reduction="none")
    array([0.61370564, 2.        ])

    Notes
    -----
    The derivative is :math:`e^z - y`, expected less observed. Chapter 6.
    """
    return _counts(poisson_nll_rule, "log_rates", log_rates, targets, weights, where, reduction)


@rule("element")
def poisson_nll_rule(xp, z, y):
    rate = xp.exp(z)

    def value():
        return xp.where(rate == xp.inf, rate, rate - times(xp, y, z))

    def slope():
        return rate - y

    return value, slope


@public
def poisson_nll_from_rates(
    rates: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Negative log-likelihood of a Poisson distribution up to a constant, from its rate.

    .. math::
        \ell(r, y) = r - y \ln r

    The term :math:`\ln y!`, which no prediction changes, is left out. A rate of 0 for what was
    counted costs :math:`\infty`.

    Parameters
    ----------
    rates
        Predicted expected counts r, at least 0; floats of any shape.
    targets
        Counts y, at least 0, whole or not; same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, which may be negative, or with ``reduction="none"`` one
        loss for each rate.

    Raises
    ------
    TypeError, ValueError
        If ``rates`` is not a floating-point array, libraries are mixed,
        the shapes differ, a rate is negative, or a target is negative, nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> poisson_nll_from_rates(np.array([2.0, 0.0]), np.array([2, 0]), reduction="none")
    array([0.61370564, 0.        ])

    Notes
    -----
    The derivative is :math:`(r - y)/r`. Chapter 6.
    """
    rule = poisson_nll_from_rates_rule
    return _counts(rule, "rates", rates, targets, weights, where, reduction)


@rule("element")
def poisson_nll_from_rates_rule(xp, r, y):
    largest = xp.finfo(r.dtype).max
    finite = xp.minimum(r, largest) + 0.0  # -0 is 0

    def value():
        return r - times(xp, y, xp.log(finite))

    def slope():
        # r/r is 1, for r = 0 too
        divisor = xp.where((r == 0) & (y == 0), 1.0, finite)
        return (divisor - y) / divisor

    return value, slope


def _counts(rule, name, predictions, targets, weights, where, reduction) -> Prepared:
    predictions, targets, weights, where = checked(targets, weights, where, **{name: predictions})
    if name == "rates":
        check_within(name, predictions, 0, math.inf, where=where, nan=True)
    check_within("targets", targets, 0, LARGEST, where=where)
    return Prepared(rule, (predictions, targets), {}, weights, where, reduction)
