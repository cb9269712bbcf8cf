"""Lists by falling score, with their ties: what the metrics share."""

from __future__ import annotations

from typing import Any, NamedTuple

from lossbook.arrays import (
    Array,
    as_number,
    cast,
    constant,
    is_float,
    namespace,
    same_kind,
    wide_dtype,
)
from lossbook.checks import check_real, check_row, refuse
from lossbook.ranking.order import (
    discounts,
    graded,
    order_by,
    place_of,
    runs,
    take,
)
from lossbook.reduction import Reduction, reduce


class Ranked(NamedTuple):
    """Lists by falling score: what each item is worth, and where its run of ties begins and ends.

    Items that are left out stand at the end, with worth 0; ``kept`` is False there.
    """

    xp: Any
    worth: Array
    kept: Array
    first: Array
    last: Array

    def dcg(self, k: int | None) -> Array:
        """The sum of what the items are worth at their places, ties shared out evenly."""
        xp, place = self.xp, place_of(self.xp, self.worth)
        found = self.worth * discounts(xp, place)
        if k is not None:
            found = xp.where(place < k, found, 0.0)
        return xp.sum(found, axis=-1)

    def shared(self) -> Ranked:
        """The same with the mean of its run in place of what each item is worth."""
        xp, total = self.xp, self.xp.cumulative_sum(self.worth, axis=-1)
        run = take(xp, total, self.last) - take(xp, total - self.worth, self.first)
        run = xp.where(xp.isnan(run), xp.inf, run)  # from the first infinite one on
        mean = run / xp.astype(self.last - self.first + 1, run.dtype)
        begin, end = runs(xp, self.worth)
        alike = (begin <= self.first) & (end >= self.last)  # their mean needs no sum
        return self._replace(worth=xp.where(alike, self.worth, mean))


class Given(NamedTuple):
    """Checked lists, with the items along the last axis, in double precision."""

    scores: Array
    worth: Array
    kept: Array
    weights: Array | None
    where: Array | None

    def ranked(self, ties: str = "stored") -> Ranked:
        """The lists by falling score; runs of ties in the order that ``ties`` asks for."""
        xp, y = namespace(self.worth), self.worth
        by_worth = {"best": [-y], "worst": [y]}.get(ties, [])
        order = order_by(xp, xp.astype(~self.kept, xp.int8), -self.scores, *by_worth)
        s, kept, y = (take(xp, x, order) for x in (self.scores, self.kept, y))
        ends = (s[..., 1:] != s[..., :-1]) | (kept[..., 1:] != kept[..., :-1])
        run = xp.cumulative_sum(xp.astype(ends, xp.int64), axis=-1)
        start = xp.zeros_like(kept[..., :1], dtype=run.dtype)  # where a list has one item, too
        first, last = runs(xp, xp.concat([start, run], axis=-1))
        ranked = Ranked(xp, y, kept, first, last)
        return ranked.shared() if ties == "average" else ranked

    def reduced(self, values: Array, reduction: Reduction) -> Array:
        """The mean of those that are numbers; nan if there is none among them."""
        xp, shared = namespace(values), {"weights": self.weights, "reduction": reduction}
        if reduction == "none":
            return reduce(values, where=self.where, **shared)
        some = ~xp.isnan(values)
        some = some if self.where is None else some & self.where
        total = reduce(values, where=some, **shared)
        return total if reduction == "sum" else xp.where(xp.any(some), total, xp.nan)[()]


def given_lists(scores, name, truth, item_mask, weights, where, axis) -> Given:
    """Check lists of scores and of what is true of the items."""
    s, y, keep, weights, where = same_kind(
        **{"scores": scores, name: truth},
        item_mask=item_mask, weights=weights, where=where,
    )  # fmt: skip
    check_real("scores", s)
    s = cast(as_number(constant(s)), wide_dtype(s) if is_float(s) else namespace(s).float64)
    check_row("scores", s, axis)
    y, keep, axis = graded(s, name, y, axis, keep, where)
    xp = namespace(s)
    kept = xp.ones_like(s, dtype=xp.bool) if keep is None else keep
    asked = kept
    if where is not None:
        rows = tuple(s.shape[:axis] + s.shape[axis + 1 :])
        where = xp.broadcast_to(where, rows)
        asked = kept & xp.expand_dims(where, axis=axis)
    refuse("scores", s, xp.isnan(s), "numbers", asked)
    if name == "labels":
        refuse(name, y, (y != 0) & (y != 1), "0 or 1", asked)
    y = cast(constant(y), s.dtype)
    last = [xp.moveaxis(x, axis, -1) for x in (s, y, kept)]
    return Given(*last, weights, where)


def over(xp: Any, total: Array, count: Array) -> Array:
    """The quotient, nan where there is nothing to divide by."""
    return xp.where(count == 0, xp.nan, total / xp.where(count == 0, 1.0, count))
