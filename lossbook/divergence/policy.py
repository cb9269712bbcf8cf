r"""Divergence of a policy from its reference, estimated from samples (chapter 5).

A policy :math:`\pi` gives an answer drawn from it the log-probability :math:`\ln \pi`, the
reference gives it :math:`\ln \rho`. Averaged over such answers, each of the three estimates is near
:math:`D(\pi\,\Vert\,\rho)`; the first and the third are right on average. J. Schulman,
*Approximating KL divergence*, 2020, has their names.
"""

from __future__ import annotations

import numpy as np

from lossbook.arrays import Array, ArrayLike, as_number, cast, same_kind, working_dtype
from lossbook.checks import check_float, check_number, check_real, check_same_shape
from lossbook.driver import Prepared, public
from lossbook.excess import difference, exact_minus, excess
from lossbook.reduction import Reduction
from lossbook.rule import Rule, rule


@public
def kl_estimate_k1(
    log_probs: ArrayLike,
    ref_log_probs: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Log-ratio of policy and reference: the plain estimate of their divergence.

    .. math::
        k_1 = \ln \pi - \ln \rho

    Parameters
    ----------
    log_probs
        Log-probabilities :math:`\ln \pi` of what was drawn from the policy; floats of any shape.
    ref_log_probs
        Log-probabilities :math:`\ln \rho` of the same by the reference, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced estimate in nats, or with ``reduction="none"`` one for each sample.

    Raises
    ------
    TypeError, ValueError
        If ``log_probs`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> kl_estimate_k1(np.array([-1.0, -2.0]), np.array([-1.5, -1.0]), reduction="none")
    array([ 0.5, -1. ])

    Notes
    -----
    Right on average, and negative for many a sample. The derivative is 1: as a loss it pushes
    all samples down alike, which on average is no push at all. Chapter 5.
    """
    return _prepare(kl_estimate_k1_rule, log_probs, ref_log_probs, weights, where, reduction)


@rule("element")
def kl_estimate_k1_rule(xp, a, b):
    return lambda: a - b, lambda: xp.ones_like(a) + 0 * a  # a nan shows


@public
def kl_estimate_k2(
    log_probs: ArrayLike,
    ref_log_probs: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Half the squared log-ratio of policy and reference: biased, never negative.

    .. math::
        k_2 = \frac12 (\ln \pi - \ln \rho)^2

    Parameters
    ----------
    log_probs
        Log-probabilities :math:`\ln \pi` of what was drawn from the policy; floats of any shape.
    ref_log_probs
        Log-probabilities :math:`\ln \rho` of the same by the reference, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced estimate in nats, or with ``reduction="none"`` one for each sample.

    Raises
    ------
    TypeError, ValueError
        If ``log_probs`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> kl_estimate_k2(np.array([-1.0, -2.0]), np.array([-1.5, -1.0]), reduction="none")
    array([0.125, 0.5  ])

    Notes
    -----
    The derivative is :math:`\ln \pi - \ln \rho`. As a loss on samples of the policy it has, on
    average, the gradient of the divergence, though its value is biased. Chapter 5.
    """
    return _prepare(kl_estimate_k2_rule, log_probs, ref_log_probs, weights, where, reduction)


@rule("element")
def kl_estimate_k2_rule(xp, a, b):
    return lambda: 0.5 * (a - b) ** 2, lambda: a - b


@public
def kl_estimate_k3(
    log_probs: ArrayLike,
    ref_log_probs: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Log-ratio plus what its average lacks to a number that is never negative.

    .. math::
        k_3 = \frac{\rho}{\pi} - 1 - \ln \frac{\rho}{\pi}

    Parameters
    ----------
    log_probs
        Log-probabilities :math:`\ln \pi` of what was drawn from the policy; floats of any shape.
    ref_log_probs
        Log-probabilities :math:`\ln \rho` of the same by the reference, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced estimate in nats, or with ``reduction="none"`` one for each sample.

    Raises
    ------
    TypeError, ValueError
        If ``log_probs`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> kl_estimate_k3(np.array([-1.0, -2.0]), np.array([-1.0, -1.0]), reduction="none")
    array([0.        , 0.71828183])

    Notes
    -----
    Right on average. The derivative is :math:`1 - \rho/\pi`; as a loss on samples of the policy
    its average is the gradient of the reverse divergence, :math:`D(\rho\,\Vert\,\pi)`. Chapter 5.
    """
    return _prepare(kl_estimate_k3_rule, log_probs, ref_log_probs, weights, where, reduction)


@rule("element")
def kl_estimate_k3_rule(xp, a, b):
    w, lost = exact_minus(xp, b, a)
    w = xp.minimum(w, 1e4)  # whose exponential is infinite already
    one, ratio = xp.ones_like(w), xp.exp(w) * (1 + xp.where(xp.abs(w) < 1e4, lost, 0.0))

    def value():
        return excess(xp, w, one, ratio)

    def slope():
        return -difference(xp, w, one, ratio)

    return value, slope


def kl_penalized_rewards(
    rewards: ArrayLike, log_probs: ArrayLike, ref_log_probs: ArrayLike, *, beta: float
) -> Array:
    r"""Rewards less a penalty for leaving the reference: what RLHF maximizes.

    .. math::
        r - \beta\, (\ln \pi - \ln \rho)

    Parameters
    ----------
    rewards
        The rewards r of what was drawn from the policy; floats of any shape.
    log_probs, ref_log_probs
        Its log-probabilities by the policy and by the reference, same shape.
    beta
        The strength of the penalty, in rewards for each nat; at least 0.

    Returns
    -------
    Array
        Penalized rewards, shaped like ``rewards``. Their average over answers of the policy is
        the average reward less :math:`\beta D(\pi\,\Vert\,\rho)`.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or ``beta`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> r, log_probs, ref = np.array([1.0, 0.0]), np.array([-0.5, -2.0]), np.array([-1.0, -1.0])
    >>> kl_penalized_rewards(r, log_probs, ref, beta=0.1)
    array([0.95, 0.1 ])

    Notes
    -----
    The policy that maximizes it is :math:`\rho\, e^{r/\beta}/Z`. L. Ouyang et al.,
    *Training language models to follow instructions with human feedback*, 2022, section 3.5,
    with :math:`\beta = 0.02` and a penalty for each token. Chapter 5.
    """
    named = {"rewards": rewards, "log_probs": log_probs, "ref_log_probs": ref_log_probs}
    rewards, log_probs, ref_log_probs = same_kind(**named)
    for name, x in zip(named, (rewards, log_probs, ref_log_probs), strict=True):
        check_float(name, x)
        if name != "rewards":
            check_same_shape(**{"rewards": rewards, name: x})
    beta, dtype = check_number("beta", beta, 0), working_dtype(rewards)
    r, a, b = (cast(x, dtype) for x in (rewards, log_probs, ref_log_probs))
    with np.errstate(all="ignore"):
        return cast(r - beta * (a - b), rewards.dtype)[()]


def _prepare(rule: Rule, log_probs, ref_log_probs, weights, where, reduction) -> Prepared:
    a, b, weights, where = same_kind(
        log_probs=log_probs, ref_log_probs=ref_log_probs, weights=weights, where=where
    )
    check_float("log_probs", a)
    check_real("ref_log_probs", b)
    check_same_shape(log_probs=a, ref_log_probs=b)
    return Prepared(rule, (a, as_number(b)), {}, weights, where, reduction)
