"""Are the probabilities right? Calibration error, and the temperature that mends it (chapter 4)."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import NamedTuple

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, constant, is_torch, namespace, times, wide_dtype
from lossbook.categorical.logits import cross_entropy
from lossbook.categorical.rows import Rows, labeled
from lossbook.checks import check_simplex, refuse
from lossbook.driver import value_and_grad


class Reliability(NamedTuple):
    """Bins of confidence: how many rows, how sure on average, how often right.

    ``confidence`` and ``accuracy`` are nan in a bin without rows.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability(
    probs: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    ignore_index: int | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> Reliability:
    r"""Confidence against accuracy, in bins of equal width.

    .. math::
        B_m = \Bigl\{i : \max_k p_{ik} \in \Bigl(\frac{m-1}{M}, \frac{m}{M}\Bigr]\Bigr\}

    Parameters
    ----------
    probs
        Probabilities that sum to 1 along ``axis``; floats, K of them.
    labels
        Integers from 0 to K - 1; the shape of ``probs`` without ``axis``.
    bins
        The number M of bins.
    ignore_index
        A label that marks rows to leave out.
    where
        Booleans, broadcast to the labels; False leaves a row out.
    axis
        The axis of the K classes.

    Returns
    -------
    Reliability
        NumPy arrays of length M: ``count``, mean ``confidence``, ``accuracy``.

    Raises
    ------
    TypeError, ValueError
        If a row of ``probs`` is no distribution, a label no class, or ``bins`` no positive
        integer.

    Examples
    --------
    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> count, confidence, accuracy = reliability(probs, [0, 1, 1], bins=2)
    >>> count, float(confidence[1].round(6)), float(accuracy[1].round(6))
    (array([0, 3]), 0.8, 0.666667)

    Notes
    -----
    C. Guo et al., *On calibration of modern neural networks*, 2017, section 2. Chapter 4.
    """
    if not isinstance(bins, Integral) or isinstance(bins, bool) or bins < 1:
        raise ValueError(f"bins must be a positive integer, got {bins!r}")
    rows = labeled("probs", probs, labels, axis, ignore_index=ignore_index, where=where)
    check_simplex("probs", rows.x, rows.axis, where=rows.where)
    xp = namespace(rows.x)
    p = cast(constant(rows.x), wide_dtype(rows.x))
    sure, right = xp.max(p, axis=rows.axis), xp.argmax(p, axis=rows.axis) == rows.truth
    sure, right = (
        _numpy(x if rows.where is None else x[rows.where]).ravel() for x in (sure, right)
    )
    index = np.searchsorted(np.arange(1, bins) / bins, sure, side="left")
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(index, weights=x, minlength=bins) / count for x in (sure, right)]
    return Reliability(count, *means)


def expected_calibration_error(
    probs: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    ignore_index: int | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> float:
    r"""How far the confidence of a classifier is from how often it is right.

    .. math::
        \operatorname{ECE} = \sum_{m=1}^M \frac{|B_m|}{N}
        \bigl|\operatorname{acc}(B_m) - \operatorname{conf}(B_m)\bigr|

    Parameters
    ----------
    probs, labels, bins, ignore_index, where, axis
        As in :func:`reliability`.

    Returns
    -------
    float
        A number in [0, 1]; 0 for no rows. It is a biased estimate, and depends on the bins: a
        calibrated model has a positive one too, that shrinks as rows are added.

    Raises
    ------
    TypeError, ValueError
        As in :func:`reliability`.

    Examples
    --------
    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> round(expected_calibration_error(probs, [0, 1, 1], bins=2), 6)
    0.133333

    Notes
    -----
    C. Guo et al., *On calibration of modern neural networks*, 2017, section 2. Chapter 4.
    """
    found = reliability(probs, labels, bins=bins, ignore_index=ignore_index, where=where, axis=axis)
    some = found.count > 0
    off = found.count * abs(found.accuracy - found.confidence)
    return float(off[some].sum() / max(1, found.count.sum()))


def fit_temperature(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    axis: int = -1,
) -> float:
    r"""The one temperature that makes held-out labels most likely.

    .. math::
        \hat\tau = \arg\min_{\tau > 0} \sum_i w_i \operatorname{CE}(z_i/\tau, y_i)

    Parameters
    ----------
    logits
        Logits z of a trained model on data that it has not been trained on; floats, K of
        them along ``axis``.
    labels
        Integers from 0 to K - 1; the shape of ``logits`` without ``axis``.
    ignore_index
        A label that marks rows to leave out.
    weights, where
        As in :func:`lossbook.reduction.reduce`; there is one weight for each label.
    axis
        The axis of the K classes.

    Returns
    -------
    float
        The temperature; above 1 for a model that is too sure.

    Raises
    ------
    ValueError
        If a logit is nan or :math:`+\infty`, or if no temperature is best: with every label on a
        largest logit the loss falls for ever towards 0, with logits that tell nothing of the
        labels towards infinity, and with a label that can't be it is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    >>> round(4 / fit_temperature(logits, [0, 0, 0, 1]), 6), round(np.log(3), 6)
    (1.098612, np.float64(1.098612))

    Notes
    -----
    In :math:`\beta = 1/\tau` the loss is convex, with the derivative
    :math:`\sum_i w_i (p_i - y_i)^\top z_i`. C. Guo et al., 2017, section 4.2. Chapter 4.
    """
    rows = labeled(
        "logits", logits, labels, axis, ignore_index=ignore_index, weights=weights, where=where
    )
    with np.errstate(all="ignore"):
        slope, unit = _slope_of_inverse(rows)
        low, high = 0.0, 1.0
        while slope(high) < 0:
            low, high = high, 2 * high
        while high - low > 1e-12 * high:
            middle = low + (high - low) / 2
            low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return unit * (2 / (low + high))


def _slope_of_inverse(rows: Rows) -> tuple[Callable[[float], float], float]:
    """The derivative of the total loss for the inverse temperature, which it grows with.

    The second number is the unit of the logits in which that temperature is.
    """
    xp, d = namespace(rows.x), _behind(rows)
    lacks = -xp.sum(xp.where(rows.marks(), d, 0.0), axis=rows.axis)
    if bool((lacks == xp.inf).any()):
        raise ValueError("a label has the logit -inf: no temperature makes it possible")
    unit = float(xp.max(xp.where(d == -xp.inf, 0.0, -d))) if 0 not in d.shape else 0.0
    d = d / (unit or 1.0)
    options = {"weights": rows.weights, "where": rows.where, "axis": rows.axis}

    def slope(inverse: float) -> float:
        scaled = xp.where(d == -xp.inf, d, inverse * d)
        _, g = value_and_grad(cross_entropy, scaled, rows.truth, reduction="sum", **options)
        return float(xp.sum(times(xp, g, d)))

    if slope(0.0) >= 0:
        raise ValueError("the logits tell nothing of the labels: no finite temperature is best")
    if not bool((lacks > 0).any()):
        raise ValueError("every label has the largest logit: no positive temperature is best")
    return slope, unit


def _behind(rows: Rows) -> Array:
    """The logits less the largest of their row, which keeps digits; 0 where nothing counts."""
    xp, z = namespace(rows.x), cast(constant(rows.x), wide_dtype(rows.x))
    counts = rows.where
    if rows.weights is not None:
        some = constant(rows.weights) > 0
        counts = some if counts is None else counts & some
    if counts is not None:
        z = xp.where(xp.expand_dims(counts, axis=rows.axis), z, 0.0)
    refuse("logits", z, xp.isnan(z) | (z == xp.inf), "in [-inf, inf)", None)
    return xp.where(z == -xp.inf, z, z - xp.max(z, axis=rows.axis, keepdims=True))


def _numpy(x: Array) -> np.ndarray:
    return x.cpu().numpy() if is_torch(x) else x
