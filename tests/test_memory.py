"""Promise: inputs are never written to, and their layout in memory does not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cases import (
    CATALOGUE,
    LOSSES,
    REDUCTIONS,
    alone,
    over,
    over_libraries,
    over_reductions,
    plain,
    sample,
    to,
    value_and_slope,
)
from lossbook import StreamingLogSumExp, reduce, value_and_grad

SHAPE = (4, 3)


def numpy_layouts(a):
    """The same numbers, otherwise laid out."""
    wide = np.zeros((2 * a.shape[0], 3, *a.shape[1:]), a.dtype)
    wide[::2, 1] = a
    read_only = a.copy()
    read_only.flags.writeable = False
    swapped = np.ascontiguousarray(np.moveaxis(a, 0, -1))
    return {
        "Fortran order": np.asfortranarray(a),
        "a stride": wide[::2, 1],
        "backwards": a[::-1].copy()[::-1],
        "transposed": np.moveaxis(swapped, -1, 0),
        "read-only": read_only,
        "big-endian": a.astype(a.dtype.newbyteorder(">")),
        "a subclass": a.view(np.matrix) if a.ndim == 2 else a.view(np.recarray),
    }


def torch_layouts(a):
    t = torch.tensor(a)
    wide = torch.zeros(2 * t.shape[0], 3, *t.shape[1:], dtype=t.dtype)
    wide[::2, 1] = t
    return {
        "a stride": wide[::2, 1],
        "transposed": t.movedim(0, -1).contiguous().movedim(-1, 0),
        "a view": torch.cat([t, t])[len(t) :],
        "a subclass": t.as_subclass(Subclass),
        "a parameter": torch.nn.Parameter(t, requires_grad=False),
    }


class Subclass(torch.Tensor):
    pass


LAYOUTS = {"numpy": numpy_layouts, "torch": torch_layouts}


@over(CATALOGUE)
@over_libraries
def test_the_layout_does_not_matter(entry, library):
    columns = sample(entry, SHAPE)
    expected = value_and_slope(entry, to(library, columns), **alone(entry))
    for kind in LAYOUTS[library](columns[0]):
        arrays = [LAYOUTS[library](c)[kind] for c in columns]
        found = value_and_slope(entry, arrays, **alone(entry))
        for a, b in zip(found, expected, strict=True):
            assert np.array_equal(a, b), kind


@over(CATALOGUE)
def test_autograd_goes_through_any_layout(entry):
    columns = sample(entry, SHAPE)
    base = torch.tensor(np.moveaxis(columns[0], 0, -1).copy(), requires_grad=True)
    x, *others = [base.movedim(-1, 0), *to("torch", columns[1:])]
    result = entry.function(x, *others, **alone(entry))
    g = torch.tensor(np.random.default_rng(0).normal(size=result.shape[::-1]))
    result.backward(g.permute(*range(g.ndim)[::-1]))  # an upstream gradient that is no block
    straight = torch.tensor(columns[0], requires_grad=True)
    upstream = g.permute(*range(g.ndim)[::-1]).contiguous()
    entry.function(straight, *others, **alone(entry)).backward(upstream)
    assert torch.equal(base.grad.movedim(-1, 0), straight.grad)


@over(CATALOGUE)
@over_libraries
def test_an_expanded_row_is_as_good_as_a_copy(entry, library):
    columns = sample(entry, (1, 3))
    copies = to(library, [np.repeat(c, 5, axis=0) for c in columns])
    expanded = [
        np.broadcast_to(c, (5, *c.shape[1:])) if library == "numpy" else
        torch.tensor(c).expand(5, *c.shape[1:])
        for c in columns
    ]  # fmt: skip
    pairs = zip(
        value_and_slope(entry, expanded, **alone(entry)),
        value_and_slope(entry, copies, **alone(entry)),
        strict=True,
    )
    for a, b in pairs:
        assert np.array_equal(a, b)


@over(LOSSES)
def test_the_gradient_of_an_expanded_leaf_adds_up(entry):
    x, *others = to("torch", sample(entry, (1, 3)))
    x.requires_grad_()
    wide = [o.expand(5, *o.shape[1:]) for o in others]
    entry.function(x.expand(5, *x.shape[1:]), *wide, reduction="sum").backward()
    _, slope = value_and_grad(entry.function, x.detach(), *others, reduction="none")
    assert plain(x.grad) == pytest.approx(5 * plain(slope), rel=1e-14)


@over(LOSSES)
@over_libraries
@over_reductions
def test_inputs_are_never_written_to(entry, library, reduction):
    rng = np.random.default_rng(1)
    columns = [*sample(entry), rng.uniform(0, 2, 6)]
    *arrays, weights = to(library, columns)
    (where,) = to(library, [rng.random(6) < 0.5], "bool")
    given = [*arrays, weights, where]
    before = [plain(a).copy() for a in given]
    value_and_grad(entry.function, *arrays, weights=weights, where=where, reduction=reduction)
    if library == "torch":
        leaf = arrays[0].requires_grad_()
        value = entry.function(leaf, *arrays[1:], weights=weights, where=where, reduction=reduction)
        upstream = torch.rand_like(value)
        kept = upstream.clone()
        value.backward(upstream)
        assert torch.equal(upstream, kept)
    for a, b in zip(given, before, strict=True):
        assert np.array_equal(plain(a), b)


@over([e for e in CATALOGUE if not e.is_loss])
@over_libraries
def test_inputs_of_functions_are_never_written_to(entry, library):
    arrays = to(library, sample(entry))
    before = plain(arrays[0]).copy()
    value, slope = value_and_slope(entry, arrays)
    value += 1
    slope += 1
    assert np.array_equal(plain(arrays[0]), before)


@over(LOSSES)
def test_memory_that_is_read_only_will_do(entry, tmp_path):
    columns = sample(entry, 50)
    for k, column in enumerate(columns):
        np.save(tmp_path / f"{k}.npy", column)
    mapped = [np.load(tmp_path / f"{k}.npy", mmap_mode="r") for k in range(len(columns))]
    for reduction in REDUCTIONS:
        found = value_and_grad(entry.function, *mapped, reduction=reduction)
        expected = value_and_grad(entry.function, *columns, reduction=reduction)
        for a, b in zip(found, expected, strict=True):
            assert np.array_equal(a, b)


def test_a_stream_and_your_own_losses_are_not_written_to_either():
    for library in ("numpy", "torch"):
        z, w = to(library, np.random.default_rng(0).uniform(0, 1, (2, 4)))
        before = [plain(x).copy() for x in (z, w)]
        for reduction in REDUCTIONS:
            reduce(z, weights=w, reduction=reduction)
        stream = StreamingLogSumExp(z).update(w)
        stream.update(z).merge(StreamingLogSumExp(w))
        for a, b in zip((z, w), before, strict=True):
            assert np.array_equal(plain(a), b)


@over(CATALOGUE)
@over_libraries
def test_a_result_is_never_memory_of_an_input(entry, library):
    """Whoever overwrites a result must not change what they passed."""
    for shape in (1, 7):
        arrays = to(library, sample(entry, shape))
        found = plain(entry.function(*arrays, **alone(entry)))
        assert not any(np.shares_memory(found, plain(x)) for x in arrays)
