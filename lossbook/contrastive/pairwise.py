"""Every vector of one batch against every vector of another: distances and cosines.

Distances are taken from differences, never as :math:`\\lVert a \\rVert^2 + \\lVert b \\rVert^2 -
2 a^\\top b`, in which two near neighbors far from the origin lose all their digits. The
differences are formed for a few rows at a time, so memory stays near that of the result.
"""

from __future__ import annotations

from collections.abc import Callable

from lossbook.arrays import Array, ArrayLike, cast, constant, namespace, wide_dtype
from lossbook.contrastive.batches import embeddings
from lossbook.contrastive.vectors import euclidean_distance, normalize, squared_distance

DIFFERENCES = 2**20
"""How many differences are formed at a time."""


def pairwise_distances(a: ArrayLike, b: ArrayLike | None = None) -> Array:
    r"""Euclidean distance of each vector of ``a`` from each of ``b``.

    .. math::
        D_{ij} = \lVert a_i - b_j \rVert

    Parameters
    ----------
    a
        N vectors of d components; floats of shape (N, d).
    b
        M vectors, shape (M, d); ``a`` itself if None.

    Returns
    -------
    Array
        The distances, shape (N, M). In torch the derivative is 0 where two vectors coincide.

    Raises
    ------
    TypeError, ValueError
        If the inputs are no floats, libraries are mixed, or the shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> pairwise_distances(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([[0., 5.],
           [5., 0.]])

    Notes
    -----
    Chapter 8.
    """
    return _over_pairs(euclidean_distance, a, b)


def pairwise_squared_distances(a: ArrayLike, b: ArrayLike | None = None) -> Array:
    r"""Squared Euclidean distance of each vector of ``a`` from each of ``b``.

    .. math::
        D^2_{ij} = \lVert a_i - b_j \rVert^2

    Parameters
    ----------
    a
        N vectors of d components; floats of shape (N, d).
    b
        M vectors, shape (M, d); ``a`` itself if None.

    Returns
    -------
    Array
        The squared distances, shape (N, M).

    Raises
    ------
    TypeError, ValueError
        If the inputs are no floats, libraries are mixed, or the shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> pairwise_squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([[ 0., 25.],
           [25.,  0.]])

    Notes
    -----
    Chapter 8.
    """
    return _over_pairs(squared_distance, a, b)


def _over_pairs(distance: Callable[..., Array], a: ArrayLike, b: ArrayLike | None) -> Array:
    """A distance of all pairs, a few rows of ``a`` at a time."""
    given = {"a": a} if b is None else {"a": a, "b": b}
    found = embeddings(**given)
    a, b = found if b is not None else found * 2
    xp, (rows, width), columns = namespace(a), a.shape, b.shape[0]
    step = max(1, DIFFERENCES // max(1, columns * width))
    parts = []
    for start in range(0, max(1, rows), step):
        some = a[start : start + step]
        shape = (some.shape[0], columns, width)
        parts.append(
            distance(xp.broadcast_to(some[:, None], shape), xp.broadcast_to(b[None], shape))
        )
    return parts[0] if len(parts) == 1 else xp.concat(parts)


def pairwise_cosines(a: ArrayLike, b: ArrayLike | None = None) -> Array:
    r"""Cosine of the angle between each vector of ``a`` and each of ``b``.

    .. math::
        S_{ij} = \frac{a_i^\top b_j}{\lVert a_i \rVert\, \lVert b_j \rVert}

    Parameters
    ----------
    a
        N vectors of d components; floats of shape (N, d).
    b
        M vectors, shape (M, d); ``a`` itself if None.

    Returns
    -------
    Array
        Numbers in [-1, 1], shape (N, M), computed in double precision and rounded once; 0
        for a vector of length 0.

    Raises
    ------
    TypeError, ValueError
        If the inputs are no floats, libraries are mixed, or the shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> pairwise_cosines(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([[0.6],
           [0. ]])

    Notes
    -----
    Chapter 8.
    """
    given = {"a": a} if b is None else {"a": a, "b": b}
    found = embeddings(**given)
    wide = (cast(x, wide_dtype(x)) for x in found)
    return cast(cosines(*wide), found[0].dtype)


def cosines(a: Array, b: Array | None = None) -> Array:
    """The matrix of cosines in the dtype of its rows, which no rounding takes beyond 1."""
    xp, u = namespace(a), normalize(a)
    s = xp.matmul(u, xp.matrix_transpose(u if b is None else normalize(b)))
    return s - constant(s - xp.maximum(xp.minimum(s, 1.0), -1.0))  # autograd sees s
