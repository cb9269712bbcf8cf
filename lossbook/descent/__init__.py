"""Gradient descent: optimizers, schedules, and the loop that takes the steps (chapter 10).

:mod:`~lossbook.descent.optimizers`
    what an optimizer is; gradient descent, heavy ball, Nesterov.
:mod:`~lossbook.descent.adaptive`
    AdaGrad, RMSProp, Adam, AdamW.
:mod:`~lossbook.descent.newton`
    Newton's method and the backtracking line search.
:mod:`~lossbook.descent.schedules`
    rates that change from step to step.
:mod:`~lossbook.descent.clipping`
    limits on a gradient.
:mod:`~lossbook.descent.path`
    :func:`minimize`, the path that it records, and batches.
:mod:`~lossbook.descent.checking`
    a gradient by differences, to check another against.
:mod:`~lossbook.descent.trees`
    parameters in dicts and lists.
:mod:`~lossbook.descent.tape`
    reverse-mode differentiation on a short tape.
"""

from lossbook.descent.adaptive import AdaGrad, Adam, AdamW, RMSProp
from lossbook.descent.checking import numerical_gradient
from lossbook.descent.clipping import clip_by_norm, clip_by_value
from lossbook.descent.newton import Backtracking, Newton
from lossbook.descent.optimizers import GradientDescent, HeavyBall, Nesterov, State
from lossbook.descent.path import Diverged, Path, minibatches, minimize
from lossbook.descent.schedules import constant_rate, cosine_decay, step_decay, warmup

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "Backtracking",
    "Diverged",
    "GradientDescent",
    "HeavyBall",
    "Nesterov",
    "Newton",
    "Path",
    "RMSProp",
    "State",
    "clip_by_norm",
    "clip_by_value",
    "constant_rate",
    "cosine_decay",
    "minibatches",
    "minimize",
    "numerical_gradient",
    "step_decay",
    "warmup",
]
