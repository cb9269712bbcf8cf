"""The mean of losses that are spread over the processes of torch.distributed (chapter 9).

Each process holds some of the losses, not necessarily as many as the others, perhaps none.
The sums *and* what they are divided by are added up over the processes, so that each example
counts once, wherever it is.

The gradients that the processes have for a shared parameter are then to be *summed* over them.
``DistributedDataParallel`` averages them instead: :func:`for_ddp` makes up for that.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from lossbook.arrays import ArrayLike, cast, constant, wide_dtype
from lossbook.checks import check_float
from lossbook.reduction.core import reduce
from lossbook.reduction.shards import divisor


def mean_over_processes(
    losses: torch.Tensor,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: str = "mean",
    group: Any = None,
) -> torch.Tensor:
    r"""The mean of the losses of all processes, of which each passes its own.

    .. math::
        L = \frac{\sum_r \sum_{i \in r} w_i \ell_i}{\sum_r n_r}

    Parameters
    ----------
    losses
        The losses of this process r, one for each example or token; floats of any shape.
    weights, where
        As in :func:`lossbook.reduce`, for the losses of this process.
    reduction
        ``"mean"``: :math:`n_r` is the number of losses that no mask leaves out;
        ``"weighted_mean"``: it is the sum of their weights.
    group
        The process group; the default one if None.

    Returns
    -------
    Tensor
        One number, the same in all processes; 0 if nothing counts in any of them.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :func:`lossbook.reduce`; and if there is no process group.

    Notes
    -----
    The gradient that a process gets is that of this mean for its own losses. Chapter 9.
    """
    check_float("losses", losses)
    if reduction not in ("mean", "weighted_mean"):
        expected = "reduction must be 'mean' or 'weighted_mean'"
        raise ValueError(f"{expected}, got {reduction!r}")
    wide = cast(losses, wide_dtype(losses))
    parts = torch.stack([
        reduce(wide, weights=weights, where=where, reduction="sum"),
        divisor(wide, weights, where, reduction),
    ])  # fmt: skip
    total, count = sum_over_processes(parts, group)
    count = constant(count)
    return cast(total / torch.where(count > 0, count, 1.0), losses.dtype)


def for_ddp(loss: torch.Tensor, group: Any = None) -> torch.Tensor:
    r"""The same loss, with a gradient that is right after ``DistributedDataParallel``.

    DDP divides the sum of the gradients by the number of processes. Here it is multiplied by
    it beforehand; the value stays what it is.

    Parameters
    ----------
    loss
        One number: what this process calls ``backward`` on.
    group
        The process group of DDP; the default one if None.

    Returns
    -------
    Tensor
        The same number.

    Notes
    -----
    Chapter 9.
    """
    return _Scale.apply(loss, dist.get_world_size(group))


def sum_over_processes(x: torch.Tensor, group: Any = None) -> torch.Tensor:
    """The sum of what the processes have, the same in each of them.

    In the backward pass each gets the gradient of the sum for its own part. (The sum is *one*
    result that all of them hold: they call ``backward`` together, once.)
    """
    return _Sum.apply(x, group)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group):
        total = x.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx, upstream):
        return upstream, None


class _Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.factor, None
