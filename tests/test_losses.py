"""Promise: every loss and function of the catalogue is its formula, in both libraries.

What else they all promise has a file of its own: test_ulps (exact), test_gradients, test_masks,
test_blocks, test_memory, test_errors, test_edges, test_relations, test_witnesses.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
import sympy as sp
import torch

from cases import (
    CATALOGUE,
    LOSSES,
    SLOPES,
    WIDTH,
    alone,
    over,
    over_libraries,
    over_reductions,
    over_slopes,
    plain,
    points,
    sample,
    to,
    value_and_slope,
)
from lossbook import exact, logistic_loss, reduce, value_and_grad
from lossbook.catalogue import entry as find

SIDES = ("numpy", "torch")
HALVES = ("float16", "bfloat16")
DTYPES = ("float64", "float32", *HALVES)


# ------------------------------------------------------------------ the formula, in a loop
def in_a_loop(entry, columns):
    """Python's own math, one number after the other, all parameters left out."""
    return [
        [function_of(entry.name, index)(*numbers) for index in range(WIDTH)]
        if entry.kind == "vector" else function_of(entry.name, label)(*numbers)
        for numbers, label in points(entry, columns)
    ]  # fmt: skip


@functools.cache
def function_of(name, index):
    entry = find(name)
    size = None if entry.kind == "element" else WIDTH
    names = itertools.chain(*exact.symbols(entry, size))
    return sp.lambdify([*names], exact.simple_formula(entry, size, index), ["math", STEP])


STEP = {"Heaviside": lambda x, at_0=0.5: at_0 if x == 0 else float(x > 0)}


@over(CATALOGUE)
@over_libraries
def test_it_is_what_a_loop_in_plain_python_finds(entry, library):
    columns = sample(entry, 20)
    found = plain(entry.function(*to(library, columns), **alone(entry)))
    assert np.ravel(found) == pytest.approx(np.ravel(in_a_loop(entry, columns)), rel=1e-12)


@over(LOSSES)
@over_libraries
@over_reductions
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions_are_what_a_loop_in_plain_python_finds(entry, library, reduction, weighted):
    columns = sample(entry, (3, 5))
    weights = np.random.default_rng(1).uniform(0, 2, (3, 5)) if weighted else np.ones((3, 5))
    losses = in_a_loop(entry, [c.reshape(15, *c.shape[2:]) for c in columns])
    each = [w * loss for w, loss in zip(weights.ravel(), losses, strict=True)]
    divisor = {"mean": 15, "weighted_mean": math.fsum(weights.ravel())}.get(reduction, 1)
    expected = each if reduction == "none" else math.fsum(each) / divisor
    *arrays, w = to(library, [*columns, weights])
    found = entry.function(*arrays, weights=w if weighted else None, reduction=reduction)
    assert np.ravel(plain(found)) == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------ two libraries
@over_slopes(SLOPES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_numpy_and_torch_agree(entry, wrt, dtype):
    columns = sample(entry, 200)
    ours, theirs = (
        value_and_slope(entry, to(x, columns, dtype), wrt, **alone(entry)) for x in SIDES
    )
    for of, a, b in zip(("value", wrt), ours, theirs, strict=True):
        size = entry.terms[of](*columns) if of in entry.terms else abs(b)
        size = np.maximum(
            np.reshape(size, np.shape(size) + (1,) * (b.ndim - np.ndim(size))), abs(b)
        )
        assert (abs(a - b) <= 8 * torch.finfo(getattr(torch, dtype)).eps * size + 1e-7).all()


# -------------------------------------------------------------------- what is given back
SHAPES = ((), (3,), (2, 3), (0,), (2, 0, 3), (1, 1))


@over(CATALOGUE)
@pytest.mark.parametrize(
    "library, dtype", [(x, d) for x in SIDES for d in DTYPES if (x, d) != ("numpy", "bfloat16")]
)
def test_dtype_and_shape_are_kept(entry, library, dtype):
    for shape in SHAPES:
        arrays = to(library, sample(entry, shape), dtype)
        result = entry.function(*arrays, **alone(entry))
        assert result.dtype == arrays[0].dtype
        assert tuple(result.shape) == (shape if entry.kind != "vector" else (*shape, WIDTH))
        if entry.kind == "vector":
            continue
        for wrt in range(entry.wrt):
            _, slope = value_and_grad(entry.function, *arrays, wrt=wrt, **alone(entry))
            assert (slope.dtype, slope.shape) == (arrays[wrt].dtype, arrays[wrt].shape)


@over(LOSSES)
@over_libraries
@pytest.mark.parametrize("reduction", ["sum", "mean", "weighted_mean"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_total_is_one_number_of_the_same_dtype(entry, library, reduction, dtype):
    arrays = to(library, sample(entry), dtype)
    total = entry.function(*arrays, reduction=reduction)
    assert (total.dtype, tuple(total.shape)) == (arrays[0].dtype, ())
    assert isinstance(total, np.generic if library == "numpy" else torch.Tensor)


@over(LOSSES)
@over_libraries
def test_the_mean_is_the_default(entry, library):
    arrays = to(library, sample(entry))
    assert entry.function(*arrays) == entry.function(*arrays, reduction="mean")


@over(CATALOGUE)
def test_python_numbers_and_lists_are_read_as_float64(entry):
    columns = sample(entry)
    found = entry.function(*(c.tolist() for c in columns), **alone(entry))
    assert found.dtype == np.float64
    assert np.array_equal(found, entry.function(*columns, **alone(entry)))


BINARY = [e for e in LOSSES if [i.domain for i in e.inputs[1:]] in (["probability"], ["sign"])]


@over(BINARY)
@over_libraries
def test_targets_may_be_integers_booleans_or_other_floats(entry, library):
    signs = entry.inputs[1].domain == "sign"
    hard = np.array([-1.0, 1, 1, -1, 1, 1] if signs else [0.0, 1, 1, 0, 1, 1])
    x, y = to(library, [sample(entry)[0], hard], "float32")
    for dtype in ["int64", "int8", "float64", "float16"] + ["bool", "uint8"] * (not signs):
        (other,) = to(library, [hard], dtype)
        for of in ("value", "slope"):
            found = value_and_grad(entry.function, x, other, reduction="none")[of == "slope"]
            same = value_and_grad(entry.function, x, y, reduction="none")[of == "slope"]
            assert found.dtype == x.dtype
            assert np.array_equal(plain(found), plain(same))


@over_libraries
def test_a_sign_that_is_always_plus_may_be_boolean(library):
    z, ones = to(library, [np.array([0.3, -2.0]), np.ones(2)])
    (true,) = to(library, [np.ones(2)], "bool")
    for found, same in zip(
        value_and_grad(logistic_loss, z, true), value_and_grad(logistic_loss, z, ones), strict=True
    ):
        assert np.array_equal(plain(found), plain(same))


@over(LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_lists_beside_tensors_keep_the_digits_of_float32(entry, dtype):
    columns = sample(entry)
    for k, given in enumerate(entry.inputs):
        if given.domain == "simplex":  # rounded chances don't sum to 1 in a finer format
            columns[k][:] = np.eye(WIDTH)[:2].repeat(3, axis=0)
    x, *others = to("torch", columns, dtype)
    w = [0.1, 1 / 3, 0.7, 1.0, 2.0, 1e5]
    lists = [o.tolist() if o.is_floating_point() else o for o in others]
    beside = entry.function(x, *lists, weights=w, reduction="sum")
    assert beside == entry.function(x, *others, weights=torch.tensor(w), reduction="sum")


@over(BINARY)
def test_a_list_of_predictions_beside_integer_labels_is_one_of_floats(entry):
    x, _ = sample(entry)
    found = entry.function(x.tolist(), torch.ones(6, dtype=torch.int64))
    assert found == entry.function(torch.tensor(x, dtype=torch.float32), torch.ones(6))


# ------------------------------------------------------------------------ half precision
@over(LOSSES)
@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_added_up_in_double(entry, dtype):
    # 4096 equal losses: in half precision the sum would stop growing long before
    columns = [np.repeat(c[:1], 4096, axis=0) for c in sample(entry, 1)]
    arrays = to("torch", columns, dtype)
    mean, one = entry.function(*arrays), entry.function(*(a[:1] for a in arrays))
    assert mean == one
    weights = torch.full((4096,), 20.0, dtype=arrays[0].dtype)
    assert entry.function(*arrays, weights=weights, reduction="weighted_mean") == one


@over(LOSSES)
@pytest.mark.parametrize("dtype", HALVES)
@over_reductions
def test_losses_of_half_precision_are_rounded_once(entry, dtype, reduction):
    arrays = to("torch", sample(entry, 50), dtype)
    wide = [a.double() if a.is_floating_point() else a for a in arrays]
    each = entry.function(*wide, reduction="none")
    expected = reduce(each, reduction=reduction).to(arrays[0].dtype)
    found = entry.function(*arrays, reduction=reduction)
    assert plain(found) == pytest.approx(plain(expected), rel=torch.finfo(found.dtype).eps)
