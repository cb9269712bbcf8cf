"""A loss is a rule: its value and its derivative, written side by side.

A rule is a plain function of arrays. It returns two functions that share what they both
need: ``value()`` gives the loss, ``slope()`` its derivative. The chapters derive
both with sympy; :func:`evaluate` runs them, on NumPy arrays and on torch tensors; torch's
autograd calls the same ``slope`` (see :mod:`lossbook.autograd`).

There are three kinds of rule:

``element``
    one number in, one number out, for each entry; ``slope()`` has the shape of the input.
``row``
    a row of K numbers in (the last axis), one number out; ``slope()`` has K columns.
``vector``
    a row in, a row out; ``slope(g)`` is the row ``g`` times the Jacobian matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from lossbook.arrays import Array, cast, is_bool, is_torch, namespace, wide_dtype, working_dtype

Kind = Literal["element", "row", "vector"]

BLOCK = 2**16
"""Elements in a block: the handful of temporaries of a rule then stay in the cache."""


@dataclass(frozen=True)
class Rule:
    """A rule and what the driver must know of it.

    ``wrt`` is the number of leading inputs that ``slope`` differentiates for; it returns a
    tuple if that is more than one.
    """

    function: Callable[..., tuple[Callable[[], Array], Callable[..., Any]]]
    kind: Kind
    wrt: int = 1

    @property
    def __wrapped__(self) -> Callable:  # so that inspect finds the source
        return self.function

    @property
    def __name__(self) -> str:
        return self.function.__name__


def rule(kind: Kind, wrt: int = 1) -> Callable[[Callable], Rule]:
    """Mark a function as the rule of a loss."""
    return lambda function: Rule(function, kind, wrt)


class Share(NamedTuple):
    """How much each loss counts in the total.

    ``upstream`` is a weight for each loss (a row for each row where the rule is a vector
    one), ``factor`` one for all, ``mask`` is False where an entry counts for nothing,
    whatever it holds.
    """

    upstream: Array | None = None
    factor: Array | float = 1.0
    mask: Array | None = None

    def reshape(self, shape: Sequence[int]) -> Share:
        """The same, for losses of another shape."""
        upstream, mask = (x if x is None else x.reshape(shape) for x in (self.upstream, self.mask))
        return Share(upstream, self.factor, mask)

    def __getitem__(self, part: slice) -> Share:  # a block's share
        return Share(_cut(self.upstream, part), self.factor, _cut(self.mask, part))


class Want(NamedTuple):
    """What is wanted: the single losses, their weighted total, its derivatives."""

    each: bool = False
    total: bool = False
    grads: bool = False


class Result(NamedTuple):
    """What was wanted; the rest is None."""

    each: Array | None = None
    total: Array | None = None
    grads: tuple[Array, ...] | None = None


def evaluate(
    rule: Rule,
    inputs: Sequence[Array],
    params: dict[str, Any],
    want: Want,
    share: Share | None = None,
    *,
    whole: bool = False,
) -> Result:
    """Run a rule over its inputs, block by block.

    ``whole`` takes all in one block, in plain operations, so that autograd can follow.
    """
    flat, rows = _rows(rule, inputs)
    share = (share or Share()).reshape(flat[0].shape if rule.kind == "vector" else (rows,))
    width = flat[0].shape[1] if flat[0].ndim > 1 else 1
    step = rows if whole or not _on_cpu(flat[0]) else max(1, BLOCK // max(1, width))
    with quiet(flat[0]):  # the edges are part of a rule: inf where it is true
        if rows <= step:
            done = _block(rule, flat, params, want, share)
        else:
            done = _walk(rule, flat, params, want, share, step)
        return _restore(rule, inputs, done)


def quiet(x: Array) -> AbstractContextManager:
    """No warnings of NumPy. Tensors have none, and torch.compile couldn't pass by."""
    return nullcontext() if is_torch(x) else np.errstate(all="ignore")


def _walk(rule, flat, params, want, share, step) -> Result:
    """One block after the other, into arrays that are allocated once."""
    out, total = _allocate(rule, flat, want), None
    for start in range(0, flat[0].shape[0], step):
        part = slice(start, start + step)
        done = _block(rule, [x[part] for x in flat], params, want, share[part])
        for target, source in zip(_arrays(out), _arrays(done), strict=True):
            target[part] = source
        total = done.total if total is None or not want.total else total + done.total
    return out._replace(total=total)


def _block(rule, inputs, params, want, share) -> Result:
    xp, dtype = namespace(inputs[0]), working_dtype(inputs[0])
    inputs = [_keep(xp, x if is_bool(x) else cast(x, dtype), share.mask) for x in inputs]
    value, slope = rule.function(xp, *inputs, **params)
    if share.upstream is not None:
        share = share._replace(upstream=cast(share.upstream, dtype))
    losses = _weighted(xp, value(), share) if want.each or want.total else None
    return Result(
        each=losses if want.each else None,
        total=_sum(xp, losses) * share.factor if want.total else None,
        grads=_pull(xp, rule, slope, share) if want.grads else None,
    )


def _keep(xp: Any, x: Array, mask: Array | None) -> Array:
    """``x``, with 0 where the mask leaves it out: a nan there gets no further."""
    return x if mask is None else xp.where(_column(mask, x), x, xp.zeros_like(x))


def _column(a: Array, like: Array) -> Array:
    return a[:, None] if a.ndim < like.ndim else a


def _weighted(xp: Any, losses: Array, share: Share) -> Array:
    """Each loss times its weight, 0 where the mask leaves it out."""
    if share.upstream is not None:
        losses = losses * share.upstream
    return _keep(xp, losses, share.mask)


def _sum(xp: Any, losses: Array) -> Array:
    """The total, added up in double precision: rounded once, at the end."""
    return xp.sum(losses, dtype=wide_dtype(losses))


def _pull(xp: Any, rule: Rule, slope: Callable, share: Share) -> tuple[Array, ...]:
    """The derivative of the weighted total for each input."""
    if rule.kind == "vector":
        return (slope(share.upstream),)
    slopes = slope() if rule.wrt > 1 else (slope(),)
    return tuple(_keep(xp, _scaled(s, share), share.mask) for s in slopes)


def _scaled(slope: Array, share: Share) -> Array:
    if share.upstream is not None:
        slope = slope * _column(share.upstream, slope)
    one = isinstance(share.factor, float) and share.factor == 1
    return slope if one else slope * share.factor


# ------------------------------------------------------------------------ shapes
def _rows(rule: Rule, inputs: Sequence[Array]) -> tuple[list[Array], int]:
    """The inputs as rows: (n,) for an element rule, (n, K) and labels (n,) for the others."""
    first = inputs[0]
    if rule.kind == "element":
        flat = [x.reshape(-1) for x in inputs]
        return flat, flat[0].shape[0]
    width, rows = first.shape[-1], int(np.prod(first.shape[:-1], dtype=int))
    flat = [x.reshape((rows, width) if x.ndim == first.ndim else rows) for x in inputs]
    return flat, rows


def _cut(x: Array | None, part: slice) -> Array | None:
    return None if x is None else x[part]


def _allocate(rule: Rule, flat: list[Array], want: Want) -> Result:
    xp, first = namespace(flat[0]), flat[0]
    each = first if rule.kind != "row" else first[:, 0]
    return Result(
        each=xp.empty_like(each) if want.each else None,
        grads=tuple(xp.empty_like(x) for x in flat[: rule.wrt]) if want.grads else None,
    )


def _arrays(result: Result) -> list[Array]:
    return [x for x in (result.each, *(result.grads or ())) if x is not None]


def _restore(rule: Rule, inputs: Sequence[Array], done: Result) -> Result:
    """Give the results the shape and the dtype of the inputs that they belong to."""
    first = inputs[0]
    shape = tuple(first.shape[:-1] if rule.kind == "row" else first.shape)
    each, total, grads = done
    if each is not None:
        each = cast(each, first.dtype).reshape(shape)
    if total is not None:
        total = cast(total, first.dtype)
    if grads is not None:
        pairs = zip(grads, inputs[: rule.wrt], strict=True)
        grads = tuple(cast(g, x.dtype).reshape(tuple(x.shape)) for g, x in pairs)
    return Result(each, total, grads)


def _on_cpu(x: Array) -> bool:
    return not is_torch(x) or x.device.type == "cpu"
