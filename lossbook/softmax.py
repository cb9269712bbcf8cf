"""Stable softmax (chapter 2): softmax, its logarithm, the log-sum-exp, and sparsemax.

A row of K logits runs along ``axis``. Entries that ``where`` leaves out, and logits of
:math:`-\\infty`, have probability 0; a row without any other entry gives probabilities 0
and a log-sum-exp of :math:`-\\infty`. A logit of :math:`+\\infty` has no softmax, and the row is
nan; its log-sum-exp is :math:`\\infty`.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, ArrayLike, as_near, constant, namespace, same_kind
from lossbook.checks import check_broadcasts, check_mask, check_number, check_row
from lossbook.driver import Prepared, public
from lossbook.rule import Quotient, Rule, pick, put, rule


@public
def softmax(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Array:
    r"""Probabilities from logits.

    .. math::
        p_i = \frac{e^{z_i/\tau}}{\sum_{j=1}^K e^{z_j/\tau}}

    Parameters
    ----------
    logits
        Scores z, any real numbers or :math:`-\infty`; floats, K of them along ``axis``.
    temperature
        The number :math:`\tau > 0` that divides the logits: below 1 the probabilities
        get sharper, above 1 flatter.
    where
        Booleans, broadcast to the logits; an entry that is False gets probability 0.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        Probabilities, shaped like ``logits``, that sum to 1 along ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, a row is empty, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0, -np.inf]))
    array([0.5, 0.5, 0. ])

    Notes
    -----
    The Jacobian is :math:`(\operatorname{diag}(p) - p p^\top)/\tau`. P. Blanchard, D. J. Higham
    and N. J. Higham, *Accurately computing the log-sum-exp and softmax functions*, 2021.
    Chapter 2.
    """
    return _prepare(softmax_rule, logits, where, axis, temperature=temperature)


@rule("vector")
def softmax_rule(xp, z, keep=None, *, temperature=1.0):
    d, _ = lowered(xp, z, keep, temperature)
    e = xp.exp(d)
    total = xp.sum(e, axis=-1, keepdims=True)
    total = xp.where(total == 0, 1.0, total)  # then nothing is on offer, and e is 0

    def value():
        return Quotient(e, total)

    def slope(g):
        p = e / total
        g = g if keep is None else xp.where(keep, g, 0.0)
        # a shift of g changes nothing; this one leaves no term for a p near 1, which would cancel
        h = g - pick(g, xp.argmax(constant(d), axis=-1, keepdims=True))
        return p * (h - xp.sum(p * h, axis=-1, keepdims=True)) / temperature

    return value, slope


@public
def log_softmax(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Array:
    r"""Log-probabilities from logits.

    .. math::
        \ln p_i = \frac{z_i}{\tau} - \ln \sum_{j=1}^K e^{z_j/\tau}

    Parameters
    ----------
    logits
        Scores z, any real numbers or :math:`-\infty`; floats, K of them along ``axis``.
    temperature
        The number :math:`\tau > 0` that divides the logits.
    where
        Booleans, broadcast to the logits; an entry that is False gets :math:`-\infty`.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        Log-probabilities in nats, at most 0, shaped like ``logits``.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, a row is empty, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([40.0, 0.0]))
    array([-4.24835426e-18, -4.00000000e+01])

    Notes
    -----
    The Jacobian is :math:`(I - \mathbf 1 p^\top)/\tau`. Chapter 2.
    """
    return _prepare(log_softmax_rule, logits, where, axis, temperature=temperature)


@rule("vector")
def log_softmax_rule(xp, z, keep=None, *, temperature=1.0):
    d, e, best, others, top = shifted(xp, z, keep, temperature)

    def value():
        return d - xp.log1p(others)

    def slope(g):
        counts = top != -xp.inf if keep is None else keep & (top != -xp.inf)  # a nan counts
        g = xp.where(counts, g, 0.0)
        total = 1 + others
        of_best = pick(e, best)  # 1, from which others stay apart
        rest = put(total - e, best, others - (of_best - 1))
        rows = (g * rest - e * (xp.sum(g, axis=-1, keepdims=True) - g)) / total
        return xp.where(counts, rows, 0.0) / temperature

    return value, slope


@public
def logsumexp(logits: ArrayLike, *, where: ArrayLike | None = None, axis: int = -1) -> Array:
    r"""Logarithm of the sum of exponentials: a smooth maximum.

    .. math::
        \operatorname{LSE}(z) = \ln \sum_{j=1}^K e^{z_j}

    Parameters
    ----------
    logits
        Scores z, any real numbers or :math:`-\infty`; floats, K of them along ``axis``.
    where
        Booleans, broadcast to the logits; an entry that is False is left out of the sum.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        One number for each row: the shape of ``logits`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` are no floats, a row is empty, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> logsumexp(np.array([[-1000.0, -1000.0], [0.0, -50.0]]))
    array([-9.99306853e+02,  1.92874985e-22])

    Notes
    -----
    The gradient is the softmax. Chapter 2.
    """
    return _prepare(logsumexp_rule, logits, where, axis)


@rule("row")
def logsumexp_rule(xp, z, keep=None):
    _, e, _, others, top = shifted(xp, z, keep)

    def value():
        return xp.where(top == xp.inf, top, top + xp.log1p(others))[:, 0]

    def slope():
        return Quotient(e, 1 + others)

    return value, slope


def shifted(
    xp: Any, z: Array, keep: Array | None = None, temperature: float = 1.0
) -> tuple[Array, Array, Array, Array, Array]:
    """What log-softmax and log-sum-exp start from.

    Returns the logits less the largest (divided by the temperature), their exponentials,
    where the first of the largest is, the sum of the exponentials of all others, and the
    largest. The exponential that is exactly 1 is kept apart, so that log1p can keep the digits
    of a small sum.
    """
    d, top = lowered(xp, z, keep, temperature)
    best = xp.argmax(constant(d), axis=-1, keepdims=True)
    e = xp.exp(d)
    of_best = pick(e, best)
    e = put(e, best, of_best - 1)  # 0, but with e's derivative; nan stays nan
    others = xp.sum(e, axis=-1, keepdims=True)
    return d, put(e, best, of_best), best, xp.where(top == -xp.inf, 0.0, others), top


def lowered(
    xp: Any, z: Array, keep: Array | None = None, temperature: float = 1.0
) -> tuple[Array, Array]:
    """The logits less the largest of their row, over the temperature; and the largest.

    The difference comes first: logits over a small temperature are large, and so is their
    rounding, or they overflow.
    """
    if keep is not None:
        z = xp.where(keep, z, -xp.inf)
    top = xp.max(constant(z), axis=-1, keepdims=True)
    d = z - xp.where(top == -xp.inf, 0.0, top)
    return d if temperature == 1 else d / temperature, top


@public
def sparsemax(logits: ArrayLike, *, axis: int = -1) -> Array:
    r"""Probabilities from logits, with exact zeros: the nearest point of the simplex.

    .. math::
        \operatorname{sparsemax}(z) = \arg\min_{p \in \Delta} \lVert p - z \rVert_2^2
        = \max(z - \theta, 0)

    Parameters
    ----------
    logits
        Scores z, any real numbers; floats, K of them along ``axis``.
    axis
        The axis of the K entries.

    Returns
    -------
    Array
        Probabilities, shaped like ``logits``, that sum to 1 along ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``logits`` is not a floating-point array with at least one entry in a row.

    Examples
    --------
    >>> import numpy as np
    >>> sparsemax(np.array([1.0, 0.5, -3.0]))
    array([0.75, 0.25, 0.  ])

    Notes
    -----
    On the support S the Jacobian is :math:`\operatorname{diag}(s) - s s^\top/|S|`, with s its
    indicator. A. Martins and R. Astudillo, *From softmax to sparsemax*, 2016. Chapter 2.
    """
    return _prepare(sparsemax_rule, logits, None, axis)


@rule("vector")
def sparsemax_rule(xp, z):
    d = z - xp.max(constant(z), axis=-1, keepdims=True)  # the result does not feel the shift
    down = -xp.sort(-d, axis=-1)
    count = xp.astype(xp.arange(1, z.shape[-1] + 1, device=z.device), z.dtype)
    total = xp.cumulative_sum(down, axis=-1)
    size = xp.sum(xp.astype(1 + count * down > total, z.dtype), axis=-1, keepdims=True)
    inside = count <= size
    theta = (xp.sum(xp.where(inside, down, 0.0), axis=-1, keepdims=True) - 1) / size
    outside = d <= theta  # not "d > theta": a nan stays one

    def value():
        return xp.where(outside, 0.0, d - theta)

    def slope(g):
        on = xp.where(outside, 0.0, g)
        return xp.where(outside, 0.0, g - xp.sum(on, axis=-1, keepdims=True) / size)

    return value, slope


def _prepare(
    rule: Rule, logits: ArrayLike, where: ArrayLike | None, axis: int, **params: float
) -> Prepared:
    """Check the inputs that the functions of a row of logits share."""
    logits, where = same_kind(logits=logits, where=where)
    z = checked_rows(logits, axis)
    for name, number in params.items():
        params[name] = as_near(check_number(name, number, 0, open_low=True), z)
    if where is None:
        return Prepared(rule, (z,), params, axis=axis)
    check_mask("where", where)
    check_broadcasts("where", where, tuple(z.shape))
    keep = namespace(z).broadcast_to(where, tuple(z.shape))
    return Prepared(rule, (z, keep), params, axis=axis)


def checked_rows(logits: ArrayLike, axis: int) -> Array:
    """Logits as an array that has rows along the axis."""
    (z,) = same_kind(logits=logits)
    check_row("logits", z, axis)
    return z
