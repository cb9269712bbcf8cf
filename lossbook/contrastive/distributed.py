"""InfoNCE of a batch that is spread over the processes of torch.distributed.

Each process holds some rows of the batch, not necessarily as many as the others. The keys of
all are gathered, *with* their gradient: a key is a negative for the rows of every process, and
each of them pulls at it. The backward pass of the gathering adds these pulls up and gives each
process the rows that are its own.

What comes out is the loss of the whole batch, the same number in every process, and its
gradient for the rows that the process holds. All processes must call ``backward``, the same
number of times. The gradients of shared parameters are then to be *summed* over the processes:
``DistributedDataParallel`` averages them, so multiply the loss by the number of processes there.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable

from lossbook.arrays import cast
from lossbook.categorical.logits import cross_entropy
from lossbook.checks import check_float
from lossbook.contrastive.batches import Batch, batch
from lossbook.contrastive.infonce import info_nce
from lossbook.contrastive.pairwise import cosines
from lossbook.contrastive.symmetric import scale_of
from lossbook.reduction.distributed import sum_over_processes


def distributed_info_nce(
    queries: torch.Tensor, keys: torch.Tensor, *, temperature: float, group: Any = None
) -> torch.Tensor:
    r"""InfoNCE of the whole batch, of which each process passes its own rows.

    .. math::
        L = \frac1N \sum_r \sum_{i \in r}
            -\ln \frac{e^{\cos(q_i, k_i)/\tau}}{\sum_{j=1}^N e^{\cos(q_i, k_j)/\tau}}

    Parameters
    ----------
    queries, keys
        The rows of this process r, floats of the same shape (N_r, d).
    temperature
        The number :math:`\tau > 0`.
    group
        The process group; the default one if None.

    Returns
    -------
    Tensor
        The mean loss of all N rows, the same in all processes.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :func:`lossbook.in_batch_info_nce`; and if there is no process group.

    Notes
    -----
    Chapter 8.
    """
    both, offset, total = _shard(group, queries=queries, keys=keys)
    s = cosines(both.rows[0], gather_rows(both.rows[1], group))
    local = info_nce(s, both.numbers() + offset, temperature=temperature, reduction="sum")
    return cast(sum_over_processes(local, group) / max(1, total), both.dtype)


def distributed_clip_loss(
    images: torch.Tensor, texts: torch.Tensor, *, log_scale: Any, group: Any = None
) -> torch.Tensor:
    r"""The loss of CLIP of the whole batch, of which each process passes its own rows.

    Parameters
    ----------
    images, texts
        The rows of this process r, floats of the same shape (N_r, d).
    log_scale
        As in :func:`lossbook.clip_loss`. Its gradient is this process's part of the whole,
        as for every shared parameter.
    group
        The process group; the default one if None.

    Returns
    -------
    Tensor
        The mean loss of all N pairs, the same in all processes.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :func:`lossbook.clip_loss`; and if there is no process group.

    Notes
    -----
    Chapter 8.
    """
    both, offset, total = _shard(group, images=images, texts=texts)
    u, v = both.rows
    labels, scale = both.numbers() + offset, scale_of(log_scale, u)
    sides = (cosines(u, gather_rows(v, group)), cosines(v, gather_rows(u, group)))
    local = sum(cross_entropy(scale * s, labels, reduction="sum") for s in sides) / 2
    return cast(sum_over_processes(local, group) / max(1, total), both.dtype)


def _shard(group: Any, **named: torch.Tensor) -> tuple[Batch, int, int]:
    """The rows of this process, the number of its first row, and the number of all."""
    both = batch(None, None, **named)
    sizes = _sizes(both.rows[0], group)
    return both, sum(sizes[: dist.get_rank(group)]), sum(sizes)


def gather_rows(x: torch.Tensor, group: Any = None) -> torch.Tensor:
    """The rows of all processes below each other, in the order of their ranks.

    In the backward pass the gradients that the processes have for a row are added up, and go
    to the process that it came from. Without that a key would feel no row but those of its
    own process.
    """
    check_float("x", x)
    return _Gather.apply(x, group)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, group):
        sizes = _sizes(x, group)
        rank = dist.get_rank(group)
        ctx.group, ctx.start, ctx.size = group, sum(sizes[:rank]), sizes[rank]
        padded = x.new_zeros((max(sizes), *x.shape[1:]))  # all must send as much
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded, group)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        total = upstream.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        return total[ctx.start : ctx.start + ctx.size], None


def _sizes(x: torch.Tensor, group: Any) -> list[int]:
    """How many rows each process has."""
    mine = torch.tensor([len(x)], device=x.device)
    sizes = [torch.empty_like(mine) for _ in range(dist.get_world_size(group))]
    dist.all_gather(sizes, mine, group)
    return [int(size) for size in sizes]
