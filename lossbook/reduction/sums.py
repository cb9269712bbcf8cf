r"""Ways to add up floats (chapter 9): which digits each of them keeps.

With u the unit roundoff (half of ``eps``) and n numbers x, the error of a computed sum is

``running_sums``
    at most :math:`\gamma_{n-1} \sum |x_i|` with :math:`\gamma_k = ku/(1 - ku)`: each
    number passes through up to n - 1 roundings.
``pairwise_sum``
    at most :math:`\gamma_{\lceil \log_2 n \rceil} \sum |x_i|`: each passes through as many
    as the tree is high.
``kahan_sum``, ``neumaier_sum``
    at most :math:`(2u + O(nu^2)) \sum |x_i|`: what one addition loses goes into a
    second number.
``exact_sum``
    half a unit in the last place of the result: all digits are kept until the end.

N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, sections 4.2
and 4.3. All but the last work in the dtype of the numbers, whatever is customary: they are
here to be looked at. The losses of this package are added up in double precision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, is_torch, namespace, same_kind
from lossbook.checks import check_float


def running_sums(x: ArrayLike) -> Array:
    r"""All partial sums, from left to right, each rounded to the dtype of the numbers.

    .. math::
        s_1 = x_1, \qquad s_i = \operatorname{fl}(s_{i-1} + x_i)

    Parameters
    ----------
    x
        The numbers; floats of any shape, taken in their order.

    Returns
    -------
    Array
        As many sums; the last one is what a plain loop finds.

    Raises
    ------
    TypeError
        If the numbers are no floats.

    Examples
    --------
    >>> import numpy as np
    >>> running_sums(np.array([1.0, 2.0, 4.0]))
    array([1., 3., 7.])
    >>> float(running_sums(np.ones(5000, dtype=np.float16))[-1])
    2048.0

    Notes
    -----
    ``np.sum`` and ``torch.sum`` do better than this (NumPy not along every axis). Chapter 9.
    """
    x = _sequence(x)
    if not is_torch(x):
        return _quietly(np.add.accumulate, x)
    sums, total = [], x.new_zeros(())
    for number in x.detach():  # torch.cumsum has a wider sum inside
        total = total + number
        sums.append(total)
    return namespace(x).stack(sums) if sums else x.detach()


def pairwise_sum(x: ArrayLike) -> Array:
    r"""The sum by a tree: neighbors first, then their sums, and so on.

    .. math::
        S(x_1, x_2, x_3, x_4, \dots) = S(x_1 + x_2,\; x_3 + x_4,\; \dots)

    Parameters
    ----------
    x
        The numbers; floats of any shape.

    Returns
    -------
    Array
        One number, in their dtype.

    Raises
    ------
    TypeError
        If the numbers are no floats.

    Examples
    --------
    >>> import numpy as np
    >>> float(pairwise_sum(np.ones(5000, dtype=np.float16)))
    5000.0

    Notes
    -----
    Of tensors the sum can be differentiated. Chapter 9.
    """
    x = _sequence(x)
    xp = namespace(x)
    while x.shape[0] > 1:
        even = x.shape[0] // 2 * 2
        sums = _quietly(xp.add, x[:even:2], x[1:even:2])
        x = xp.concat([sums, x[even:]])
    return xp.sum(x, dtype=x.dtype)[()]  # of one number, or none


def kahan_sum(x: ArrayLike) -> Array:
    r"""The running sum that carries along what each addition loses.

    .. math::
        y = x_i - c, \qquad t = s + y, \qquad c = (t - s) - y, \qquad s = t

    Parameters
    ----------
    x
        The numbers; floats of any shape, taken in their order. One Python step for each.

    Returns
    -------
    Array
        One number, in their dtype. Infinities among them may give nan.

    Raises
    ------
    TypeError
        If the numbers are no floats.

    Examples
    --------
    >>> import numpy as np
    >>> float(kahan_sum(np.ones(5000, dtype=np.float16)))
    5000.0
    >>> float(kahan_sum(np.array([1.0, 1e100, 1.0, -1e100])))
    0.0

    Notes
    -----
    W. Kahan, *Further remarks on reducing truncation errors*, 1965. The second example is
    beyond it, and within :func:`neumaier_sum`. Chapter 9.
    """
    x = _sequence(x)
    total = lost = _zero(x)
    with np.errstate(all="ignore"):
        for number in x:
            more = number - lost
            new = total + more
            lost = (new - total) - more  # what of more did not get into new, with its sign turned
            total = new
    return total


def neumaier_sum(x: ArrayLike) -> Array:
    r"""Kahan's idea, right also where a number is larger than the sum so far.

    .. math::
        t = s + x_i, \qquad
        c \mathrel{+}= \begin{cases}
        (s - t) + x_i & |s| \ge |x_i| \\ (x_i - t) + s & \text{else}
        \end{cases}, \qquad s = t

    Parameters
    ----------
    x
        The numbers; floats of any shape, taken in their order. One Python step for each.

    Returns
    -------
    Array
        One number, s + c, in their dtype. Infinities among them may give nan.

    Raises
    ------
    TypeError
        If the numbers are no floats.

    Examples
    --------
    >>> import numpy as np
    >>> float(neumaier_sum(np.array([1.0, 1e100, 1.0, -1e100])))
    2.0

    Notes
    -----
    A. Neumaier, *Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen*,
    ZAMM 54, 1974. Chapter 9.
    """
    x = _sequence(x)
    total = lost = _zero(x)
    with np.errstate(all="ignore"):
        for number in x:
            new = total + number
            large, small = (total, number) if abs(total) >= abs(number) else (number, total)
            lost = lost + ((large - new) + small)  # exactly what the addition has lost
            total = new
        return total + lost


def exact_sum(x: ArrayLike) -> Array:
    r"""The sum as if nothing were rounded but the result, to double precision and their dtype.

    .. math::
        s = \operatorname{fl}\Bigl(\sum_i x_i\Bigr)

    Parameters
    ----------
    x
        The numbers; floats of any shape.

    Returns
    -------
    Array
        One number, in their dtype; inf, -inf or nan where the sum is.

    Raises
    ------
    TypeError
        If the numbers are no floats.

    Examples
    --------
    >>> import numpy as np
    >>> float(exact_sum(np.full(10, 0.1))), float(sum([0.1] * 10))
    (1.0, 0.9999999999999999)

    Notes
    -----
    By :func:`math.fsum`. J. R. Shewchuk, *Adaptive precision floating-point arithmetic and fast
    robust geometric predicates*, 1997. Chapter 9.
    """
    x = _sequence(x)
    total = namespace(x).full_like(_zero(x), 0.0, dtype=namespace(x).float64)
    total = total + _exactly(x.tolist())
    return _quietly(cast, total, x.dtype)[()]


def _exactly(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers)
    except ValueError:  # inf and -inf
        return math.nan
    except OverflowError:  # on the way, or at the end
        from fractions import Fraction  # seldom needed, and as slow to import as half the package

        total = sum(map(Fraction, numbers))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def _sequence(x: ArrayLike) -> Array:
    (x,) = same_kind(x=x)
    check_float("x", x)
    return x.reshape(-1)


def _zero(x: Array) -> Array:
    return x.new_zeros(()) if is_torch(x) else x.dtype.type(0)


def _quietly(function: Any, *arrays: Any) -> Any:
    with np.errstate(all="ignore"):  # a sum that is too large is inf
        return function(*arrays)
