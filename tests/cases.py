"""Inputs and comparisons for the suites that run over the whole catalogue.

A loss or function gets all of these suites from its entry alone.
"""

from __future__ import annotations

import functools
import math

import mpmath
import numpy as np
import pytest
import torch

from lossbook import exact
from lossbook.catalogue import CATALOGUE
from lossbook.catalogue import entry as find

LIBRARIES = ("numpy", "torch")
REDUCTIONS = ("none", "sum", "mean", "weighted_mean")
TOTALS = REDUCTIONS[1:]

ELEMENTS = tuple(e for e in CATALOGUE if e.kind == "element")
ROWS = tuple(e for e in CATALOGUE if e.kind != "element")
LOSSES = tuple(e for e in CATALOGUE if e.is_loss)

OTHER_VALUES = {"label_smoothing": 0.1, "pos_weight": 2.5, "gamma": 0.7, "temperature": 0.4}
"""For each parameter of the catalogue a value that changes the result."""


def over(entries):
    """Run a test for each of these entries."""
    return pytest.mark.parametrize("entry", entries, ids=lambda e: e.name)


over_libraries = pytest.mark.parametrize("library", LIBRARIES)
over_reductions = pytest.mark.parametrize("reduction", REDUCTIONS)


# ------------------------------------------------------------------- ordinary inputs
def sample(entry, size=6, seed=0):
    """Ordinary float64 inputs of an entry, away from the ends of their domains.

    For a function of rows, ``size`` is the shape before the axis of four entries.
    """
    rng = np.random.default_rng(seed)
    shape = (size,) if isinstance(size, int) else tuple(size)
    first, *others = entry.inputs
    wide = shape if entry.kind == "element" else (*shape, 4)
    return (_prediction(rng, first.domain, wide), *(_truth(rng, i.domain, shape) for i in others))


def _prediction(rng, domain, shape):
    return {
        "real": lambda: 2 * rng.normal(size=shape),
        "probability": lambda: rng.uniform(0.05, 0.95, shape),
        "nonnegative": lambda: rng.uniform(0.1, 5, shape),
        "nonpositive": lambda: -rng.uniform(0.1, 5, shape),
    }[domain]()


def _truth(rng, domain, shape):
    """Hard targets, and soft ones among them where there are any."""
    if domain == "sign":
        return rng.choice([-1.0, 1.0], shape)
    return np.where(rng.random(shape) < 0.3, rng.random(shape), rng.integers(0, 2, shape))


def to(library, arrays, dtype="float64"):
    """The arrays in a library and a dtype."""
    if library == "torch":
        return [torch.tensor(np.asarray(a)).to(getattr(torch, dtype)) for a in arrays]
    return [np.asarray(a).astype(dtype) for a in arrays]


def plain(x):
    """What came out, as float64 in NumPy."""
    return x.detach().double().numpy() if isinstance(x, torch.Tensor) else np.asarray(x, float)


def alone(entry):
    """The keyword that asks a loss for the single losses."""
    return {"reduction": "none"} if entry.is_loss else {}


def value_and_slope(entry, arrays, **keywords):
    """The value, and the slope: for a vector function its Jacobian, row by row."""
    prepared = entry.prepare(*arrays, **keywords)
    if entry.kind != "vector":
        value, (slope, *_) = prepared.value_and_grads()
        return plain(value), plain(slope)
    z = arrays[0]
    units = [to_like(z, np.broadcast_to(unit, z.shape)) for unit in np.eye(z.shape[-1])]
    return plain(prepared.value()), np.stack([plain(prepared.pull(u)) for u in units], axis=-2)


def to_like(x, array):
    """An array in the library and dtype of ``x``."""
    if isinstance(x, torch.Tensor):
        return torch.tensor(np.ascontiguousarray(array)).to(x.dtype)
    return np.asarray(array, dtype=x.dtype)


def gradient(function, *inputs):
    """The gradient that torch finds for the first of the inputs."""
    x = inputs[0].clone().requires_grad_()
    return torch.autograd.grad(function(x, *inputs[1:]), x)[0]


# -------------------------------------------------------------------- the exact answer
@functools.cache
def truth(name, of, points, params=()):
    """Exact values or slopes at many points, as lists of mpmath numbers."""
    function = getattr(exact, of)
    return [np.ravel(function(find(name), *map(_plain, p), **dict(params))) for p in points]


def _plain(x):
    return list(x) if isinstance(x, tuple) else x


def ulps_off(found, true, dtype, at_least=0.0):
    """Errors in units in the last place of the true result, or of ``at_least``."""
    info = torch.finfo(getattr(torch, dtype))
    rounded = np.array([float(t) for t in true])
    rest = np.array([_rest(t) for t in true])
    size = np.maximum(np.maximum(np.abs(rounded), at_least), info.smallest_normal)
    with np.errstate(all="ignore"):
        off = np.abs((np.ravel(found) - rounded) - rest) / (info.eps * 2 ** np.floor(np.log2(size)))
    right = (np.ravel(found) == rounded) | ((abs(rounded) > info.max) & (np.ravel(found) == np.inf))
    right |= (rounded < -info.max) & (np.ravel(found) == -np.inf)
    return np.where(right & ~np.isfinite(off), 0.0, np.where(np.isnan(off), np.inf, off))


def _rest(true):
    """What is lost when an exact number is rounded to float64."""
    rounded = float(true)
    return float(true - mpmath.mpf(rounded)) if math.isfinite(rounded) else 0.0
