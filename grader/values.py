"""Plain numbers across the border of the sandbox: arrays as JSON, read back strictly.

The sandbox holds a copy of this file, so it imports nothing else of the package.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

LARGEST = 200_000  # numbers in one answer, and entries along one axis
DEEPEST = 3  # tuples within tuples
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
DTYPES = {"bool", "float16", "bfloat16", "float32", "float64"}
DTYPES |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


class BadValue(ValueError):
    """What came is not plain numbers."""


def encode(value: Any) -> dict:
    """An array, a number, or a tuple of such, as JSON holds it."""
    value = _detached(value)
    if isinstance(value, tuple) or _ragged(value):
        return {"tuple": [encode(each) for each in value]}
    array, dtype = _as_array(value)
    if array.size > LARGEST:
        raise BadValue(f"{array.size} numbers; at most {LARGEST} are read")
    if dtype.startswith(("float", "bfloat")):
        data = [_special(x) for x in array.astype(np.float64).ravel().tolist()]
    else:
        data = [int(x) for x in array.ravel().tolist()]
    return {"dtype": dtype, "shape": list(array.shape), "data": data}


def _ragged(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    try:
        np.asarray(value)
    except ValueError:
        return True
    return False


def _detached(value: Any) -> Any:
    """Arrays for the tensors in a list: NumPy takes none that carry gradients."""
    if isinstance(value, list):
        return [_as_array(x)[0] if hasattr(x, "detach") else _detached(x) for x in value]
    return value


def _as_array(value: Any) -> tuple[np.ndarray, str]:
    if value is None:
        raise BadValue("None is not a number: is a return missing?")
    if hasattr(value, "detach"):  # a torch tensor; NumPy has no bfloat16
        dtype = str(value.dtype).removeprefix("torch.")
        value = value.detach().cpu()
        return np.asarray(value.float() if dtype == "bfloat16" else value), dtype
    array = np.asarray(value)
    if array.dtype in (object, np.longdouble):  # sympy's numbers, fractions; more digits
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as problem:
            raise BadValue(f"{type(value).__name__} is no kind of number: {problem}") from None
    if array.dtype.name not in DTYPES:
        raise BadValue(f"{array.dtype.name} is no kind of number that is read here")
    return array, array.dtype.name


def _special(x: float) -> float | str:
    return x if math.isfinite(x) else str(x)


def decode(plain: Any, depth: int = 0) -> np.ndarray | tuple:
    """The inverse of `encode`, for text that nobody vouches for."""
    if isinstance(plain, dict) and plain.keys() == {"tuple"}:
        entries = plain["tuple"]
        if depth == DEEPEST or type(entries) is not list:
            raise BadValue("not a tuple that is read here")
        return tuple(decode(each, depth + 1) for each in entries)
    if not isinstance(plain, dict) or plain.keys() != {"dtype", "shape", "data"}:
        raise BadValue("not an array")
    return _array(**plain)


def _array(dtype: Any, shape: Any, data: Any) -> np.ndarray:
    if type(dtype) is not str or dtype not in DTYPES:
        raise BadValue("unknown dtype")
    if type(shape) is not list or len(shape) > 8 or any(type(n) is not int for n in shape):
        raise BadValue("not a shape")
    # Nothing may be long that holds nothing: (1_000_000_000, 0) costs whoever walks over it.
    if any(not 0 <= n <= LARGEST for n in shape):
        raise BadValue("not a shape that is read here")
    if type(data) is not list or len(data) > LARGEST:
        raise BadValue("not a list of numbers")
    if math.prod(shape) != len(data):
        raise BadValue("shape and numbers do not fit")
    numbers = [_number(x) for x in data]
    kind = "float32" if dtype == "bfloat16" else dtype
    try:
        with np.errstate(all="raise"):
            return np.array(numbers, dtype=kind).reshape(shape)
    except (ValueError, OverflowError, FloatingPointError):
        raise BadValue(f"a number is out of the range of {dtype}") from None


def _number(x: Any) -> float | int:
    if type(x) is str and x in SPECIAL:
        return SPECIAL[x]
    if type(x) is float and math.isfinite(x):
        return x
    if type(x) is int and abs(x) < 2**64:
        return x
    raise BadValue("not a number")


def loads(line: bytes | str) -> Any:
    """JSON without its holes: no NaN, no key twice, no depth that ends in a crash."""
    try:
        return json.loads(line, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise BadValue("not JSON") from None


def _refuse(text: str) -> None:
    raise BadValue(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadValue("a key twice")
    return found
