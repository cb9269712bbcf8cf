"""The supervised contrastive loss: all rows of one label are partners."""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, as_near, cast, is_integer, namespace, same_kind
from lossbook.checks import check_number, label_array
from lossbook.contrastive.batches import Batch, Precision, batch, quietly
from lossbook.contrastive.candidates import over_candidates, positives_rule
from lossbook.contrastive.vectors import normalize
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
    chunk_size: int | None = None,
    precision: Precision = "double",
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
    chunk_size
        How many rows have their similarities in memory at a time. The result doesn't depend on
        it but for the rounding of sums.
    precision
        ``"double"`` computes in double precision and rounds once. ``"input"`` computes in the
        precision of the embeddings: faster, and the error of a similarity, 1e-7 in single
        precision, is divided by the temperature.

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
    rows = batch(weights, where, precision, embeddings=embeddings)
    temperature = check_number("temperature", temperature, 0, open_low=True)
    labels = _checked_labels(labels, rows.size)
    z, anchors = normalize(rows.rows[0]), _with_partner(labels, rows)
    loss = over_candidates(
        positives_rule, z, z, (labels, *rows.partners(rows.columns(), rows.size)),
        {"labels": labels, "temperature": as_near(temperature, z)},
        rows._replace(where=anchors), reduction, chunk_size,
    )  # fmt: skip
    return cast(loss, rows.dtype)


def _with_partner(labels: Array, rows: Batch) -> Array:
    """Which rows have another of their label, of those that the mask keeps."""
    xp = namespace(labels)
    kind = xp.searchsorted(xp.sort(labels), labels)
    if rows.where is not None:  # each that is left out becomes a kind of its own
        kind = xp.where(rows.where, kind, rows.size + rows.numbers())
    ordered = xp.sort(kind)
    first, end = (xp.searchsorted(ordered, kind, side=side) for side in ("left", "right"))
    return end - first > 1


def _checked_labels(labels: Array, count: int) -> Array:
    if not hasattr(labels, "dtype") or not is_integer(labels):
        raise TypeError(f"labels must be integers, got {getattr(labels, 'dtype', labels)}")
    if tuple(labels.shape) != (count,):
        raise ValueError(f"labels must have the shape {(count,)}, got {tuple(labels.shape)}")
    return labels
