"""Lengths: the root mean squared error, and the L2 penalty (chapter 6)."""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, ArrayLike, as_number, cast, constant, same_kind, wide_dtype
from lossbook.checks import check_axis, check_float, check_number
from lossbook.driver import Prepared, public
from lossbook.reduction.core import shares_of_entries
from lossbook.regression.errors import check_finite, checked
from lossbook.rule import rule


@public
def root_mean_squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    r"""Root of the mean squared error (RMSE): an error in the unit of the targets.

    .. math::
        R(\hat y, y) = \sqrt{\frac{\sum_i w_i (\hat y_i - y_i)^2}{\sum_i w_i}}

    It is one number for the whole batch, not a mean of losses, so there is no ``reduction``:
    the mean over two halves of a batch is not the RMSE of the batch.

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape.
    axis
        The axis to average over, for one number for each row; all entries if None.
    weights
        Weights w of the entries, non-negative, broadcast to the predictions; 1 if None.
    where
        Booleans, broadcast to the predictions; False leaves an entry out.

    Returns
    -------
    Array
        One number, or the shape of ``predictions`` without ``axis``; 0 if no entry counts.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(root_mean_squared_error(np.array([4.0, 7.0]), np.array([1.0, 3.0])))
    3.5355339059327378

    Notes
    -----
    The derivative is :math:`w_i (\hat y_i - y_i)/(R \sum_j w_j)`; where all errors are 0, and it
    has none, it is taken as 0. The errors are divided by the largest before they are squared,
    so the result overflows only where it is too large itself. Chapter 6.
    """
    predictions, targets, weights, where = checked(targets, weights, where, predictions=predictions)
    check_finite("targets", targets, where)
    if axis is not None:
        axis = check_axis(axis, predictions.ndim)
    shares = shares_of_entries(predictions, weights, where)
    inputs = (predictions, targets) if shares is None else (predictions, targets, shares)
    return Prepared(root_mean_squared_error_rule, inputs, axis=axis)


@rule("row")
def root_mean_squared_error_rule(xp, yhat, y, w=None):
    e, largest = yhat - y, xp.finfo(yhat.dtype).max
    r, count = roots(xp, w, e)
    e = e if w is None else r * xp.where(w > 0, e, 0.0)
    top = constant(largest_of(xp, xp.abs(e)))
    scale = xp.clip(xp.where(top == 0, 1.0, top), None, largest)
    d = xp.clip(e, -largest, largest) / scale  # the largest is 1: no square overflows
    mean = xp.sum(d * d, axis=-1, keepdims=True, dtype=wide_dtype(d)) / count
    root = xp.sqrt(xp.where(mean == 0, 1.0, mean))

    def value():
        return (top * xp.astype(root, d.dtype))[:, 0]

    def slope():
        return r * d / xp.astype(count * root, d.dtype)

    return value, slope


def roots(xp: Any, w: Array | None, e: Array) -> tuple[Array | float, Array | int]:
    """Roots of the weights, whose largest is 1 in each row, and the sum of their squares."""
    if w is None:
        return 1.0, max(1, e.shape[-1])
    w = cast(as_number(w), e.dtype)
    top = largest_of(xp, w)
    top = xp.where(top == 0, 1.0, top)
    count = xp.sum(w / top, axis=-1, keepdims=True, dtype=wide_dtype(e))
    # each root by itself: the ratio of two weights may underflow
    return xp.sqrt(w) / xp.sqrt(top), xp.where(count == 0, 1.0, count)


def largest_of(xp: Any, x: Array) -> Array:
    """The largest number of each row; 0 if there is none."""
    return (xp.max if x.shape[-1] else xp.sum)(x, axis=-1, keepdims=True)


@public
def l2_penalty(parameters: ArrayLike, *, strength: float) -> Array:
    r"""Squared length of the parameters, times a strength: added to a loss, not a loss itself.

    .. math::
        \lambda \lVert \theta \rVert_2^2 = \lambda \sum_i \theta_i^2

    Parameters
    ----------
    parameters
        The numbers :math:`\theta` that are to stay small; floats of any shape.
    strength
        The number :math:`\lambda \ge 0`.

    Returns
    -------
    Array
        One number.

    Raises
    ------
    TypeError, ValueError
        If ``parameters`` is not a floating-point array, or ``strength`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> float(l2_penalty(np.array([3.0, -4.0]), strength=0.1))
    2.5

    Notes
    -----
    The derivative is :math:`2\lambda\theta`: a step of gradient descent shrinks the parameters
    by a factor. The ``weight_decay`` of torch's SGD is :math:`2\lambda`. Chapter 6.
    """
    (parameters,) = same_kind(parameters=parameters)
    check_float("parameters", parameters)
    params = {"strength": check_number("strength", strength, 0)}
    return Prepared(l2_penalty_rule, (parameters,), params, reduction="sum")


@rule("element")
def l2_penalty_rule(xp, theta, *, strength):
    return lambda: strength * theta * theta, lambda: 2 * strength * theta
