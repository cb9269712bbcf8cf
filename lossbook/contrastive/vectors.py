"""Lengths, directions and distances of vectors: one row, or one row against another.

Each row is divided by its largest entry before anything is squared, so nothing overflows or
underflows that the result itself could hold. A vector of length 0 has no direction: it is
normalized to zeros, its cosine with anything is 0, and so are its derivatives.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_number,
    cast,
    constant,
    plain_cpu,
    same_kind,
    wide_dtype,
)
from lossbook.checks import check_real, check_row, check_same_shape
from lossbook.driver import Prepared, public
from lossbook.rule import Rule, rule


@public
def norm(vectors: ArrayLike, *, axis: int = -1) -> Array:
    r"""Euclidean length of each vector.

    .. math::
        \lVert x \rVert = \sqrt{\sum_j x_j^2}

    Parameters
    ----------
    vectors
        Vectors x along ``axis``; floats.
    axis
        The axis of the components.

    Returns
    -------
    Array
        One number for each vector: the shape of ``vectors`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``vectors`` is not a floating-point array with at least one component.

    Examples
    --------
    >>> import numpy as np
    >>> norm(np.array([[3e200, 4e200], [0.0, 0.0]]))
    array([5.e+200, 0.e+000])

    Notes
    -----
    The derivative is the direction :math:`x/\lVert x \rVert`, taken as 0 where x is 0. Chapter 8.
    """
    (vectors,) = same_kind(vectors=vectors)
    check_row("vectors", vectors, axis)
    return Prepared(norm_rule, (vectors,), axis=axis)


@rule("row")
def norm_rule(xp, x):
    d, root, top = scaled(xp, x)
    return lambda: (top * root)[:, 0], lambda: d / root


def scaled(xp: Any, x: Array) -> tuple[Array, Array, Array]:
    """Each row over its largest entry, the length of that (1 for zeros), and that entry."""
    top = constant(xp.max(xp.abs(x), axis=-1, keepdims=True))
    largest = float(xp.finfo(x.dtype).max)
    d = xp.clip(x, -largest, largest) / unit_of(xp, top)  # inf over inf is nan
    total = xp.sum(d * d, axis=-1, keepdims=True, dtype=wide_dtype(d))  # no square overflows
    root = xp.sqrt(xp.where(total == 0, 1.0, total))
    return d, xp.astype(root, d.dtype), top


def unit_of(xp: Any, top: Array) -> Array:
    """What a row is divided by: its largest entry, if that is a finite number but 0.

    0 over infinity is 0, and so is its derivative.
    """
    return xp.where(top == 0, xp.inf, finite(xp, top))


def finite(xp: Any, x: Array) -> Array:
    """The largest number there is in place of infinity: inf - inf is not a distance."""
    return xp.minimum(x, float(xp.finfo(x.dtype).max))


@public
def normalize(vectors: ArrayLike, *, axis: int = -1) -> Array:
    r"""Each vector divided by its length: its direction, a point of the unit sphere.

    .. math::
        u = \frac{x}{\lVert x \rVert}

    Parameters
    ----------
    vectors
        Vectors x along ``axis``; floats.
    axis
        The axis of the components.

    Returns
    -------
    Array
        Vectors of length 1, shaped like ``vectors``; zeros where a vector is 0.

    Raises
    ------
    TypeError, ValueError
        If ``vectors`` is not a floating-point array with at least one component.

    Examples
    --------
    >>> import numpy as np
    >>> normalize(np.array([[3e-200, 4e-200], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])

    Notes
    -----
    The Jacobian is :math:`(I - u u^\top)/\lVert x \rVert`, which has no limit as x goes to 0; at
    0 it is taken as 0. Chapter 8.
    """
    (vectors,) = same_kind(vectors=vectors)
    check_row("vectors", vectors, axis)
    return Prepared(normalize_rule, (vectors,), axis=axis)


@rule("vector")
def normalize_rule(xp, x):
    d, root, top = scaled(xp, x)
    u = d / root

    def value():
        return u

    def slope(g):  # g - u (u g)
        along, unit = u * g, unit_of(xp, top)
        total = xp.sum(along, axis=-1, keepdims=True)
        length, least = root * unit, float(xp.finfo(x.dtype).smallest_normal)
        # a root of 2: no square is more than a quarter, and 1 - u^2 keeps its digits
        clear = (root >= 2) & (length >= least) & (length < xp.inf)
        if plain_cpu(along) and bool(xp.all(clear)):
            return (g - u * total) / length
        best = xp.argmax(xp.abs(constant(d)), axis=-1, keepdims=True)
        first = xp.arange(x.shape[-1], device=x.device) == best
        square = u * u
        rest = xp.where(first, others(xp, first, square), 1 - square)
        pull = xp.where(first, others(xp, first, along), total - along)
        rows = (g * rest - u * pull) / root / unit
        return xp.where(top == 0, 0.0, rows)

    return value, slope


def others(xp: Any, first: Array, a: Array) -> Array:
    """The sum of a row without the entry that ``first`` marks."""
    return xp.sum(xp.where(first, 0.0, a), axis=-1, keepdims=True)


@public
def euclidean_distance(a: ArrayLike, b: ArrayLike, *, axis: int = -1) -> Array:
    r"""Euclidean distance of each vector from its partner.

    .. math::
        d(a, b) = \lVert a - b \rVert = \sqrt{\sum_j (a_j - b_j)^2}

    Parameters
    ----------
    a, b
        Vectors along ``axis``; floats of the same shape.
    axis
        The axis of the components.

    Returns
    -------
    Array
        One number for each pair: the shape of ``a`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``a`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> euclidean_distance(np.array([[1000.0, 1.0]]), np.array([[1000.0, 1.001]])).round(12)
    array([0.001])

    Notes
    -----
    The derivative in a is :math:`(a-b)/d`, taken as 0 where the two coincide; in b it is minus
    that. Chapter 8.
    """
    return _pairs(euclidean_distance_rule, a, b, axis)


@rule("row", wrt=2)
def euclidean_distance_rule(xp, a, b):
    d, root, top = scaled(xp, a - b)
    return lambda: (top * root)[:, 0], lambda: (d / root, -d / root)


@public
def squared_distance(a: ArrayLike, b: ArrayLike, *, axis: int = -1) -> Array:
    r"""Squared Euclidean distance of each vector from its partner.

    .. math::
        d^2(a, b) = \sum_j (a_j - b_j)^2

    Parameters
    ----------
    a, b
        Vectors along ``axis``; floats of the same shape.
    axis
        The axis of the components.

    Returns
    -------
    Array
        One number for each pair: the shape of ``a`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``a`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> squared_distance(np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]]))
    array([25.])

    Notes
    -----
    The derivative in a is :math:`2(a-b)`, in b minus that. Chapter 8.
    """
    return _pairs(squared_distance_rule, a, b, axis)


@rule("row", wrt=2)
def squared_distance_rule(xp, a, b):
    e = a - b
    return lambda: sum_of_squares(xp, e), lambda: (2 * e, -2 * e)


def sum_of_squares(xp: Any, e: Array) -> Array:
    """The squared length of each row, added up in double precision."""
    wide = cast(e, wide_dtype(e))
    return cast(xp.sum(wide * wide, axis=-1), e.dtype)


@public
def cosine_similarity(a: ArrayLike, b: ArrayLike, *, axis: int = -1) -> Array:
    r"""Cosine of the angle between each vector and its partner.

    .. math::
        \cos(a, b) = \frac{a^\top b}{\lVert a \rVert\, \lVert b \rVert}

    Parameters
    ----------
    a, b
        Vectors along ``axis``; floats of the same shape.
    axis
        The axis of the components.

    Returns
    -------
    Array
        One number in [-1, 1] for each pair: the shape of ``a`` without ``axis``.

    Raises
    ------
    TypeError, ValueError
        If ``a`` is not a floating-point array, libraries are mixed, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.array([[1e200, 0.0], [0.0, 0.0]]), np.array([[3e-200, 4e-200], [1.0, 2.0]])
    >>> cosine_similarity(a, b)
    array([0.6, 0. ])

    Notes
    -----
    With :math:`u, v` the two directions the derivative in a is
    :math:`(v - \cos(a, b)\, u)/\lVert a \rVert`: it is at right angles to a. Chapter 8.
    """
    return _pairs(cosine_similarity_rule, a, b, axis)


@rule("row", wrt=2)
def cosine_similarity_rule(xp, a, b):
    (d, of_d, top_d), (e, of_e, top_e) = scaled(xp, a), scaled(xp, b)
    u, v = d / of_d, e / of_e
    wide = xp.sum(u * v, axis=-1, keepdims=True, dtype=wide_dtype(u))
    cosine = xp.astype(wide, u.dtype)

    def value():
        return xp.maximum(xp.minimum(cosine, 1.0), -1.0)[:, 0]  # as far as a cosine goes

    def slope():
        in_a = (v - cosine * u) / of_d / unit_of(xp, top_d)
        in_b = (u - cosine * v) / of_e / unit_of(xp, top_e)
        none = (top_d == 0) | (top_e == 0)
        return xp.where(none, 0.0, in_a), xp.where(none, 0.0, in_b)

    return value, slope


def _pairs(rule: Rule, a: ArrayLike, b: ArrayLike, axis: int) -> Prepared:
    """Check two batches of vectors that belong together, pair by pair."""
    a, b = same_kind(a=a, b=b)
    check_row("a", a, axis)
    check_real("b", b)
    check_same_shape(a=a, b=b)
    return Prepared(rule, (a, as_number(b)), axis=axis)
