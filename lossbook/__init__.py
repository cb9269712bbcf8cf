"""Loss functions whose value and derivative are exact to the last digits.

Each loss is a rule that gives value and derivative; the book derives it, the tests judge
it, torch's autograd runs it. NumPy arrays and torch tensors go in and come out.
"""

from lossbook.binary import (
    binary_cross_entropy,
    binary_focal_loss,
    brier_score,
    logistic_loss,
)
from lossbook.binary_probs import binary_cross_entropy_from_probs, brier_score_from_probs
from lossbook.driver import value_and_grad
from lossbook.odds import (
    log1mexp,
    log_sigmoid,
    logit,
    odds_from_probs,
    probs_from_odds,
    sigmoid,
    softplus,
)
from lossbook.reduction import reduce
from lossbook.softmax import StreamingLogSumExp, log_softmax, logsumexp, softmax, sparsemax

# From here on lossbook.softmax is the function, as one expects of lossbook.softmax(logits);
# what else its module holds comes by "from lossbook.softmax import ...".

__version__ = "0.1.0"

__all__ = [
    "StreamingLogSumExp",
    "binary_cross_entropy",
    "binary_cross_entropy_from_probs",
    "binary_focal_loss",
    "brier_score",
    "brier_score_from_probs",
    "log1mexp",
    "log_sigmoid",
    "log_softmax",
    "logistic_loss",
    "logit",
    "logsumexp",
    "odds_from_probs",
    "probs_from_odds",
    "reduce",
    "sigmoid",
    "softmax",
    "softplus",
    "sparsemax",
    "value_and_grad",
]
