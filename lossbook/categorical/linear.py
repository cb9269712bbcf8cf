"""Cross-entropy of a linear layer's logits, which are never all in memory (chapter 4).

A language model scores every word of its vocabulary for every token: 4096 tokens and 50257
words are 823 MB of logits in single precision, and as much again for their gradient. Both are
made here for some rows at a time: the gradient of those rows goes into that of the features
and of the weight, and its memory is used again.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, same_kind
from lossbook.categorical.head import Head, layer_of, stand_in
from lossbook.categorical.logits import cross_entropy_rule, soft_cross_entropy_rule
from lossbook.categorical.rows import distributed, labeled
from lossbook.checks import check_number, label_array
from lossbook.driver import public
from lossbook.reduction import Reduction


@public
def linear_cross_entropy(
    features: ArrayLike,
    weight: ArrayLike,
    labels: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    class_mask: ArrayLike | None = None,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    chunk_size: int | None = None,
) -> Array:
    r"""Negative log-likelihood of the true class, from what a linear layer makes logits of.

    .. math::
        \ell(x, W, b, y) = -\ln \operatorname{softmax}(W x + b)_y

    The same as ``cross_entropy(features @ weight.T + bias, labels)``, without the logits and
    without their gradient in memory.

    Parameters
    ----------
    features
        What goes into the layer, x; floats of shape (..., d).
    weight
        The weight W of the layer, shape (K, d), a row for each class; the same dtype.
    labels
        Integers y from 0 to K - 1; the shape of ``features`` without its last axis.
    bias
        The bias b of the layer, K numbers; none if None.
    label_smoothing, ignore_index
        As in :func:`lossbook.cross_entropy`.
    class_mask
        Booleans, broadcast to (..., K); a class that is False is not on offer in that row.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each label.
    chunk_size
        How many rows have their logits in memory at a time. The result doesn't depend on it
        but for the rounding of sums.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each label.

    Raises
    ------
    TypeError, ValueError
        If features or weight are no floats of the same dtype, labels are no integers, shapes
        don't fit, a label is out of range or not on offer, or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> features, weight = np.array([[1.0, 2.0], [0.0, 1.0]]), np.eye(3)[:, :2]
    >>> linear_cross_entropy(features, weight, [1, 2], reduction="none")
    array([0.40760596, 1.55144471])

    Notes
    -----
    With g the gradient for the logits, those for x, W and b are :math:`W^\top g`,
    :math:`g x^\top` and g; for :func:`lossbook.value_and_grad` they are the inputs 0, 1 and 2.
    A second derivative has all logits in memory. E. Wijmans et al.,
    *Cut your losses in large-vocabulary language models*, 2025. Chapter 4.
    """
    features, weight, bias, labels, class_mask, weights, where = same_kind(
        features=features, weight=weight, bias=bias, labels=label_array(labels, features),
        class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    layer = layer_of(features, weight, bias)
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    rows = labeled(
        "logits", stand_in(*layer), labels, -1,
        ignore_index=ignore_index, class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    task = rows.prepared(cross_entropy_rule, {"smoothing": smoothing}, reduction)
    return Head(layer, task, chunk_size)


@public
def linear_soft_cross_entropy(
    features: ArrayLike,
    weight: ArrayLike,
    targets: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    class_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    chunk_size: int | None = None,
) -> Array:
    r"""Cross-entropy of a distribution, from what a linear layer makes logits of.

    .. math::
        \ell(x, W, b, q) = -\sum_k q_k \ln \operatorname{softmax}(W x + b)_k

    The same as ``soft_cross_entropy(features @ weight.T + bias, targets)``, without the logits
    and without their gradient in memory.

    Parameters
    ----------
    features
        What goes into the layer, x; floats of shape (..., d).
    weight
        The weight W of the layer, shape (K, d), a row for each class; the same dtype.
    targets
        Probabilities q, shape (..., K), that sum to 1 along the last axis.
    bias
        The bias b of the layer, K numbers; none if None.
    label_smoothing
        As in :func:`lossbook.soft_cross_entropy`.
    class_mask
        Booleans, broadcast to (..., K); a class that is False is not on offer in that row.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each row.
    chunk_size
        How many rows have their logits in memory at a time.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each row.

    Raises
    ------
    TypeError, ValueError
        If features or weight are no floats of the same dtype, shapes don't fit, a row of
        targets is no distribution or has mass on a class that is not on offer, or a parameter
        is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> features, weight = np.array([[1.0, 2.0]]), np.eye(3)[:, :2]
    >>> linear_soft_cross_entropy(features, weight, [[0.0, 0.5, 0.5]], reduction="none")
    array([1.40760596])

    Notes
    -----
    The derivatives are those of :func:`lossbook.linear_cross_entropy`, with the same numbers for
    :func:`lossbook.value_and_grad`. Chapter 4.
    """
    features, weight, bias, targets, class_mask, weights, where = same_kind(
        features=features, weight=weight, bias=bias, targets=targets, class_mask=class_mask,
        weights=weights, where=where,
    )  # fmt: skip
    layer = layer_of(features, weight, bias)
    smoothing = check_number("label_smoothing", label_smoothing, 0, 1)
    rows = distributed(
        "logits", stand_in(*layer), targets, -1,
        class_mask=class_mask, weights=weights, where=where,
    )  # fmt: skip
    task = rows.prepared(soft_cross_entropy_rule, {"smoothing": smoothing}, reduction)
    return Head(layer, task, chunk_size)
