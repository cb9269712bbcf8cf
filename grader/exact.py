"""The judge: an elementwise reference in fifty digits, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np


def exactly(formula: Callable[..., Any], *inputs: Any, digits: int = 50) -> np.ndarray:
    """`formula` at each entry, in mpmath's numbers. Write ``log1p(x)``, not ``log(1 + x)``:
    fifty digits do not hold 1 + 1e-400."""
    arrays = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in inputs))
    found = np.empty(arrays[0].shape)
    with mpmath.workdps(digits):
        for place in np.ndindex(found.shape):
            found[place] = float(formula(*(mpmath.mpf(float(each[place])) for each in arrays)))
    return found
