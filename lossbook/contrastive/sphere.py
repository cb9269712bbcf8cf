"""What a contrastive loss asks of embeddings on the sphere: alignment and uniformity."""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, cast, namespace
from lossbook.checks import check_number
from lossbook.contrastive.batches import batch, quietly
from lossbook.contrastive.pairwise import cosines
from lossbook.contrastive.vectors import euclidean_distance, normalize, squared_distance
from lossbook.reduction import Reduction
from lossbook.softmax import logsumexp


@quietly
def alignment(
    first: ArrayLike,
    second: ArrayLike,
    *,
    power: float = 2.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""How far apart the two embeddings of a positive pair are.

    .. math::
        \ell_i = \lVert u_i - v_i \rVert^\alpha

    Parameters
    ----------
    first, second
        Embeddings of the pairs, floats of shape (N, d) each; u and v are their directions.
    power
        The number :math:`\alpha \ge 1`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one number for each pair.

    Returns
    -------
    Array
        The reduced number, 0 at best; with ``reduction="none"`` one for each pair.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, libraries are mixed, shapes differ, or the power is
        less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> float(alignment(np.array([[1.0, 0.0]]), np.array([[0.0, 5.0]])).round(12))
    2.0

    Notes
    -----
    T. Wang and P. Isola, *Understanding contrastive representation learning through alignment
    and uniformity on the hypersphere*, 2020. Chapter 8.
    """
    both = batch(weights, where, first=first, second=second)
    power = check_number("power", power, 1)
    u, v = (normalize(x) for x in both.rows)
    if power == 2:  # whose second derivative is not lost where u and v coincide
        return both.reduced(squared_distance(u, v), reduction)
    return both.reduced(euclidean_distance(u, v) ** power, reduction)


@quietly
def uniformity(
    embeddings: ArrayLike, *, sharpness: float = 2.0, where: ArrayLike | None = None
) -> Array:
    r"""How evenly embeddings are spread over the sphere: the lower the more evenly.

    .. math::
        \ln \frac{2}{N (N - 1)} \sum_{i < j} e^{-t \lVert u_i - u_j \rVert^2}

    It is one number for the whole batch, not a mean of losses, so there is no ``reduction``.

    Parameters
    ----------
    embeddings
        Embeddings, floats of shape (N, d); u are their directions.
    sharpness
        The number :math:`t > 0`.
    where
        Booleans, one for each row; False leaves a row out.

    Returns
    -------
    Array
        One number between -4 t and 0; 0 if all coincide, or fewer than two rows are left.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats of shape (N, d), or the sharpness is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> float(uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])))
    -8.0

    Notes
    -----
    T. Wang and P. Isola, *Understanding contrastive representation learning through alignment
    and uniformity on the hypersphere*, 2020. Chapter 8.
    """
    rows = batch(None, where, embeddings=embeddings)
    t = check_number("sharpness", sharpness, 0, open_low=True)
    xp, numbers = namespace(rows.rows[0]), rows.numbers()
    pairs = numbers[:, None] < numbers[None, :]
    if rows.where is not None:
        pairs = pairs & rows.where[:, None] & rows.columns()
    exponents = t * (2 * (cosines(rows.rows[0]) - 1))
    if rows.size < 2:
        return cast(xp.sum(exponents * 0.0), rows.dtype)[()]
    total = logsumexp(exponents.reshape(-1), where=pairs.reshape(-1))
    count = xp.sum(pairs, dtype=exponents.dtype)
    none = count == 0
    mean = xp.where(none, 0.0, total) - xp.log(xp.where(none, 1.0, count))
    return cast(mean, rows.dtype)[()]
