"""Wasserstein-1 distance on a line (chapter 5): how far the mass must be moved.

Unlike the divergences it knows which values are close to which, and is finite and has a
slope where the supports don't overlap.
"""

from __future__ import annotations

import numpy as np

from lossbook.arrays import (
    Array,
    ArrayLike,
    cast,
    constant,
    namespace,
    same_kind,
    wide_dtype,
    working_dtype,
)
from lossbook.checks import (
    LARGEST,
    check_float,
    check_row,
    check_same_shape,
    check_simplex,
    check_within,
)


def wasserstein(p: ArrayLike, q: ArrayLike, positions: ArrayLike) -> Array:
    r"""Wasserstein-1 distance of two distributions on the same points of a line.

    .. math::
        W_1(p, q) = \int |F_p(t) - F_q(t)|\, dt
        = \sum_{j=0}^{K-2} (t_{j+1} - t_j) \Bigl| \sum_{i \le j} (p_i - q_i) \Bigr|

    Parameters
    ----------
    p, q
        Probabilities in [0, 1] that sum to 1 along the last axis; floats of the same shape.
    positions
        The K points t, in rising order.

    Returns
    -------
    Array
        One distance for each row, in the unit of the positions.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array, libraries are mixed, the shapes
        don't fit, a row is no distribution, or the positions don't rise.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([1.0, 0.0, 0.0]), np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> wasserstein(np.stack([p, p]), q, np.array([0.0, 1.0, 5.0]))
    array([1., 5.])

    Notes
    -----
    The derivative for :math:`p_i` is the sum of :math:`(t_{j+1} - t_j)` times the sign of the
    inner sum, over j from i on. C. Villani, *Topics in optimal transportation*, 2003,
    section 2.2. Chapter 5.
    """
    p, q, positions = same_kind(p=p, q=q, positions=positions)
    for name, x in (("p", p), ("q", q)):
        check_row(name, x, -1)
        check_simplex(name, x, -1, nan=True)
    check_same_shape(p=p, q=q)
    check_float("positions", positions)
    if tuple(positions.shape) != (p.shape[-1],):
        raise ValueError(
            f"positions must have the shape {(p.shape[-1],)}, got {tuple(positions.shape)}"
        )
    xp, wide = namespace(p), wide_dtype(p)
    check_within("positions", positions, -LARGEST, LARGEST)
    steps = cast(positions, wide_dtype(positions))
    steps = steps[1:] - steps[:-1]
    if not bool(xp.all(steps > 0)):
        raise ValueError(f"positions must be in rising order, got {positions.tolist()}")
    with np.errstate(all="ignore"):
        ahead = xp.cumulative_sum(cast(p, wide) - cast(q, wide), axis=-1)[..., :-1]
        return cast(xp.sum(xp.abs(ahead) * cast(steps, wide), axis=-1), p.dtype)[()]


def wasserstein_of_samples(a: ArrayLike, b: ArrayLike) -> Array:
    r"""Wasserstein-1 distance of two samples of numbers.

    .. math::
        W_1 = \int |F_a(t) - F_b(t)|\, dt, \qquad \text{for } N \text{ each: }
        \frac1N \sum_i |a_{(i)} - b_{(i)}|

    Parameters
    ----------
    a, b
        Samples, of one axis; floats, not necessarily as many.

    Returns
    -------
    Array
        The distance, in the unit of the samples.

    Raises
    ------
    TypeError, ValueError
        If an input is not a floating-point array of one axis with at least one entry, or
        libraries are mixed.

    Examples
    --------
    >>> import numpy as np
    >>> float(wasserstein_of_samples(np.array([0.0, 2.0]), np.array([5.0, 3.0])))
    3.0

    Notes
    -----
    In the formula :math:`a_{(i)}` is the i-th smallest. C. Villani, *Topics in optimal
    transportation*, 2003, section 2.2. Chapter 5.
    """
    a, b = same_kind(a=a, b=b)
    for name, x in (("a", a), ("b", b)):
        check_row(name, x, -1)
        if x.ndim != 1:
            raise ValueError(f"{name} must have one axis, got the shape {tuple(x.shape)}")
    xp, dtype, like = namespace(a), working_dtype(a), a.dtype
    a, b = (xp.sort(cast(x, dtype)) for x in (a, b))
    both = xp.sort(xp.concat([a, b]))
    # how many of each sample lie up to each number: whole numbers, so their difference is exact
    places = constant(both[:-1])
    of_a, of_b = (xp.searchsorted(constant(x), places, side="right") for x in (a, b))
    ahead = xp.abs(of_a * b.shape[0] - of_b * a.shape[0])
    share = xp.astype(ahead, dtype) / (a.shape[0] * b.shape[0])
    with np.errstate(all="ignore"):
        return cast(xp.sum(share * (both[1:] - both[:-1])), like)[()]
