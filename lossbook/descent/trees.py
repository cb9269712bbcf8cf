"""Parameters: one array, or dicts and lists of arrays; and the length of a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from lossbook.arrays import Array, cast, constant, is_torch, same_kind, wide_dtype, working_dtype
from lossbook.checks import check_float, check_real

Tree: TypeAlias = Any
"""An array, or a dict, list or tuple of trees."""


def leaves(tree: Tree, name: str = "parameters") -> Iterator[tuple[str, Array]]:
    """The arrays of a tree, each with its name, such as ``parameters['bias']``."""
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from leaves(child, f"{name}[{key!r}]")
    elif isinstance(tree, list | tuple):
        for i, child in enumerate(tree):
            yield from leaves(child, f"{name}[{i}]")
    elif not hasattr(tree, "dtype"):
        kind = type(tree).__qualname__
        raise TypeError(f"{name} must be an array, got {kind}: wrap numbers in np.array")
    else:
        yield name, tree


def arrays(tree: Tree) -> list[Array]:
    """The arrays of a tree, in order."""
    return [tree] if hasattr(tree, "dtype") else [leaf for _, leaf in leaves(tree)]


def rebuild(tree: Tree, new: list[Array]) -> Tree:
    """A tree of the same shape with other arrays in it, rounded to the dtypes of the old."""
    return _rebuild(tree, iter(new))


def _rebuild(tree: Tree, new: Iterator[Array]) -> Tree:
    if isinstance(tree, dict):
        return {key: _rebuild(child, new) for key, child in tree.items()}
    if isinstance(tree, list | tuple):
        children = [_rebuild(child, new) for child in tree]
        return type(tree)(*children) if hasattr(tree, "_fields") else type(tree)(children)
    return cast(next(new), tree.dtype)


def tree_map(function: Callable[..., Array], tree: Tree, *others: Tree) -> Tree:
    """Apply a function to the arrays of trees of one shape."""
    return rebuild(tree, [function(*xs) for xs in zip(*map(arrays, (tree, *others)), strict=True)])


def floats(tree: Tree, name: str = "parameters") -> Tree:
    """A tree of floating-point arrays, cut off from autograd; a Python number is one, too."""
    if isinstance(tree, Real) and not hasattr(tree, "dtype"):
        tree = np.float64(tree)
    found = list(leaves(tree, name))
    if not found:
        raise ValueError(f"{name} must hold at least one array, got {tree!r}")
    if len({is_torch(leaf) for _, leaf in found}) > 1:
        raise TypeError(f"{name} must be arrays of one library, got NumPy's and torch's")
    for path, leaf in found:
        check_float(path, leaf)
    return rebuild(tree, [constant(leaf) for _, leaf in found])


def matching(point: Tree, gradient: Tree, name: str = "gradient") -> list[Array]:
    """The arrays of a gradient, each with the shape of its parameter, in its working dtype."""
    if hasattr(gradient, "dtype") and getattr(point, "shape", None) == gradient.shape:
        return [like(name, gradient, point)]  # the common case, without names
    ours, theirs = list(leaves(point)), dict(leaves(gradient, name))
    paths = [name + path.removeprefix("parameters") for path, _ in ours]
    if set(paths) != set(theirs):
        raise ValueError(f"{name} must hold {paths}, got {list(theirs)}")
    for path, (_, x) in zip(paths, ours, strict=True):
        shape = tuple(theirs[path].shape)
        if shape != tuple(x.shape):
            raise ValueError(
                f"{path} must have the shape of its parameter, {tuple(x.shape)}, got {shape}"
            )
    return [like(path, theirs[path], x) for path, (_, x) in zip(paths, ours, strict=True)]


def like(name: str, a: Array, x: Array) -> Array:
    """An array in the working dtype of a parameter, of its library, cut off from autograd."""
    same_kind(**{"parameters": x, name: a})
    check_real(name, a)
    return cast(constant(a), working_dtype(x))


def one_number(name: str, value: Any) -> float:
    """A value that a function has given, as a number of Python."""
    shape = tuple(getattr(value, "shape", ()))
    if math.prod(shape) != 1:
        raise ValueError(f"{name} must be one number, got the shape {shape}")
    try:
        return float(constant(value).item() if hasattr(value, "item") else value)
    except (TypeError, ValueError):
        kind = type(value).__qualname__
        raise TypeError(f"{name} must be one number, got {kind}") from None


def inner(a: Tree, b: Tree) -> float:
    """The inner product of two trees of one shape."""
    pairs = zip(arrays(a), arrays(b), strict=True)
    return math.fsum(float((_wide(x) * _wide(y)).sum()) for x, y in pairs)


def norm(tree: Tree) -> float:
    """The length of all entries taken together."""
    with np.errstate(over="ignore", under="ignore"):
        total = sum(float((_wide(x) ** 2).sum()) for x in arrays(tree))
    if 1e-200 < total < 1e200:  # no square was lost
        return math.sqrt(total)
    top, root = scaled_norm(tree)
    return top * root


def scaled_norm(tree: Tree) -> tuple[float, float]:
    """The length as a product: of the largest size, and of a root that can't overflow."""
    found = [_wide(x) for x in arrays(tree) if 0 not in x.shape]
    sizes = [float(abs(x).max()) for x in found]
    top = math.nan if any(map(math.isnan, sizes)) else max(sizes, default=0.0)
    if top == 0 or not math.isfinite(top):
        return top, 1.0
    return top, math.sqrt(math.fsum(float(((x / top) ** 2).sum()) for x in found))


def _wide(x: Array) -> Array:
    return cast(x, wide_dtype(x))
