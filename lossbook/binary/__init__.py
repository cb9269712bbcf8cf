"""Binary cross-entropy and its relatives (chapter 3).

``logits``
    from logits: cross-entropy, focal loss, logistic loss of signs, Brier score.
``probs``
    from probabilities, for a model that gives nothing else.
"""

from lossbook.binary.logits import (
    binary_cross_entropy,
    binary_cross_entropy_rule,
    binary_focal_loss,
    binary_focal_loss_rule,
    brier_score,
    brier_score_rule,
    logistic_loss,
    logistic_loss_rule,
)
from lossbook.binary.probs import (
    binary_cross_entropy_from_probs,
    binary_cross_entropy_from_probs_rule,
    brier_score_from_probs,
    brier_score_from_probs_rule,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_from_probs",
    "binary_cross_entropy_from_probs_rule",
    "binary_cross_entropy_rule",
    "binary_focal_loss",
    "binary_focal_loss_rule",
    "brier_score",
    "brier_score_from_probs",
    "brier_score_from_probs_rule",
    "brier_score_rule",
    "logistic_loss",
    "logistic_loss_rule",
]
