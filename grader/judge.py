"""Compare what came back with the truth, in the process that can be trusted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grader.marks import Ask

ROUGHLY = 1e-3  # relative: what is nearer has the right formula and has lost digits
TINY = 1e-7


def wrong(answer: Any, ask: Ask, rtol: float, atol: float) -> str:
    """Why the answer is wrong, in words that give no value away; empty if it is right."""
    if isinstance(ask.truth, type):
        return f"no {ask.truth.__name__}"
    if callable(ask.truth):
        try:
            return _accepted(ask.truth(answer))
        except Exception:  # a check that expects one number is given three
            return "not of the kind asked for"
    return _differs(answer, ask.truth, ask.dtype, rtol, atol)


def _accepted(verdict: Any) -> str:
    """A check returns whether the answer is right, or a few words that say why it is not."""
    if isinstance(verdict, str):
        return verdict or "not accepted"
    return "" if verdict else "not accepted"


def _differs(answer: Any, truth: Any, dtype: str | None, rtol: float, atol: float) -> str:
    if isinstance(truth, tuple):
        parts = answer if isinstance(answer, tuple) else np.atleast_1d(answer)
        if len(parts) != len(truth):
            return "not as many results as asked for"
        pairs = zip(parts, truth, strict=True)
        return next(filter(None, (_differs(a, t, dtype, rtol, atol) for a, t in pairs)), "")
    truth = np.asarray(truth, dtype=np.float64)
    if isinstance(answer, tuple) and truth.ndim:
        answer = _stacked(answer)
    if isinstance(answer, tuple):
        return "more results than asked for"
    if answer.shape != truth.shape:
        return "wrong shape"
    if dtype and answer.dtype.name != dtype:
        return "wrong dtype"
    return _values(answer.astype(np.float64), truth, rtol, atol)


def _stacked(answer: tuple) -> np.ndarray | tuple:
    """The array that a list of these parts would have been, if there is one."""
    parts = [_stacked(each) if isinstance(each, tuple) else each for each in answer]
    shapes = {each.shape for each in parts if isinstance(each, np.ndarray)}
    whole = len(shapes) <= 1 and not any(isinstance(each, tuple) for each in parts)
    return np.array(parts) if whole else answer


def _values(answer: np.ndarray, truth: np.ndarray, rtol: float, atol: float) -> str:
    if np.isnan(answer[~np.isnan(truth)]).any():
        return "nan where there is a value"
    if np.isinf(answer[np.isfinite(truth)]).any():
        return "infinite where the value is finite"
    if np.allclose(answer, truth, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    return _how_far(answer, truth, atol)


def _how_far(answer: np.ndarray, truth: np.ndarray, atol: float) -> str:
    """Lost digits and a wrong formula are mended in different ways."""
    if np.allclose(answer, truth, rtol=ROUGHLY, atol=atol, equal_nan=True):
        told = (truth != 0) & np.isfinite(truth)
        off, size = np.abs(answer[told] - truth[told]), np.abs(truth[told])
        worst = np.max(np.where(off > atol, off / size, 0.0))
        return f"right to about {math.floor(-math.log10(worst))} digits only"
    if np.allclose(answer, truth, rtol=ROUGHLY, atol=TINY, equal_nan=True):
        return "wrong where the value is tiny"
    return "wrong value"
