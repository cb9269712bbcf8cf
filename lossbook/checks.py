"""The input checks that all losses share.

Every error message shows what was expected and what came.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np

from lossbook.arrays import (
    NUMPY,
    Array,
    ArrayLike,
    as_number,
    cast,
    is_bool,
    is_compiling,
    is_float,
    is_integer,
    is_torch,
    namespace,
    wide_dtype,
    working_dtype,
)

LARGEST = sys.float_info.max
"""The largest finite number: an upper end that excludes infinity."""

SUM_TOLERANCE = 1 / 128
"""How far from 1 the probabilities of a row may add up to."""


def check_float(name: str, x: Array | None) -> None:
    """Predictions are floats: an array of integers is a sign of a mistake upstream."""
    if x is None:
        raise TypeError(f"{name} must be a floating-point array, got None")
    if not is_float(x):
        raise TypeError(f"{name} must be a floating-point array, got dtype {x.dtype}")


def check_real(name: str, x: Array | None) -> None:
    """Targets may be floats, integers or booleans, but nothing else."""
    if x is None:
        raise TypeError(f"{name} must hold real numbers, got None")
    ok = not x.dtype.is_complex if is_torch(x) else x.dtype.kind in "fiub"
    if not ok:
        raise TypeError(f"{name} must hold real numbers, got dtype {x.dtype}")


def check_same_shape(**named: Array) -> None:
    """No broadcasting between a prediction and its truth: (N,) against (N, 1) is N x N."""
    (name_a, a), (name_b, b) = named.items()
    if tuple(a.shape) != tuple(b.shape):
        raise ValueError(
            f"{name_a} and {name_b} must have the same shape, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )


def check_broadcasts(name: str, x: Array, shape: tuple[int, ...]) -> None:
    """Weights and masks may be broadcast to the losses, never the losses to them."""
    try:
        fits = np.broadcast_shapes(tuple(x.shape), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} must have the shape {shape} or broadcast to it, got {tuple(x.shape)}"
        )


def check_within(
    name: str, x: Array, low: float, high: float, *, where: Array | None = None, nan: bool = False
) -> None:
    """Raise if a value lies outside [low, high]; ``nan`` says whether nan may pass.

    A nan among predictions passes, and shows in the result; among targets it is an error.
    Entries that ``where`` leaves out are not looked at.
    """
    if is_compiling() or 0 in x.shape or is_bool(x):
        return
    expected = f"in {_interval(low, high)}"
    if is_float(x):  # LARGEST itself is infinite in float32
        largest = float(namespace(x).finfo(x.dtype).max)
        low, high = -largest if low == -LARGEST else low, largest if high == LARGEST else high
    if where is None and _all_within(x, low, high):
        return
    outside = (x < low) | (x > high) if nan else ~((x >= low) & (x <= high))
    refuse(name, x, outside, expected, where)


def _all_within(x: Array, low: float, high: float) -> bool:
    """The common case: no temporaries, no nan."""
    ends = x.aminmax() if is_torch(x) else (x.min(), x.max())
    least, most = (end.item() for end in ends)  # numbers are quicker to compare than tensors
    return low <= least and most <= high


def check_weights(
    name: str, x: Array, like: Array, shape: tuple[int, ...], *, where: Array | None = None
) -> Array:
    """The weights in the precision that is computed in, one for each loss.

    Where the mask leaves a loss out its weight may be anything, and is 0 if it is none.
    """
    check_real(name, x)
    check_broadcasts(name, x, shape)
    with np.errstate(over="ignore"):  # what is too large for it is inf, and refused
        x = cast(x, working_dtype(like))
    xp = namespace(like)
    if where is not None:
        some = (x >= 0) & (x <= float(xp.finfo(x.dtype).max))
        x = xp.where(where | some, x, xp.zeros_like(x))
    check_within(name, x, 0, LARGEST)
    return xp.broadcast_to(x, shape)


def check_row(name: str, x: Array | None, axis: int) -> None:
    """A float array with an axis of at least one entry."""
    check_float(name, x)
    if x.ndim == 0:
        raise ValueError(f"{name} must have an axis of entries, got a single number")
    if x.shape[check_axis(axis, x.ndim)] == 0:
        raise ValueError(f"{name} must have at least one entry in a row, got {tuple(x.shape)}")


def check_simplex(
    name: str, x: Array, axis: int, *, where: Array | None = None, nan: bool = False
) -> None:
    """Raise unless each row holds probabilities that sum to 1, as far as rounding lets them.

    Whatever K is, rounding them to bfloat16 moves their sum by 1/256 at most, and one can't
    see in a dtype where its numbers have been before. ``where`` is about rows.
    """
    if is_compiling() or 0 in x.shape:
        return
    xp, axis = namespace(x), check_axis(axis, x.ndim)
    each = where
    if where is not None:
        rows = x.shape[:axis] + x.shape[axis + 1 :]
        check_mask("where", where)
        check_broadcasts("where", where, tuple(rows))
        each = xp.expand_dims(xp.broadcast_to(where, tuple(rows)), axis=axis)
    check_within(name, x, 0, 1, where=each, nan=nan)
    wide = working_dtype if is_torch(x) else wide_dtype  # torch adds up in a cascade
    total = xp.sum(as_number(x), axis=axis, dtype=wide(x) if is_float(x) else None)
    off = abs(total - 1) > SUM_TOLERANCE
    refuse(f"the sum of each row of {name}", total, off, "1", where)


def label_array(labels: ArrayLike, like: ArrayLike) -> ArrayLike:
    """Labels in a list are whole numbers, for the library that ``like`` belongs to."""
    if is_torch(labels) or isinstance(labels, NUMPY) or hasattr(labels, "__array_namespace__"):
        return labels
    if not isinstance(labels, (Iterable, Integral)):
        return labels
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise TypeError(f"labels can't be read as an array of integers: {error}") from None
    array = array.astype(np.int64) if array.size == 0 else array
    if not is_torch(like):
        return array
    import torch

    if array.dtype.kind not in "biufc":
        raise TypeError(f"labels must be integers, got dtype {array.dtype}")
    return torch.as_tensor(array, device=like.device)


def check_labels(name: str, x: Array | None, size: int, *, where: Array | None = None) -> Array:
    """Labels are the numbers of one of ``size`` classes; returned in 64 bits."""
    if x is None or not is_integer(x):
        raise TypeError(f"{name} must be integers, got {x if x is None else f'dtype {x.dtype}'}")
    x = cast(x, namespace(x).int64)
    if not is_compiling() and 0 not in x.shape and not _all_within(x, 0, size - 1):
        refuse(name, x, (x < 0) | (x >= size), f"in [0, {size})", where)
    return x


def check_signs(name: str, x: Array, *, where: Array | None = None) -> None:
    """Raise if a label is neither -1 nor 1."""
    if not is_compiling():
        refuse(name, x, (x != 1) & (x != -1), "-1 or 1", where)


def refuse(name: str, x: Array, bad: Array, expected: str, where: Array | None) -> None:
    """Raise for the first bad entry that the mask does not leave out."""
    if where is not None:
        check_mask("where", where)
        check_broadcasts("where", where, tuple(x.shape))
        bad = bad & where
    if not bool(bad.any()):
        return
    index = tuple(int(i[0]) for i in namespace(x).nonzero(bad)) if x.ndim else ()
    at = f" at index {index[0] if len(index) == 1 else index}" if index else ""
    raise ValueError(f"{name} must be {expected}, got {_shown(x[index])}{at}")


def _shown(x: Array) -> str:
    """One number with as many digits as tell it from its neighbors."""
    if not is_float(x):
        return str(x.item())
    texts = [f"{x.item():.{digits}g}" for digits in (6, 9, 17)]
    return next((t for t in texts if bool(x == float(t))), texts[0])


def _interval(low: float, high: float) -> str:
    left = "(-inf" if low <= -LARGEST else f"[{low:g}"
    return f"{left}, " + ("inf)" if high >= LARGEST else f"{high:g}]")


def check_mask(name: str, x: Array) -> None:
    """A mask is boolean: 0/1 arrays are refused, since a weight is a different thing."""
    if not is_bool(x):
        raise TypeError(f"{name} must be a boolean array, got dtype {x.dtype}")


def check_number(
    name: str, x: object, low: float, high: float = math.inf, *, open_low: bool = False
) -> float:
    """A parameter such as a temperature: one finite real number in its range."""
    left, right = "(" if open_low else "[", ")" if high == math.inf else "]"
    expected = f"{name} must be a number in {left}{low:g}, {high:g}{right}, got"
    if not isinstance(x, Real) or isinstance(x, bool):
        raise TypeError(f"{expected} {type(x).__qualname__}")
    value = float(x)
    if not math.isfinite(value) or value < low or value > high or (open_low and value == low):
        raise ValueError(f"{expected} {x}")
    return value


def check_axis(axis: int, ndim: int) -> int:
    """The axis as a non-negative number."""
    if not isinstance(axis, Integral) or isinstance(axis, bool):
        raise TypeError(f"axis must be an integer, got {type(axis).__qualname__}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis must be in [{-ndim}, {ndim}) for {ndim} dimensions, got {axis}")
    return axis % ndim
