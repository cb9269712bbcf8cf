"""Errors in ulps, and the figure that shows them."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch

from cases import ulps_off
from lossbook import exact, softplus
from lossbook.accuracy import DTYPES, accuracy_figure, error_in_ulps, errors, ulp
from lossbook.catalogue import entry as find

MORE = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_ulp_is_the_gap_to_the_next_float(dtype):
    info, kind = torch.finfo(getattr(torch, dtype)), getattr(torch, dtype)
    for x in (1.0, 1.5, 2.0, -3.0, 0.75, info.smallest_normal, info.smallest_normal / 4, 100.0):
        here = torch.tensor(abs(x), dtype=kind)
        gap = torch.nextafter(here, torch.tensor(math.inf, dtype=kind)).double() - here.double()
        assert ulp(x, dtype) == gap.item()
    assert ulp(1.0, dtype) == 2.0 ** -MORE[dtype]
    assert ulp(0, dtype) == info.smallest_normal * info.eps


def test_errors_by_hand():
    assert error_in_ulps(1.0, 1.0) == 0
    assert error_in_ulps(1 + 2**-52, 1) == 1
    assert error_in_ulps(2.0, 2 - 2**-52) == 1  # in the ulps of the true number
    assert error_in_ulps(0.0, 5e-324) == 1
    with mpmath.workdps(50):
        third = mpmath.mpf(1) / 3
    assert error_in_ulps(1 / 3, third) == pytest.approx(1 / 3)  # no float is exact
    assert error_in_ulps(np.nextafter(1 / 3, 1), third) == pytest.approx(2 / 3)
    assert error_in_ulps(math.inf, 1e39, "float32") == 0
    assert error_in_ulps(-math.inf, 1e39, "float32") == math.inf
    assert error_in_ulps(math.inf, 1e30, "float32") == math.inf
    assert error_in_ulps(1.0, mpmath.inf) == math.inf
    assert error_in_ulps(math.nan, math.inf) == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_suites_count_ulps_as_the_figure_does(dtype):
    rng = np.random.default_rng(0)
    found = torch.tensor(10 ** rng.uniform(-40, 40, 200)).to(getattr(torch, dtype)).double().numpy()
    off = 2.0 ** -MORE[dtype] * rng.normal(size=200)
    with mpmath.workdps(50):
        true = [mpmath.mpf(f) * (1 + mpmath.mpf(d)) for f, d in zip(found, off, strict=True)]
    one_by_one = [error_in_ulps(f, t, dtype) for f, t in zip(found, true, strict=True)]
    assert ulps_off(found, true, dtype) == pytest.approx(one_by_one, rel=1e-6)
    assert ulps_off(np.array([math.nan]), [mpmath.mpf(1)], dtype) == [math.inf]


def test_errors_of_a_formula():
    entry = find("softplus")

    def truth(z):
        return exact.value(entry, z)

    inputs = [-40.0, -1.0, 0.1, 30.0]
    assert (errors(softplus, truth, inputs) <= entry.ulps[0]).all()
    assert (errors(softplus, truth, inputs, "float32") <= entry.ulps[0]).all()
    naive = errors(lambda z: torch.log(1 + torch.exp(z)), truth, [-40.0, 1000.0])
    assert naive[0] > 1e15 and naive[1] == math.inf


def test_the_figure_shows_each_formula_in_each_dtype():
    figure = accuracy_figure(
        {"by hand": lambda z: torch.log(1 + torch.exp(z)), "lossbook": softplus},
        lambda z: exact.value(find("softplus"), z),
        np.linspace(-50, 50, 9),
    )
    assert [ax.get_title() for ax in figure.axes] == ["float32", "float64"]
    for ax in figure.axes:
        by_hand, ours = (line.get_ydata() for line in ax.get_lines()[:2])
        assert (np.array(ours) >= 0.5).all() and max(ours) <= 3 < 1e6 < max(by_hand)
