"""The contrastive loss of a pair, with its two conventions for the label, each by name.

:func:`contrastive_loss` takes ``similar``: 1 for a pair that belongs together, as most code
does. :func:`hadsell_loss` takes ``dissimilar``: 0 for such a pair, as the paper does, and
has the paper's factor of one half. With the label turned around the two differ by that factor.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, as_near, as_number, same_kind, times
from lossbook.checks import check_float, check_number, check_real, check_same_shape, check_within
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import Rule, rule


@public
def contrastive_loss(
    distances: ArrayLike,
    similar: ArrayLike,
    *,
    margin: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Contrastive loss of pairs whose label says that they are similar.

    .. math::
        \ell(d, y) = y\, d^2 + (1 - y) \max(0, m - d)^2

    Parameters
    ----------
    distances
        Distances d of the pairs, at least 0; floats of any shape.
    similar
        Labels y, same shape: 1 for a pair that is to come together, 0 for one that is to be
        at least the margin apart; also any number between.
    margin
        The distance m > 0 from which a dissimilar pair is left alone.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If ``distances`` is not a floating-point array or negative, libraries are mixed,
        the shapes differ, a label lies outside [0, 1], or the margin is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> contrastive_loss(np.array([0.4, 0.4, 1.2]), np.array([1, 0, 0]), reduction="none")
    array([0.16, 0.36, 0.  ])

    Notes
    -----
    The derivative is :math:`2 y d - 2 (1 - y) \max(0, m - d)`. :func:`hadsell_loss` is the same
    with the label the other way round, and half as large. Chapter 8.
    """
    args = ("similar", distances, similar, margin, weights, where, reduction)
    return _prepare(contrastive_loss_rule, *args)


@rule("element")
def contrastive_loss_rule(xp, d, y, *, margin):
    gap = xp.maximum(margin - d, 0.0)

    def value():
        return times(xp, times(xp, y, d), d) + (1 - y) * gap * gap

    def slope():
        return 2 * (times(xp, y, d) - (1 - y) * gap)

    return value, slope


@public
def hadsell_loss(
    distances: ArrayLike,
    dissimilar: ArrayLike,
    *,
    margin: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Contrastive loss as its paper writes it: the label says that a pair is dissimilar.

    .. math::
        \ell(d, Y) = \tfrac12 (1 - Y)\, d^2 + \tfrac12 Y \max(0, m - d)^2

    Parameters
    ----------
    distances
        Distances d of the pairs, at least 0; floats of any shape.
    dissimilar
        Labels Y, same shape: 0 for a pair that is to come together, 1 for one that is to be
        at least the margin apart; also any number between.
    margin
        The distance m > 0 from which a dissimilar pair is left alone.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If ``distances`` is not a floating-point array or negative, libraries are mixed,
        the shapes differ, a label lies outside [0, 1], or the margin is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> hadsell_loss(np.array([0.4, 0.4, 1.2]), np.array([0, 1, 1]), reduction="none")
    array([0.08, 0.18, 0.  ])

    Notes
    -----
    The derivative is :math:`(1 - Y) d - Y \max(0, m - d)`. R. Hadsell, S. Chopra and Y. LeCun,
    *Dimensionality reduction by learning an invariant mapping*, 2006. Chapter 8.
    """
    args = ("dissimilar", distances, dissimilar, margin, weights, where, reduction)
    return _prepare(hadsell_loss_rule, *args)


@rule("element")
def hadsell_loss_rule(xp, d, y, *, margin):
    gap = xp.maximum(margin - d, 0.0)

    def value():
        return times(xp, times(xp, 0.5 * (1 - y), d), d) + 0.5 * y * gap * gap

    def slope():
        return times(xp, 1 - y, d) - y * gap

    return value, slope


def _prepare(
    rule: Rule, name: str, distances, labels, margin, weights, where, reduction
) -> Prepared:
    """The checks that both conventions share; ``name`` is what the label says."""
    distances, labels, weights, where = same_kind(
        **{"distances": distances, name: labels}, weights=weights, where=where
    )
    check_float("distances", distances)
    check_real(name, labels)
    check_same_shape(**{"distances": distances, name: labels})
    check_within("distances", distances, 0, float("inf"), where=where, nan=True)
    check_within(name, labels, 0, 1, where=where)
    params = {"margin": as_near(check_number("margin", margin, 0, open_low=True), distances)}
    return Prepared(rule, (distances, as_number(labels)), params, weights, where, reduction)
