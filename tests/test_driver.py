"""Public functions: what they are made of, and value_and_grad."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch

import lossbook as lb
from cases import CATALOGUE, over
from lossbook import binary_cross_entropy, logsumexp, softmax, value_and_grad
from lossbook.driver import Prepared

PUBLIC = [n for n in lb.__all__ if n not in ("StreamingLogSumExp", "RunningMean")]
TOPICS = (
    *("odds", "softmax", "binary", "categorical", "divergence"),
    *("regression", "ranking", "contrastive", "reduction", "descent"),
)
CHAPTERS = {topic: number for number, topic in enumerate(TOPICS, start=1)}


def test_the_import_loads_nothing_heavy():
    heavy = ["torch", "sympy", "mpmath", "matplotlib", "scipy", "pandas", "jax", "IPython"]
    code = f"import lossbook, sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_module_behind_a_function_of_its_name_can_be_reached():
    from lossbook.softmax import logsumexp, softmax_rule

    assert lb.softmax.prepare([0.0]).rule is softmax_rule
    assert lb.logsumexp is logsumexp


def test_the_error_state_of_numpy_does_not_matter():
    with np.errstate(all="raise"):
        assert binary_cross_entropy([1e4, -1e4], [0, 1]) == 1e4
        assert softmax([0.0, -1e4, -1e308]).tolist() == [1, 0, 0]
        assert lb.StreamingLogSumExp([0.0, -744.0]).update([-1e308]).value > 0
        assert lb.sigmoid(-1e4) == 0 and lb.logit(0.0) == -np.inf
        assert lb.reduce(np.array([60000.0, 6e4], np.float16), reduction="sum") == np.inf


def test_numpy_alone_is_enough():
    # as on a machine without torch and sympy
    code = """
import sys
for name in ("torch", "sympy", "mpmath", "matplotlib"):
    sys.modules[name] = None
import numpy as np, lossbook as lb
z, y = np.array([0.5, -2.0]), np.array([1, 0])
lb.value_and_grad(lb.binary_cross_entropy, z, y, weights=[1, 2], where=[True, False])
lb.softmax(z), lb.StreamingLogSumExp(z).value, lb.reduce(z), lb.binary_focal_loss(z, y)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# -------------------------------------------------------------------------- docstrings
@pytest.mark.parametrize("name", lb.__all__)
def test_a_docstring_says_what_how_and_where_from(name):
    item = getattr(lb, name)
    text = inspect.getdoc(item)
    summary = text.split("\n\n")[0]
    assert summary.endswith(".") and len(summary.splitlines()) == 1
    assert ".. math::" in text
    sections = ["Parameters", "Returns", "Raises", "Examples"]
    if inspect.isclass(item):  # the methods say what they return, and without arguments raise
        made = inspect.signature(item).parameters
        sections = ["Parameters", "Raises", "Examples"] if made else ["Attributes", "Examples"]
    for section in sections:
        assert f"\n{section}\n{'-' * len(section)}\n" in text, section
    assert ">>> " in text
    module = inspect.getmodule(inspect.unwrap(item))
    number = CHAPTERS.get(module.__name__.split(".")[1])
    assert f"Chapter {number}." in text or f"(chapter {number})" in module.__doc__ or not number


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_is_described(name):
    function = getattr(lb, name)
    text = inspect.getdoc(function).split("Parameters\n")[1].split("\nReturns")[0]
    described = {
        w.strip(" *")
        for line in text.splitlines()
        if line and line[0] != " "
        for w in line.split(",")
    }
    assert set(inspect.signature(function).parameters) <= described


@pytest.mark.parametrize("name", PUBLIC)
def test_options_are_keywords_and_the_signature_is_kept(name):
    kinds = [p.kind for p in inspect.signature(getattr(lb, name)).parameters.values()]
    if name != "value_and_grad":
        positional = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
        assert positional <= 4 and set(kinds[positional:]) <= {inspect.Parameter.KEYWORD_ONLY}
    assert getattr(lb, name).__name__ == name


# --------------------------------------------------------------------- value_and_grad
def test_value_and_grad_takes_positions():
    z, y = np.array([0.3, -1.0]), np.array([1.0, 0.0])
    value, slope = value_and_grad(binary_cross_entropy, z, y)
    again, (alike,) = value_and_grad(binary_cross_entropy, z, y, wrt=(0,))
    assert value == again and np.array_equal(slope, alike)
    assert value_and_grad(binary_cross_entropy, z, y, wrt=()) == (value, ())
    by_name = value_and_grad(binary_cross_entropy, logits=z, targets=y)
    assert by_name[0] == value


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradients_of_rows_lie_along_their_axis(axis):
    z = np.random.default_rng(0).normal(size=(3, 4))
    value, slope = value_and_grad(logsumexp, z, axis=axis)
    assert value.shape == np.delete(z.shape, axis) and slope.shape == z.shape
    assert slope == pytest.approx(softmax(z, axis=axis))


@over([e for e in CATALOGUE if e.kind == "vector"])
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_a_jacobian_is_pulled_along_any_axis(entry, axis):
    z, g = np.random.default_rng(1).normal(size=(2, 3, 4))
    found = entry.prepare(z, axis=axis).pull(g)
    moved = entry.prepare(np.moveaxis(z, axis, -1).copy()).pull(np.moveaxis(g, axis, -1))
    assert np.array_equal(found, np.moveaxis(moved, -1, axis))
    t = torch.tensor(z, requires_grad=True)
    entry.function(t, axis=axis).backward(torch.tensor(g))
    assert t.grad.numpy() == pytest.approx(found, rel=1e-14)


def test_scalars_of_numpy_come_back_as_scalars():
    assert type(lb.sigmoid(0.0)) is np.float64
    assert type(lb.sigmoid(np.float32(0))) is np.float32
    assert type(binary_cross_entropy(0.0, 1)) is np.float64
    assert type(logsumexp([1, 2])) is np.float64
    assert isinstance(lb.sigmoid(np.zeros(1)), np.ndarray)
    assert lb.sigmoid(torch.tensor(0.0)).shape == ()


def test_a_body_says_what_is_to_be_computed():
    prepared = binary_cross_entropy.prepare([0.0], [1.0], reduction="sum")
    assert isinstance(prepared, Prepared)
    assert prepared.rule.__name__ == "binary_cross_entropy_rule"
    assert prepared.value() == binary_cross_entropy([0.0], [1.0], reduction="sum")
