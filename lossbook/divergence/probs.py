r"""How far a distribution is from another (chapter 5), from probabilities and their logarithms.

A distribution is a row of K probabilities along ``axis``. The functions of two take them
in the order of mathematics: ``kl_divergence(p, q)`` is :math:`D(p\,\Vert\,q)`, an average over p.
Of a truth and a model of it, it is the truth that comes first. Both may need gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lossbook.arrays import Array, ArrayLike, constant, namespace, same_kind, times
from lossbook.checks import (
    check_broadcasts,
    check_mask,
    check_number,
    check_row,
    check_same_shape,
    check_simplex,
    check_within,
)
from lossbook.driver import Prepared, public
from lossbook.excess import difference, excess, log_ratio, select
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def kl_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Kullback-Leibler divergence of q from p, from probabilities.

    .. math::
        D(p\,\Vert\,q) = \sum_j \Bigl( p_j \ln \frac{p_j}{q_j} - p_j + q_j \Bigr)

    The last two terms add up to 0 for distributions. With them no term is negative, and
    that is how the sum is taken: the result keeps its digits however near q is to p.

    Parameters
    ----------
    p
        The distribution that is averaged over; floats that sum to 1 along ``axis``.
    q
        The distribution that p is compared with, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row:
        0 where q is p, :math:`\infty` where q rules out what p allows.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a row is no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.25, 0.75], [0.5, 0.5]])
    >>> kl_divergence(p, q, reduction="none")
    array([0.14384104, 0.69314718])

    Notes
    -----
    The derivatives of the formula are :math:`\ln(p_j/q_j)` and :math:`1 - p_j/q_j`. Without
    its last two terms they would be 1 more and 1 less, which is the same to
    whoever keeps the rows at sum 1. An entry where both are 0 has derivatives 0 and 1.
    S. Kullback and R. A. Leibler, *On information and sufficiency*, 1951.
    Chapter 5.
    """
    p, q, weights, where = checked_distributions(p, q, weights, where, axis)
    return Prepared(kl_divergence_rule, (p, q), {}, weights, where, reduction, axis)


@rule("row", wrt=2)
def kl_divergence_rule(xp, p, q):
    q = q + 0.0  # -0 is 0
    w = log_ratio(xp, q, p, q - p)

    def value():
        return xp.sum(excess(xp, w, p, q), axis=-1)

    def slope():
        none = p == 0
        ratio = (q - p) / select(xp, none, 1.0, q)
        return -w, select(xp, none, 1.0, ratio)

    return value, slope


@public
def kl_divergence_from_log_probs(
    log_p: ArrayLike,
    log_q: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Kullback-Leibler divergence of q from p, from log-probabilities.

    .. math::
        D(p\,\Vert\,q) = \sum_j e^{a_j} \bigl( e^{b_j - a_j} - 1 - (b_j - a_j) \bigr),
        \qquad a = \ln p, \quad b = \ln q

    Parameters
    ----------
    log_p
        Log-probabilities of the distribution that is averaged over, at most 0, whose
        exponentials sum to 1 along ``axis``; floats.
    log_q
        Those of the distribution that it is compared with, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, or a row is no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> float(round(kl_divergence_from_log_probs(np.log(p), np.log(q)), 6))
    0.143841

    Notes
    -----
    The derivatives are :math:`p_j (a_j - b_j)` and :math:`q_j - p_j`. A probability that
    underflows to 0 counts as 0. Chapter 5.
    """
    log_p, log_q, weights, where = checked_pair(
        axis, log_p=log_p, log_q=log_q, weights=weights, where=where
    )
    for name, x in (("log_p", log_p), ("log_q", log_q)):
        _check_log_simplex(name, x, axis, where)
    rule = kl_divergence_from_log_probs_rule
    return Prepared(rule, (log_p, log_q), {}, weights, where, reduction, axis)


@rule("row", wrt=2)
def kl_divergence_from_log_probs_rule(xp, a, b):
    none = (a == -xp.inf) & (b == -xp.inf)
    w = select(xp, none, 0.0, b) - select(xp, none, 0.0, a)
    p, q = xp.exp(a), xp.exp(b)

    def value():
        return xp.sum(excess(xp, w, p, q), axis=-1)

    def slope():
        return -times(xp, p, w), difference(xp, w, p, q)

    return value, slope


@public
def js_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    beta: float = 0.5,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Jensen-Shannon divergence: how far two distributions are from their mixture.

    .. math::
        D_\beta(p, q) = \beta\, D(p\,\Vert\,m) + (1-\beta)\, D(q\,\Vert\,m), \qquad
        m = \beta p + (1-\beta) q

    It is symmetric for :math:`\beta = 1/2`, never infinite, and at most :math:`\ln 2`.

    Parameters
    ----------
    p, q
        Probabilities in [0, 1] that sum to 1 along ``axis``; floats of the same shape.
    beta
        The weight of p in the mixture, in [0, 1]. At both ends the divergence is 0, whatever
        p and q; divided by :math:`\beta` it tends to :math:`D(p\,\Vert\,q)` for
        :math:`\beta \to 0`, and divided by :math:`1-\beta` to :math:`D(q\,\Vert\,p)` for
        :math:`\beta \to 1`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for rows.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        The reduced divergence in nats, or with ``reduction="none"`` one for each row.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        differ, a row is no distribution, or ``beta`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.25, 0.75], [0.0, 1.0]])
    >>> js_divergence(p, q, reduction="none")
    array([0.03382208, 0.69314718])

    Notes
    -----
    The derivatives are :math:`\beta \ln(p_j/m_j)` and :math:`(1-\beta) \ln(q_j/m_j)`.
    J. Lin, *Divergence measures based on the Shannon entropy*, 1991. Chapter 5.
    """
    p, q, weights, where = checked_distributions(p, q, weights, where, axis)
    params = {"beta": check_number("beta", beta, 0, 1)}
    return Prepared(js_divergence_rule, (p, q), params, weights, where, reduction, axis)


@rule("row", wrt=2)
def js_divergence_rule(xp, p, q, *, beta=0.5):
    alpha = 1 - beta
    if beta in (0, 1):
        zero = 0 * (p + q)
        return lambda: xp.sum(zero, axis=-1), lambda: (zero, zero)
    # where p and q are not both 0, nor is m, however small they are
    info = xp.finfo(p.dtype)
    least = xp.minimum(xp.maximum(p, q), float(info.smallest_normal) * float(info.eps))
    m = xp.maximum(beta * p + alpha * q, least)
    w, v = log_ratio(xp, m, p, q - p, alpha), log_ratio(xp, m, q, p - q, beta)

    def value():
        of_p, of_q = excess(xp, w, p, m), excess(xp, v, q, m)
        return xp.sum(beta * of_p + alpha * of_q, axis=-1)

    def slope():
        return -beta * w, -alpha * v

    return value, slope


def checked_pair(axis: int, **named: Any) -> list[Any]:
    """The checks that all functions of two rows share, whatever the rows hold."""
    arrays = same_kind(**named)
    first, second = list(named)[:2]
    for name, x in zip((first, second), arrays, strict=False):
        check_row(name, x, axis)
    check_same_shape(**{first: arrays[0], second: arrays[1]})
    return arrays


def checked_distributions(p, q, weights, where, axis):
    """Two rows of probabilities, and how their divergence is to be reduced."""
    p, q, weights, where = checked_pair(axis, p=p, q=q, weights=weights, where=where)
    for name, x in (("p", p), ("q", q)):
        check_simplex(name, x, axis, where=where, nan=True)
    return p, q, weights, where


def _check_log_simplex(name, x, axis, where):
    """Raise unless the exponentials of each row are a distribution."""
    check_within(name, x, -np.inf, 0, where=entries(where, x, axis), nan=True)
    with np.errstate(over="ignore"):  # of what the mask leaves out
        probs = namespace(x).exp(constant(x))
    check_simplex(f"exp({name})", probs, axis, where=where, nan=True)


def entries(where: Array | None, x: Array, axis: int) -> Array | None:
    """A mask of rows as a mask of their entries."""
    if where is None:
        return None
    rows = tuple(np.delete(x.shape, axis).tolist())
    check_mask("where", where)
    check_broadcasts("where", where, rows)
    xp = namespace(x)
    return xp.expand_dims(xp.broadcast_to(where, rows), axis=axis)
