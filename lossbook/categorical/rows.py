"""Rows of predictions over K classes and their truth: checks, class weights, smoothing.

What the losses of chapter 4 share. None of it is a loss.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from lossbook.arrays import (
    Array,
    as_number,
    cast,
    is_compiling,
    is_integer,
    namespace,
    same_kind,
    working_dtype,
)
from lossbook.checks import (
    check_axis,
    check_broadcasts,
    check_labels,
    check_mask,
    check_real,
    check_row,
    check_same_shape,
    check_simplex,
    check_weights,
    label_array,
    refuse,
)
from lossbook.driver import Prepared
from lossbook.reduction import Reduction
from lossbook.rule import Rule


class Rows(NamedTuple):
    """Checked rows of predictions along ``axis``, and the truth: labels, or rows of targets.

    ``keep`` is the mask of the classes, ``where`` that of the rows.
    """

    x: Array
    truth: Array
    axis: int
    keep: Array | None = None
    class_weights: Array | None = None
    weights: Array | None = None
    where: Array | None = None

    def prepared(self, rule: Rule, params: dict[str, float], reduction: Reduction) -> Prepared:
        """A rule with these rows."""
        inputs = (self.x, self.truth) if self.keep is None else (self.x, self.truth, self.keep)
        return Prepared(rule, inputs, params, self.weights, self.where, reduction, self.axis)

    def soft(self) -> Rows:
        """The same with a row of targets in place of each label."""
        return self._replace(truth=cast(self.marks(), working_dtype(self.x)))

    def weighed(self) -> Rows:
        """The weight of each label's class as part of the weight of its row."""
        if self.class_weights is None:
            return self
        flat = namespace(self.x).take(self.class_weights, self.truth.reshape(-1), axis=0)
        return self._times(flat.reshape(tuple(self.truth.shape)))

    def tilted(self, smoothing: float) -> Rows:
        """Class weights as part of a row's weight, and as a tilt of its smoothed target."""
        if self.class_weights is None:
            return self
        xp, shape = namespace(self.x), [1] * self.x.ndim
        shape[self.axis] = -1
        on = self.x != -xp.inf if self.keep is None else self.keep & (self.x != -xp.inf)
        targets = smoothed(xp, cast(self.truth, working_dtype(self.x)), on, smoothing, self.axis)
        parts = self.class_weights.reshape(shape) * targets
        if self.where is not None:  # what is left out may hold nan
            parts = xp.where(xp.expand_dims(self.where, axis=self.axis), parts, 0.0)
        mass = xp.sum(parts, axis=self.axis, keepdims=True)
        rows = self._replace(truth=parts / xp.where(mass == 0, 1.0, mass))
        return rows._times(xp.squeeze(mass, axis=self.axis))

    def on_offer(self, mask: Array | None, name: str = "class_mask") -> Rows:
        """The same with a mask of the classes, none of which may have mass if it is False."""
        if mask is None:
            return self
        keep = checked_class_mask(self.x, mask, name)
        rows = self._replace(keep=keep)
        if is_compiling() or 0 in self.x.shape:
            return rows
        if self.truth.ndim < self.x.ndim:  # look where the labels are, and nowhere else
            xp, kind = namespace(keep), name.removesuffix("_mask")
            label = xp.expand_dims(self.truth, axis=self.axis)
            bad = ~xp.squeeze(xp.take_along_axis(keep, label, axis=self.axis), axis=self.axis)
            refuse("labels", self.truth, bad, f"of a {kind} that {name} keeps", self.where)
        else:
            bad, expected = (self.truth > 0) & ~keep, "0 for a class that class_mask leaves out"
            refuse("targets", self.truth, bad, expected, across(self.x, self.where, self.axis))
        return rows

    def marks(self) -> Array:
        """Where in each row the label stands."""
        shape = [1] * self.x.ndim
        shape[self.axis] = -1
        xp, size = namespace(self.x), self.x.shape[self.axis]
        classes = xp.arange(size, device=self.x.device).reshape(shape)
        return classes == xp.expand_dims(self.truth, axis=self.axis)

    def _times(self, mass: Array) -> Rows:
        with np.errstate(all="ignore"):  # what is too large is refused
            return self._replace(weights=mass if self.weights is None else mass * self.weights)


def labeled(
    name: str,
    x: Any,
    labels: Any,
    axis: int,
    *,
    ignore_index: int | None = None,
    class_weights: Any = None,
    class_mask: Any = None,
    weights: Any = None,
    where: Any = None,
) -> Rows:
    """Check rows with a label each. Those to ignore become rows that the mask leaves out."""
    x, labels, class_weights, class_mask, weights, where = same_kind(
        **{name: x, "labels": label_array(labels, x)},
        class_weights=class_weights,
        class_mask=class_mask,
        weights=weights,
        where=where,
    )
    check_row(name, x, axis)
    xp, axis = namespace(x), check_axis(axis, x.ndim)
    shape = tuple(x.shape[:axis] + x.shape[axis + 1 :])
    if labels is not None and tuple(labels.shape) != shape:
        raise ValueError(
            f"labels must have the shape of {name} without its axis {axis} of classes, "
            f"{shape}, got {tuple(labels.shape)}"
        )
    class_weights, weights, where = _shares(x, axis, class_weights, weights, where)
    where = _without_ignored(labels, ignore_index, where)
    labels = check_labels("labels", labels, x.shape[axis], where=where)
    if where is not None:
        labels = xp.where(where, labels, xp.zeros_like(labels))
    if is_compiling():
        x, labels = _without_check(x, labels, axis)
    return Rows(x, labels, axis, None, class_weights, weights, where).on_offer(class_mask)


def distributed(
    name: str,
    x: Any,
    targets: Any,
    axis: int,
    *,
    class_weights: Any = None,
    class_mask: Any = None,
    weights: Any = None,
    where: Any = None,
) -> Rows:
    """Check rows with a row of targets each."""
    x, targets, class_weights, class_mask, weights, where = same_kind(
        **{name: x}, targets=targets, class_weights=class_weights, class_mask=class_mask,
        weights=weights, where=where,
    )  # fmt: skip
    check_row(name, x, axis)
    check_real("targets", targets)
    check_same_shape(**{name: x, "targets": targets})
    axis = check_axis(axis, x.ndim)
    class_weights, weights, where = _shares(x, axis, class_weights, weights, where)
    check_simplex("targets", targets, axis, where=where)
    rows = Rows(x, as_number(targets), axis, None, class_weights, weights, where)
    return rows.on_offer(class_mask)


def across(x: Array, where: Array | None, axis: int) -> Array | None:
    """A mask of rows as one of all their entries."""
    if where is None:
        return None
    xp = namespace(x)
    return xp.broadcast_to(xp.expand_dims(where, axis=axis), tuple(x.shape))


def checked_class_mask(x: Array, mask: Array | None, name: str = "class_mask") -> Array | None:
    """A mask of classes, one for each entry."""
    if mask is None:
        return None
    check_mask(name, mask)
    check_broadcasts(name, mask, tuple(x.shape))
    return namespace(x).broadcast_to(mask, tuple(x.shape))


def smoothed(xp: Any, q: Array, on: Array, smoothing: float, axis: int = -1) -> Array:
    """The target, some of its mass spread evenly over the classes that are on offer."""
    if not smoothing:
        return q
    on = xp.astype(on, q.dtype)
    count = xp.sum(on, axis=axis, keepdims=True)
    return (1 - smoothing) * q + smoothing * on / xp.where(count == 0, 1.0, count)


def _shares(x, axis, class_weights, weights, where) -> tuple[Array | None, ...]:
    """The weights of classes and of rows, and the mask of rows, one for each."""
    shape = tuple(x.shape[:axis] + x.shape[axis + 1 :])
    if class_weights is not None:
        class_weights = check_weights("class_weights", class_weights, x, (x.shape[axis],))
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, shape)
        where = namespace(x).broadcast_to(where, shape)
    if weights is not None:
        weights = check_weights("weights", weights, x, shape, where=where)
    return class_weights, weights, where


def _without_ignored(labels, ignore_index, where) -> Array | None:
    if ignore_index is None:
        return where
    if not isinstance(ignore_index, Integral) or isinstance(ignore_index, bool):
        raise TypeError(f"ignore_index must be an integer, got {type(ignore_index).__qualname__}")
    if labels is None or not is_integer(labels):
        return where  # the labels are refused
    counts = cast(labels, namespace(labels).int64) != int(ignore_index)  # 8 bits would wrap it
    return counts if where is None else where & counts


def _without_check(x: Array, labels: Array, axis: int) -> tuple[Array, Array]:
    """Where a compiler can't raise, a label out of range makes its row nan."""
    xp = namespace(x)
    ok = (labels >= 0) & (labels < x.shape[axis])
    nan = cast(xp.where(ok, 0.0, math.nan), x.dtype)
    return x + xp.expand_dims(nan, axis=axis), xp.where(ok, labels, xp.zeros_like(labels))
