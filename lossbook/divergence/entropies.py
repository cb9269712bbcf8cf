"""Entropy and cross-entropy of distributions (chapter 5).

A distribution is a row of K probabilities along ``axis``, or given by the logits of one.
"""

from __future__ import annotations

import math

from lossbook.arrays import Array, ArrayLike, namespace, same_kind
from lossbook.checks import check_broadcasts, check_mask, check_row, check_simplex
from lossbook.divergence.probs import checked_distributions
from lossbook.driver import Prepared, public
from lossbook.excess import absent, select
from lossbook.reduction import Reduction
from lossbook.rule import rule
from lossbook.softmax import shifted

INVERSE_E = (0.3678794503211975, -9.149755188170102e-09)
"""1/e in two parts, of which the first is exact in every format from float32 up."""


@public
def entropy(p: ArrayLike, *, axis: int = -1) -> Array:
    r"""Entropy of a distribution: how uncertain it leaves us, in nats.

    .. math::
        H(p) = -\sum_j p_j \ln p_j

    Parameters
    ----------
    p
        Probabilities in [0, 1] that sum to 1 along ``axis``; floats.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        One number from 0 to :math:`\ln K` for each row.

    Raises
    ------
    TypeError, ValueError
        If ``p`` is not a floating-point array, or a row no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0.69314718, 0.        ])

    Notes
    -----
    The derivative for an entry is :math:`-1 - \ln p_j`, and :math:`\infty` at 0. C. E. Shannon,
    *A mathematical theory of communication*, 1948, section 6. Chapter 5.
    """
    (p,) = same_kind(p=p)
    check_row("p", p, axis)
    check_simplex("p", p, axis, nan=True)
    return Prepared(entropy_rule, (p,), axis=axis)


@rule("row")
def entropy_rule(xp, p):
    none = p == 0
    some = select(xp, none, 1.0, p)

    def value():
        return 0 - xp.sum(p * xp.log(some), axis=-1)  # of a certainty 0, not -0

    def slope():
        # 1 + ln p = ln(e p), which is 0 at p = 1/e: near it that counts whose log1p is meant
        above = (some - INVERSE_E[0]) - INVERSE_E[1]
        near = xp.abs(above) < 0.25
        whole = xp.log1p(math.e * xp.where(near, above, 0.0))
        return select(xp, none, xp.inf, -xp.where(near, whole, 1 + xp.log(some)))

    return value, slope


@public
def cross_entropy_between(
    p: ArrayLike,
    q: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy of two distributions: what q costs if p is true, in nats.

    .. math::
        H(p, q) = -\sum_j p_j \ln q_j

    Parameters
    ----------
    p
        The distribution that is averaged over, the truth; floats that sum to 1 along ``axis``.
    q
        The distribution that is scored, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced cross-entropy in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a row is no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.25, 0.75], [0.5, 0.5]])
    >>> cross_entropy_between(p, q, reduction="none")
    array([0.83698822, 0.69314718])

    Notes
    -----
    The derivatives are :math:`-\ln q_j` and :math:`-p_j/q_j`. It is
    :math:`H(p) + D(p\,\Vert\,q)`. Chapter 5.
    """
    p, q, weights, where = checked_distributions(p, q, weights, where, axis)
    return Prepared(cross_entropy_between_rule, (p, q), {}, weights, where, reduction, axis)


@rule("row", wrt=2)
def cross_entropy_between_rule(xp, p, q):
    none = q == 0
    some = select(xp, none, 1.0, q)
    surprise = select(xp, none, xp.inf, -xp.log(some))

    def value():
        return xp.sum(select(xp, none & (p == 0), 0.0, p * surprise), axis=-1)

    def slope():
        slope_q = -p / some
        if not absent(xp, none):
            slope_q = xp.where(none, xp.where(p == 0, xp.zeros_like(p), -xp.inf), slope_q)
        return surprise + 0 * p, slope_q  # a nan in p shows

    return value, slope


@public
def entropy_from_logits(
    logits: ArrayLike, *, where: ArrayLike | None = None, axis: int = -1
) -> Array:
    r"""Entropy of the softmax of a row of logits, in nats.

    .. math::
        H(p) = -\sum_j p_j \ln p_j, \qquad p = \operatorname{softmax}(z)

    Parameters
    ----------
    logits
        Scores z, any real numbers or :math:`-\infty`; floats, K of them along ``axis``.
    where
        Booleans, broadcast to the logits; an entry that is False gets probability 0.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        One number from 0 to :math:`\ln K` for each row.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array with at least one entry in a row.

    Examples
    --------
    >>> import numpy as np
    >>> entropy_from_logits(np.array([[0.0, 0.0], [100.0, 0.0]]))
    array([6.93147181e-01, 3.75727674e-42])

    Notes
    -----
    The derivative for a logit is :math:`-p_j (\ln p_j + H)`, in which the normalization of
    the softmax cancels: it is :math:`p_j` times how far the logit is below the average
    that p gives. Chapter 5.
    """
    z, where = same_kind(logits=logits, where=where)
    check_row("logits", z, axis)
    inputs = (z,)
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, tuple(z.shape))
        inputs = (z, namespace(z).broadcast_to(where, tuple(z.shape)))
    return Prepared(entropy_from_logits_rule, inputs, axis=axis)


@rule("row")
def entropy_from_logits_rule(xp, z, keep=None):
    d, e, _, others, _ = shifted(xp, z, keep)
    p = e / (1 + others)
    d = select(xp, p == 0, 0.0, d)

    def value():
        return xp.sum(p * (xp.log1p(others) - d), axis=-1)

    def slope():
        return p * (xp.sum(p * d, axis=-1, keepdims=True) - d)

    return value, slope
