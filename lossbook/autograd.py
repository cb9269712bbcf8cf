"""A rule as torch's backward pass.

First derivatives are the rule's own ``slope``. For second and higher ones, torch
differentiates the code of ``slope``: the backward pass is then run in plain operations on
the saved inputs, so that autograd can follow it.
"""

from __future__ import annotations

from typing import Any

import torch

from lossbook.arrays import cast, wide_dtype
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
    if want.each:
        return Result(each=_Each.apply(rule, params, share, *inputs))
    return Result(total=_Total.apply(rule, params, share, *inputs)[0])


class _Each(torch.autograd.Function):
    """The single losses. The derivative waits for the upstream gradient."""

    @staticmethod
    def forward(rule, params, share, *inputs):
        return evaluate(rule, inputs, params, Want(each=True), share).each

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.rule, ctx.params, ctx.share, *arrays = inputs
        ctx.save_for_backward(*arrays)

    @staticmethod
    def backward(ctx, upstream):
        weights = ctx.share.upstream
        share = ctx.share._replace(upstream=upstream if weights is None else upstream * weights)
        return None, None, None, *_grads(ctx, share)


class _Total(torch.autograd.Function):
    """The weighted sum. Its upstream gradient is one number, so the derivative is formed
    together with the value, in the same walk over the data.

    In half precision it waits all the same: the upstream gradient may be a scale that is to
    keep it from underflow.
    """

    @staticmethod
    def forward(rule, params, share, *inputs):
        half = inputs[0].dtype.itemsize < 4
        done = evaluate(rule, inputs, params, Want(total=True, grads=not half), share)
        return done.total, *(done.grads or ())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.rule, ctx.params, ctx.share, *arrays = inputs
        ctx.count = len(arrays)
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*arrays, *output[1:])

    @staticmethod
    def backward(ctx, upstream, *_):
        ready = ctx.saved_tensors[ctx.count :]
        if torch.is_grad_enabled() or not ready:
            factor = ctx.share.factor * cast(upstream, wide_dtype(upstream))
            return None, None, None, *_grads(ctx, ctx.share._replace(factor=factor))
        grads = tuple(g * upstream for g in ready)
        return None, None, None, *_padded(ctx, grads)


def _grads(ctx, share: Share) -> tuple:
    inputs = ctx.saved_tensors[: getattr(ctx, "count", None)]
    whole = torch.is_grad_enabled()  # someone will differentiate the derivative
    done = evaluate(ctx.rule, inputs, ctx.params, Want(grads=True), share, whole=whole)
    return _padded(ctx, done.grads)


def _padded(ctx, grads: tuple) -> tuple:
    """A gradient for each input, None for those that are constants."""
    missing = len(ctx.needs_input_grad) - 3 - len(grads)
    return (*grads, *(None for _ in range(missing)))
