"""What rankings share: the checks, the order of a list, its ties, gains and discounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from lossbook.arrays import (
    Array,
    as_number,
    is_float,
    is_torch,
    namespace,
    same_kind,
    working_dtype,
)
from lossbook.checks import (
    LARGEST,
    check_axis,
    check_broadcasts,
    check_mask,
    check_real,
    check_row,
    check_same_shape,
    check_within,
)
from lossbook.driver import Prepared
from lossbook.reduction import Reduction
from lossbook.rule import Rule

Gain = Literal["linear", "exponential"]

PAIRS = 2**17
"""Pairs in a block: what is formed of them then stays small, however long the list."""


class Lists(NamedTuple):
    """Checked scores and relevances along ``axis``; ``keep`` is the mask of the items."""

    scores: Array
    relevance: Array
    axis: int
    keep: Array | None
    weights: Array | None
    where: Array | None

    def prepared(self, rule: Rule, params: dict[str, Any], reduction: Reduction) -> Prepared:
        """A rule with these lists."""
        inputs = (self.scores, self.relevance)
        inputs = inputs if self.keep is None else (*inputs, self.keep)
        return Prepared(rule, inputs, params, self.weights, self.where, reduction, self.axis)


def lists(
    scores: Any, relevance: Any, axis: int, item_mask: Any, weights: Any, where: Any
) -> Lists:
    """Check the inputs that all losses of a list share."""
    s, r, keep, weights, where = same_kind(
        scores=scores, relevance=relevance, item_mask=item_mask, weights=weights, where=where
    )
    check_row("scores", s, axis)
    r, keep, axis = graded(s, "relevance", r, axis, keep, where)
    return Lists(s, r, axis, keep, weights, where)


def graded(
    s: Array, name: str, r: Array, axis: int, keep: Array | None, where: Array | None
) -> tuple[Array, Array | None, int]:
    """Check what says how relevant the items are. Those left out get relevance 0."""
    check_real(name, r)
    check_same_shape(**{"scores": s, name: r})
    xp, axis, shape = namespace(s), check_axis(axis, s.ndim), tuple(s.shape)
    if keep is not None:
        check_mask("item_mask", keep)
        check_broadcasts("item_mask", keep, shape)
        keep = xp.broadcast_to(keep, shape)
    counts = keep
    if where is not None:
        rows = shape[:axis] + shape[axis + 1 :]
        check_mask("where", where)
        check_broadcasts("where", where, rows)
        each = xp.expand_dims(xp.broadcast_to(where, rows), axis=axis)
        counts = xp.broadcast_to(each, shape) if keep is None else keep & each
    if name != "labels":  # which are more narrowly checked
        check_within(name, r, 0, LARGEST, where=counts)
    there = xp.finfo(working_dtype(s))
    if is_float(r) and xp.finfo(r.dtype).bits > there.bits:  # it must be a number there, too
        check_within(name, r, 0, float(there.max), where=counts)
    r = as_number(r)
    return (r if keep is None else xp.where(keep, r, xp.zeros_like(r))), keep, axis


# ----------------------------------------------------------------------- order and ties
def order_by(xp: Any, *keys: Array) -> Array:
    """The order of each row by the first key; where that ties, by the next; then as it stands."""
    order = None
    for key in reversed(keys):
        key = key if order is None else take(xp, key, order)
        by = xp.argsort(key, axis=-1, stable=True)
        order = by if order is None else take(xp, order, by)
    return order


def take(xp: Any, x: Array, order: Array) -> Array:
    """The entries of each row in another order."""
    return xp.take_along_axis(x, order, axis=-1)


def runs(xp: Any, x: Array) -> tuple[Array, Array]:
    """For each entry of rows in order: where the run of its equals begins, and where it ends."""
    size = x.shape[-1]
    place = xp.broadcast_to(xp.arange(size, device=x.device), tuple(x.shape))
    same = x[..., 1:] == x[..., :-1]
    edge = xp.ones_like(x[..., :1], dtype=xp.bool)
    first = _highest_so_far(xp.where(xp.concat([edge, ~same], axis=-1), place, 0))
    ends = xp.where(xp.concat([~same, edge], axis=-1), size - 1 - place, 0)
    last = size - 1 - xp.flip(_highest_so_far(xp.flip(ends, axis=-1)), axis=-1)
    return first, last


def _highest_so_far(x: Array) -> Array:
    """The running maximum, for which the array standard has no name."""
    if is_torch(x):
        return x.cummax(-1).values
    import numpy as np

    return np.maximum.accumulate(x, axis=-1)


def running_logsumexp(xp: Any, x: Array) -> Array:
    """The log-sum-exp of each entry and all before it, in log2(K) steps that double their reach."""
    reach = 1
    while reach < x.shape[-1]:
        joined = xp.logaddexp(x[..., reach:], x[..., :-reach])
        x = xp.concat([x[..., :reach], joined], axis=-1)
        reach *= 2
    return x


# -------------------------------------------------------------------- gains and discounts
def check_gain(gain: str) -> str:
    """The name of a gain."""
    if gain not in get_args(Gain):
        raise ValueError(f"gain must be one of {get_args(Gain)}, got {gain!r}")
    return gain


def gains(xp: Any, r: Array, gain: str) -> Array:
    """What an item of this relevance adds: r itself, or 2^r - 1."""
    if gain == "linear":
        return r
    return xp.where(r < 1, xp.expm1(r * math.log(2)), 2.0**r - 1)  # exact for whole grades


def relative_gains(xp: Any, r: Array, gain: str) -> Array:
    """The gains over a number of their size: powers of two might overflow, and NDCG is a ratio."""
    top = xp.max(r, axis=-1, keepdims=True)
    if gain == "linear":
        return r / xp.where(top == 0, 1.0, top)
    return 2.0 ** (r - top) * -xp.expm1(-r * math.log(2))  # 2^r - 1, over 2^top


def shares(xp: Any, r: Array, gain: str) -> Array:
    """The gains divided by the DCG of the best order; all 0 in a list without any."""
    g = relative_gains(xp, r, gain)
    best = xp.flip(xp.sort(g, axis=-1), axis=-1)
    ideal = xp.sum(best * discounts(xp, place_of(xp, g)), axis=-1, keepdims=True)
    return g / xp.where(ideal == 0, 1.0, ideal)


def discounts(xp: Any, place: Array) -> Array:
    """1/log2(1 + rank), of places that count from 0."""
    return math.log(2) / xp.log(place + 2.0)


def place_of(xp: Any, x: Array) -> Array:
    """The places 0, 1, ... K - 1 as numbers of the dtype of ``x``."""
    return xp.astype(xp.arange(x.shape[-1], device=x.device), x.dtype)


def places(xp: Any, s: Array, keep: Array | None = None) -> Array:
    """The place of each item, from 0: by falling score, items of equal score as they stand."""
    out = [] if keep is None else [xp.astype(~keep, xp.int8)]
    order = order_by(xp, *out, -s)
    return xp.astype(xp.argsort(order, axis=-1), s.dtype)


# --------------------------------------------------------------------------------- pairs
def pair_blocks(xp: Any, s: Array, *, lower: bool = False) -> Iterator[tuple[slice, Array]]:
    """All pairs of a list, some rows of their matrix at a time: s_j - s_i, for a part of the i.

    ``lower`` leaves out the j that come after the part. A part has at most 64 items: NumPy adds
    rows up one by one, and the error grows with their number.
    """
    rows, size = s.shape
    step = max(1, min(64, PAIRS // max(1, rows * size)))
    for start in range(0, size, step):
        part = slice(start, min(start + step, size))
        yield part, s[:, None, : part.stop if lower else size] - s[:, part, None]
