"""Which library an array belongs to, and what rules need of it beside the array API.

Every function of the package takes NumPy arrays or torch tensors, never a mixture, and
gives back what it was given: same library, same device, same dtype. What an input must be is
checked in :mod:`lossbook.checks`.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

    Array: TypeAlias = np.ndarray | torch.Tensor
    ArrayLike: TypeAlias = np.ndarray | torch.Tensor | float | Iterable
else:
    Array = ArrayLike = Any


NUMPY = (np.ndarray, np.generic)


def is_torch(x: object) -> bool:
    """Whether ``x`` is a torch tensor (without importing torch to find out)."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Array) -> Any:
    """The array-API namespace of ``x``: the functions that a rule may call."""
    return _tensors() if is_torch(x) else np


@functools.cache  # a look into sys.modules would stop torch.compile: it sees the import change it
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


def is_compiling() -> bool:
    """Whether torch.compile is tracing: a check of values would break its graph."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def as_near(number: float, x: Array) -> float:
    """A number as near as the precision of ``x`` has it: finite, and 0 only if it is 0."""
    info = namespace(x).finfo(working_dtype(x))
    size = max(abs(number), float(info.smallest_normal) * float(info.eps)) if number else 0.0
    return math.copysign(min(size, float(info.max)), number)


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
    return x.detach() if is_followed(x) else x


def times(xp: Any, a: Array, b: Array) -> Array:
    """The product a b, in which 0 times infinity is 0."""
    return products(xp, (a, b))


def products(
    xp: Any, *pairs: tuple[Array, Array], join: Callable[[Array, Array], Array] = operator.add
) -> Array:
    """The sum of the products of pairs, or their difference, in which 0 times infinity is 0.

    Only then can a product of numbers be nan. Where it is cheap to see that there is none,
    the slow selection is left out.
    """
    total = functools.reduce(join, (a * b for a, b in pairs))
    if plain_cpu(total) and not math.isnan(total.sum().item()):
        return total
    safe = ((a, xp.where(a == 0, xp.zeros_like(b), b)) for a, b in pairs)  # its derivative too
    return functools.reduce(join, (a * b for a, b in safe))


def threads(x: Array) -> int:
    """How many threads work on one operation."""
    return sys.modules["torch"].get_num_threads() if is_torch(x) else 1


def is_transforming() -> bool:
    """Whether torch.compile, torch.func or a tracer look at each operation of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or (torch._C._len_torch_dispatch_stack() > 0 and _is_tracing(torch._C))
    )


def _is_tracing(modes: Any) -> bool:
    """Whether an operation of torch has no value, or is written down."""
    keys = modes._TorchDispatchModeKey
    tracers = (keys.FAKE, keys.PROXY, keys.FUNCTIONAL)
    return any(modes._get_dispatch_mode(key) is not None for key in tracers)


def is_followed(x: Array) -> bool:
    """Whether torch derives, transforms or compiles each operation on ``x`` as it comes."""
    if not is_torch(x):
        return False
    if x.requires_grad or is_transforming():
        return True
    return sys.modules["torch"].autograd.forward_ad.unpack_dual(x).tangent is not None


def requires_grad(x: Array) -> bool:
    """Whether autograd asks for a derivative for ``x``."""
    return is_torch(x) and x.requires_grad


def plain_cpu(x: Array) -> bool:
    """Whether looking at a value costs nothing: on a CPU, outside autograd and transforms."""
    return not is_torch(x) or (x.is_cpu and not is_followed(x))
