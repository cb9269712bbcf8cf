"""Losses of boxes, by how much they overlap (chapter 6).

A box is a row of four numbers x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, along the last axis.
Overlap does not depend on the unit, nor on where the origin is.

Where an edge of one box meets an edge of the other, the overlap has a kink; the slope there is
the mean of the slopes on either side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, namespace, working_dtype
from lossbook.checks import check_broadcasts, check_mask, refuse
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.regression.errors import check_finite, checked
from lossbook.rule import Rule, rule


@public
def iou(predictions: ArrayLike, targets: ArrayLike) -> Array:
    r"""Intersection over union: what two boxes share, of what they cover.

    .. math::
        \operatorname{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|}

    Parameters
    ----------
    predictions
        Boxes A, rows x1, y1, x2, y2; floats of shape (..., 4).
    targets
        Boxes B, same shape: pair by pair, no broadcasting.

    Returns
    -------
    Array
        Numbers from 0 to 1, of shape (...). Two boxes without area have 1 if they
        are equal, as boxes that shrink together, and 0 if no side is.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ or don't end in 4, a box has x1 > x2 or y1 > y2,
        or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(iou(np.array([0.0, 0.0, 2.0, 2.0]), np.array([1.0, 0.0, 3.0, 2.0])))
    0.3333333333333333

    Notes
    -----
    The gradient is minus that of :func:`lossbook.iou_loss`. Chapter 6.
    """
    return _prepare(iou_rule, predictions, targets)


@rule("row")
def iou_rule(xp, a, b):
    x, y = axes(xp, a, b)
    areas = overlap(xp, x, y)

    def value():
        return areas.shared_share

    def slope():
        return -edges(xp, x, y, iou_pulls(x, y, areas), iou_pulls(y, x, areas))

    return value, slope


@public
def iou_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""One less the intersection over union of two boxes.

    .. math::
        \ell(A, B) = 1 - \frac{|A \cap B|}{|A \cup B|}

    Boxes that don't overlap have loss 1 and no gradient, however far apart they are:
    see :func:`lossbook.giou_loss`.

    Parameters
    ----------
    predictions
        Boxes A, rows x1, y1, x2, y2; floats of shape (..., 4).
    targets
        Boxes B, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for boxes.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each pair, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ or don't end in 4, a box has x1 > x2 or y1 > y2,
        or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(iou_loss(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 1.0, 2.0]])))
    0.5

    Notes
    -----
    An edge of A that lies outside of B pulls inwards with :math:`h_A |A \cap B|/|A \cup B|^2`,
    where :math:`h_A` is its length, one inside of B outwards. J. Yu et al., *UnitBox: an
    advanced object detection network*, 2016, takes the logarithm instead. Chapter 6.
    """
    return _prepare(iou_loss_rule, predictions, targets, weights, where, reduction)


@rule("row")
def iou_loss_rule(xp, a, b):
    x, y = axes(xp, a, b)
    areas = overlap(xp, x, y)

    def value():
        return areas.only_one_share

    def slope():
        return edges(xp, x, y, iou_pulls(x, y, areas), iou_pulls(y, x, areas))

    return value, slope


@public
def giou_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""One less the generalized intersection over union: it has a gradient at a distance too.

    .. math::
        \ell(A, B) = 1 - \frac{|A \cap B|}{|A \cup B|} + \frac{|C| - |A \cup B|}{|C|}

    C is the hull, the smallest box around both.

    Parameters
    ----------
    predictions
        Boxes A, rows x1, y1, x2, y2; floats of shape (..., 4).
    targets
        Boxes B, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`, for boxes.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each pair: 0 for equal
        boxes, 1 for boxes side by side that fill their hull, nearly 2 far apart.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ or don't end in 4, a box has x1 > x2 or y1 > y2,
        or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> box, other = np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[2.0, 0.0, 3.0, 1.0]])
    >>> float(giou_loss(box, other))
    1.3333333333333333

    Notes
    -----
    The part of the hull that neither box covers is a sum of products of lengths, so that
    nothing is subtracted. H. Rezatofighi et al., *Generalized intersection over union*, 2019,
    section 3. Chapter 6.
    """
    return _prepare(giou_loss_rule, predictions, targets, weights, where, reduction)


@rule("row")
def giou_loss_rule(xp, a, b):
    x, y = axes(xp, a, b)
    areas = overlap(xp, x, y)

    def value():
        corners = x.only_a * y.only_b + x.only_b * y.only_a
        between = (x.only_a + x.only_b + x.shared) * y.gap + x.gap
        return areas.only_one_share + (corners + between)

    def slope():
        return edges(xp, x, y, giou_pulls(x, y, areas), giou_pulls(y, x, areas))

    return value, slope


# ------------------------------------------------------------------- one axis at a time
class Axis(NamedTuple):
    """Two intervals A and B, their lengths as shares of the hull of both.

    The hull is made of what only A covers, what only B covers, what they share, and a gap.
    """

    only_a: Array
    only_b: Array
    shared: Array
    gap: Array
    whole_a: Array
    whole_b: Array
    per_unit: Array
    """What a length changes by if an end of A moves by 1."""
    out_low: Array
    """1 where the low end of A lies outside of B, 0 where not, 1/2 where they meet."""
    out_high: Array
    meet: Array
    """1 where the intervals overlap, 0 where they are apart, 1/2 where they touch."""


def axes(xp: Any, a: Array, b: Array) -> tuple[Axis, Axis]:
    """The two axes of the boxes."""
    a, b = a / 2, b / 2  # so that no length overflows
    x = axis(xp, a[:, 0], a[:, 2], b[:, 0], b[:, 2])
    return x, axis(xp, a[:, 1], a[:, 3], b[:, 1], b[:, 3])


def axis(xp: Any, a_low: Array, a_high: Array, b_low: Array, b_high: Array) -> Axis:
    """Lengths as sums of differences that are not negative: none loses its digits."""
    low, high = xp.maximum(a_low, b_low), xp.minimum(a_high, b_high)
    a, b, overlap = a_high - a_low, b_high - b_low, high - low
    hull = xp.maximum(a_high, b_high) - xp.minimum(a_low, b_low)
    point = hull == 0
    unit = xp.where(point, 1.0, hull)

    def full(length):  # two equal points share all, as equal intervals do
        return xp.where(point, 1.0, length / unit)

    return Axis(
        only_a=xp.minimum((low - a_low) + (a_high - high), a) / unit,
        only_b=xp.minimum((low - b_low) + (b_high - high), b) / unit,
        shared=full(xp.maximum(overlap, 0.0)),
        gap=xp.maximum(-overlap, 0.0) / unit,
        whole_a=full(a),
        whole_b=full(b),
        per_unit=xp.where(point, 0.0, xp.minimum(0.5 / unit, xp.finfo(a.dtype).max)),
        out_low=step(xp, b_low - a_low),
        out_high=step(xp, a_high - b_high),
        meet=step(xp, overlap),
    )


def step(xp: Any, t: Array) -> Array:
    """1 for positive numbers, 0 for negative ones, and 1/2 between them."""
    return (1 + xp.sign(t)) / 2


# ------------------------------------------------------------------------------ areas
class Areas(NamedTuple):
    """Areas of two boxes as shares of their hull, and of their union."""

    box_b: Array
    union: Array
    shared_share: Array
    only_one_share: Array


def overlap(xp: Any, x: Axis, y: Axis) -> Areas:
    """Intersection and union; what only one box covers is not found by subtraction."""
    shared, box_b = x.shared * y.shared, x.whole_b * y.whole_b
    only_a = x.only_a * y.whole_a + x.shared * y.only_a
    only_b = x.only_b * y.whole_b + x.shared * y.only_b
    union = shared + (only_a + only_b)
    no_area = union == 0
    union = xp.where(no_area, 1.0, union)
    return Areas(box_b, union, shared / union, xp.where(no_area, 1.0, (only_a + only_b) / union))


# ------------------------------------------------------------------------ derivatives
class Pulls(NamedTuple):
    """What a loss gains by a unit of length: if an end of A outside of B goes further out,
    if one inside of B goes further in, and if one that faces B across a gap backs away."""

    outside: Array
    inside: Array
    facing: Array | float


def iou_pulls(this: Axis, other: Axis, areas: Areas) -> Pulls:
    """Those of the IoU loss along an axis: no term is subtracted."""
    of_union = (areas.box_b + this.only_a * other.whole_a) / areas.union
    return Pulls(
        outside=other.whole_a * areas.shared_share / areas.union,
        inside=other.shared * of_union / areas.union,
        facing=0.0,
    )


def hull_pulls(this: Axis, other: Axis) -> Pulls:
    """Those of the uncovered share of the hull along an axis."""
    wider = other.whole_a * this.gap + other.only_a * this.only_b
    return Pulls(
        outside=other.only_b * this.whole_b - wider,
        inside=other.only_a,
        facing=other.whole_a,
    )


def giou_pulls(this: Axis, other: Axis, areas: Areas) -> Pulls:
    """Those of the GIoU loss, the sum of the two."""
    both = zip(iou_pulls(this, other, areas), hull_pulls(this, other), strict=True)
    return Pulls(*(i + h for i, h in both))


def edges(xp: Any, x: Axis, y: Axis, along_x: Pulls, along_y: Pulls) -> Array:
    """The derivative for x1, y1, x2, y2."""
    (x1, x2), (y1, y2) = ends(xp, x, along_x), ends(xp, y, along_y)
    return xp.stack([x1, y1, x2, y2], axis=-1)


def ends(xp: Any, this: Axis, pulls: Pulls) -> tuple[Array, Array]:
    """The derivative for both ends of A along an axis."""
    largest = xp.finfo(this.per_unit.dtype).max  # infinite times 0 would be nan
    outside, inside = (xp.clip(p, -largest, largest) for p in (pulls.outside, pulls.inside))
    within = this.meet * inside + (1 - this.meet) * pulls.facing
    low = (1 - this.out_low) * within - this.out_low * outside
    high = this.out_high * outside - (1 - this.out_high) * within
    return low * this.per_unit, high * this.per_unit


# -------------------------------------------------------------------------------- checks
def _prepare(
    rule: Rule,
    predictions: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "none",
) -> Prepared:
    predictions, targets, weights, where = checked(targets, weights, where, predictions=predictions)
    if predictions.ndim == 0 or predictions.shape[-1] != 4:
        raise ValueError(
            "predictions must be rows x1, y1, x2, y2, with a last axis of 4, "
            f"got the shape {tuple(predictions.shape)}"
        )
    rows, each = tuple(targets.shape[:-1]), None
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, rows)
        each = namespace(where).broadcast_to(where, rows)[..., None]
    check_finite("targets", targets, each)
    for name, box in (("predictions", predictions), ("targets", targets)):
        for axis, low, high in (("x", 0, 2), ("y", 1, 3)):
            ends = [box[..., k] for k in (low, high)]  # whole numbers may wrap
            first, last = (cast(x, working_dtype(predictions)) for x in ends)
            with np.errstate(all="ignore"):  # what is masked may be infinite
                size = last - first
            bad = ends[1] < ends[0]
            refuse(f"{axis}2 - {axis}1 of {name}", size, bad, "at least 0", where)
    return Prepared(rule, (predictions, targets), {}, weights, where, reduction)
