"""Who is the partner among all candidates? The similarities of some rows at a time.

A batch of N things has N times N similarities. Like the logits of a large vocabulary they are
those of a linear layer, ``anchors @ candidates.T``, and are never all in memory: see
:mod:`lossbook.categorical.head`.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, constant, is_transforming, requires_grad
from lossbook.categorical.head import Head, stand_in
from lossbook.categorical.logits import (
    cross_entropy_rule,
    offered,
    own,
    soft_cross_entropy_rule,
)
from lossbook.contrastive.batches import Batch
from lossbook.driver import Prepared
from lossbook.reduction import Reduction
from lossbook.rule import Rule, put, rule
from lossbook.softmax import lowered

CHUNK = 2**20
"""Similarities in a chunk, unless the caller says how many rows: 8 MiB in double precision."""


def over_candidates(
    rule: Rule,
    anchors: Array,
    candidates: Array,
    truth: tuple[Array, ...],
    params: dict[str, Any],
    share: Batch,
    reduction: Reduction,
    chunk_size: int | None,
) -> Array:
    """The loss of each anchor, reduced by the weights and the mask of a batch."""
    layer = anchors, candidates
    inputs = stand_in(*layer), *truth
    task = Prepared(rule, inputs, params, share.weights, share.where, reduction)
    return Head(layer, task, chunk_size, CHUNK).value()


@rule("row")
def partner_rule(xp, s, y, keep=None, *, temperature=1.0, most=1.0):
    """InfoNCE; the partner counts, whatever the mask says. No similarity is beyond ``most``."""
    s = held(xp, s, most)
    if keep is not None:
        s = put(offered(xp, s, keep), y[:, None], own(xp, s, y))
    value, slope = cross_entropy_rule.function(xp, lowered(xp, s, None, temperature)[0], y)
    return value, lambda: slope() / temperature


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


def held(xp: Any, s: Array, most: Array | float = 1.0) -> Array:
    """Similarities that no rounding takes beyond their bound; autograd sees them as they are."""
    cut = xp.minimum(xp.maximum(constant(s), -most), most)
    return s + (cut - constant(s)) if requires_grad(s) or is_transforming() else cut
