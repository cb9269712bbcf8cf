"""Log-sum-exp in one pass, for rows that are too long to be looked at twice (chapter 2)."""

from __future__ import annotations

import numpy as np

from lossbook.arrays import Array, ArrayLike, cast, namespace, same_kind, working_dtype
from lossbook.softmax import checked_rows, shifted


class StreamingLogSumExp:
    r"""Log-sum-exp of rows that arrive in pieces, in one pass and constant memory.

    .. math::
        \ln \sum_j e^{z_j} = m + \ln(1 + r)

    The state of a row is its largest logit m so far, ``top``, and the sum r of the
    exponentials of all the others, relative to :math:`e^m`, ``rest``.

    Parameters
    ----------
    logits
        A first piece; its last axis is the one that is summed over.

    Raises
    ------
    TypeError, ValueError
        If a piece is not a floating-point array with an entry in each row, or has other rows.

    Examples
    --------
    >>> import numpy as np
    >>> stream = StreamingLogSumExp(np.array([0.0, 1000.0]))
    >>> float(stream.update(np.array([1000.0, 3.0])).value)
    1000.6931471805599

    Notes
    -----
    M. Milakov and N. Gimelshein, *Online normalizer calculation for softmax*, 2018. Chapter 2.
    """

    def __init__(self, logits: ArrayLike) -> None:
        self.top, self.rest = self._state(logits)
        self.dtype = same_kind(logits=logits)[0].dtype

    def update(self, logits: ArrayLike) -> StreamingLogSumExp:
        """Take in another piece of the same rows."""
        top, rest = self._state(logits)
        return self._join(top, rest)

    def merge(self, other: StreamingLogSumExp) -> StreamingLogSumExp:
        """Take in all that another stream has seen."""
        return self._join(other.top, other.rest)

    @property
    def value(self) -> Array:
        """The log-sum-exp of what came so far, one number for each row."""
        xp = namespace(self.rest)
        with np.errstate(all="ignore"):
            total = xp.where(self.top == xp.inf, self.top, self.top + xp.log1p(self.rest))
            return cast(total, self.dtype)[()]

    def _join(self, top: Array, rest: Array) -> StreamingLogSumExp:
        if tuple(top.shape) != tuple(self.top.shape):
            raise ValueError(
                f"a piece must have the rows of the pieces before, {tuple(self.top.shape)}, "
                f"got {tuple(top.shape)}"
            )
        xp = namespace(rest)
        ours = self.top >= top
        high, low = xp.where(ours, self.top, top), xp.where(ours, top, self.top)
        of_high, of_low = xp.where(ours, self.rest, rest), xp.where(ours, rest, self.rest)
        with np.errstate(all="ignore"):  # two rows of inf, or ends of the range of floats
            gap = xp.where(low == -xp.inf, -xp.inf, low - xp.where(low == -xp.inf, 0.0, high))
            self.top, self.rest = high, of_high + xp.exp(gap) * (1 + of_low)
        return self

    @staticmethod
    def _state(logits: ArrayLike) -> tuple[Array, Array]:
        z = checked_rows(logits, -1)
        with np.errstate(all="ignore"):
            _, _, _, rest, top = shifted(namespace(z), cast(z, working_dtype(z)))
        return top[..., 0], rest[..., 0]
