"""How many digits a formula gets right: its error in ulps over a range of inputs.

An ulp (unit in the last place) is the gap between neighboring floats at the true result.
Half an ulp is as good as it gets; 2^23 ulps in float32, or 2^52 in float64, leave no digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np

from lossbook.figures import label_line, rounding_noise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DTYPES = ("float16", "bfloat16", "float32", "float64")


def ulp(truth: Any, dtype: str = "float64") -> float:
    """The gap between floats at a number; below the normal range, that of the subnormals.

    Examples
    --------
    >>> ulp(1.0, "float32") == 2.0**-23, ulp(0.0) == 2.0**-1074
    (True, True)
    """
    import torch

    info = torch.finfo(getattr(torch, dtype))
    size = max(abs(mpmath.mpmathify(truth)), mpmath.mpf(info.smallest_normal))
    _, exponent = mpmath.frexp(size)
    return float(mpmath.ldexp(info.eps, exponent - 1))


def error_in_ulps(found: Any, truth: Any, dtype: str = "float64") -> float:
    """The distance of a computed number from the true one, in ulps of the true one.

    A nan, or an infinity where the truth fits the format, is infinitely wrong.

    Examples
    --------
    >>> error_in_ulps(1.0 + 2**-23, 1.0, "float32"), error_in_ulps(math.nan, 1.0)
    (1.0, inf)
    """
    import torch

    found, truth = float(found), mpmath.mpmathify(truth)  # mpf(truth) would round it to a float
    largest = torch.finfo(getattr(torch, dtype)).max
    if abs(truth) > largest:
        return 0.0 if abs(found) >= largest and found * mpmath.sign(truth) > 0 else math.inf
    return float(abs(found - truth) / ulp(truth, dtype)) if math.isfinite(found) else math.inf


def errors(
    formula: Callable[[Any], Any],
    truth: Callable[[float], Any],
    inputs: Sequence[float],
    dtype: str = "float64",
) -> np.ndarray:
    """The error of a formula in ulps, at each of the inputs.

    Parameters
    ----------
    formula
        What is judged: from a tensor of inputs to a tensor of results.
    truth
        The exact result for one input, for example by :func:`lossbook.exact.value`.
    inputs
        Numbers; each is rounded to ``dtype`` before anybody sees it.
    dtype
        "float16", "bfloat16", "float32" or "float64".
    """
    import torch

    x = torch.tensor(np.asarray(inputs, dtype=float)).to(getattr(torch, dtype))
    found = formula(x)
    pairs = zip(found.tolist(), x.tolist(), strict=True)
    return np.array([error_in_ulps(f, truth(given), dtype) for f, given in pairs])


def accuracy_figure(
    formulas: Mapping[str, Callable[[Any], Any]],
    truth: Callable[[float], Any],
    inputs: Sequence[float],
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
    xlabel: str = "logit z",
) -> Figure:
    """Draw the error of several formulas in ulps, one panel for each dtype.

    Errors below half an ulp are drawn at half an ulp; results that are nan, infinite or
    without a right digit, at the line where all digits are lost.

    Parameters
    ----------
    formulas
        What is judged, by the name that its line gets.
    truth, inputs
        As in :func:`errors`.
    dtypes
        The formats to compute in.
    xlabel
        What the inputs are.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(dtypes), figsize=(3.3 * len(dtypes), 3.3), squeeze=False, sharex=True
    )
    for ax, dtype in zip(axes[0], dtypes, strict=True):
        lines = _panel(ax, formulas, truth, inputs, dtype)
        ax.set(title=dtype, xlabel=xlabel)
    axes[0][0].set_ylabel("error in ulps")
    _label_ends(ax, lines)
    return figure


def _panel(ax, formulas, truth, inputs, dtype) -> list:
    import torch

    lost = 1 / torch.finfo(getattr(torch, dtype)).eps
    lines = []
    for order, (name, formula) in enumerate(formulas.items()):
        wrong = np.clip(errors(formula, truth, inputs, dtype), 0.5, lost)
        # later lines are thinner, so that one which lies on another shows both
        lines += ax.plot(inputs, wrong, lw=max(1.2, 3.5 - order), label=name)
    rounding_noise(*lines)
    ax.axhline(lost, color="0.4", lw=1, ls=":")
    ax.annotate(
        "no digit left", (min(inputs), lost), (0, 3), textcoords="offset points", fontsize=9
    )
    ax.set_yscale("log")
    ax.set_ylim(0.3, 30 * lost)
    return lines


def _label_ends(ax, lines, spacing: float = 13) -> None:
    """Name the lines at their right ends, one label above the other where they meet."""
    ends = ax.transData.transform([(0, line.get_ydata()[-1]) for line in lines])[:, 1]
    last = -math.inf
    for k in np.argsort(ends, kind="stable"):
        height = ends[k] * 72 / ax.figure.dpi
        shift = max(0.0, last + spacing - height)
        label_line(ax, lines[k], lines[k].get_label(), dy=shift)
        last = height + shift
