"""Torch under the names of the array API, the calls that rules make most without detours.

array_api_compat turns a number into a tensor before it takes a minimum; on a small tensor that
takes longer than the minimum.
"""

from __future__ import annotations

import numpy as np
import torch
from array_api_compat.torch import *  # noqa: F403

from lossbook.arrays import is_transforming

del classes  # noqa: F821 -- it has any name that it is asked for, and none that works


def maximum(a: torch.Tensor, b: torch.Tensor | float, /) -> torch.Tensor:
    """The larger of each two; where they are equal, the slope of each is one half."""
    if isinstance(b, torch.Tensor):
        return torch.maximum(a, b)
    return torch.maximum(a, a.new_full((), b)) if _traced(a) else torch.clamp(a, min=b)


def minimum(a: torch.Tensor, b: torch.Tensor | float, /) -> torch.Tensor:
    """The smaller of each two; where they are equal, the slope of each is one half."""
    if isinstance(b, torch.Tensor):
        return torch.minimum(a, b)
    return torch.minimum(a, a.new_full((), b)) if _traced(a) else torch.clamp(a, max=b)


def argmax(x: torch.Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    """Where the largest entry is, the first of them. On a CPU NumPy is twenty times as fast."""
    plain = type(x) in (torch.Tensor, torch.nn.Parameter) and x.is_cpu
    if plain and x.dtype != torch.bfloat16 and not is_transforming():
        found = np.argmax(x.detach().numpy(), axis=axis, keepdims=keepdims)
        return torch.from_numpy(np.asarray(found))
    return torch.argmax(x, dim=axis, keepdim=keepdims)


def clip(
    a: torch.Tensor,
    /,
    min: torch.Tensor | float | None = None,
    max: torch.Tensor | float | None = None,
) -> torch.Tensor:
    """Each number, or the end that it is beyond; at an end the slope is 1."""
    return torch.clamp(a, min, max)


def _traced(a: torch.Tensor) -> bool:
    return a.requires_grad and torch.is_grad_enabled()


def take_along_axis(x: torch.Tensor, indices: torch.Tensor, /, *, axis: int = -1) -> torch.Tensor:
    """Entries by non-negative position."""
    return torch.gather(x, axis, indices)
