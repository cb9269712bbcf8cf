"""One device, one dtype, one source of random numbers; errors instead of fallbacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lossbook import devices

CPU = torch.device("cpu")
MPS = torch.device("mps")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.delenv("LOSSBOOK_DEVICE", raising=False)
    monkeypatch.delenv("LOSSBOOK_DTYPE", raising=False)


def machine(monkeypatch, **counts):
    """A machine with so many devices of each kind."""
    monkeypatch.setattr(devices, "_count", lambda kind: counts.get(kind, int(kind == "cpu")))
    monkeypatch.setattr(devices, "_make_cuda_repeatable", lambda: None)


@pytest.mark.parametrize(
    "counts, expected",
    [({}, "cpu"), ({"mps": 1}, "mps"), ({"cuda": 1}, "cuda"), ({"cuda": 2, "mps": 1}, "cuda")],
)
def test_auto_takes_the_best_there_is(monkeypatch, counts, expected):
    machine(monkeypatch, **counts)
    assert devices.device() == devices.device("auto") == torch.device(expected)


def test_the_variable_decides_and_the_argument_overrides(monkeypatch):
    machine(monkeypatch, cuda=2)
    monkeypatch.setenv("LOSSBOOK_DEVICE", "CUDA:1")
    assert devices.device() == torch.device("cuda:1")
    assert devices.device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:0", "tpu:1"])
def test_an_unknown_name_is_an_error(monkeypatch, name):
    monkeypatch.setenv("LOSSBOOK_DEVICE", name)
    with pytest.raises(ValueError, match=f"unknown device '{name}': expected auto, cpu"):
        devices.device()


@pytest.mark.parametrize("name, count", [("cuda", 0), ("mps", 0), ("cuda:1", 1)])
def test_an_absent_device_is_an_error_not_a_fallback(monkeypatch, name, count):
    machine(monkeypatch, cuda=count)
    with pytest.raises(RuntimeError, match=f"'{name}' was asked for.* sees {count} of kind"):
        devices.device(name)


def test_float64_by_default_and_float32_on_request(monkeypatch):
    assert devices.dtype(CPU) == torch.float64
    monkeypatch.setenv("LOSSBOOK_DTYPE", "float32")
    assert devices.dtype(CPU) == torch.float32


def test_mps_has_no_float64(monkeypatch):
    assert devices.dtype(MPS) == torch.float32
    monkeypatch.setenv("LOSSBOOK_DTYPE", "float64")
    with pytest.raises(RuntimeError, match="MPS has no float64"):
        devices.dtype(MPS)


def test_another_dtype_is_an_error(monkeypatch):
    monkeypatch.setenv("LOSSBOOK_DTYPE", "float16")
    with pytest.raises(ValueError, match="'float16': expected float32 or float64"):
        devices.dtype(CPU)


def test_equal_seeds_give_equal_numbers():
    first, second, other = (devices.rng(seed).normal(size=4) for seed in (1, 1, 2))
    assert (first == second).all() and (first != other).all()


def test_tensor_casts_floats_and_leaves_integers(monkeypatch):
    monkeypatch.setenv("LOSSBOOK_DTYPE", "float32")
    assert devices.tensor(np.ones(2), CPU).dtype == torch.float32
    assert devices.tensor([1, 2], CPU).dtype == torch.int64
    assert devices.tensor([True], CPU).dtype == torch.bool


def test_tensor_is_a_copy():
    a = np.zeros(2)
    t = devices.tensor(a, CPU)
    a[:] = 1
    assert t.tolist() == [0, 0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_is_made_repeatable():
    before = torch.are_deterministic_algorithms_enabled()
    try:
        assert devices.tensor([1.0], devices.device("cuda")).device.type == "cuda"
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.use_deterministic_algorithms(before)
