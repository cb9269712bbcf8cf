"""What the loss of a language model is worth: perplexity and bits per byte (chapter 4)."""

from __future__ import annotations

import math

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, namespace, same_kind, wide_dtype
from lossbook.checks import check_float, check_number
from lossbook.reduction import reduce


def perplexity(
    losses: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    r"""The number of equally likely choices that would cost as much per token.

    .. math::
        \operatorname{PPL} = \exp\Bigl(\frac{\sum_t w_t \ell_t}{\sum_t w_t}\Bigr)

    The mean comes first and is taken over tokens: the mean of the perplexities of batches is
    a different, larger number.

    Parameters
    ----------
    losses
        Losses in nats; floats of any shape, one for each token, or mean losses of pieces.
    weights
        How many tokens each loss stands for, broadcast to the losses; 1 if None.
    where
        Booleans, broadcast to the losses; False leaves an entry out, as for padding.

    Returns
    -------
    Array
        One number of at least 1. Above the largest number of the dtype it is
        :math:`\infty`: then report the mean loss, which is its logarithm.

    Raises
    ------
    TypeError, ValueError
        As :func:`lossbook.reduction.reduce`.

    Examples
    --------
    >>> import numpy as np
    >>> float(perplexity(np.array([1.0, 3.0])).round(6))
    7.389056
    >>> f"{perplexity(np.array([1000.0, 0.0])):.3e}"
    '1.404e+217'

    Notes
    -----
    Chapter 4.
    """
    mean, xp, dtype = _reduced(losses, weights, where, "weighted_mean")
    with np.errstate(all="ignore"):
        return cast(xp.exp(mean), dtype)[()]


def _reduced(losses, weights, where, reduction):
    """The total or the mean in double precision, the namespace, and the dtype to return.

    That of exp makes an absolute error a relative one, and a total may be large.
    """
    losses, weights, where = same_kind(losses=losses, weights=weights, where=where)
    check_float("losses", losses)
    wide = cast(losses, wide_dtype(losses))
    total = reduce(wide, weights=weights, where=where, reduction=reduction)
    return total, namespace(losses), losses.dtype


def bits_per_byte(
    losses: ArrayLike,
    byte_count: float,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    r"""Bits that a model needs for each byte of a text: a loss that no tokenizer can move.

    .. math::
        \operatorname{BPB} = \frac{\sum_t w_t \ell_t}{B \ln 2}

    Parameters
    ----------
    losses
        Losses in nats; floats of any shape, one for each token of the text, or mean losses
        of pieces.
    byte_count
        The number B > 0 of bytes of the text that these tokens spell, in UTF-8.
    weights
        How many tokens each loss stands for, broadcast to the losses; 1 if None.
    where
        Booleans, broadcast to the losses; False leaves an entry out, as for padding.

    Returns
    -------
    Array
        One number, in bits per byte; 8 is what an uncompressed text takes.

    Raises
    ------
    TypeError, ValueError
        As :func:`lossbook.reduction.reduce`, and if ``byte_count`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> losses = np.log([256.0, 256.0, 16.0])  # three tokens that spell five bytes
    >>> float(bits_per_byte(losses, 5))
    4.0

    Notes
    -----
    Chapter 4.
    """
    count = check_number("byte_count", byte_count, 0, open_low=True)
    total, _, dtype = _reduced(losses, weights, where, "sum")
    with np.errstate(all="ignore"):
        return cast(total / (count * math.log(2)), dtype)[()]
