"""InfoNCE: which of these candidates is the partner? A cross-entropy over similarities.

:func:`info_nce` takes a matrix of similarities and the number of each row's partner; the
others take embeddings and form the similarities, in double precision.
"""

from __future__ import annotations

from lossbook.arrays import Array, ArrayLike, as_near, cast, namespace, same_kind
from lossbook.categorical.logits import cross_entropy_rule
from lossbook.categorical.rows import labeled
from lossbook.checks import check_broadcasts, check_mask, check_number, check_weights, label_array
from lossbook.contrastive.batches import Batch, Precision, batch, embeddings, quietly
from lossbook.contrastive.candidates import over_candidates, partner_rule, views_rule
from lossbook.contrastive.vectors import normalize
from lossbook.driver import public
from lossbook.reduction import Reduction
from lossbook.rule import rule
from lossbook.softmax import lowered


@public
def info_nce(
    similarities: ArrayLike,
    labels: ArrayLike,
    *,
    temperature: float = 1.0,
    candidate_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    axis: int = -1,
) -> Array:
    r"""Cross-entropy of finding the partner among K candidates, from their similarities.

    .. math::
        \ell(s, y) = -\ln \frac{e^{s_y/\tau}}{\sum_{j=1}^K e^{s_j/\tau}}

    Parameters
    ----------
    similarities
        Similarities s of an anchor with its candidates; floats, K of them along ``axis``.
    labels
        Integers y from 0 to K - 1, where the partner stands; the shape of ``similarities``
        without ``axis``. For a square matrix with the partners on its diagonal: ``arange(K)``.
    temperature
        The number :math:`\tau > 0` that divides the similarities.
    candidate_mask
        Booleans, broadcast to the similarities; a candidate that is False is left out of the
        sum: the anchor itself, or a false negative.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each label.
    axis
        The axis of the K candidates.

    Returns
    -------
    Array
        The reduced loss in nats, or with ``reduction="none"`` one loss for each label.

    Raises
    ------
    TypeError, ValueError
        If ``similarities`` are no floats, labels are no integers, shapes don't fit, a label is
        out of range or masked, or the temperature is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> info_nce(np.array([[1.0, 0.9, 0.0]]), [0], temperature=0.01, reduction="none")
    array([4.53988992e-05])

    Notes
    -----
    With p the softmax of :math:`s/\tau` the derivative is :math:`(p - y)/\tau`, y being the
    one-hot label. A. van den Oord, Y. Li and O. Vinyals, *Representation learning with
    contrastive predictive coding*, 2018, section 2.3. Chapter 8.
    """
    similarities, labels, mask, weights, where = same_kind(
        similarities=similarities, labels=label_array(labels, similarities),
        candidate_mask=candidate_mask, weights=weights, where=where,
    )  # fmt: skip
    rows = labeled("similarities", similarities, labels, axis, weights=weights, where=where)
    temperature = check_number("temperature", temperature, 0, open_low=True)
    params = {"temperature": as_near(temperature, rows.x)}
    return rows.on_offer(mask, "candidate_mask").prepared(info_nce_rule, params, reduction)


@rule("row")
def info_nce_rule(xp, s, y, keep=None, *, temperature=1.0):
    d, _ = lowered(xp, s, keep, temperature)
    value, slope = cross_entropy_rule.function(xp, d, y)
    return value, lambda: slope() / temperature


@quietly
def in_batch_info_nce(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    temperature: float,
    queue: ArrayLike | None = None,
    negative_mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    chunk_size: int | None = None,
    precision: Precision = "double",
) -> Array:
    r"""InfoNCE of a batch: the key of the same row is the partner, all others are negatives.

    .. math::
        \ell_i = -\ln \frac{e^{\cos(q_i, k_i)/\tau}}
            {\sum_{j=1}^N e^{\cos(q_i, k_j)/\tau} + \sum_{m=1}^M e^{\cos(q_i, c_m)/\tau}}

    Parameters
    ----------
    queries, keys
        Embeddings :math:`q_i, k_i`, floats of shape (N, d) each; they need not be normalized.
    temperature
        The number :math:`\tau > 0`.
    queue
        More negatives :math:`c_m` from earlier batches, shape (M, d).
    negative_mask
        Booleans, broadcast to (N, N + M): False keeps a candidate from being a negative, as
        one that is of the same kind as the anchor. The partner counts in any case.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each query. What
        ``where`` leaves out is no negative either.
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
        The reduced loss in nats, or with ``reduction="none"`` one loss for each query.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, libraries are mixed, shapes don't fit, or the
        temperature is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> float(in_batch_info_nce(np.eye(3), np.eye(3), temperature=0.5).round(6))
    0.239545

    Notes
    -----
    In torch all embeddings get gradients; a queue of earlier keys has none. The queue: K. He et
    al., *Momentum contrast*, 2020. Chapter 8.
    """
    queries, keys, queue, mask, weights, where = same_kind(
        queries=queries, keys=keys, queue=queue, negative_mask=negative_mask,
        weights=weights, where=where,
    )  # fmt: skip
    both = batch(weights, where, precision, queries=queries, keys=keys)
    candidates, keep = both.rows[1], both.columns()
    if queue is not None:
        candidates, keep = _with_queue(both, queries, queue)
    if mask is not None:
        keep = _negatives(mask, keep, (both.size, candidates.shape[0]))
    temperature = check_number("temperature", temperature, 0, open_low=True)
    loss = over_candidates(
        partner_rule, normalize(both.rows[0]), normalize(candidates),
        both.partners(keep, candidates.shape[0]),
        {"temperature": as_near(temperature, candidates)}, both, reduction, chunk_size,
    )  # fmt: skip
    return cast(loss, both.dtype)


def _with_queue(both: Batch, queries: Array, queue: Array) -> tuple[Array, Array | None]:
    """The keys with the queue behind them, and the mask of all."""
    _, queue = embeddings(queries=queries, queue=queue)
    xp, keys = namespace(queue), both.rows[1]
    candidates = xp.concat([keys, xp.astype(queue, keys.dtype)])
    if both.where is None:
        return candidates, None
    on = xp.ones(queue.shape[0], dtype=xp.bool, device=queue.device)
    return candidates, xp.concat([both.where, on])[None, :]


def _negatives(mask: Array, keep: Array | None, shape: tuple[int, int]) -> Array:
    """Which candidates the masks keep."""
    check_mask("negative_mask", mask)
    check_broadcasts("negative_mask", mask, shape)
    return mask if keep is None else mask & keep


@quietly
def nt_xent(
    first: ArrayLike,
    second: ArrayLike,
    *,
    temperature: float,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    reduction: Reduction = "mean",
    chunk_size: int | None = None,
    precision: Precision = "double",
) -> Array:
    r"""NT-Xent, the loss of SimCLR: each view is to find the other view of the same thing.

    .. math::
        \ell_i = \tfrac12 \bigl(\ell(i, i + N) + \ell(i + N, i)\bigr), \qquad
        \ell(i, j) = -\ln \frac{e^{\cos(z_i, z_j)/\tau}}{\sum_{k \ne i} e^{\cos(z_i, z_k)/\tau}}

    Parameters
    ----------
    first, second
        Embeddings of two views of the same N things, floats of shape (N, d) each; together
        they are :math:`z_1, \dots, z_{2N}`. They need not be normalized.
    temperature
        The number :math:`\tau > 0`.
    weights, where, reduction
        As in :func:`lossbook.reduction.reduce`; there is one loss for each of the N things,
        the mean of those of its two views. What ``where`` leaves out is no negative either.
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
        The reduced loss in nats, or with ``reduction="none"`` one loss for each thing.

    Raises
    ------
    TypeError, ValueError
        If the embeddings are no floats, libraries are mixed, shapes differ, or the
        temperature is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> float(nt_xent(np.eye(2), np.eye(2), temperature=0.5).round(6))
    0.239545

    Notes
    -----
    The anchor itself is masked out of the sum, the other 2(N - 1) views are its negatives.
    T. Chen et al., *A simple framework for contrastive learning of visual representations*,
    2020, section 2.1. Chapter 8.
    """
    both = batch(weights, where, precision, first=first, second=second)
    views, count = _views(both), both.size
    temperature = check_number("temperature", temperature, 0, open_low=True)
    z = normalize(views.rows[0])
    loss = over_candidates(
        views_rule, z, z, views.partners(views.columns(), 2 * count),
        {"temperature": as_near(temperature, z)}, views, reduction, chunk_size,
    )  # fmt: skip
    if reduction == "none":
        loss = (loss[:count] + loss[count:]) / 2
    return cast(loss / 2 if reduction == "sum" else loss, both.dtype)


def _views(both: Batch) -> Batch:
    """The second views below the first, each with the weight and the mask of its thing."""
    xp, weights = namespace(both.rows[0]), both.weights
    if weights is not None:
        weights = check_weights("weights", weights, both.rows[0], (both.size,), where=both.where)
    twice = (x if x is None else xp.concat([x, x]) for x in (weights, both.where))
    return Batch([xp.concat(both.rows)], both.dtype, *twice)
