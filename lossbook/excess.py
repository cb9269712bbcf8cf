r"""The term that divergences are sums of: :math:`e^w - 1 - w`, the excess of e^w over its tangent.

It is 0 at w = 0, positive elsewhere, and about :math:`w^2/2` near 0, where its formula cancels.
With w = ln(q/p), p times the excess is :math:`p \ln(p/q) - p + q`. Chapter 5.
"""

from __future__ import annotations

import math
from typing import Any

from lossbook.arrays import Array, constant, plain_cpu, times

SERIES = tuple(2 / math.factorial(k) for k in range(2, 20))
"""The series of the excess over w^2/2. As far as 1 it needs no more in float64."""

EDGE = 1 + 2**-10
"""Where the series ends. At 1 itself the numbers of an example would meet its edge."""


def excess(xp: Any, w: Array, p: Array, q: Array) -> Array:
    """p (e^w - 1 - w), where q is p e^w. If p is 0 it is q; if q is 0 it is infinite."""
    near = xp.minimum(xp.maximum(w, -EDGE), EDGE)
    series = SERIES if w.dtype.itemsize > 4 else SERIES[:11]
    total = series[-1]
    for term in reversed(series[:-1]):
        total = total * near + term
    # what e^w and w have beyond the edge: nothing, unless w is there
    more = q - xp.minimum(xp.maximum(q, p * math.exp(-EDGE)), p * math.exp(EDGE))
    less = xp.minimum(w - near, 1e4)  # infinite where p is 0
    return 0.5 * p * near * near * total + (more - times(xp, p, less))


def difference(xp: Any, w: Array, p: Array, q: Array) -> Array:
    """q - p, with all its digits near q = p. One of the two parts is 0."""
    return p * xp.expm1(xp.minimum(w, 0.0)) - q * xp.expm1(-xp.maximum(w, 0.0))


def log_ratio(xp: Any, q: Array, p: Array, gap: Array, share: float = 1.0) -> Array:
    """ln(q/p) with all its digits near q = p, where q - p is a share of the gap.

    0/0 counts as 1.
    """
    none = xp.minimum(p, q) == 0
    if absent(xp, none):
        return _log_ratio(xp, q, p, gap, share)
    inside = _log_ratio(xp, *(xp.where(none, x, y) for x, y in ((1, q), (1, p), (0, gap))), share)
    edge = xp.where(q > 0, xp.inf, xp.where(p > 0, -xp.inf, xp.zeros_like(p)))
    return xp.where(none, edge, inside)


def _log_ratio(xp, q, p, gap, share):
    # in two steps: to c, which is p unless that is too far away, and on to p
    c = xp.minimum(xp.maximum(p, q / 3), 3 * q)
    rise = xp.minimum(xp.maximum(share * (gap / c), -2 / 3), 2.0)  # q/c - 1
    return xp.log1p(rise) + 2 * xp.log(xp.sqrt(c) / xp.sqrt(p))  # c/p itself might overflow


def absent(xp: Any, mask: Array) -> bool:
    """Whether a mask is False all over, if that is cheap to see."""
    return plain_cpu(mask) and not bool(xp.any(mask))


def select(xp: Any, mask: Array, a: Array | float, b: Array) -> Array:
    """where(mask, a, b), which is slow, unless the mask is False all over."""
    return b if absent(xp, mask) else xp.where(mask, a, b)


def exact_minus(xp: Any, a: Array, b: Array) -> tuple[Array, Array]:
    """a - b, and what its rounding has lost (D. E. Knuth's exact difference)."""
    s = a - b
    a, b, c = constant(a), constant(b), constant(s)
    back = a - c
    lost = (a - (c + back)) + (back - b)
    if plain_cpu(lost) and not bool(xp.isnan(xp.sum(lost))):
        return s, lost
    return s, xp.where(xp.isfinite(lost), lost, 0.0)
