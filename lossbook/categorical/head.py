"""A loss of each row of a linear layer's logits, a chunk of rows at a time.

The layer is ``features @ weight.T + bias``. The logits of a chunk are overwritten by their own
gradient, which is added up into that of the layer's inputs; then comes the next chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral

from lossbook.arrays import (
    Array,
    cast,
    constant,
    is_torch,
    namespace,
    requires_grad,
    wide_dtype,
    working_dtype,
)
from lossbook.checks import check_float, check_same_shape
from lossbook.driver import Prepared
from lossbook.reduction import reduce
from lossbook.rule import Share, Want, evaluate, quiet

CHUNK = 12 * 2**20
"""Logits in a chunk, unless the caller says how many rows: 48 MiB in single precision."""

ROWS = 256
"""With fewer rows a product of matrices waits for memory. Many classes get as many in a chunk, if
that is not more than a third of the gradient for the weight."""


def layer_of(features: Array, weight: Array, bias: Array | None) -> tuple[Array, ...]:
    """The inputs of a linear layer, checked; the bias only if there is one."""
    layer = {"features": features, "weight": weight} | ({} if bias is None else {"bias": bias})
    for name, x in layer.items():
        check_float(name, x)
        if x.dtype != features.dtype:
            raise TypeError(
                f"features and {name} must have the same dtype, got {features.dtype} and {x.dtype}"
            )
    if weight.ndim != 2 or features.ndim == 0 or features.shape[-1] != weight.shape[1]:
        raise ValueError(
            "features and weight must have the shapes (..., d) and (K, d), "
            f"got {tuple(features.shape)} and {tuple(weight.shape)}"
        )
    if bias is not None:
        check_same_shape(**{"bias": bias, "a column of weight": weight[:, 0]})
    return tuple(layer.values())


def stand_in(features: Array, weight: Array, *_: Array) -> Array:
    """What has shape and dtype of the logits, and the memory of one."""
    xp, shape = namespace(features), (*features.shape[:-1], weight.shape[0])
    one = xp.zeros((1,) * len(shape), dtype=features.dtype, device=features.device)
    return xp.broadcast_to(one, tuple(shape))


@dataclass(frozen=True)
class Head:
    """A linear layer and what is to be computed from its logits, for which a stand-in is there.

    It is to :func:`lossbook.driver.public` what a :class:`Prepared` is. ``most`` is how many
    logits are in memory at a time where no ``chunk_size`` is given.
    """

    layer: tuple[Array, ...]
    task: Prepared
    chunk_size: int | None = None
    most: int = CHUNK

    def __post_init__(self) -> None:
        size = self.chunk_size
        if size is not None and (not isinstance(size, Integral) or isinstance(size, bool)):
            raise TypeError(f"chunk_size must be an integer, got {type(size).__qualname__}")
        if size is not None and size < 1:
            raise ValueError(f"chunk_size must be at least 1, got {size}")

    def value(self) -> Array:
        """The reduced loss."""
        weights, where = self.task.weights, self.task.where
        if weights is not None and requires_grad(weights):
            losses = self._sound().value()
            return reduce(losses, weights=weights, where=where, reduction=self.task.reduction)
        if is_torch(self.layer[0]):
            from lossbook.categorical.backward import apply  # imports torch, as autograd does

            return apply(self)
        return self.walk(self.share(), self.want())[0][()]

    def value_and_grads(self) -> tuple[Array, tuple[Array, ...]]:
        """The value, and its derivative for features, weight and bias."""
        want, wrt = self.want()._replace(grads=True), (True,) * len(self.layer)
        value, grads = self.walk(self.share(), want, wrt)
        return (value if is_torch(value) else value[()]), grads

    def detached(self) -> Head:
        """The same, cut off from autograd."""
        layer = tuple(constant(x) for x in self.layer)
        return replace(self, layer=layer, task=self.task.detached())

    def composed(self) -> Array:
        """The value by way of all the logits, so that autograd can follow."""
        return replace(self.task, inputs=(self.logits(), *self.task.inputs[1:])).value()

    def logits(self) -> Array:
        """All the logits."""
        mask = self.task._share().mask
        # the stand-in holds nan for a label that a compiled function could not refuse
        return _logits(_kept(self.layer[0], mask), *self.layer[1:]) + self.task.inputs[0]

    def _sound(self) -> Head:
        """The losses without weights, 0 where the weight is 0 and the loss or its row no number."""
        alone = replace(self, task=replace(self.task, weights=None, reduction="none"))
        x, where = constant(self.layer[0]), self.task.where
        ok = self.task._share().mask | (
            namespace(x).all(namespace(x).isfinite(x), axis=-1)
            & namespace(x).isfinite(alone.detached().value())
        )
        ok = ok if where is None else ok & where
        return replace(alone, task=replace(alone.task, where=ok))

    def share(self) -> Share:
        """How much each row counts."""
        return self.task._share().reshape((-1,))

    def want(self) -> Want:
        """The losses or their total."""
        return self.task._want()

    def walk(
        self, share: Share, want: Want, wrt: tuple[bool, ...] = ()
    ) -> tuple[Array | None, tuple[Array | None, ...]]:
        """Value, and derivatives for those inputs of the layer that ``wrt`` says."""
        flat, rule, params = self._flat(share.mask), self.task.rule, self.task.params
        values, sums = [], _Sums(flat, wrt)
        with quiet(flat[0]):
            for part, logits, truth in self._chunks(flat):
                inputs = (logits, *truth)
                done = evaluate(rule, inputs, params, want, share[part], into=(logits,))
                values.append(done.total if want.total else done.each)
                if want.grads:
                    sums.add(part, flat, done.grads[0])
        shapes = [tuple(x.shape) for x in self.layer]
        return self._joined(values, want), sums.shaped(shapes)

    def _flat(self, mask: Array | None) -> tuple[Array, ...]:
        x = self.layer[0]
        x = x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))
        return (_kept(x, mask), *self.layer[1:])

    def _chunks(self, flat: tuple[Array, ...]) -> Iterator[tuple[slice, Array, list[Array]]]:
        """The rows of a chunk, their logits, and what is known of them."""
        x, weight, *bias = flat
        xp, rows, width = namespace(x), x.shape[0], weight.shape[0]
        size = self.chunk_size or self._rows(width)
        room = xp.empty((min(size, rows), width), dtype=x.dtype, device=x.device)
        lead = self.layer[0].ndim - 1
        truth = [t.reshape((rows, *t.shape[lead:])) for t in self.task.inputs[1:]]
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            logits = xp.matmul(x[part], weight.T, out=room[: part.stop - start])
            for b in bias:
                logits += b
            yield part, logits, [t[part] for t in truth]

    def _rows(self, width: int) -> int:
        return max(1, self.most // max(1, width), min(ROWS, self.layer[0].shape[-1] // 3))

    def _joined(self, values: list[Array], want: Want) -> Array | None:
        x = self.layer[0]
        xp, shape = namespace(x), tuple(x.shape[:-1])
        if want.each:
            return xp.concat([x[:0].reshape(-1), *values]).reshape(shape)
        if not want.total:
            return None
        none = xp.zeros((), dtype=wide_dtype(x), device=x.device)
        return cast(sum(values, none), x.dtype)


def _kept(x: Array, mask: Array | None) -> Array:
    """Features, 0 where the mask leaves a row out: 0 times nan would get into the sums."""
    return x if mask is None else namespace(x).where(mask[..., None], x, 0.0)


def _logits(x: Array, weight: Array, bias: Array | None = None) -> Array:
    logits = x @ weight.T
    return logits if bias is None else logits + bias


class _Sums:
    """The derivatives for a layer, as chunk after chunk comes in.

    A weight's is a sum over all rows: in half precision it would lose its digits.
    """

    def __init__(self, layer: tuple[Array, ...], wrt: tuple[bool, ...]) -> None:
        x, xp = layer[0], namespace(layer[0])
        self.dtype, dtypes = x.dtype, (x.dtype, working_dtype(x), wide_dtype(x))
        self.sums = [
            xp.zeros(tuple(x.shape), dtype=dtype, device=x.device) if wanted else None
            for x, dtype, wanted in zip(layer, dtypes, wrt, strict=False)
        ]

    def add(self, part: slice, layer: tuple[Array, ...], g: Array) -> None:
        """Add what the gradient of a chunk of logits says."""
        (x, weight, *_), xp = layer, namespace(g)
        of_x, of_weight, of_bias = (*self.sums, None)[:3]
        if of_x is not None:
            xp.matmul(g, weight, out=of_x[part])
        if of_weight is not None:
            _add_product(of_weight, g.T, x[part])
        if of_bias is not None:
            of_bias += xp.sum(g, axis=0, dtype=of_bias.dtype)

    def shaped(self, shapes: list[tuple[int, ...]]) -> tuple[Array | None, ...]:
        """The sums in the shapes and the dtype of the inputs."""
        pairs = zip(self.sums, shapes, strict=False)
        return tuple(s if s is None else cast(s, self.dtype).reshape(shape) for s, shape in pairs)


def _add_product(total: Array, a: Array, b: Array) -> None:
    """total += a b, in torch without memory for the product."""
    if is_torch(total) and total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += cast(a @ b, total.dtype)
