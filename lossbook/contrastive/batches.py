"""What the losses of a batch of embeddings share: checks, masks, and the final rounding.

Embeddings are turned into double precision first and the loss is rounded once at the end.
A small temperature calls for that: it magnifies the error of a similarity, 1e-7 in single
precision, ten thousand times if it is 1e-4. A gradient calls for it too: with keys that are 1e-4
apart, products in single precision leave it two or three digits, since most cancel.

It has its price: half the speed on a CPU, and much more on a GPU that is made for games. Whoever
knows that their temperature is not small asks for ``precision="input"``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from lossbook.arrays import Array, cast, is_torch, namespace, same_kind, wide_dtype, working_dtype
from lossbook.checks import check_broadcasts, check_float, check_mask, check_same_shape
from lossbook.reduction import Reduction, reduce
from lossbook.rule import quiet

Precision = Literal["double", "input"]
"""What a batch is computed in: double precision, or the precision of its embeddings."""


def quietly(body: Callable[..., Array]) -> Callable[..., Array]:
    """A composition without NumPy's warnings, as the rules are: what is inf is inf."""

    @functools.wraps(body)
    def function(*args: Any, **options: Any) -> Array:
        tensors = (x for x in (*args, *options.values()) if is_torch(x))
        with quiet(next(tensors, None)):
            return body(*args, **options)

    return function


def embeddings(**named: Any) -> list[Array]:
    """Check batches of vectors of the same width, shape (N, d) each."""
    found = same_kind(**named)
    first = next(iter(named))
    for name, x in zip(named, found, strict=True):
        check_float(name, x)
        if x.ndim != 2 or x.shape[1] == 0:
            raise ValueError(f"{name} must have the shape (N, d), got {tuple(x.shape)}")
        if x.shape[1] != found[0].shape[1]:
            raise ValueError(
                f"{first} and {name} must have vectors of the same width, "
                f"got {found[0].shape[1]} and {x.shape[1]}"
            )
    return found


class Batch(NamedTuple):
    """Embeddings in the precision to compute in, row by row of the same N things; masks, weights.

    A row that ``where`` leaves out is neither an anchor nor a candidate: its embeddings are
    set to 0, and its column is not on offer.
    """

    rows: list[Array]
    dtype: Any
    weights: Array | None
    where: Array | None

    @property
    def size(self) -> int:
        """How many things there are, N."""
        return self.rows[0].shape[0]

    def reduced(self, losses: Array, reduction: Reduction, where: Array | None = None) -> Array:
        """The losses of the N things as the caller wants them, in the dtype that came."""
        where = self.where if where is None else where
        return cast(
            reduce(losses, weights=self.weights, where=where, reduction=reduction), self.dtype
        )

    def columns(self) -> Array | None:
        """The mask of the candidates, the same for each row."""
        return None if self.where is None else self.where[None, :]

    def numbers(self) -> Array:
        """The numbers of the rows, 0 to N - 1."""
        return namespace(self.rows[0]).arange(self.size, device=self.rows[0].device)

    def partners(self, keep: Array | None, count: int) -> tuple[Array, ...]:
        """The number of each row's partner; and the mask of ``count`` candidates, if any."""
        if keep is None:
            return (self.numbers(),)
        return self.numbers(), namespace(keep).broadcast_to(keep, (self.size, count))

    def diagonal(self) -> Array:
        """Where a thing meets itself."""
        return self.numbers()[:, None] == self.numbers()[None, :]


def batch(weights: Any, where: Any, precision: Precision = "double", **named: Any) -> Batch:
    """Check batches of embeddings that belong together, row by row."""
    if precision not in get_args(Precision):
        raise ValueError(f"precision must be one of {get_args(Precision)}, got {precision!r}")
    dtype_of = wide_dtype if precision == "double" else working_dtype
    *rows, weights, where = same_kind(**named, weights=weights, where=where)
    rows = embeddings(**dict(zip(named, rows, strict=True)))
    names = list(named)
    for name, x in zip(names[1:], rows[1:], strict=True):
        check_same_shape(**{names[0]: rows[0], name: x})
    xp, count = namespace(rows[0]), rows[0].shape[0]
    wide = [cast(x, dtype_of(x)) for x in rows]
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, (count,))
        where = xp.broadcast_to(where, (count,))
        wide = [xp.where(where[:, None], x, xp.zeros_like(x)) for x in wide]
    return Batch(wide, rows[0].dtype, weights, where)
