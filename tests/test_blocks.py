"""Promise: walking the data in blocks changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lossbook.rule
from cases import (
    CATALOGUE,
    LOGITS_ONLY,
    LOSSES,
    OTHER_VALUES,
    SLOPES,
    WIDTH,
    alone,
    close,
    over,
    over_libraries,
    over_reductions,
    over_slopes,
    plain,
    sample,
    to,
    value_and_slope,
)
from lossbook import sparsemax, value_and_grad

SIZE = 17  # a prime: the last block is never full
SHAPES = ((17,), (17, 1), (3, 5), (1,))


@pytest.fixture
def in_blocks(monkeypatch):
    """Evaluate a function in small blocks, of several sizes, and whole."""

    def evaluate(function):
        monkeypatch.setattr(lossbook.rule, "BLOCK", 2**16)
        whole = function()
        for block in (1, 7, 13):
            monkeypatch.setattr(lossbook.rule, "BLOCK", block)
            for a, b in zip(function(), whole, strict=True):
                assert close(a, b, 2e-15, least=1e-12, nan_ok=True), block

    return evaluate


def test_the_walk_is_really_taken(monkeypatch):
    seen = []
    walk = lossbook.rule._walk
    monkeypatch.setattr(lossbook.rule, "_walk", lambda *a: seen.append(a[-1]) or walk(*a))
    monkeypatch.setattr(lossbook.rule, "BLOCK", 8)
    for entry in CATALOGUE:
        for library in ("numpy", "torch"):
            seen.clear()
            value_and_slope(entry, to(library, sample(entry, SIZE)), **alone(entry))
            assert set(seen) == {8 if entry.kind == "element" else 16 // WIDTH}


def test_a_row_wider_than_a_block_is_a_block(monkeypatch):
    monkeypatch.setattr(lossbook.rule, "BLOCK", 2)
    for entry in CATALOGUE:
        assert np.isfinite(value_and_slope(entry, sample(entry, 3), **alone(entry))[0]).all()


@over_slopes(SLOPES)
@over_libraries
def test_value_and_slope(entry, wrt, library, in_blocks):
    for shape in SHAPES:
        arrays = to(library, sample(entry, shape))
        in_blocks(lambda a=arrays: value_and_slope(entry, a, wrt, **alone(entry)))


@over(LOSSES)
@over_libraries
@over_reductions
def test_with_weights_a_mask_and_parameters(entry, library, reduction, in_blocks):
    columns, rng = sample(entry, SIZE), np.random.default_rng(8)
    columns[0][::5] = np.nan  # masked, and it must stay so in every block
    keep = (rng.random(SIZE) < 0.7) & (np.arange(SIZE) % 5 > 0)
    *arrays, weights = to(library, [*columns, rng.uniform(0, 2, SIZE)])
    (where,) = to(library, [keep], "bool")
    keywords = {name: OTHER_VALUES[name] for name in entry.params}
    if "pos_weight" in keywords:
        keywords["pos_weight"] = to(library, [rng.uniform(0, 2, SIZE)])[0]
    keywords |= {"weights": weights, "where": where, "reduction": reduction}
    every = tuple(range(entry.wrt))

    def value_and_slopes():
        value, slopes = value_and_grad(entry.function, *arrays, wrt=every, **keywords)
        return value, *slopes

    in_blocks(value_and_slopes)


@over(CATALOGUE)
def test_backward_with_random_upstream(entry, in_blocks):
    for shape in ((SIZE,), (3, 5)):
        x, *others = to("torch", sample(entry, shape))
        result = entry.function(x, *others, **alone(entry))
        upstream = torch.tensor(np.random.default_rng(9).normal(size=result.shape))
        x.requires_grad_()

        def gradients(x=x, others=others, upstream=upstream):
            result = entry.function(x, *others, **alone(entry))
            return torch.autograd.grad(result, x, upstream)

        in_blocks(gradients)


@over(LOSSES)
@over_reductions
def test_backward_with_weights_and_a_mask(entry, reduction, in_blocks):
    x, *others = to("torch", sample(entry, SIZE))
    rng = np.random.default_rng(10)
    keywords = {
        "weights": torch.tensor(rng.uniform(0, 2, SIZE)),
        "where": torch.tensor(rng.random(SIZE) < 0.7),
        "reduction": reduction,
    }
    upstream = torch.tensor(rng.normal(size=SIZE if reduction == "none" else ()))
    x.requires_grad_()

    def gradients():
        return torch.autograd.grad(entry.function(x, *others, **keywords), x, upstream)

    in_blocks(gradients)


@over(LOGITS_ONLY)
@over_libraries
def test_rows_with_a_mask_and_another_axis(entry, library, in_blocks):
    rng = np.random.default_rng(11)
    z = rng.normal(size=(3, 11, 5))
    (z,), (where,) = to(library, [z]), to(library, [rng.random(z.shape) < 0.6], "bool")
    for axis in (0, 1, -1):
        in_blocks(lambda axis=axis: [entry.function(z, where=where, axis=axis)])
    if entry.kind == "vector":
        g = to(library, [rng.normal(size=(3, 11, 5))])[0]
        in_blocks(lambda: [entry.prepare(z, where=where, axis=1).pull(g)])


@over_libraries
def test_sparsemax(library, in_blocks):
    z, g = to(library, np.random.default_rng(12).normal(size=(2, 17, 5)))
    in_blocks(lambda: (sparsemax(z), sparsemax.prepare(z).pull(g)))


def wide(a):
    """Floats as float64, labels as they are."""
    a = np.asarray(a)
    return a.astype(float) if a.dtype.kind == "f" else a


@over(LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_blocks_of_their_real_size_in_single_and_half_precision(entry, dtype):
    size = lossbook.rule.BLOCK + 17
    columns = [np.resize(c, (size, *c.shape[1:])) for c in sample(entry, 1009)]
    expected = entry.function(*(wide(a) for a in to("numpy", columns, dtype)))
    eps = torch.finfo(getattr(torch, dtype)).eps
    for library in ("numpy", "torch"):
        found = entry.function(*to(library, columns, dtype))
        assert plain(found) == pytest.approx(plain(expected), rel=eps), library
