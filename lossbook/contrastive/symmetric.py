"""Losses of two kinds of embeddings that look for each other, as images and their captions.

Both learn their scale by its logarithm: ``log_scale`` is the natural logarithm of
:math:`1/\\tau`. In torch it may be a tensor of one number, and gets its gradient.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from lossbook.arrays import Array, ArrayLike, cast, constant, is_torch, namespace, same_kind
from lossbook.binary.logits import logistic_loss
from lossbook.checks import LARGEST, check_float, check_within
from lossbook.contrastive.batches import Batch, Precision, batch, quietly
from lossbook.contrastive.candidates import BothWays, over_candidates, partner_rule
from lossbook.contrastive.pairwise import cosines
from lossbook.contrastive.vectors import normalize
from lossbook.reduction import Reduction


@quietly
def clip_loss(
    images: ArrayLike,
    texts: ArrayLike,
    *,
    log_scale: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    chunk_size: int | None = None,
    precision: Precision = "double",
) -> Array:
    r"""The loss of CLIP: InfoNCE from images to texts and from texts to images, averaged.

    .. math::
        \ell_i = -\tfrac12 \ln \frac{e^{c\, s_{ii}}}{\sum_j e^{c\, s_{ij}}}
            -\tfrac12 \ln \frac{e^{c\, s_{ii}}}{\sum_j e^{c\, s_{ji}}}, \qquad
        s_{ij} = \cos(u_i, v_j), \quad c = e^{\text{log\_scale}} = \frac1\tau

    Parameters
    ----------
    images, texts
        Embeddings :math:`u_i, v_i`, floats of shape (N, d) each; row i of the one belongs to row
        i of the other. They need not be normalized.
    log_scale
        Logarithm of the number that multiplies the cosines: a number up to 709 (88 in single
        precision), or an array of one. CLIP starts with :math:`\ln(1/0.07)` and keeps it at
        :math:`\ln 100` at most.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each pair. What ``where``
        leaves out is no negative either.
    chunk_size
        How many rows have their similarities in memory at a time. The result doesn't depend on
        it but for the rounding of sums.
    precision
        ``"double"`` computes in double precision and rounds once. ``"input"`` computes in the
        precision of the embeddings: faster, and the error of a cosine, 1e-7 in single
        precision, is multiplied by the scale.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each pair.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, libraries are mixed, shapes differ, or ``log_scale``
        is not one finite number.

    Examples
    --------
    >>> import numpy as np
    >>> float(clip_loss(np.eye(3), np.eye(3), log_scale=0.0).round(6))
    0.551445

    Notes
    -----
    The derivative for the logarithm of the scale is :math:`c` times the mean cosine that the
    softmax expects less the cosine of the pair. A. Radford et al., *Learning transferable
    visual models from natural language supervision*, 2021, section 2.5. Chapter 8.
    """
    both = _both(images, texts, weights, where, precision)
    u, v = map(normalize, both.rows)
    scale = scale_of(log_scale, u)
    truth, params = both.partners(both.columns(), both.size), {"bound": constant(scale)}
    loss = over_candidates(
        partner_rule, scale * u, v, truth, params, both, reduction, chunk_size, BothWays
    )
    return cast(loss, both.dtype)


@quietly
def siglip_loss(
    images: ArrayLike,
    texts: ArrayLike,
    *,
    log_scale: ArrayLike,
    bias: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""The loss of SigLIP: whether each image and each text belong together.

    .. math::
        \ell_i = \sum_j \ln\bigl(1 + e^{-y_{ij} (c\, s_{ij} + b)}\bigr), \qquad
        y_{ij} = \begin{cases} 1 & i = j \\ -1 & i \ne j \end{cases}, \quad
        c = e^{\text{log\_scale}}

    Parameters
    ----------
    images, texts
        Embeddings, floats of shape (N, d) each; row i of the one belongs to row i of the
        other. They need not be normalized; :math:`s_{ij}` is the cosine.
    log_scale
        Logarithm of the number that multiplies the cosines: a number up to 709, or an array of
        one.
    bias
        The number b that is added; SigLIP starts with :math:`c = 10` and :math:`b = -10`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each image, a sum over
        the texts: ``"mean"`` divides by N, not by its square. What ``where`` leaves out is
        no text either.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each image.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, libraries are mixed, shapes differ, or ``log_scale`` or
        ``bias`` is not one finite number.

    Examples
    --------
    >>> import numpy as np
    >>> float(siglip_loss(np.eye(3), np.eye(3), log_scale=np.log(10), bias=-10.0).round(6))
    0.693238

    Notes
    -----
    X. Zhai et al., *Sigmoid loss for language image pre-training*, 2023. Chapter 8.
    """
    both = _both(images, texts, weights, where)
    first = both.rows[0]
    s = cosines(*both.rows)
    logits = s * scale_of(log_scale, first) + _number("bias", bias, first)
    xp = namespace(logits)
    signs = xp.where(both.diagonal(), xp.ones_like(logits), -xp.ones_like(logits))
    losses = logistic_loss(logits, signs, where=both.columns(), reduction="none")
    return both.reduced(xp.sum(losses, axis=-1), reduction)


def _both(images, texts, weights, where, precision="double") -> Batch:
    return batch(weights, where, precision, images=images, texts=texts)


def scale_of(log_scale: ArrayLike, like: Array) -> Array:
    """The number that multiplies the cosines, from its logarithm."""
    xp = namespace(like)
    most = math.floor(math.log(float(xp.finfo(like.dtype).max)))  # 709 in double precision
    return xp.exp(_number("log_scale", log_scale, like, most))


def _number(name: str, x: Any, like: Array, high: float = LARGEST) -> Array:
    """One number as an array like another, with its gradient."""
    x = float(x) if isinstance(x, Real) else x  # of NumPy too, beside tensors
    if not (is_torch(x) and is_torch(like)):  # a tensor of one number may be on the CPU
        x, _ = same_kind(**{name: x}, images=like)
    check_float(name, x)
    if tuple(x.shape) not in ((), (1,)):
        raise ValueError(f"{name} must be one number, got an array of shape {tuple(x.shape)}")
    check_within(name, x, -LARGEST, high)
    return cast(x, like.dtype)
