"""Cross-entropy over K classes and its relatives (chapter 4).

``logits``
    cross-entropy, with labels and with soft targets.
``focal``
    the focal loss over K classes, and the z-loss.
``linear``
    cross-entropy from what goes into the last layer, without the logits in memory (``head``).
``probs``
    from probabilities or their logarithms, for a model that gives nothing else.
``tokens``
    perplexity and bits per byte.
``calibration``
    are the probabilities right? And the temperature that mends them.
``rows``
    what the losses share: checks of rows and labels, class weights, smoothing.
"""

from lossbook.categorical.calibration import (
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from lossbook.categorical.focal import (
    focal_loss,
    focal_loss_rule,
    z_loss,
    z_loss_rule,
)
from lossbook.categorical.linear import linear_cross_entropy, linear_soft_cross_entropy
from lossbook.categorical.logits import (
    cross_entropy,
    cross_entropy_rule,
    soft_cross_entropy,
    soft_cross_entropy_rule,
)
from lossbook.categorical.probs import (
    cross_entropy_from_probs,
    cross_entropy_from_probs_rule,
    nll_loss,
    nll_loss_rule,
    soft_cross_entropy_from_probs,
    soft_cross_entropy_from_probs_rule,
)
from lossbook.categorical.tokens import (
    bits_per_byte,
    perplexity,
)

__all__ = [
    "bits_per_byte",
    "cross_entropy",
    "cross_entropy_from_probs",
    "cross_entropy_from_probs_rule",
    "cross_entropy_rule",
    "expected_calibration_error",
    "fit_temperature",
    "focal_loss",
    "focal_loss_rule",
    "linear_cross_entropy",
    "linear_soft_cross_entropy",
    "nll_loss",
    "nll_loss_rule",
    "perplexity",
    "reliability",
    "soft_cross_entropy",
    "soft_cross_entropy_from_probs",
    "soft_cross_entropy_from_probs_rule",
    "soft_cross_entropy_rule",
    "z_loss",
    "z_loss_rule",
]
