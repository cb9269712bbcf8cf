"""The triplet loss, with distances and with squared distances, and the mining of triplets.

Mining gives three arrays of row numbers, anchors, positives and negatives, to pick the rows of
a batch with: ``triplet_loss(x[a], x[p], x[n])``. It looks at distances without a gradient.
"""

from __future__ import annotations

from lossbook.arrays import (
    Array,
    ArrayLike,
    as_near,
    as_number,
    constant,
    is_integer,
    namespace,
    same_kind,
)
from lossbook.checks import (
    check_float,
    check_number,
    check_real,
    check_row,
    check_same_shape,
    label_array,
)
from lossbook.contrastive.vectors import finite, scaled, sum_of_squares
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import Rule, quiet, rule

Triplets = tuple[Array, Array, Array]


@public
def triplet_loss(
    anchors: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    margin: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Triplet loss with distances: the negative is to be a margin farther than the positive.

    .. math::
        \ell(a, p, n) = \max(0, \lVert a - p \rVert - \lVert a - n \rVert + m)

    Parameters
    ----------
    anchors, positives, negatives
        Vectors a, p, n along ``axis``; floats of the same shape.
    margin
        The margin m > 0.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each triplet.
    axis
        The axis of the components.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each triplet.

    Raises
    ------
    TypeError, ValueError
        If ``anchors`` is not a floating-point array, libraries are mixed, the shapes differ,
        or the margin is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> a, p, n = np.array([[0.0]]), np.array([[0.5]]), np.array([[0.6]])
    >>> triplet_loss(a, p, n, margin=0.2, reduction="none").round(12)
    array([0.1])

    Notes
    -----
    In the anchor the derivative is the direction from p to a less that from n to a; 0 where the
    loss is 0. Where all three coincide it is 0 too, and the loss stays at m. Chapter 8.
    """
    args = (anchors, positives, negatives, margin, weights, where, reduction, axis)
    return _prepare(triplet_loss_rule, *args)


@rule("row", wrt=3)
def triplet_loss_rule(xp, a, p, n, *, margin):
    (to_p, of_p, top_p), (to_n, of_n, top_n) = scaled(xp, a - p), scaled(xp, a - n)
    far, near = finite(xp, top_p * of_p), finite(xp, top_n * of_n)
    loss = xp.maximum(far - near + margin, 0.0)

    def value():
        return loss[:, 0]

    def slope():  # what is over infinity is 0; nan if the loss is nan
        idle, lost = loss == 0, xp.isnan(loss)
        reach = (xp.where(idle, xp.inf, xp.where(lost, loss, of)) for of in (of_p, of_n))
        pull, push = to_p / next(reach), to_n / next(reach)
        return pull - push, lambda: -pull, lambda: push

    return value, slope


@public
def squared_triplet_loss(
    anchors: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    margin: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Triplet loss with squared distances, as in FaceNet.

    .. math::
        \ell(a, p, n) = \max(0, \lVert a - p \rVert^2 - \lVert a - n \rVert^2 + m)

    Parameters
    ----------
    anchors, positives, negatives
        Vectors a, p, n along ``axis``; floats of the same shape.
    margin
        The margin m > 0.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each triplet.
    axis
        The axis of the components.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each triplet.

    Raises
    ------
    TypeError, ValueError
        If ``anchors`` is not a floating-point array, libraries are mixed, the shapes differ,
        or the margin is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> a, p, n = np.array([[0.0]]), np.array([[0.5]]), np.array([[0.6]])
    >>> squared_triplet_loss(a, p, n, margin=0.2, reduction="none").round(12)
    array([0.09])

    Notes
    -----
    The derivatives are :math:`2(n - p)` in a, :math:`2(p - a)` in p and :math:`2(a - n)` in n, 0
    where the loss is 0; they sum to 0. F. Schroff, D. Kalenichenko and J. Philbin, *FaceNet*,
    2015, section 3.1. Chapter 8.
    """
    args = (anchors, positives, negatives, margin, weights, where, reduction, axis)
    return _prepare(squared_triplet_loss_rule, *args)


@rule("row", wrt=3)
def squared_triplet_loss_rule(xp, a, p, n, *, margin):
    far, near = (finite(xp, sum_of_squares(xp, a - x)) for x in (p, n))
    loss = xp.maximum(far - near + margin, 0.0)

    def value():
        return loss

    def slope():
        idle, zero = (loss == 0)[:, None], 0 * loss[:, None]  # nan if the loss is nan
        return tuple(xp.where(idle, 0.0, 2 * s + zero) for s in (n - p, p - a, a - n))

    return value, slope


def _prepare(
    rule: Rule, anchors, positives, negatives, margin, weights, where, reduction, axis
) -> Prepared:
    """The checks that both losses share."""
    rest = {"positives": positives, "negatives": negatives}
    anchors, *others, weights, where = same_kind(
        anchors=anchors, **rest, weights=weights, where=where
    )
    check_row("anchors", anchors, axis)
    for name, x in zip(rest, others, strict=True):
        check_real(name, x)
        check_same_shape(**{"anchors": anchors, name: x})
    params = {"margin": as_near(check_number("margin", margin, 0, open_low=True), anchors)}
    inputs = (anchors, *(as_number(x) for x in others))
    return Prepared(rule, inputs, params, weights, where, reduction, axis)


# ------------------------------------------------------------------------- mining
def all_triplets(labels: ArrayLike) -> Triplets:
    r"""Every triplet of a batch: two rows of one label, and one of another.

    .. math::
        y_a = y_p \ne y_n, \qquad a \ne p

    Parameters
    ----------
    labels
        Integers, one for each row of the batch.

    Returns
    -------
    anchors, positives, negatives
        Row numbers, one of each for each triplet; a batch of N has up to N³ of them.

    Raises
    ------
    TypeError, ValueError
        If the labels are no integers, or not one row of them.

    Examples
    --------
    >>> import numpy as np
    >>> a, p, n = all_triplets(np.array([0, 0, 1]))
    >>> a.tolist(), p.tolist(), n.tolist()
    ([0, 1], [1, 0], [2, 2])

    Notes
    -----
    Chapter 8.
    """
    same, other = _partners(_checked_labels(labels))
    return tuple(namespace(same).nonzero(same[:, :, None] & other[:, None, :]))


def hardest_triplets(distances: ArrayLike, labels: ArrayLike) -> Triplets:
    r"""For each anchor its farthest positive and its nearest negative ("batch hard").

    .. math::
        p = \arg\max_{y_i = y_a} d(a, i), \qquad n = \arg\min_{y_i \ne y_a} d(a, i)

    Parameters
    ----------
    distances
        Distances of all rows of a batch from each other, shape (N, N), of any kind that grows
        with the distance.
    labels
        Integers, one for each row of the batch.

    Returns
    -------
    anchors, positives, negatives
        Row numbers. A row without a positive or without a negative is no anchor.

    Raises
    ------
    TypeError, ValueError
        If the labels are no integers, or the shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 3.0, 4.0])
    >>> a, p, n = hardest_triplets(abs(x[:, None] - x), np.array([0, 0, 0, 1]))
    >>> a.tolist(), p.tolist(), n.tolist()
    ([0, 1, 2], [2, 2, 0], [3, 3, 3])

    Notes
    -----
    A. Hermans, L. Beyer and B. Leibe, *In defense of the triplet loss*, 2017. Chapter 8.
    """
    distances, same, other = _checked(distances, labels)
    xp = namespace(distances)
    (anchors,) = xp.nonzero(xp.any(same, axis=1) & xp.any(other, axis=1))
    if 0 in anchors.shape:
        return anchors, anchors, anchors
    largest = float(xp.finfo(distances.dtype).max)  # infinity is for those that are no candidates
    far = xp.argmax(xp.where(same, xp.clip(distances, min=-largest), -xp.inf), axis=1)
    near = xp.argmin(xp.where(other, xp.clip(distances, max=largest), xp.inf), axis=1)
    return anchors, far[anchors], near[anchors]


def semi_hard_triplets(distances: ArrayLike, labels: ArrayLike, *, margin: float = 1.0) -> Triplets:
    r"""For each pair of one label the nearest negative beyond it, if within the margin.

    .. math::
        d(a, p) < d(a, n) < d(a, p) + m

    Parameters
    ----------
    distances
        Distances of all rows of a batch from each other, shape (N, N); squared ones for
        :func:`squared_triplet_loss`.
    labels
        Integers, one for each row of the batch.
    margin
        The margin m > 0 of the loss.

    Returns
    -------
    anchors, positives, negatives
        Row numbers. A pair without such a negative is left out.

    Raises
    ------
    TypeError, ValueError
        If the labels are no integers, or the shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 1.5, 9.0])
    >>> a, p, n = semi_hard_triplets(abs(x[:, None] - x), np.array([0, 0, 1, 1]))
    >>> a.tolist(), p.tolist(), n.tolist()
    ([0, 3], [1, 2], [2, 1])

    Notes
    -----
    F. Schroff, D. Kalenichenko and J. Philbin, *FaceNet*, 2015, section 3.2. Chapter 8.
    """
    distances, same, other = _checked(distances, labels)
    margin = check_number("margin", margin, 0, open_low=True)
    xp = namespace(distances)
    anchors, positives = xp.nonzero(same)
    if 0 in anchors.shape:
        return anchors, positives, anchors
    own, rows = distances[anchors, positives][:, None], distances[anchors]
    with quiet(distances):
        fit = other[anchors] & (rows > own) & (rows < own + margin)
    (found,) = xp.nonzero(xp.any(fit, axis=1))
    near = xp.argmin(xp.where(fit, rows, xp.inf), axis=1)
    return anchors[found], positives[found], near[found]


def _checked(distances: ArrayLike, labels: ArrayLike) -> Triplets:
    distances, labels = same_kind(distances=distances, labels=label_array(labels, distances))
    check_float("distances", distances)
    labels = _checked_labels(labels)
    expected = (labels.shape[0],) * 2
    if tuple(distances.shape) != expected:
        raise ValueError(f"distances must have the shape {expected}, got {tuple(distances.shape)}")
    return constant(distances), *_partners(labels)


def _checked_labels(labels: ArrayLike) -> Array:
    (labels,) = same_kind(labels=label_array(labels, labels))
    if labels is None or not is_integer(labels):
        raise TypeError(f"labels must be integers, got {getattr(labels, 'dtype', labels)}")
    if labels.ndim != 1:
        raise ValueError(f"labels must have the shape (N,), got {tuple(labels.shape)}")
    return labels


def _partners(labels: Array) -> tuple[Array, Array]:
    """Which rows are positives of which, and which negatives."""
    same = labels[:, None] == labels[None, :]
    numbers = namespace(labels).arange(labels.shape[0], device=labels.device)
    return same & (numbers[:, None] != numbers[None, :]), ~same
