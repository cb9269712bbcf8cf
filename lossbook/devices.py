"""One device, one dtype and one source of random numbers for every chapter.

The stored outputs of a chapter hold on a CPU and on a GPU because the data are
drawn by NumPy on the CPU, computed in float64, and printed rounded.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike

__all__ = ["device", "dtype", "rng", "tensor"]

_DEVICES = "auto, cpu, cuda, cuda:N or mps"
_DTYPES = ("float32", "float64")


def device(name: str | None = None) -> torch.device:
    """Return the device that the book computes on.

    The choice is ``name`` if given, else the environment variable
    ``LOSSBOOK_DEVICE``, else the first of cuda, mps and cpu that exists.
    On CUDA, TF32 and autotuning are switched off and deterministic kernels on.

    Parameters
    ----------
    name : str, optional
        One of ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the name is none of these.
    RuntimeError
        If torch sees no such device: there is no silent fallback.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """
    wanted = (name or os.environ.get("LOSSBOOK_DEVICE") or "auto").lower()
    kind, _, index = wanted.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (":" in wanted and not _is_gpu(kind, index)):
        raise ValueError(f"unknown device {wanted!r}: expected {_DEVICES}")
    import torch

    if kind == "auto":
        kind = wanted = next(k for k in ("cuda", "mps", "cpu") if _count(k))
    if _count(kind) <= int(index or 0):
        raise RuntimeError(
            f"device {wanted!r} was asked for, but torch {torch.__version__} sees {_count(kind)}"
            f" of kind {kind!r} here: install a torch for it or set LOSSBOOK_DEVICE=cpu"
        )
    if kind == "cuda":
        _make_cuda_repeatable()
    return torch.device(wanted)


def _is_gpu(kind: str, index: str) -> bool:
    return kind == "cuda" and index.isdecimal()


def _count(kind: str) -> int:
    import torch

    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    return 1


def _make_cuda_repeatable() -> None:
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Shown numbers are rounded: an operation without a deterministic kernel is no news.
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")


def dtype(on: torch.device | None = None) -> torch.dtype:
    """Return the floating-point type that the book computes in.

    float64, unless ``LOSSBOOK_DTYPE=float32`` is set or the device is MPS,
    which has no float64.

    Parameters
    ----------
    on : torch.device, optional
        The device; by default :func:`device`.

    Returns
    -------
    torch.dtype

    Raises
    ------
    ValueError
        If ``LOSSBOOK_DTYPE`` is neither ``float32`` nor ``float64``.
    RuntimeError
        If ``LOSSBOOK_DTYPE=float64`` is set and the device is MPS.
    """
    import torch

    wanted = os.environ.get("LOSSBOOK_DTYPE")
    if wanted and wanted not in _DTYPES:
        raise ValueError(f"LOSSBOOK_DTYPE={wanted!r}: expected {' or '.join(_DTYPES)}")
    if (on or device()).type == "mps":
        if wanted == "float64":
            raise RuntimeError("LOSSBOOK_DTYPE='float64', but MPS has no float64: use float32")
        wanted = "float32"
    return getattr(torch, wanted or "float64")


def rng(seed: int) -> np.random.Generator:
    """Return the generator that draws a chapter's random data.

    NumPy's streams have the same bits on every machine; torch's depend on the
    CPU family and on the GPU.

    Parameters
    ----------
    seed : int
        The seed, written in the chapter.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> rng(0).integers(10, size=5).tolist()
    [8, 6, 5, 2, 3]
    """
    return np.random.default_rng(seed)


def tensor(a: ArrayLike, on: torch.device | None = None) -> torch.Tensor:
    """Copy an array to the book's device, floats in the book's dtype.

    Parameters
    ----------
    a : array_like
        Numbers, usually drawn from :func:`rng`. Integers and booleans keep
        their type.
    on : torch.device, optional
        The device; by default :func:`device`.

    Returns
    -------
    torch.Tensor

    Examples
    --------
    >>> tensor([[1, 2], [3, 4]], device("cpu")).shape
    torch.Size([2, 2])
    """
    import torch

    on = on or device()
    copy = torch.tensor(np.asarray(a))
    if copy.is_floating_point():
        # Cast before the move: MPS cannot hold the float64 original.
        copy = copy.to(dtype(on))
    return copy.to(on)
