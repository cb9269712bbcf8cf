"""Losses that count a large error less than its square (chapter 6).

Each is a function of the error e, prediction less target. Near 0 all but the smooth L1 loss
are half the squared error; they differ in what a large error weighs, and the derivative says
how much it pulls.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike
from lossbook.checks import check_number
from lossbook.driver import public
from lossbook.reduction import Reduction
from lossbook.regression.errors import prepare
from lossbook.rule import rule


@public
def huber_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Half the squared error up to a bound, and a straight line beyond.

    .. math::
        \ell(e) = \begin{cases}
        \tfrac12 e^2 & |e| \le \delta \\
        \delta\,(|e| - \tfrac12\delta) & |e| > \delta \end{cases}

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape; the error is :math:`e = \hat y - y`.
    delta
        The bound :math:`\delta > 0`, in the unit of the targets.
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
        the shapes differ, a target is nan or infinite, or ``delta`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> huber_loss(np.array([0.5, 10.0]), np.zeros(2), reduction="none")
    array([0.125, 9.5  ])

    Notes
    -----
    The derivative is the error, clipped to :math:`[-\delta, \delta]`. P. J. Huber, *Robust
    estimation of a location parameter*, 1964. Chapter 6.
    """
    params = {"delta": check_number("delta", delta, 0, open_low=True)}
    return prepare(huber_loss_rule, predictions, targets, weights, where, reduction, **params)


@rule("element")
def huber_loss_rule(xp, yhat, y, *, delta):
    e = yhat - y
    pull = xp.minimum(xp.maximum(e, -delta), delta)
    return lambda: pull * (e - pull / 2), lambda: pull


@public
def smooth_l1_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    beta: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""The absolute error with its tip rounded: the Huber loss divided by its bound.

    .. math::
        \ell(e) = \begin{cases}
        \tfrac12 e^2/\beta & |e| \le \beta \\
        |e| - \tfrac12\beta & |e| > \beta \end{cases}

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape; the error is :math:`e = \hat y - y`.
    beta
        The half width :math:`\beta > 0` of the round part, in the unit of the targets. As it
        goes to 0 the loss becomes :func:`lossbook.absolute_error`.
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
        the shapes differ, a target is nan or infinite, or ``beta`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> smooth_l1_loss(np.array([0.5, 10.0]), np.zeros(2), beta=2.0, reduction="none")
    array([0.0625, 9.    ])

    Notes
    -----
    The derivative is :math:`e/\beta`, clipped to [-1, 1]. R. Girshick, *Fast R-CNN*, 2015,
    section 2.3, has :math:`\beta = 1`. Chapter 6.
    """
    params = {"beta": check_number("beta", beta, 0, open_low=True)}
    return prepare(smooth_l1_loss_rule, predictions, targets, weights, where, reduction, **params)


@rule("element")
def smooth_l1_loss_rule(xp, yhat, y, *, beta):
    e = yhat - y

    def value():
        size = xp.abs(e)
        inside = xp.minimum(size, beta)
        return inside / beta * (size - inside / 2)

    def slope():
        return xp.clip(e / beta, -1.0, 1.0)

    return value, slope


@public
def log_cosh_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Logarithm of the hyperbolic cosine of the error: a Huber loss without a corner.

    .. math::
        \ell(e) = \ln \cosh e = \ln \frac{e^{e} + e^{-e}}{2}

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y`; floats of any shape. The unit matters: an error is large from
        about 1 on.
    targets
        Finite numbers y, same shape; the error is :math:`e = \hat y - y`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each prediction.

    Raises
    ------
    TypeError, ValueError
        If ``predictions`` is not a floating-point array, libraries are mixed,
        the shapes differ, or a target is nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> log_cosh_loss(np.array([1e-9, 1e4]), np.zeros(2), reduction="none")
    array([5.00000000e-19, 9.99930685e+03])

    Notes
    -----
    The derivative is tanh e. Chapter 6.
    """
    return prepare(log_cosh_loss_rule, predictions, targets, weights, where, reduction)


@rule("element")
def log_cosh_loss_rule(xp, yhat, y):
    e = yhat - y

    def value():
        size = xp.abs(e)
        near = xp.minimum(size, 40.0)  # from there on it is |e| - ln 2
        half = xp.sinh(near / 2)
        return xp.log1p(2 * half * half) + (size - near)

    def slope():
        return xp.tanh(e)

    return value, slope


@public
def pseudo_huber_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    delta: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""A hyperbola: half the squared error for small errors, a straight line far out.

    .. math::
        \ell(e) = \delta^2 \bigl(\sqrt{1 + (e/\delta)^2} - 1\bigr)

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape; the error is :math:`e = \hat y - y`.
    delta
        Where an error begins to be large, :math:`\delta > 0`, in the unit of the targets.
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
        the shapes differ, a target is nan or infinite, or ``delta`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> pseudo_huber_loss(np.array([1e-9, 1e300]), np.zeros(2), reduction="none")
    array([5.e-019, 1.e+300])

    Notes
    -----
    The derivative is :math:`e/\sqrt{1 + (e/\delta)^2}`. P. Charbonnier et al., *Deterministic
    edge-preserving regularization in computed imaging*, 1997. Chapter 6.
    """
    params = {"delta": check_number("delta", delta, 0, open_low=True)}
    rule = pseudo_huber_loss_rule
    return prepare(rule, predictions, targets, weights, where, reduction, **params)


@rule("element")
def pseudo_huber_loss_rule(xp, yhat, y, *, delta):
    e = yhat - y
    size = xp.abs(e)
    # |e| to delta as a to d, of which the larger is 1
    a = xp.clip(size / delta, None, 1.0)
    d = delta / xp.where(size <= delta, delta, size)
    root = xp.sqrt(a * a + d * d)

    def value():
        return size * (xp.minimum(size, delta) / (root + d))

    def slope():
        return xp.clip(e, -delta, delta) / root

    return value, slope


@public
def tukey_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    cutoff: float = 4.685,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Tukey's biweight: beyond a cutoff an error costs no more, and pulls no more.

    .. math::
        \ell(e) = \begin{cases}
        \tfrac16 c^2 \bigl(1 - (1 - (e/c)^2)^3\bigr) & |e| \le c \\
        \tfrac16 c^2 & |e| > c \end{cases}

    Parameters
    ----------
    predictions
        Numbers :math:`\hat y` in the unit of the targets; floats of any shape.
    targets
        Finite numbers y, same shape; the error is :math:`e = \hat y - y`.
    cutoff
        The number c > 0, in the unit of the targets. The default is meant for errors with a
        standard deviation of 1: divide them by a robust estimate of it first.
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
        the shapes differ, a target is nan or infinite, or ``cutoff`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> tukey_loss(np.array([0.5, 1.0, 100.0]), np.zeros(3), cutoff=1.0, reduction="none")
    array([0.09635417, 0.16666667, 0.16666667])

    Notes
    -----
    The derivative is :math:`e\,(1 - (e/c)^2)^2`, and 0 beyond c: not convex. A. E. Beaton and
    J. W. Tukey, *The fitting of power series, meaning polynomials, illustrated on
    band-spectroscopic data*, 1974. Chapter 6.
    """
    params = {"cutoff": check_number("cutoff", cutoff, 0, open_low=True)}
    return prepare(tukey_loss_rule, predictions, targets, weights, where, reduction, **params)


@rule("element")
def tukey_loss_rule(xp, yhat, y, *, cutoff):
    e = xp.clip(yhat - y, -cutoff, cutoff)
    share = xp.abs(e) / cutoff
    left = (1 - share) * (1 + share)  # 1 - (e/c)^2

    def value():
        # 1 - s^3 is (1 - s)(1 + s + s^2), and 1 - s is (e/c)^2
        return e * e * (1 + left + left * left) / 6

    def slope():
        return e * left * left

    return value, slope
