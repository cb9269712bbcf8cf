"""Other ways from many losses to one number (chapter 9): which examples count.

Each is a rule, whose slope is a row of weights over the examples that sum to 1. The mean has
equal ones. The tilted mean gives more to large losses, or to small ones; CVaR gives all to
the largest. Entries that ``where`` leaves out, or whose weight is 0, count for nothing,
whatever they hold. The mean of nothing is 0, with a gradient of 0.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_near,
    as_number,
    cast,
    constant,
    namespace,
    same_kind,
    wide_dtype,
    working_dtype,
)
from lossbook.checks import LARGEST, check_axis, check_float, check_number, check_within
from lossbook.driver import Prepared, public
from lossbook.reduction.core import shares_of_entries
from lossbook.rule import Rule, rule


@public
def log_mean_exp(
    losses: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Array:
    r"""Logarithm of the mean of exponentials.

    .. math::
        \ln \frac{\sum_i w_i e^{\ell_i}}{\sum_i w_i}

    Parameters
    ----------
    losses
        Any real numbers; floats, N of them along ``axis``.
    weights
        Non-negative weights w, broadcast to the losses; 1 if None.
    where
        Booleans, broadcast to the losses; False leaves an entry out.
    axis
        The axis to reduce.

    Returns
    -------
    Array
        One number for each row: the shape of ``losses`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``losses`` is not a floating-point array, or a weight is negative or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(log_mean_exp(np.array([1000.0, 1000.0])))
    1000.0

    Notes
    -----
    The derivative is the softmax of the losses, times the weights and made to sum to 1 again.
    It is :func:`logsumexp` less :math:`\ln N`, without the difference. Chapter 9.
    """
    return _prepare(tilted_mean_rule, losses, weights, where, axis)


@public
def tilted_mean(
    losses: ArrayLike,
    *,
    tilt: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Array:
    r"""A mean that leans to the large losses, or to the small ones.

    .. math::
        M_t(\ell) = \frac1t \ln \frac{\sum_i w_i e^{t \ell_i}}{\sum_i w_i}, \qquad
        M_0(\ell) = \frac{\sum_i w_i \ell_i}{\sum_i w_i}

    Parameters
    ----------
    losses
        Any real numbers; floats, N of them along ``axis``.
    tilt
        The number t, in one over the unit of the losses. From :math:`-\infty` to
        :math:`\infty` it leads from the least loss over the mean (0) to the largest.
    weights
        Non-negative weights w, broadcast to the losses; 1 if None.
    where
        Booleans, broadcast to the losses; False leaves an entry out.
    axis
        The axis to reduce.

    Returns
    -------
    Array
        One number for each row: the shape of ``losses`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``losses`` is not a floating-point array, a weight is negative or infinite, or ``tilt``
        is not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> losses = np.array([1.0, 3.0])
    >>> [round(float(tilted_mean(losses, tilt=t)), 3) for t in (-100, 0, 1, 100)]
    [1.007, 2.0, 2.434, 2.993]

    Notes
    -----
    The derivative is the softmax of :math:`t \ell`, times the weights and made to sum to 1
    again. T. Li, A. Beirami, M. Sanjabi and V. Smith, *Tilted empirical risk minimization*,
    ICLR 2021, section 2. Chapter 9.
    """
    params = {"tilt": check_number("tilt", tilt, -LARGEST)}
    return _prepare(tilted_mean_rule, losses, weights, where, axis, **params)


@rule("row")
def tilted_mean_rule(xp, x, w=None, *, tilt=1.0):
    if tilt == 0:
        return mean_of_row(xp, x, w)
    x, r, some = counted(xp, x, w)
    m = extreme(xp, x, largest=tilt > 0)  # the loss that counts most
    d = tilt * (x - m)
    d = xp.where(xp.isinf(m) & (x == m), 0.0, d)
    e, count = r * xp.exp(d), total_of(xp, r)
    total = total_of(xp, e)

    def value():
        gain = total_of(xp, r * xp.expm1(d)) / count  # mean of e^d, less 1
        far = gain < -0.5
        near = xp.log1p(xp.where(far, 0.0, gain))
        log = xp.where(far, xp.log(total / count), near)
        more = xp.astype(log, m.dtype) / tilt
        # where no exponent tells the losses apart, it is their mean
        flat = extreme(xp, d, largest=False) > -xp.finfo(m.dtype).eps / 4
        mean = xp.astype(total_of(xp, r * (x - m)) / count, m.dtype)
        more = xp.where(flat, mean, more)
        tilted = xp.where(xp.isinf(m), m, m + more)
        return xp.where(some, tilted, 0.0)[:, 0]

    def slope():
        return xp.where(some, e / xp.astype(total, e.dtype), 0.0)

    return value, slope


@public
def cvar(
    losses: ArrayLike,
    *,
    fraction: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Array:
    r"""Mean of the worst losses: conditional value at risk, or expected shortfall.

    .. math::
        \operatorname{CVaR}_\beta(\ell)
        = \min_c \; c + \frac{1}{\beta} \frac{\sum_i w_i \max(\ell_i - c, 0)}{\sum_i w_i}

    Parameters
    ----------
    losses
        Any real numbers; floats, N of them along ``axis``.
    fraction
        The share :math:`\beta` of the weight that is averaged, in (0, 1]: 0.1 for the worst
        tenth (where others write a level of 0.9), k/N for the k largest, 1 for the mean.
    weights
        Non-negative weights w, broadcast to the losses; 1 if None.
    where
        Booleans, broadcast to the losses; False leaves an entry out.
    axis
        The axis to reduce.

    Returns
    -------
    Array
        One number for each row: the shape of ``losses`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``losses`` is not a floating-point array, a weight is negative or infinite, or
        ``fraction`` is not in (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> losses = np.array([1.0, 2.0, 3.0, 10.0])
    >>> [float(cvar(losses, fraction=b)) for b in (0.25, 0.5, 1.0)]
    [10.0, 6.5, 4.0]

    Notes
    -----
    The derivative is :math:`w_i/(\beta \sum_j w_j)` for the losses above the quantile, 0 for
    those below; losses that are equal to it share what is left. R. T. Rockafellar and
    S. Uryasev, *Optimization of conditional value-at-risk*, 2000, theorem 1; the k largest:
    Y. Fan, S. Lyu, Y. Ying and B.-G. Hu, *Learning with average top-k loss*, 2017. Chapter 9.
    """
    number = check_number("fraction", fraction, 0, 1, open_low=True)
    return _prepare(cvar_rule, losses, weights, where, axis, fraction=number)


@rule("row")
def cvar_rule(xp, x, w=None, *, fraction=1.0):
    if fraction == 1:
        return mean_of_row(xp, x, w)
    x, r, some = counted(xp, x, w)
    c = constant(quantile_of(xp, x, r, fraction))
    above, at = xp.astype(x > c, r.dtype), xp.astype(x == c, r.dtype)
    left = fraction * total_of(xp, r) - total_of(xp, r * above)
    here = total_of(xp, r * at)
    part = xp.clip(left / xp.where(here == 0, 1.0, here), 0.0, 1.0)
    taken = r * (above + part * at) / (fraction * total_of(xp, r))
    return averaged(xp, x, xp.where(some, xp.astype(taken, r.dtype), 0.0))


def quantile_of(xp: Any, x: Array, r: Array, fraction: float) -> Array:
    """The loss at which the worst, from the largest down, reach their share of the weight."""
    if not x.shape[-1]:
        return xp.zeros_like(r)
    order = xp.argsort(-constant(x), axis=-1)
    reached = xp.cumulative_sum(xp.take_along_axis(r, order, axis=-1), axis=-1, dtype=wide_dtype(r))
    enough = reached >= fraction * reached[:, -1:]
    first = xp.argmax(xp.astype(enough, xp.int8), axis=-1, keepdims=True)
    return xp.take_along_axis(x, xp.take_along_axis(order, first, axis=-1), axis=-1)


def mean_of_row(xp: Any, x: Array, w: Array | None):
    """The rule of the weighted mean itself."""
    x, r, some = counted(xp, x, w)
    share = r / xp.astype(total_of(xp, r), r.dtype)
    return averaged(xp, x, xp.where(some, share, 0.0))


def averaged(xp: Any, x: Array, share: Array):
    """The rule of a mean with shares that do not depend on the losses."""
    held = xp.minimum(xp.maximum(x, -1.0), 1.0)
    none = xp.sum(0 * held, axis=-1, keepdims=True)  # 0, and nan for a nan

    def value():
        kept = xp.where(share > 0, x, 0.0) if share.shape[-1] else x
        return xp.astype(total_of(xp, share * kept), x.dtype)[:, 0] + none[:, 0]

    return value, lambda: share + none


def counted(xp: Any, x: Array, w: Array | None) -> tuple[Array, Array, Array]:
    """The losses with one that counts in place of those that don't, weights of which the
    largest is 1, and whether there are any."""
    if w is None:
        r = xp.ones_like(constant(x))
        return x, r, extreme(xp, r, largest=True) > 0
    r = cast(as_number(w), x.dtype)
    top = extreme(xp, r, largest=True)
    some = top > 0
    r = r / xp.where(some, top, 1.0)
    first = xp.argmax(r, axis=-1, keepdims=True) if x.shape[-1] else None
    stand_in = 0.0 if first is None else constant(xp.take_along_axis(x, first, axis=-1))
    return xp.where(r > 0, x, xp.where(some, stand_in, 0.0)), r, some


def extreme(xp: Any, x: Array, *, largest: bool) -> Array:
    """The largest or least number of each row; 0 if there is none."""
    x = constant(x)
    if not x.shape[-1]:
        return xp.sum(x, axis=-1, keepdims=True)
    return (xp.max if largest else xp.min)(x, axis=-1, keepdims=True)


def total_of(xp: Any, x: Array) -> Array:
    """The sum of each row, added up in double precision."""
    return xp.sum(x, axis=-1, keepdims=True, dtype=wide_dtype(x))


def effective_sample_size(weights: ArrayLike, *, axis: int = -1) -> Array:
    r"""As how many equal weights these are: Kish's effective sample size.

    .. math::
        n_\text{eff} = \frac{(\sum_i w_i)^2}{\sum_i w_i^2}

    Parameters
    ----------
    weights
        Non-negative weights of N examples along ``axis``; floats. Of log-weights, pass the
        softmax.
    axis
        The axis to reduce.

    Returns
    -------
    Array
        One number in [1, N] for each row; 0 if all weights are 0.

    Raises
    ------
    TypeError, ValueError
        If the weights are no floats, or one is negative, infinite or nan.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(effective_sample_size(np.array([1.0, 1.0, 1.0, 97.0]))), 5)
    1.06247

    Notes
    -----
    The weighted mean of independent losses of the same variance has this variance divided by
    :math:`n_\text{eff}`. L. Kish, *Survey sampling*, 1965. Chapter 9.
    """
    (weights,) = same_kind(weights=weights)
    check_float("weights", weights)
    if weights.ndim == 0:
        raise ValueError("weights must have an axis of entries, got a single number")
    axis = check_axis(axis, weights.ndim)
    check_within("weights", weights, 0, LARGEST)
    xp, w = namespace(weights), cast(weights, working_dtype(weights))
    if not w.shape[axis]:
        return cast(xp.sum(w, axis=axis), weights.dtype)[()]
    top = xp.max(w, axis=axis, keepdims=True)
    w = w / xp.where(top > 0, top, 1.0)  # no square overflows, and the largest is 1
    total, squares = (xp.sum(x, axis=axis, dtype=wide_dtype(w)) for x in (w, w * w))
    found = total * total / xp.where(squares > 0, squares, 1.0)
    return cast(found, weights.dtype)[()]


def _prepare(
    rule: Rule,
    losses: ArrayLike,
    weights: ArrayLike | None,
    where: ArrayLike | None,
    axis: int,
    **params: float,
) -> Prepared:
    losses, weights, where = same_kind(losses=losses, weights=weights, where=where)
    check_float("losses", losses)
    if losses.ndim == 0:
        raise ValueError("losses must have an axis of entries, got a single number")
    axis = check_axis(axis, losses.ndim)
    params = {name: as_near(number, losses) for name, number in params.items()}
    w = shares_of_entries(losses, weights, where)
    return Prepared(rule, (losses,) if w is None else (losses, w), params, axis=axis)
