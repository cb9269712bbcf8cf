"""Compare what came back with the truth, in the process that can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.marks import Ask


def wrong(answer: Any, ask: Ask, rtol: float, atol: float) -> str:
    """Why the answer is wrong, in words that give no value away; empty if it is right."""
    if isinstance(ask.truth, type):
        return f"no {ask.truth.__name__}"
    if callable(ask.truth):
        try:
            return "" if ask.truth(answer) else "not accepted"
        except Exception:  # a check that expects one number is given three
            return "not of the kind asked for"
    return _differs(answer, ask.truth, ask.dtype, rtol, atol)


def _differs(answer: Any, truth: Any, dtype: str | None, rtol: float, atol: float) -> str:
    if isinstance(truth, tuple):
        parts = answer if isinstance(answer, tuple) else list(np.atleast_1d(answer))
        if len(parts) != len(truth):
            return "not as many results as asked for"
        pairs = zip(parts, truth, strict=True)
        return next(filter(None, (_differs(a, t, dtype, rtol, atol) for a, t in pairs)), "")
    if isinstance(answer, tuple):
        return "more results than asked for"
    truth = np.asarray(truth, dtype=np.float64)
    if answer.shape != truth.shape:
        return "wrong shape"
    if dtype and answer.dtype.name != dtype:
        return "wrong dtype"
    return _values(answer.astype(np.float64), truth, rtol, atol)


def _values(answer: np.ndarray, truth: np.ndarray, rtol: float, atol: float) -> str:
    if np.isnan(answer[~np.isnan(truth)]).any():
        return "nan where there is a value"
    if np.isinf(answer[np.isfinite(truth)]).any():
        return "infinite where the value is finite"
    if not np.allclose(answer, truth, rtol=rtol, atol=atol, equal_nan=True):
        return "wrong value"
    return ""
