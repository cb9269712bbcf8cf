"""A rule as torch's backward pass.

First derivatives are the rule's own ``slope``. For second and higher ones, torch
differentiates the code of ``slope``: the backward pass is then run in plain operations on
the saved inputs, so that autograd can follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lossbook.arrays import cast, is_transforming, plain_cpu, wide_dtype
from lossbook.rule import Result, Rule, Share, Want, evaluate


def apply(rule: Rule, inputs: tuple, params: dict[str, Any], want: Want, share: Share) -> Result:
    """Run a rule on tensors, with its derivative as the backward pass."""
    constants = inputs[rule.wrt :]
    if any(x.requires_grad for x in constants):
        raise ValueError(
            "an input other than the prediction requires a gradient, and this loss has a "
            "derivative for its prediction only: detach() the other"
        )
    if not torch.is_grad_enabled() or not any(x.requires_grad for x in inputs):
        return evaluate(rule, inputs, params, want, share)
    # torch.func wants a forward pass that doesn't see the context; torch calls it more slowly.
    pure = is_transforming()
    if want.each:
        step = _PureEach if pure else _Each
        return Result(each=step.apply(rule, params, share, *inputs))
    if pure:
        return Result(total=_PureTotal.apply(rule, params, share, *inputs)[0])
    return Result(total=_Total.apply(rule, params, share, *inputs))


class _Each(torch.autograd.Function):
    """The single losses. The derivative waits for the upstream gradient."""

    @staticmethod
    def forward(ctx, rule, params, share, *inputs):
        _save(ctx, (rule, params, share, *inputs))
        return _each(rule, params, share, *inputs)

    @staticmethod
    def backward(ctx, upstream):
        inputs, share, _ = _saved(ctx)
        if share.upstream is not None:
            upstream = upstream * share.upstream
        return None, None, None, *_grads(ctx, inputs, share._replace(upstream=upstream))


class _PureEach(_Each):
    @staticmethod
    def forward(rule, params, share, *inputs):
        return _each(rule, params, share, *inputs)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _save(ctx, inputs)


def _each(rule, params, share, *inputs) -> torch.Tensor:
    each = evaluate(rule, inputs, params, Want(each=True), share).each
    # torch lets nobody overwrite the view that a step returns
    return each if is_transforming() else each.data


class _Total(torch.autograd.Function):
    """The weighted sum. Its upstream gradient is one number, so the derivative is formed
    together with the value, in the same walk over the data.

    In half precision it waits all the same: the upstream gradient may be a scale that is to
    keep it from underflow.
    """

    @staticmethod
    def forward(ctx, rule, params, share, *inputs):
        wanted = ctx.needs_input_grad[3 : 3 + rule.wrt]
        total, *ready = _total(rule, params, share, *inputs, wanted=wanted)
        _save(ctx, (rule, params, share, *inputs), ready)
        return total

    @staticmethod
    def backward(ctx, upstream, *_):
        inputs, share, ready = _saved(ctx)
        if torch.is_grad_enabled() or not ready:
            factor = share.factor * cast(upstream, wide_dtype(upstream))
            return None, None, None, *_grads(ctx, inputs, share._replace(factor=factor))
        return None, None, None, *_padded(ctx, released(ctx, ready, upstream))


class _PureTotal(_Total):
    @staticmethod
    def forward(rule, params, share, *inputs):
        return _total(rule, params, share, *inputs)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(*output[1:])
        _save(ctx, inputs, output[1:])


def released(ctx: Any, ready: Sequence, upstream: torch.Tensor) -> tuple:
    """The gradients that were ready, times the upstream one.

    If they were kept here too, torch would copy them before it hands them on.
    """
    if is_transforming():
        return tuple(g if g is None else g * upstream for g in ready)
    ctx.maybe_clear_saved_tensors()
    if plain_cpu(upstream) and upstream.item() == 1:
        return tuple(ready)
    return tuple(g if g is None else g * upstream for g in ready)


def _total(rule, params, share, *inputs, wanted=True) -> tuple[torch.Tensor | None, ...]:
    half = inputs[0].dtype.itemsize < 4
    done = evaluate(rule, inputs, params, Want(total=True, grads=not half and wanted), share)
    return done.total, *(done.grads or ())


def _save(ctx, inputs: tuple, ready: Sequence = ()) -> None:
    """Keep what backward needs. Torch then notices if a tensor is overwritten meanwhile."""
    ctx.rule, ctx.params, share, *arrays = inputs
    ctx.count, ctx.factor = len(arrays), share.factor
    ctx.save_for_backward(*arrays, share.upstream, share.mask, *ready)


def _saved(ctx) -> tuple[tuple, Share, tuple]:
    """The inputs, the share of each loss, and the gradients that are there already."""
    saved = ctx.saved_tensors  # read once: torch.utils.checkpoint gives them once
    weights, mask, *ready = saved[ctx.count :]
    return saved[: ctx.count], Share(weights, ctx.factor, mask), tuple(ready)


def _grads(ctx, inputs: tuple, share: Share) -> tuple:
    whole = torch.is_grad_enabled()  # someone will differentiate the derivative
    want = Want(grads=ctx.needs_input_grad[3 : 3 + ctx.rule.wrt])
    done = evaluate(ctx.rule, inputs, ctx.params, want, share, whole=whole)
    return _padded(ctx, done.grads)


def _padded(ctx, grads: tuple) -> tuple:
    """A gradient for each input, None for those that are constants."""
    missing = len(ctx.needs_input_grad) - 3 - len(grads)
    return (*grads, *(None for _ in range(missing)))
