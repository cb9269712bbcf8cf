"""Checking a gradient by differences (chapter 10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lossbook.arrays import Array, namespace
from lossbook.checks import check_number
from lossbook.descent.trees import floats, one_number


def numerical_gradient(
    function: Callable[[Array], Any], point: Array, *, step: float | None = None
) -> Array:
    r"""The gradient of a function by central differences: slow, approximate, independent.

    .. math::
        \frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}

    Parameters
    ----------
    function
        A function of one array that gives one number.
    point
        Where: a float array of any shape.
    step
        The step h, positive; if None, the cube root of the dtype's eps times
        :math:`\max(1, \lvert x_i \rvert)`, which balances the two errors.

    Returns
    -------
    Array
        The gradient, with shape and dtype of the point. Its error is about
        :math:`\epsilon^{2/3}` times the size of the function, 4e-11 in float64 and 2e-5 in
        float32, if the function has all its digits.

    Raises
    ------
    TypeError, ValueError
        If the point holds no floats, a value is not one number, or the step is not positive or
        too small to change an entry of the point.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import binary_cross_entropy, value_and_grad
    >>> z, y = np.array([1.0, -2.0]), np.array([0.0, 1.0])
    >>> by_differences = numerical_gradient(lambda z: binary_cross_entropy(z, y), z)
    >>> float(abs(by_differences - value_and_grad(binary_cross_entropy, z, y)[1]).max()) < 1e-10
    True

    Notes
    -----
    It takes two values for each entry. At a kink it gives the mean of the two slopes.
    J. Nocedal and S. J. Wright, *Numerical optimization*, 2006, section 8.1. Chapter 10.
    """
    point = floats(point, "point")
    if not hasattr(point, "dtype"):
        raise TypeError(f"point must be one array, got {type(point).__qualname__}")
    if step is not None:
        step = check_number("step", step, 0, open_low=True)
    xp = namespace(point)
    flat = xp.reshape(xp.asarray(point), (-1,))
    cube_root = math.cbrt(float(xp.finfo(flat.dtype).eps))
    slopes = xp.zeros_like(flat)
    for i in range(flat.shape[0]):
        h = step or cube_root * max(1.0, abs(float(flat[i])))
        up, down = (xp.asarray(flat, copy=True) for _ in range(2))
        up[i] += h
        down[i] -= h
        width = float(up[i]) - float(down[i])  # the steps that are really taken
        if width == 0:
            raise ValueError(f"step must be large enough to change {float(flat[i]):g}, got {h:g}")
        values = (function(x.reshape(point.shape)) for x in (up, down))
        above, below = (one_number("what the function gives", value) for value in values)
        slopes[i] = (above - below) / width
    return slopes.reshape(point.shape)
