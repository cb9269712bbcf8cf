"""Which library an array belongs to, and the input checks that all losses share.

Every function of the package takes NumPy arrays or torch tensors, never a mixture, and
gives back what it was given: same library, same device, same dtype.
Every error message shows what was expected and what came.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

    Array: TypeAlias = np.ndarray | torch.Tensor
    ArrayLike: TypeAlias = np.ndarray | torch.Tensor | float | Iterable
else:
    Array = ArrayLike = Any


LARGEST = sys.float_info.max
"""The largest finite number: an upper end that excludes infinity."""

SUM_TOLERANCE = 1 / 128
"""How far from 1 the probabilities of a row may add up to."""

NUMPY = (np.ndarray, np.generic)


def is_torch(x: object) -> bool:
    """Whether ``x`` is a torch tensor (without importing torch to find out)."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Array) -> Any:
    """The array-API namespace of ``x``: the functions that a rule may call."""
    return sys.modules.get("lossbook.tensors") or _tensors() if is_torch(x) else np


def _tensors() -> Any:
    from lossbook import tensors  # imports torch, which is there already

    return tensors


def same_kind(**named: ArrayLike | None) -> list[Any]:
    """Turn the named inputs into arrays of one library, on one device; None stays None.

    Python numbers and lists become arrays of the library that the others belong to,
    NumPy if there is none. Numbers in a list are read as floats.
    """
    tensors = {name: x for name, x in named.items() if is_torch(x)}
    if not tensors:
        return [x if x is None else _as_numpy(name, x) for name, x in named.items()]
    first, ours = next(iter(tensors.items()))
    return [x if x is None else _as_torch(name, x, first, ours) for name, x in named.items()]


def _as_numpy(name: str, x: ArrayLike) -> np.ndarray:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, whose mask would be lost: "
            "pass its data, and its mask inverted as where="
        )
    if isinstance(x, NUMPY):
        return np.asarray(x)
    if hasattr(x, "__array_namespace__") or hasattr(x, "__cuda_array_interface__"):
        raise TypeError(
            f"{name} must be a NumPy array or a torch tensor, got {type(x).__module__}."
            f"{type(x).__qualname__}"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"{name} can't be read as an array of numbers: {error}") from None
    return array.astype(np.float64) if array.dtype.kind == "i" else array


def _as_torch(name: str, x: ArrayLike, first: str, ours: torch.Tensor) -> torch.Tensor:
    import torch

    if isinstance(x, NUMPY):
        raise TypeError(
            f"{first} is a torch tensor and {name} a NumPy array: pass both of one library, "
            f"for example torch.as_tensor({name})"
        )
    if not isinstance(x, torch.Tensor):
        # never fewer digits than float32, whatever the tensor holds: labels, half precision
        dtype = torch.bool if _all_bool(x) else torch.promote_types(ours.dtype, torch.float32)
        return torch.asarray(x, dtype=dtype, device=ours.device)
    if x.device != ours.device:
        raise ValueError(
            f"{first} and {name} must be on the same device, got {ours.device} and {x.device}"
        )
    return x


def _all_bool(x: ArrayLike) -> bool:
    return np.asarray(x).dtype.kind == "b"


def is_bool(x: Array) -> bool:
    """Whether ``x`` holds booleans."""
    return x.dtype.itemsize == 1 and str(x.dtype) in ("bool", "torch.bool")  # printing is slow


def as_number(x: Array) -> Array:
    """Booleans as 0 and 1, in the same memory; anything else as it is."""
    return x.view(namespace(x).uint8) if is_bool(x) else x


def is_float(x: Array) -> bool:
    """Whether ``x`` holds real floating-point numbers."""
    return x.dtype.is_floating_point if is_torch(x) else x.dtype.kind == "f"


def is_integer(x: Array) -> bool:
    """Whether ``x`` holds whole numbers; booleans are none."""
    if is_torch(x):
        return not (x.dtype.is_floating_point or x.dtype.is_complex or is_bool(x))
    return x.dtype.kind in "iu"


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
    least, most = x.aminmax() if is_torch(x) else (x.min(), x.max())
    return bool(least >= low) and bool(most <= high)


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


def is_compiling() -> bool:
    """Whether torch.compile is tracing: a check of values would break its graph."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


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


def as_near(number: float, x: Array) -> float:
    """A number as near as the precision of ``x`` has it: finite, and 0 only if it is 0."""
    info = namespace(x).finfo(working_dtype(x))
    size = max(abs(number), float(info.smallest_normal) * float(info.eps)) if number else 0.0
    return math.copysign(min(size, float(info.max)), number)


def check_axis(axis: int, ndim: int) -> int:
    """The axis as a non-negative number."""
    if not isinstance(axis, Integral) or isinstance(axis, bool):
        raise TypeError(f"axis must be an integer, got {type(axis).__qualname__}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis must be in [{-ndim}, {ndim}) for {ndim} dimensions, got {axis}")
    return axis % ndim


def working_dtype(x: Array) -> Any:
    """The dtype to compute in: float32 for half precisions, else the array's own."""
    half = x.dtype.itemsize < 4
    return namespace(x).float32 if half else x.dtype


def wide_dtype(x: Array) -> Any:
    """The dtype to add up in: double precision, where the device has it."""
    if x.dtype.itemsize > 8 or (is_torch(x) and x.is_mps):
        return x.dtype
    return namespace(x).float64


def cast(x: Array, dtype: Any) -> Array:
    """``x`` with another dtype; ``x`` itself if it has it."""
    return x if x.dtype == dtype else namespace(x).astype(x, dtype)


def constant(x: Array) -> Array:
    """``x`` cut off from autograd: a shift that leaves the result unchanged needs no gradient."""
    return x.detach() if is_torch(x) else x


def times(xp: Any, a: Array, b: Array) -> Array:
    """The product a b, in which 0 times infinity is 0."""
    return products(xp, (a, b))


def products(xp: Any, *pairs: tuple[Array, Array]) -> Array:
    """The sum of the products of pairs, in which 0 times infinity is 0.

    Only then can a product of numbers be nan. Where it is cheap to see that there is none,
    the slow selection is left out.
    """
    total = functools.reduce(operator.add, (a * b for a, b in pairs))
    if plain_cpu(total) and not math.isnan(total.sum().item()):
        return total
    safe = ((a, xp.where(a == 0, xp.zeros_like(b), b)) for a, b in pairs)  # its derivative too
    return functools.reduce(operator.add, (a * b for a, b in safe))


def is_transforming() -> bool:
    """Whether torch.compile or torch.func look at each operation of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and (
        torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    )


def requires_grad(x: Array) -> bool:
    """Whether autograd asks for a derivative for ``x``."""
    return is_torch(x) and x.requires_grad


def plain_cpu(x: Array) -> bool:
    """Whether looking at a value costs nothing: on a CPU, outside autograd and transforms."""
    if not is_torch(x):
        return True
    return x.is_cpu and not x.requires_grad and not is_transforming()
