"""The supervised contrastive loss: all rows of one label are partners."""

from __future__ import annotations

from lossbook.arrays import (
    Array,
    ArrayLike,
    check_number,
    constant,
    is_integer,
    label_array,
    namespace,
    same_kind,
)
from lossbook.categorical.logits import soft_cross_entropy
from lossbook.contrastive.batches import batch, none_of, quietly
from lossbook.contrastive.pairwise import cosines
from lossbook.reduction import Reduction


@quietly
def sup_con_loss(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Supervised contrastive loss, with the mean over the positives outside the logarithm.

    .. math::
        \ell_i = -\frac{1}{|P_i|} \sum_{p \in P_i}
            \ln \frac{e^{\cos(z_i, z_p)/\tau}}{\sum_{k \ne i} e^{\cos(z_i, z_k)/\tau}}

    Parameters
    ----------
    embeddings
        Embeddings z, floats of shape (N, d), views of the same thing one below the other. They
        need not be normalized.
    labels
        Integers, N of them; :math:`P_i` are the other rows with the label of row i.
    temperature
        The number :math:`\tau > 0`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each row. A row without
        a positive is no anchor: it is left out of the mean, but stays a negative of others.
        What ``where`` leaves out is neither.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each row.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, labels are no integers, shapes don't fit, or the
        temperature is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> sup_con_loss(x, [0, 0, 1], temperature=0.5, reduction="none").round(6)
    array([0.128116, 0.15425 , 0.      ])

    Notes
    -----
    P. Khosla et al., *Supervised contrastive learning*, 2020, equation 2. The loss can't fall to
    0 where a row has several positives: they share one probability. Chapter 8.
    """
    _, labels = same_kind(embeddings=embeddings, labels=label_array(labels, embeddings))
    rows = batch(weights, where, embeddings=embeddings)
    temperature = check_number("temperature", temperature, 0, open_low=True)
    labels = _checked_labels(labels, rows.size)
    xp, itself = namespace(rows.rows[0]), rows.diagonal()
    positive = (labels[:, None] == labels[None, :]) & ~itself
    offered = ~itself
    if rows.where is not None:
        positive = positive & rows.columns() & rows.where[:, None]
        offered = offered & rows.columns()
    count = xp.sum(positive, axis=-1, dtype=rows.rows[0].dtype)
    anchors = count > 0
    targets = xp.where(positive, 1.0 / xp.where(anchors, count, 1.0)[:, None], 0.0)
    s = cosines(rows.rows[0])
    if rows.size == 0:
        return rows.reduced(none_of(s), reduction)
    top = constant(xp.max(xp.where(offered, s, -1.0), axis=-1, keepdims=True))
    losses = soft_cross_entropy(
        (s - top) / temperature, xp.astype(targets, count.dtype),
        class_mask=offered, where=anchors, reduction="none",
    )  # fmt: skip
    return rows.reduced(losses, reduction, where=anchors)


def _checked_labels(labels: Array, count: int) -> Array:
    if not hasattr(labels, "dtype") or not is_integer(labels):
        raise TypeError(f"labels must be integers, got {getattr(labels, 'dtype', labels)}")
    if tuple(labels.shape) != (count,):
        raise ValueError(f"labels must have the shape {(count,)}, got {tuple(labels.shape)}")
    return labels
