"""Classes that are not equally frequent (chapter 9): weights for training, shifts for after it.

A weight for each class goes into ``class_weights`` of :func:`lossbook.cross_entropy`, or, looked
up by the labels, into ``weights`` of any loss. Weights change what the model learns to say; a
shift of the logits says what it would have said where the classes have other frequencies.
"""

from __future__ import annotations

import math

from lossbook.arrays import (
    Array,
    ArrayLike,
    cast,
    is_float,
    namespace,
    same_kind,
    wide_dtype,
    working_dtype,
)
from lossbook.checks import (
    LARGEST,
    check_float,
    check_number,
    check_real,
    check_row,
    check_simplex,
    check_within,
    refuse,
)
from lossbook.rule import quiet


def inverse_frequency_weights(counts: ArrayLike) -> Array:
    r"""A weight for each class that makes all classes count alike.

    .. math::
        w_k = \frac{N}{K n_k}, \qquad N = \sum_k n_k

    Parameters
    ----------
    counts
        How many examples :math:`n_k \ge 1` there are of each of the K classes.

    Returns
    -------
    Array
        K weights; their mean over the *examples* is 1.

    Raises
    ------
    TypeError, ValueError
        If the counts are not one row of numbers, or one is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_frequency_weights(np.array([90, 10]))
    array([0.55555556, 5.        ])

    Notes
    -----
    What scikit-learn calls ``class_weight="balanced"``. Chapter 9.
    """
    n, xp = _counts(counts)
    return xp.sum(n) / (n.shape[0] * n)


def effective_number_weights(counts: ArrayLike, *, beta: float) -> Array:
    r"""Weights between equal ones and inverse frequencies, by the effective number of samples.

    .. math::
        w_k \propto \frac{1}{E_k}, \qquad E_k = \frac{1 - \beta^{n_k}}{1 - \beta}, \qquad
        \sum_k w_k = K

    Parameters
    ----------
    counts
        How many examples :math:`n_k \ge 1` there are of each of the K classes.
    beta
        The number :math:`\beta` in [0, 1): 0 gives equal weights, near 1 they are
        proportional to :math:`1/n_k`. No class counts as more than :math:`1/(1 - \beta)`.

    Returns
    -------
    Array
        K weights; their mean over the *classes* is 1.

    Raises
    ------
    TypeError, ValueError
        If the counts are not one row of numbers, one is below 1, or ``beta`` is not in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> effective_number_weights(np.array([90, 10]), beta=0.9).round(3)
    array([0.789, 1.211])

    Notes
    -----
    Y. Cui, M. Jia, T.-Y. Lin, Y. Song and S. Belongie, *Class-balanced loss based on effective
    number of samples*, CVPR 2019, sections 3 and 4. Chapter 9.
    """
    n, xp = _counts(counts)
    beta = check_number("beta", beta, 0)
    if beta >= 1:
        raise ValueError(f"beta must be a number in [0, 1), got {beta}")
    if beta == 0:
        return xp.ones_like(n)
    effective = -xp.expm1(n * math.log(beta))  # times 1/(1 - beta), which cancels below
    return n.shape[0] / effective / xp.sum(1 / effective)


def _counts(counts: ArrayLike):
    (n,) = same_kind(counts=counts)
    check_real("counts", n)
    if n.ndim != 1 or not n.shape[0]:
        raise ValueError(f"counts must be a row of at least one count, got {tuple(n.shape)}")
    xp = namespace(n)
    n = cast(n, working_dtype(n) if is_float(n) else xp.float64)
    check_within("counts", n, 1, LARGEST)
    return n, xp


def shift_to_priors(
    logits: ArrayLike, trained_on: ArrayLike, used_on: ArrayLike, *, axis: int = -1
) -> Array:
    r"""Logits for other class frequencies than those that the model was trained on.

    .. math::
        z'_k = z_k + \ln \pi'_k - \ln \pi_k

    Parameters
    ----------
    logits
        Scores z whose softmax is P(class | x); floats, K of them along ``axis``.
    trained_on, used_on
        The frequencies :math:`\pi` of the K classes in training (none of them 0), and
        :math:`\pi'` where the model is used; K numbers that sum to 1.
    axis
        The axis of the classes.

    Returns
    -------
    Array
        Logits, shaped like ``logits``; :math:`-\infty` for a class that there is not.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, the frequencies are none or don't fit, or one of
        ``trained_on`` is 0.

    Examples
    --------
    >>> import numpy as np
    >>> shift_to_priors(np.array([[0.0, 0.0]]), [0.5, 0.5], [0.99, 0.01])
    array([[ 0.68309684, -3.91202301]])

    Notes
    -----
    By Bayes' theorem, if what the classes look like stays the same; with ``used_on`` uniform it
    is the logit adjustment of A. K. Menon et al., *Long-tail learning via logit adjustment*,
    ICLR 2021, section 3. Chapter 9.
    """
    z, old, new = same_kind(logits=logits, trained_on=trained_on, used_on=used_on)
    check_row("logits", z, axis)
    for name, prior in (("trained_on", old), ("used_on", new)):
        check_float(name, prior)
        if tuple(prior.shape) != (z.shape[axis],):
            raise ValueError(
                f"{name} must hold a frequency for each of {z.shape[axis]} classes, "
                f"got {tuple(prior.shape)}"
            )
        check_simplex(name, prior, -1)
    refuse("trained_on", old, old == 0, "positive", None)
    xp = namespace(z)
    impossible, old, new = new == 0, cast(old, wide_dtype(old)), cast(new, wide_dtype(new))
    with quiet(z):
        ratio = xp.where(impossible, 1.0, new) / old
        apart = xp.log(new) - xp.log(old)  # where the quotient overflows
    shift = xp.where(xp.isinf(ratio), apart, xp.log(ratio))
    shift = xp.where(impossible, -xp.inf, shift)
    moved = xp.moveaxis(cast(z, working_dtype(z)), axis, -1) + cast(shift, working_dtype(z))
    return cast(xp.moveaxis(moved, -1, axis), z.dtype)


def shift_to_base_rate(logits: ArrayLike, trained_on: float, used_on: float) -> Array:
    r"""Binary logits for another base rate than the one that the model was trained on.

    .. math::
        z' = z + \ln \frac{\pi'}{1 - \pi'} - \ln \frac{\pi}{1 - \pi}

    Parameters
    ----------
    logits
        Log-odds z of class 1; floats of any shape.
    trained_on, used_on
        The share :math:`\pi` of class 1 in training, and :math:`\pi'` where the model is
        used; numbers in (0, 1).

    Returns
    -------
    Array
        Logits, shaped like ``logits``.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, or a share is not in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> shift_to_base_rate(np.array([0.0]), 0.5, 0.01)
    array([-4.59511985])

    Notes
    -----
    If training kept a fraction r of the negatives, the odds were 1/r times too large, and the
    shift is :math:`\ln r`. Chapter 9.
    """
    (z,) = same_kind(logits=logits)
    check_float("logits", z)
    odds = []
    for name, share in (("used_on", used_on), ("trained_on", trained_on)):
        share = check_number(name, share, 0, open_low=True)
        if share >= 1:
            raise ValueError(f"{name} must be a number in (0, 1), got {share}")
        odds.append(math.log(share) - math.log1p(-share))
    return cast(cast(z, working_dtype(z)) + (odds[0] - odds[1]), z.dtype)
