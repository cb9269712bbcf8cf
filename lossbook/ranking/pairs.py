"""Losses of one pair of scores: that of the item which belongs above, and the other's.

They look at nothing but the difference of the two, and the rounding of that difference is
undone where its exponential would show it.
"""

from __future__ import annotations

from typing import Any

from lossbook.arrays import Array, ArrayLike, as_near, as_number, constant, same_kind, times
from lossbook.checks import check_float, check_number, check_real, check_same_shape, check_within
from lossbook.driver import Prepared, public
from lossbook.excess import exact_minus
from lossbook.odds import odds_pair
from lossbook.reduction import Reduction
from lossbook.rule import rule


@public
def pairwise_hinge_loss(
    positive_scores: ArrayLike,
    negative_scores: ArrayLike,
    *,
    margin: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""How far the lead of the better item falls short of a margin.

    .. math::
        \ell(s_p, s_n) = \max(0,\ m - (s_p - s_n))

    Parameters
    ----------
    positive_scores
        Scores :math:`s_p` of the items that belong above; floats of any shape.
    negative_scores
        Scores :math:`s_n` of the items that belong below, same shape.
    margin
        The lead m that is enough; a number, 0 or larger. With 0 a tie costs nothing.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, libraries are mixed, the shapes differ or the margin is
        negative.

    Examples
    --------
    >>> import numpy as np
    >>> positive, negative = np.array([2.0, 0.0, 0.5]), np.array([0.0, 0.5, 0.0])
    >>> pairwise_hinge_loss(positive, negative, reduction="none")
    array([0. , 1.5, 0.5])

    Notes
    -----
    The derivative for :math:`s_p` is -1 where the loss is positive and 0 elsewhere, at the kink
    too; for :math:`s_n` it is the opposite. R. Herbrich, T. Graepel and K. Obermayer, *Large
    margin rank boundaries for ordinal regression*, 2000. Chapter 7.
    """
    a, b, weights, where = _checked(positive_scores, negative_scores, weights, where)
    params = {"margin": as_near(check_number("margin", margin, 0), a)}
    return Prepared(pairwise_hinge_loss_rule, (a, b), params, weights, where, reduction)


@rule("element", wrt=2)
def pairwise_hinge_loss_rule(xp, a, b, *, margin=1.0):
    short = xp.maximum(shortfall(xp, a, b, margin), 0.0)

    def value():
        return short

    def slope():
        inside = xp.sign(short)  # 1 inside the margin, 0 outside and at its edge
        return -inside, inside

    return value, slope


def shortfall(xp: Any, a: Array, b: Array, margin: float) -> Array:
    """b - a + margin, rounded once: the sign says on which side of the kink it is."""
    gap, lost = exact_minus(xp, b, a)
    short, more = exact_minus(xp, gap, xp.full_like(constant(gap), -margin))
    return short + (lost + more)


@public
def bpr_loss(
    positive_scores: ArrayLike,
    negative_scores: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Minus the log-probability that the better item wins; also the loss of a reward model.

    .. math::
        \ell(s_p, s_n) = -\ln \sigma(s_p - s_n) = \ln(1 + e^{s_n - s_p})

    Bayesian personalized ranking takes the scores of an item that a user has chosen and of
    one drawn from the others. A reward model takes those of the answer that a person has
    preferred and of the one that they rejected: the Bradley-Terry model of such choices.

    Parameters
    ----------
    positive_scores
        Scores :math:`s_p` of the items that belong above; floats of any shape.
    negative_scores
        Scores :math:`s_n` of the items that belong below, same shape.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, libraries are mixed or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> bpr_loss(np.array([0.0, 40.0]), np.array([1000.0, 0.0]), reduction="none")
    array([1.00000000e+03, 4.24835426e-18])

    Notes
    -----
    The derivative for :math:`s_p` is :math:`-\sigma(s_n - s_p)`; for :math:`s_n` it is the
    opposite. The paper adds a penalty on the parameters that gave the scores: S. Rendle et al.,
    *BPR: Bayesian personalized ranking from implicit feedback*, 2009, section 4. Chapter 7.
    """
    a, b, weights, where = _checked(positive_scores, negative_scores, weights, where)
    return Prepared(bpr_loss_rule, (a, b), {}, weights, where, reduction)


@rule("element", wrt=2)
def bpr_loss_rule(xp, a, b):
    gap, lost = exact_minus(xp, b, a)  # how far ahead the wrong one is
    up, down = odds_pair(xp, gap)
    up = up * xp.where(gap < 0, 1 + lost, 1.0)  # e^gap gets back what rounding took

    def value():
        return xp.maximum(gap, 0.0) + xp.log1p(up * down)

    def slope():
        push = up / (up + down)
        return -push, push

    return value, slope


@public
def ranknet_loss(
    first_scores: ArrayLike,
    second_scores: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Cross-entropy of the probability that the first of two items belongs above the second.

    .. math::
        \ell(s_1, s_2, y) = y \ln(1 + e^{s_2 - s_1}) + (1 - y) \ln(1 + e^{s_1 - s_2})

    Parameters
    ----------
    first_scores, second_scores
        Scores :math:`s_1` and :math:`s_2`; floats of one shape.
    targets
        Probabilities y in [0, 1] that the first belongs above the second, or booleans; same
        shape. A half says that neither does.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If scores are no floats, libraries are mixed, the shapes differ or a target lies
        outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> ranknet_loss(np.array([2.0, 2.0]), np.array([0.0, 0.0]), [1.0, 0.5], reduction="none")
    array([0.12692801, 1.12692801])

    Notes
    -----
    The derivative for :math:`s_1` is :math:`\sigma(s_1 - s_2) - y`; for :math:`s_2` it is the
    opposite. The model of wins is that of R. A. Bradley and M. E. Terry, *Rank analysis of
    incomplete block designs*, 1952; the loss that of C. Burges et al., *Learning to rank using
    gradient descent*, 2005. Chapter 7.
    """
    named = {"first_scores": first_scores, "second_scores": second_scores, "targets": targets}
    a, b, targets, weights, where = same_kind(**named, weights=weights, where=where)
    for name, x in (("first_scores", a), ("second_scores", b)):
        check_float(name, x)
    check_real("targets", targets)
    check_same_shape(first_scores=a, second_scores=b)
    check_same_shape(first_scores=a, targets=targets)
    check_within("targets", targets, 0, 1, where=where)
    inputs = (a, b, as_number(targets))
    return Prepared(ranknet_loss_rule, inputs, {}, weights, where, reduction)


@rule("element", wrt=2)
def ranknet_loss_rule(xp, a, b, y):
    gap, lost = exact_minus(xp, b, a)
    up, down = odds_pair(xp, gap)
    ahead = xp.where(gap < 0, 1 + lost, 1.0)  # of e^gap; of e^-gap it is the inverse
    up, down = up * ahead, down * xp.where(gap > 0, 1 - lost, 1.0)

    def value():
        wrong = times(xp, y, xp.maximum(gap, 0.0)) - times(xp, 1 - y, xp.minimum(gap, 0.0))
        return wrong + xp.log1p(up * down)

    def slope():
        push = (y * up - (1 - y) * down) / (up + down)
        return -push, push

    return value, slope


def _checked(positive, negative, weights, where):
    """The checks that the losses of a better and a worse item share."""
    a, b, weights, where = same_kind(
        positive_scores=positive, negative_scores=negative, weights=weights, where=where
    )
    check_float("positive_scores", a)
    check_float("negative_scores", b)
    check_same_shape(positive_scores=a, negative_scores=b)
    return a, b, weights, where
