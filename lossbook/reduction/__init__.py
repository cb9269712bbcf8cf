"""Reduction (chapter 9): from many losses to one number.

``core``
    the four reductions, with weights and masks, that all losses share.
``sums``
    ways to add up floats, from the one that loses digits to the exact one.
``means``
    other reductions: log-mean-exp, tilted mean, CVaR; and the effective sample size.
``balance``
    weights for classes that are not equally frequent, and the shift for other frequencies.
``shards``
    means of what arrives in pieces: micro-batches, batches of an epoch.
``distributed``
    means over the processes of torch.distributed; it needs torch and is not imported here.

The driver of all losses stands on ``core``, and ``means`` on the driver: so only ``core``
can be had from here. :mod:`lossbook` has the public functions of all.
"""

from lossbook.reduction.core import Reduction, reduce, share_out

__all__ = ["Reduction", "reduce", "share_out"]
