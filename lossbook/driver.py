"""From a rule to a public function.

The body of a public function checks its inputs and says what is to be computed: it returns
a :class:`Prepared`. The decorator :func:`public` runs it: on NumPy arrays directly, on
tensors as a step of torch's autograd. :func:`value_and_grad` asks the same body for the
derivative too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lossbook.arrays import Array, constant, is_compiling, is_torch, namespace
from lossbook.reduction import Reduction, reduce, share_out
from lossbook.rule import Result, Rule, Share, Want, evaluate


@dataclass(frozen=True)
class Prepared:
    """A rule with its checked inputs, and how its losses are to be reduced.

    ``axis`` is the axis of the rows, for rules that take rows; None makes all entries one row.
    """

    rule: Rule
    inputs: tuple[Array, ...]
    params: dict[str, Any] = field(default_factory=dict)
    weights: Array | None = None
    where: Array | None = None
    reduction: Reduction = "none"
    axis: int | None = -1

    def value(self) -> Array:
        """The reduced loss, or the function's value."""
        if not is_torch(self.inputs[0]):
            return self._value_of(evaluate(*self._task(), self._want(), self._share()))
        if self.weights is not None and self.weights.requires_grad:
            losses = replace(self._sound(), weights=None, reduction="none").value()
            return reduce(losses, weights=self.weights, where=self.where, reduction=self.reduction)
        from lossbook.autograd import apply  # imports torch, which is there already

        return self._value_of(apply(*self._task(), self._want(), self._share()))

    def value_and_grads(self) -> tuple[Array, tuple[Array, ...]]:
        """The value, and the derivative of its sum for each differentiable input."""
        if self.rule.kind == "vector":
            raise TypeError(
                "a function from rows to rows has no gradient but a Jacobian matrix: "
                "differentiate a loss of it"
            )
        want = self._want()._replace(grads=True)
        done = evaluate(*self._task(), want, self._share())
        return self._value_of(done), tuple(self._moved(g, -1, self.axis) for g in done.grads)

    def detached(self) -> Prepared:
        """The same, cut off from autograd."""
        weights = self.weights if self.weights is None else constant(self.weights)
        return replace(self, inputs=tuple(constant(x) for x in self.inputs), weights=weights)

    def pull(self, upstream: Array) -> Array:
        """For a function from rows to rows: ``upstream`` times its Jacobian."""
        moved = self._moved(upstream, self.axis, -1)
        grads = evaluate(*self._task(), Want(grads=True), Share(moved)).grads
        return self._moved(grads[0], -1, self.axis)

    def _sound(self) -> Prepared:
        """The same, without the rows of weight 0 whose loss or slope is no number."""
        counts = self._share().mask
        if not is_compiling() and bool(counts.all()):
            return self
        plain = replace(self.detached(), weights=None, reduction="none")
        value, slopes = plain.value_and_grads()
        ok = value.isfinite()
        for slope in slopes:
            fine = slope.isfinite()
            ok = ok & (fine if self.rule.kind == "element" else _all(fine, self.axis))
        return replace(self, where=counts | (ok if self.where is None else ok & self.where))

    def _task(self) -> tuple[Rule, tuple[Array, ...], dict[str, Any]]:
        """What to evaluate: the rule, its inputs with their rows last, its parameters."""
        return self.rule, tuple(self._moved(x, self.axis, -1) for x in self.inputs), self.params

    def _want(self) -> Want:
        alone = self.reduction == "none"
        return Want(each=alone, total=not alone)

    def _share(self) -> Share:
        first = self.inputs[0]
        if self.rule.kind == "vector":
            return Share()
        shape = tuple(first.shape)
        if self.rule.kind == "row":
            axis = self.axis if self.axis is None else self.axis % first.ndim
            shape = () if axis is None else shape[:axis] + shape[axis + 1 :]
        return share_out(first, shape, self.weights, self.where, self.reduction)

    def _value_of(self, done: Result) -> Array:
        value = done.total if done.each is None else done.each
        if self.rule.kind == "vector":
            value = self._moved(value, -1, self.axis)
        return value if is_torch(value) else value[()]  # a NumPy number, not a 0-d array

    def _moved(self, x: Array, source: int | None, target: int | None) -> Array:
        """``x`` with its axis of rows moved; labels, which have no such axis, stay."""
        if self.axis is None:
            return x.reshape(-1 if source is None else tuple(self.inputs[0].shape))
        no_rows = self.rule.kind == "element" or x.ndim < self.inputs[0].ndim
        if no_rows or source % x.ndim == target % x.ndim:
            return x
        return namespace(x).moveaxis(x, source, target)


def _all(x: Array, axis: int | None) -> Array:
    return x.all() if axis is None else x.all(axis)


def public(body: Callable[..., Prepared]) -> Callable[..., Array]:
    """Make a public function of a body that returns what is to be computed."""

    @functools.wraps(body)
    def function(*args: Any, **kwargs: Any) -> Array:
        return body(*args, **kwargs).value()

    function.prepare = body
    return function


def value_and_grad(
    loss: Callable[..., Array], *args: Any, wrt: int | tuple[int, ...] = 0, **kwargs: Any
) -> tuple[Array, Any]:
    r"""Value of a loss and its derivative, without autograd.

    .. math::
        \Bigl(L(x, \dots),\ \frac{\partial L}{\partial x}\Bigr)

    Parameters
    ----------
    loss
        A loss or elementwise function of this package.
    *args, **kwargs
        What you would pass to it.
    wrt
        Which of its inputs to differentiate for, by position; a tuple gives a tuple.

    Returns
    -------
    tuple
        Value and gradient, which has shape and dtype of the input. With ``reduction="none"``
        it holds the derivative of each loss for its own entry or row.

    Raises
    ------
    TypeError
        If the function is not one that has a rule with a gradient.
    ValueError
        If ``wrt`` names an input that the rule has no derivative for; and what the loss raises.

    Examples
    --------
    >>> import numpy as np
    >>> from lossbook import binary_cross_entropy, value_and_grad
    >>> value, gradient = value_and_grad(
    ...     binary_cross_entropy, np.array([0.0, 50.0]), np.array([0.0, 1.0]), reduction="sum")
    >>> gradient
    array([ 5.00000000e-01, -1.92874985e-22])
    """
    if not hasattr(loss, "prepare"):
        raise TypeError(f"loss must be a loss of lossbook, got {loss!r}")
    value, grads = loss.prepare(*args, **kwargs).detached().value_and_grads()
    chosen = (wrt,) if isinstance(wrt, int) else tuple(wrt)
    if not all(0 <= i < len(grads) for i in chosen):
        raise ValueError(f"wrt must be in [0, {len(grads)}) for {loss.__name__}, got {wrt}")
    picked = tuple(grads[i] for i in chosen)
    return value, picked[0] if isinstance(wrt, int) else picked
