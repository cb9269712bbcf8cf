"""Who is the partner among all candidates? The similarities of some rows at a time.

A batch of N things has N times N similarities. Like the logits of a large vocabulary they are
those of a linear layer, ``anchors @ candidates.T``, and are never all in memory: see
:mod:`lossbook.categorical.head`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from lossbook.arrays import Array, cast, constant, is_followed, namespace
from lossbook.categorical.head import Head, stand_in
from lossbook.categorical.logits import (
    cross_entropy_rule,
    offered,
    own,
    soft_cross_entropy_rule,
)
from lossbook.contrastive.batches import Batch
from lossbook.driver import Prepared
from lossbook.reduction import Reduction, reduce
from lossbook.rule import Rule, Share, Want, put, quiet, rule
from lossbook.softmax import lowered

CHUNK = 2**21
"""Similarities in a chunk, unless the caller says how many rows: 16 MiB in double precision."""


def over_candidates(
    rule: Rule,
    anchors: Array,
    candidates: Array,
    truth: tuple[Array, ...],
    params: dict[str, Any],
    share: Batch,
    reduction: Reduction,
    chunk_size: int | None,
    head: type[Head] = Head,
) -> Array:
    """The loss of each anchor, reduced by the weights and the mask of a batch."""
    if candidates.shape[0] == 0:
        none = namespace(anchors).sum(anchors, axis=-1) + candidates.sum()
        return reduce(none, weights=share.weights, where=share.where, reduction=reduction)
    layer = anchors, candidates
    inputs = stand_in(*layer), *truth
    task = Prepared(rule, inputs, params, share.weights, share.where, reduction)
    return head(layer, task, chunk_size, CHUNK).value()


@rule("row")
def partner_rule(xp, s, y, keep=None, *, temperature=1.0, bound=1.0):
    """InfoNCE; the partner counts, whatever the mask says. No similarity is beyond ``bound``."""
    return found(xp, held(xp, s, bound), y, keep, temperature)


def found(xp, s, y, keep=None, temperature=1.0):
    """The value and the slope of the partner's place among all similarities."""
    if keep is not None:
        s = put(offered(xp, s, keep), y[:, None], own(xp, s, y))
    d = s if temperature == 1 else lowered(xp, s, None, temperature)[0]
    value, slope = cross_entropy_rule.function(xp, d, y)
    return value, lambda: slope() / temperature


class BothWays(Head):
    """The mean of the loss of the rows and the loss of the columns, of the same similarities.

    The partner of row i is column i. The columns' sums come first, in a walk of their own. A
    second walk can then form the gradient of both: four products in all, where two losses take
    six.
    """

    def walk(
        self, share: Share, want: Want, wrt: tuple[bool, ...] = ()
    ) -> tuple[Array | None, tuple[Array | None, ...]]:
        """Value, and derivatives for those inputs of the layer that ``wrt`` says."""
        # Rows and columns need their weights apart: half. A row of weight 0 is still a rival.
        task, here = self.task, share._replace(upstream=None, mask=self.task.where)
        columns, losses = self._columns(here.mask)
        half = _halves(share, losses)
        inputs = (*task.inputs[:2], half, *task.inputs[2:])
        params = task.params | {"columns": columns._replace(weights=half)}
        one_walk = replace(self, task=replace(task, rule=both_rule, inputs=inputs, params=params))
        value, grads = Head.walk(one_walk, here, want, wrt)
        if want.each:
            value = value + half * losses
        elif want.total:
            value = value + cast(namespace(losses).sum(half * losses) * share.factor, value.dtype)
        return value, grads

    def composed(self) -> Array:
        """The value by way of all similarities, so that autograd can follow."""
        s = replace(self, task=replace(self.task, weights=None)).logits()  # rivals of weight 0 too
        ways = (replace(self.task, inputs=(x, *self.task.inputs[1:])).value() for x in (s, s.mT))
        return sum(ways) / 2

    def _columns(self, mask: Array | None) -> tuple[Columns, Array]:
        """What the slope must know of the columns, and their losses."""
        xp, flat, bound = namespace(self.layer[0]), self._flat(mask), self.task.params["bound"]
        own, total = [flat[0][:0, 0]], xp.zeros_like(flat[1][:, 0])
        top = xp.full_like(total, -xp.inf)
        with quiet(flat[0]):
            for part, s, (y, *_) in self._chunks(flat):
                s, y = held(xp, s, bound), y[:, None]
                own.append(xp.take_along_axis(s, y, axis=-1)[:, 0])
                s = put(s, y, -xp.inf)  # rivals only
                s = s if mask is None else xp.where(mask[part, None], s, -xp.inf)
                before, top = top, xp.maximum(xp.max(s, axis=0), top)
                shift = xp.where(top == -xp.inf, 0.0, top)
                # the sum so far, relative to the new top
                total = total * xp.exp(before - shift) + xp.sum(xp.exp(s - shift), axis=0)
            return _against(xp, xp.concat(own), top, total)


class Columns(NamedTuple):
    """Of each column the largest similarity; relative to its exponential, the sum of all and
    that of the rivals; and how much its loss counts."""

    top: Array
    total: Array
    rivals: Array
    weights: Array | None = None


def _against(xp: Any, own: Array, top: Array, total: Array) -> tuple[Columns, Array]:
    """The partner's similarity against those of its rivals: see ``cross_entropy_rule``."""
    best = xp.maximum(own, top)
    wrong, right = total * xp.exp(top - best), xp.exp(own - best)
    more = wrong + (right - 1)
    return Columns(best, more + 1, wrong), best - own + xp.log1p(more)


def _halves(share: Share, like: Array) -> Array:
    """Half the weight of each loss."""
    half = namespace(like).full_like(like, 0.5)
    half = half if share.upstream is None else half * share.upstream
    return half if share.mask is None else namespace(like).where(share.mask, half, 0.0)


@rule("row")
def both_rule(xp, s, y, half, keep=None, *, columns, bound=1.0):
    """InfoNCE of the rows; the slope is that of the columns' losses too."""
    s = held(xp, s, bound)
    value, slope = found(xp, s, y, keep)
    label, half = y[:, None], half[:, None]

    def both():
        e, total = slope()
        of_columns = put(xp.exp(s - columns.top), label, -columns.rivals[label])
        return half / total * e + columns.weights / columns.total * of_columns

    return lambda: half[:, 0] * value(), both


@rule("row")
def views_rule(xp, s, itself, keep=None, *, temperature=1.0):
    """InfoNCE of two views of all things, one half below the other: none looks for itself."""
    s, count = offered(xp, held(xp, s), keep), s.shape[-1]
    s, _ = lowered(xp, put(s, itself[:, None], -xp.inf), None, temperature)
    value, slope = cross_entropy_rule.function(xp, s, (itself + count // 2) % count)
    return value, lambda: slope() / temperature


@rule("row")
def positives_rule(xp, s, label, itself, keep=None, *, labels, temperature=1.0):
    """The mean of InfoNCE over all partners, which are the others of the same label."""
    s = put(offered(xp, held(xp, s), keep), itself[:, None], -xp.inf)
    q = xp.astype((label[:, None] == labels) & (s != -xp.inf), s.dtype)
    count = xp.sum(q, axis=-1, keepdims=True)
    q = q / xp.where(count == 0, 1.0, count)
    d, _ = lowered(xp, s, None, temperature)
    value, slope = soft_cross_entropy_rule.function(xp, d, q)
    return value, lambda: slope() / temperature


def held(xp: Any, s: Array, bound: Array | float = 1.0) -> Array:
    """Similarities that no rounding takes beyond their bound; autograd sees them as they are."""
    cut = xp.clip(constant(s), -bound, bound)
    return s + (cut - constant(s)) if is_followed(s) else cut
