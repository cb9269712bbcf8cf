"""Noise-contrastive estimation, the binary relative of InfoNCE."""

from __future__ import annotations

import math

from lossbook.arrays import Array, ArrayLike, requires_grad, same_kind
from lossbook.binary.logits import binary_cross_entropy_rule, checked
from lossbook.checks import check_float, check_number, check_same_shape
from lossbook.driver import Prepared, public
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def nce_loss(
    scores: ArrayLike,
    targets: ArrayLike,
    *,
    log_noise: ArrayLike,
    noise_ratio: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Binary cross-entropy of telling data from noise whose density is known.

    .. math::
        \ell(s, y) = \operatorname{BCE}\bigl(s - \ln(k\, p_n(x)),\ y\bigr)

    Parameters
    ----------
    scores
        The model's log-densities s of the samples x; floats of any shape. They need not be
        normalized: the loss finds the constant.
    targets
        1 for a sample of the data, 0 for one of the noise; same shape.
    log_noise
        Log-density :math:`\ln p_n(x)` of the noise at each sample; same shape.
    noise_ratio
        How many samples of noise come on one of the data, k > 0.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each sample.

    Raises
    ------
    TypeError, ValueError
        If ``scores`` is not a floating-point array, libraries are mixed, the shapes differ, a
        target lies outside [0, 1], or the ratio is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> scores, targets = np.array([1.0, 0.9, 0.0]), np.array([1, 0, 0])
    >>> float(nce_loss(scores, targets, log_noise=np.zeros(3), reduction="sum").round(6))
    2.247563

    Notes
    -----
    The least loss is reached where s is the log-density of the data. The derivative is
    :math:`\sigma(s - \ln(k\, p_n)) - y`. M. Gutmann and A. Hyvärinen, *Noise-contrastive
    estimation*, 2010. Chapter 8.
    """
    scores, targets, _, weights, where = checked("scores", scores, targets, None, weights, where)
    scores, log_noise = same_kind(scores=scores, log_noise=log_noise)
    check_float("log_noise", log_noise)
    check_same_shape(scores=scores, log_noise=log_noise)
    shift = math.log(check_number("noise_ratio", noise_ratio, 0, open_low=True))
    both = nce_loss_rule_of_both if requires_grad(log_noise) else nce_loss_rule
    inputs = (scores, log_noise, targets)
    return Prepared(both, inputs, {"shift": shift}, weights, where, reduction)


@rule("element")
def nce_loss_rule(xp, s, n, y, *, shift):
    # the difference first: s and the log-density n are large where s - n is not
    return binary_cross_entropy_rule.function(xp, s - n - shift, y)


@rule("element", wrt=2)
def nce_loss_rule_of_both(xp, s, n, y, *, shift):
    value, slope = nce_loss_rule.function(xp, s, n, y, shift=shift)

    def slopes():
        found = slope()
        return found, -found

    return value, slopes
