"""A loss is a rule: its value and its derivative, written side by side.

A rule is a plain function of arrays. It returns two functions that share what they both
need: ``value()`` gives the loss, ``slope()`` its derivative. The chapters derive
both with sympy; :func:`evaluate` runs them, on NumPy arrays and on torch tensors; torch's
autograd calls the same ``slope`` (see :mod:`lossbook.autograd`).

There are three kinds of rule:

``element``
    one number in, one number out, for each entry; ``slope()`` has the shape of the input.
``row``
    a row of K numbers in (the last axis), one number out; ``slope()`` has K columns, or is a
    :class:`Quotient`.
``vector``
    a row in, a row out; ``slope(g)`` is the row ``g`` times the Jacobian matrix. Its ``value()``
    may be a :class:`Quotient`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from lossbook.arrays import (
    Array,
    cast,
    is_bool,
    is_compiling,
    is_followed,
    is_torch,
    namespace,
    threads,
    wide_dtype,
    working_dtype,
)

Kind = Literal["element", "row", "vector"]

BLOCK = 2**17
"""Numbers in a block: the handful of temporaries of a rule then stay in the cache.

Rules of rows, which have more operations that cost their call alone, get twice as many; and
so many for each of the first four threads, which otherwise would wait for each other too often.
"""


@dataclass(frozen=True)
class Rule:
    """A rule and what the driver must know of it.

    ``wrt`` is the number of leading inputs that ``slope`` differentiates for; it returns a
    tuple if that is more than one. A part of the tuple may be a function: it is called if
    that derivative is wanted.
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


class Quotient(NamedTuple):
    """Rows that are still to be divided, each by its number in a column.

    A slope is also to be multiplied, by the share of each loss in the total: if that is the same
    for all, the driver divides it by the column, and walks over the rows once. A value is divided
    where it is stored.
    """

    rows: Array
    column: Array

    def __truediv__(self, number: float) -> Quotient:
        if is_moderate(number):
            return Quotient(self.rows, self.column * number)
        return Quotient(self.rows / number, self.column)

    def __mul__(self, number: float) -> Quotient:
        if is_moderate(number):
            return Quotient(self.rows, self.column / number)
        return Quotient(self.rows * number, self.column)


def is_moderate(factor: Array | float) -> bool:
    """Whether it, and what of it falls to one row, is far from the ends of the range of floats."""
    return isinstance(factor, float) and 2.0**-64 <= abs(factor) <= 2.0**64


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
        if self.upstream is None and self.mask is None:
            return self
        upstream, mask = (x if x is None else x.reshape(shape) for x in (self.upstream, self.mask))
        return Share(upstream, self.factor, mask)

    def __getitem__(self, part: slice) -> Share:  # that of some rows
        upstream, mask = (x if x is None else x[part] for x in (self.upstream, self.mask))
        return Share(upstream, self.factor, mask)


class Want(NamedTuple):
    """What is wanted: the single losses, their weighted total, its derivatives.

    The derivatives for all inputs, or for those where a tuple says True.
    """

    each: bool = False
    total: bool = False
    grads: bool | tuple[bool, ...] = False

    def for_each(self, wrt: int) -> tuple[bool, ...]:
        """Whether the derivative is wanted, for each input that there is one for."""
        return (self.grads,) * wrt if isinstance(self.grads, bool) else self.grads


class Result(NamedTuple):
    """What was wanted; the rest is None."""

    each: Array | None = None
    total: Array | None = None
    grads: tuple[Array | None, ...] | None = None


def evaluate(
    rule: Rule,
    inputs: Sequence[Array],
    params: dict[str, Any],
    want: Want,
    share: Share | None = None,
    *,
    whole: bool = False,
    into: tuple[Array, ...] | None = None,
) -> Result:
    """Run a rule over its inputs, block by block.

    ``whole`` takes all in one block, in plain operations, so that autograd can follow.
    ``into`` is where the derivatives go; it may be the inputs, which are then overwritten. The
    total stays in double precision then, as it is one of several.
    """
    flat, rows = _rows(rule, inputs)
    share = (share or Share()).reshape(flat[0].shape if rule.kind == "vector" else (rows,))
    width = flat[0].shape[1] if flat[0].ndim > 1 else 1
    whole = whole or not _on_cpu(flat[0]) or is_compiling()
    step = rows if whole else max(1, _block_size(rule, flat[0]) // max(1, width))
    if not whole:
        _keep_room()
    with quiet(flat[0]):  # the edges are part of a rule: inf where it is true
        if rows <= step:
            done = _block(rule, flat, params, want, share, into)
        else:
            done = _walk(rule, flat, params, want, share, into, step)
        if done.total is not None:
            done = done._replace(total=_times(done.total, share.factor))
        return _restore(rule, inputs, done, into)


def _block_size(rule: Rule, x: Array) -> int:
    block = BLOCK if rule.kind == "element" else 2 * BLOCK
    return block * min(threads(x), 4)


@functools.cache
def _keep_room() -> None:
    """Let the C library keep the memory of a block's temporaries for those of the next.

    Memory from the system is dear at its first touch, and glibc hands free memory back to the
    system but for some 100 kB; for twice the largest piece that was ever freed, if that is
    more (mallopt(3), M_MMAP_THRESHOLD). So one such piece is freed here. It is never touched.
    """
    np.empty(31 * 2**20, np.uint8)  # from 32 MiB on glibc would take no notice


def quiet(x: Array) -> AbstractContextManager:
    """No warnings of NumPy. Tensors have none, and torch.compile couldn't pass by."""
    return nullcontext() if is_torch(x) else np.errstate(all="ignore")


def _walk(rule, flat, params, want, share, into, step) -> Result:
    """One block after the other, into arrays that are allocated once."""
    out, total = _allocate(rule, flat, want, into), None
    places = _blocks(step, *out.grads) if want.grads else itertools.repeat(None)
    shares = _blocks(step, share.upstream, share.mask, out.each)
    blocks = zip(_blocks(step, *flat), places, shares, strict=False)
    for inputs, here, (upstream, mask, each) in blocks:
        part = Share(upstream, share.factor, mask)
        done = _block(rule, inputs, params, want, part, here, each)
        # one total, not a list of them: small pieces that stay would keep those of the block apart
        total = done.total if total is None or not want.total else total + done.total
        if want.each and done.each is not each:
            each[...] = done.each
    return out._replace(total=total)


def _blocks(step: int, *arrays: Array | None) -> Iterator[tuple[Array | None, ...]]:
    """Views of so many rows of each array, one after the other."""
    return zip(*(_views(x, step) for x in arrays), strict=False)


def _views(x: Array | None, step: int) -> Iterable[Array | None]:
    if x is None:
        return itertools.repeat(None)  # without end: the inputs end the walk
    return x.split(step) if is_torch(x) else (x[i : i + step] for i in range(0, len(x), step))


def _block(rule, inputs, params, want, share, into=None, each=None) -> Result:
    """All at once. The derivatives go where ``into`` says, and the values where ``each`` does, if
    they need a walk anyway; the total lacks its factor."""
    xp, dtype = namespace(inputs[0]), working_dtype(inputs[0])
    inputs = [_keep(xp, _ready(x, inputs[0], dtype), share.mask) for x in inputs]
    value, slope = rule.function(xp, *inputs, **params)
    if share.upstream is not None:
        share = share._replace(upstream=cast(share.upstream, dtype))
    losses = None
    if want.each or want.total:
        losses = _weighted(xp, divided(value(), each), share)
    return Result(
        losses if want.each else None,
        xp.sum(losses, dtype=wide_dtype(losses)) if want.total else None,  # rounded at the end
        _pull(xp, rule, slope, want, share, into) if want.grads else None,
    )


def _ready(x: Array, first: Array, dtype: Any) -> Array:
    """An input in the precision to compute in; a mask or a column of labels as it is."""
    return x if x.dtype == dtype or x.ndim < first.ndim or is_bool(x) else cast(x, dtype)


def _keep(xp: Any, x: Array, mask: Array | None) -> Array:
    """``x``, with 0 where the mask leaves it out: a nan there gets no further."""
    return x if mask is None else xp.where(_column(mask, x), x, xp.zeros_like(x))


def _column(a: Array, like: Array) -> Array:
    return a[:, None] if a.ndim < like.ndim else a


def divided(x: Array | Quotient, to: Array | None = None) -> Array:
    """What a quotient means; anything else as it is."""
    if not isinstance(x, Quotient):
        return x
    if to is None or is_followed(x.rows):  # torch has no derivative of a division into a place
        return x.rows / x.column
    return namespace(to).divide(*x, out=to)


def _weighted(xp: Any, losses: Array, share: Share) -> Array:
    """Each loss times its weight, 0 where the mask leaves it out."""
    if share.upstream is not None:
        losses = losses * share.upstream
    return _keep(xp, losses, share.mask)


def _pull(
    xp: Any, rule: Rule, slope: Callable, want: Want, share: Share, into: Any
) -> tuple[Array | None, ...]:
    """The derivative of the weighted total for each input, None where it isn't wanted."""
    slopes = slope(share.upstream) if rule.kind == "vector" else slope()
    slopes = slopes if rule.wrt > 1 else (slopes,)
    places, wanted = into or (None,) * rule.wrt, want.for_each(rule.wrt)
    return tuple(
        _put(xp, *_scaled(xp, rule, s() if callable(s) else s, share), to) if w else None
        for s, to, w in zip(slopes, places, wanted, strict=True)
    )


def _scaled(
    xp: Any, rule: Rule, slope: Array | Quotient, share: Share
) -> tuple[Array, Array | float]:
    """A slope as it counts, but for a factor that it is still to be multiplied by."""
    if rule.kind == "vector":
        return slope, 1.0
    upstream, factor = share.upstream, share.factor
    one_walk = upstream is None and is_moderate(factor) and not _is_one(factor)
    if isinstance(slope, Quotient) and one_walk:
        factor = _keep(xp, factor / slope.column, share.mask)
        return _keep(xp, slope.rows, share.mask), factor
    slope = divided(slope)
    if upstream is not None:
        slope = slope * _column(upstream, slope)
    return _keep(xp, slope, share.mask), factor


def _put(xp: Any, slope: Array, factor: Array | float, to: Array | None) -> Array:
    """Multiply and store in one walk."""
    if to is None:
        return _times(slope, factor)
    if _is_one(factor):
        to[...] = slope
        return to
    return xp.multiply(slope, factor, out=to)


def _times(x: Array, factor: Array | float) -> Array:
    return x if _is_one(factor) else x * factor


def _is_one(factor: Array | float) -> bool:
    return isinstance(factor, float) and factor == 1  # a tensor may be on a GPU


# ------------------------------------------------------------------------ for rules of rows
def pick(x: Array, column: Array) -> Array:
    """The number in one column of each row, given by its index, as a column."""
    if is_torch(x) or x.ndim != 2:
        return namespace(x).take_along_axis(x, column, axis=-1)
    return x[_each_row(x), column]  # three times as fast as take_along_axis


def put(x: Array, column: Array, number: Array | float) -> Array:
    """``x`` with another number in one column of each row, given by its index.

    ``x`` is an intermediate result of the caller's: it is overwritten unless torch follows it.
    """
    if is_torch(x):
        write = x.scatter if is_followed(x) else x.scatter_
        return write(-1, column, number)
    if x.ndim == 2:  # three times as fast as put_along_axis
        x[_each_row(x), column] = number
    else:
        np.put_along_axis(x, column, number, axis=-1)
    return x


def _each_row(x: np.ndarray) -> np.ndarray:
    return np.arange(len(x))[:, None]


# ------------------------------------------------------------------------ shapes
def _rows(rule: Rule, inputs: Sequence[Array]) -> tuple[list[Array], int]:
    """The inputs as rows: (n,) for an element rule, (n, K) and labels (n,) for the others."""
    first = inputs[0]
    rows, width = math.prod(first.shape[: None if rule.kind == "element" else -1]), first.shape[-1:]
    each, whole = (rows,), (rows,) if rule.kind == "element" else (rows, *width)
    return [_shaped(x, whole if x.ndim == first.ndim else each) for x in inputs], rows


def _shaped(x: Array, shape: tuple[int, ...]) -> Array:
    return x if x.shape == shape else x.reshape(shape)


def _allocate(rule: Rule, flat: list[Array], want: Want, into: Any = None) -> Result:
    xp, first = namespace(flat[0]), flat[0]
    each = first if rule.kind != "row" else first[:, 0]
    if want.grads and into is None:
        wanted = zip(flat, want.for_each(rule.wrt), strict=False)
        into = tuple(xp.empty_like(x) if w else None for x, w in wanted)
    return Result(xp.empty_like(each) if want.each else None, None, into if want.grads else None)


def _restore(rule: Rule, inputs: Sequence[Array], done: Result, into: Any = None) -> Result:
    """Give the results the shape and the dtype of the inputs that they belong to."""
    first, (each, total, grads) = inputs[0], done
    if each is not None:
        shape = first.shape[:-1] if rule.kind == "row" else first.shape
        each = _shaped(cast(each, first.dtype), shape)
    if total is not None and into is None:
        total = cast(total, first.dtype)
    if grads is not None:
        pairs = zip(grads, inputs, strict=False)
        grads = tuple(g if g is None else _shaped(cast(g, x.dtype), x.shape) for g, x in pairs)
    return Result(each, total, grads)


def _on_cpu(x: Array) -> bool:
    return x.is_cpu if is_torch(x) else True
