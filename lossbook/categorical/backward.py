"""The loss of a linear layer's logits as a step of torch's autograd."""

from __future__ import annotations

from dataclasses import replace

import torch

from lossbook.arrays import cast, is_transforming, wide_dtype
from lossbook.autograd import released
from lossbook.categorical.head import Head
from lossbook.rule import Share, Want


def apply(head: Head) -> torch.Tensor:
    """A loss of a linear layer's logits, with its derivatives as the backward pass.

    Compilers and torch.func, which look at each operation, get the computation with all logits.
    """
    if is_transforming():
        return head.composed()
    if not torch.is_grad_enabled() or not any(x.requires_grad for x in head.layer):
        return head.walk(head.share(), head.want())[0]
    task = head.task.detached()
    return _Head.apply(replace(head, layer=(), task=task), *head.layer)


class _Head(torch.autograd.Function):
    """For a total the derivatives are formed with the value; as in lossbook.autograd."""

    @staticmethod
    def forward(ctx, head, *layer):
        want, here = head.want(), replace(head, layer=layer)
        ahead = want.total and layer[0].dtype.itemsize >= 4
        ctx.wrt, ctx.head, ctx.ahead = ctx.needs_input_grad[1:], head, ahead
        wrt = ctx.wrt if ahead else ()
        value, grads = here.walk(head.share(), want._replace(grads=ahead), wrt)
        ctx.save_for_backward(*layer, *grads)
        return value

    @staticmethod
    def backward(ctx, upstream):
        count = len(ctx.wrt)
        saved = ctx.saved_tensors  # read once: torch.utils.checkpoint gives them once
        layer, ready = saved[:count], saved[count:]
        head = replace(ctx.head, layer=layer)
        if torch.is_grad_enabled():  # someone will differentiate the derivative
            return None, *_through_logits(head, ctx.wrt, upstream)
        if not ctx.ahead:
            return None, *head.walk(_times(head, upstream), Want(grads=True), ctx.wrt)[1]
        return None, *released(ctx, ready, upstream)


def _times(head: Head, upstream: torch.Tensor) -> Share:
    """What each row counts, with the upstream gradient."""
    share = head.share()
    if head.want().total:
        return share._replace(factor=share.factor * cast(upstream, wide_dtype(upstream)))
    upstream = upstream.reshape(-1)
    return share._replace(
        upstream=upstream if share.upstream is None else upstream * share.upstream
    )


def _through_logits(head: Head, wrt: tuple, upstream: torch.Tensor) -> tuple:
    head = replace(head, layer=tuple(x.view_as(x) for x in head.layer))  # one may be there twice
    wanted = [x for x, w in zip(head.layer, wrt, strict=True) if w]
    found = iter(torch.autograd.grad(head.composed(), wanted, upstream, create_graph=True))
    return tuple(next(found) if w else None for w in wrt)
