"""Squared and absolute errors and the quantile loss (chapter 6).

All take predictions first and targets second, of the same shape, and see nothing but the
error e, the one less the other. The difference of two floats is rounded once, so it has all
its digits however close they are; one that is too large for the dtype is infinite.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, ArrayLike, as_near, as_number, same_kind
from lossbook.checks import (
    LARGEST,
    check_float,
    check_number,
    check_real,
    check_same_shape,
    check_within,
)
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import Rule, rule


@public
def squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Squared difference; its mean is the mean squared error (MSE), the squared L2 loss.

    .. math::
        \ell(\hat y, y) = (\hat y - y)^2

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in the squared unit of the targets, or with ``reduction="none"``
        one loss for each prediction.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> predictions, targets = np.array([1.5, -2.0]), np.array([1.0, 1.0])
    >>> squared_error(predictions, targets, reduction="none")
    array([0.25, 9.  ])
    >>> float(squared_error(predictions, targets))
    4.625

    Notes
    -----
    The derivative is :math:`2(\hat y - y)`. The best constant is the mean. Chapter 6.
    """
    return prepare(squared_error_rule, predictions, targets, weights, where, reduction)


@rule("element")
def squared_error_rule(xp, yhat, y):
    e = yhat - y
    return lambda: e * e, lambda: 2 * e


@public
def absolute_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Absolute difference; its mean is the mean absolute error (MAE), the L1 loss.

    .. math::
        \ell(\hat y, y) = |\hat y - y|

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in the unit of the targets, or with ``reduction="none"``
        one loss for each prediction.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(absolute_error(np.array([1.5, -2.0]), np.array([1.0, 1.0])))
    1.75

    Notes
    -----
    The derivative is the sign of :math:`\hat y - y`; at an error of 0, where there is none,
    it is taken as 0, the middle of the subgradients -1 to 1. The best constant is a median.
    Chapter 6.
    """
    return prepare(absolute_error_rule, predictions, targets, weights, where, reduction)


@rule("element")
def absolute_error_rule(xp, yhat, y):
    e = yhat - y
    return lambda: xp.abs(e), lambda: xp.sign(e)


@public
def quantile_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    quantile: float = 0.5,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Absolute difference with one price for too low and another for too high: pinball loss.

    .. math::
        \ell(\hat y, y) = \max\bigl(\tau\,(y - \hat y),\ (1-\tau)\,(\hat y - y)\bigr)

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape.
    quantile
        The level :math:`\tau` in (0, 1): the share of targets that is to lie below the
        prediction; the default is the median.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in the unit of the targets, or with ``reduction="none"``
        one loss for each prediction.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ, a target is nan or infinite, or ``quantile`` is not in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> too_low, too_high = 0.0, 2.0
    >>> quantile_loss(np.array([too_low, too_high]), np.ones(2), quantile=0.75, reduction="none")
    array([0.75, 0.25])

    Notes
    -----
    The derivative is :math:`-\tau` where the prediction is too low and :math:`1-\tau` where it is
    too high; at an error of 0, where there is none, it is taken as 0. For a level of 1/2 the
    loss is half the absolute error. R. Koenker and G. Bassett, *Regression quantiles*, 1978.
    Chapter 6.
    """
    params = {"tau": check_number("quantile", quantile, 0, 1, open_low=True)}
    if quantile == 1:
        raise ValueError("quantile must be less than 1, got 1: no number lies above all others")
    return prepare(quantile_loss_rule, predictions, targets, weights, where, reduction, **params)


@rule("element")
def quantile_loss_rule(xp, yhat, y, *, tau):
    e = yhat - y
    over, under = xp.maximum(e, 0.0), xp.minimum(e, 0.0)

    def value():
        return (1 - tau) * over - tau * under

    def slope():
        return (1 - tau) * xp.sign(over) + tau * xp.sign(under)

    return value, slope


def prepare(
    rule: Rule,
    predictions: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike | None,
    where: ArrayLike | None,
    reduction: Reduction,
    **params: float,
) -> Prepared:
    """What every loss of one prediction and one target does with its arguments."""
    predictions, targets, weights, where = checked(targets, weights, where, predictions=predictions)
    check_finite("targets", targets, where)
    params = {name: as_near(number, predictions) for name, number in params.items()}
    return Prepared(rule, (predictions, targets), params, weights, where, reduction)


def checked(
    targets: ArrayLike,
    weights: ArrayLike | None,
    where: ArrayLike | None,
    **predictions: ArrayLike,
) -> list[Any]:
    """The checks that all losses of chapter 6 share; ``predictions`` by their names."""
    *arrays, targets, weights, where = same_kind(
        **predictions, targets=targets, weights=weights, where=where
    )
    named = dict(zip(predictions, arrays, strict=True))
    for name, x in named.items():
        check_float(name, x)
    check_real("targets", targets)
    targets = as_number(targets)
    (first, x), *others = named.items()
    for name, other in (*others, ("targets", targets)):
        check_same_shape(**{first: x, name: other})
    return [*arrays, targets, weights, where]


def check_finite(name: str, x: Array, where: Array | None) -> None:
    """A target that is nan or infinite is a missing one: it has to be masked."""
    check_within(name, x, -LARGEST, LARGEST, where=where)
