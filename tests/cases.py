"""Inputs and comparisons for the suites that run over the whole catalogue.

A loss or function gets all of these suites from its entry alone.
"""

from __future__ import annotations

import functools
import itertools
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
LOGITS_ONLY = tuple(e for e in ROWS if e.chapter == "02-stable-softmax")
LOSSES = tuple(e for e in CATALOGUE if e.is_loss)
SLOPES = tuple((e, wrt) for e in CATALOGUE for wrt in range(e.wrt))

OTHER_VALUES = {
    "label_smoothing": 0.1,
    "pos_weight": 2.5,
    "gamma": 0.7,
    "temperature": 0.4,
    "delta": 0.7,
    "beta": 0.7,
    "cutoff": 2.5,
    "quantile": 0.9,
    "min_variance": 0.5,
    "margin": 0.7,
    "tilt": -0.6,
    "fraction": 0.7,
}
"""For each parameter of the catalogue a value that changes the result."""


def over(entries):
    """Run a test for each of these entries."""
    return pytest.mark.parametrize("entry", entries, ids=lambda e: e.name)


def over_slopes(pairs):
    """Run a test for each input of these entries that the rule differentiates for."""
    ids = [f"{e.name} in {e.inputs[wrt].name}" for e, wrt in pairs]
    return pytest.mark.parametrize("entry, wrt", pairs, ids=ids)


over_libraries = pytest.mark.parametrize("library", LIBRARIES)
over_reductions = pytest.mark.parametrize("reduction", REDUCTIONS)


# ------------------------------------------------------------------- ordinary inputs
WIDTH = 4


def sample(entry, size=6, seed=0):
    """Ordinary inputs of an entry, away from the ends of their domains: float64, labels int64.

    For a function of rows, ``size`` is the shape before the axis of four entries.
    """
    rng = np.random.default_rng(seed)
    shape = (size,) if isinstance(size, int) else tuple(size)
    wide = shape if entry.kind == "element" else (*shape, WIDTH)
    draws = [_prediction if k < entry.wrt else _truth for k in range(len(entry.inputs))]
    given = zip(draws, entry.inputs, strict=True)
    return tuple(draw(rng, i.domain, shape if i.domain == "label" else wide) for draw, i in given)


def _prediction(rng, domain, shape):
    return {
        "real": lambda: 2 * rng.normal(size=shape),
        "probability": lambda: rng.uniform(0.05, 0.95, shape),
        "nonnegative": lambda: rng.uniform(0.1, 5, shape),
        "positive": lambda: rng.uniform(0.2, 3, shape),
        "nonpositive": lambda: -rng.uniform(0.1, 5, shape),
        "simplex": lambda: _chances(rng, shape),
        "log_simplex": lambda: np.log(_chances(rng, shape)),
        "box": lambda: _boxes(rng, shape),
    }[domain]()


def _truth(rng, domain, shape):
    """Hard targets, and soft ones among them where there are any."""
    if domain == "sign":
        return rng.choice([-1.0, 1.0], shape)
    if domain == "label":
        return rng.integers(0, WIDTH, shape)
    if domain == "simplex":
        hard = np.eye(WIDTH)[rng.integers(0, WIDTH, shape[:-1])]
        return np.where(rng.random((*shape[:-1], 1)) < 0.3, hard, _chances(rng, shape))
    if domain in ("nonnegative", "grade"):
        return rng.integers(0, 5, shape).astype(float)
    if domain == "probability":
        return np.where(rng.random(shape) < 0.3, rng.random(shape), rng.integers(0, 2, shape))
    return _prediction(rng, domain, shape)


def _chances(rng, shape):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(-1, keepdims=True)


def _boxes(rng, shape):
    """Corners x1, y1, x2, y2 of boxes that mostly overlap."""
    low, size = rng.uniform(0, 1, (*shape[:-1], 2)), rng.uniform(0.5, 2, (*shape[:-1], 2))
    return np.concatenate([low, low + size], axis=-1)


def to(library, arrays, dtype="float64"):
    """The arrays in a library and a dtype; labels stay integers."""
    made = []
    for a in arrays:
        a = a if hasattr(a, "dtype") else np.asarray(a, dtype=None if dtype == "bool" else float)
        whole = a.dtype in (np.dtype(np.int64), torch.int64)
        kind = "int64" if whole and "float" in dtype else dtype
        if library == "torch":
            tensor = a.clone() if isinstance(a, torch.Tensor) else torch.tensor(a)
            made.append(tensor.to(getattr(torch, kind)))
        else:
            made.append(np.asarray(a).astype(kind))
    return made


def points(entry, columns):
    """One by one: all numbers of a point, and its label if there is one."""
    for point in zip(*columns, strict=True):
        given = list(zip(entry.inputs, point, strict=True))
        numbers = [np.ravel(x).tolist() for i, x in given if i.domain != "label"]
        label = next((int(x) for i, x in given if i.domain == "label"), None)
        yield [float(x) for x in itertools.chain(*numbers)], label


def spoilt(entry, columns, keep, junk):
    """The columns with ``junk`` where ``keep`` is False; labels get a number out of range."""
    spoil = [-100 if i.domain == "label" else junk for i in entry.inputs]
    masks = [keep.reshape(keep.shape + (1,) * (c.ndim - keep.ndim)) for c in columns]
    return [np.where(m, c, j) for m, c, j in zip(masks, columns, spoil, strict=True)]


def plain(x):
    """What came out, as float64 in NumPy."""
    return x.detach().double().numpy() if isinstance(x, torch.Tensor) else np.asarray(x, float)


def close(found, expected, rel, least=0.0, nan_ok=False):
    """``found == pytest.approx(expected, rel, least)`` in one go: that goes number by number."""
    a, b = plain(found), plain(expected)
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):
        near = (abs(a - b) <= np.maximum(rel * abs(b), least)) & np.isfinite(b)
    return bool((near | (a == b) | (nan_ok & np.isnan(a) & np.isnan(b))).all())


def alone(entry):
    """The keyword that asks a loss for the single losses."""
    return {"reduction": "none"} if entry.is_loss else {}


def value_and_slope(entry, arrays, wrt=0, **keywords):
    """The value, and the slope: for a vector function its Jacobian, row by row."""
    prepared = entry.prepare(*arrays, **keywords)
    if entry.kind != "vector":
        value, slopes = prepared.value_and_grads()
        return plain(value), plain(slopes[wrt])
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
def truth(name, of, points, params=(), wrt=0):
    """Exact values or slopes at many points, as lists of mpmath numbers."""
    function = exact.value if of == "value" else functools.partial(exact.slope, wrt=wrt)
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
