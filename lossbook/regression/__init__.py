"""Regression losses (chapter 6): predictions first, targets second.

``errors``
    squared and absolute error, and the quantile loss.
``robust``
    losses that count a large error less than its square.
``likelihood``
    Gaussian and Poisson negative log-likelihood.
``norms``
    root mean squared error, and the L2 penalty.
``boxes``
    losses of boxes, by how much they overlap.
"""

from lossbook.regression.boxes import (
    giou_loss,
    giou_loss_rule,
    iou,
    iou_loss,
    iou_loss_rule,
    iou_rule,
)
from lossbook.regression.errors import (
    absolute_error,
    absolute_error_rule,
    quantile_loss,
    quantile_loss_rule,
    squared_error,
    squared_error_rule,
)
from lossbook.regression.likelihood import (
    gaussian_nll,
    gaussian_nll_from_log_variances,
    gaussian_nll_from_log_variances_rule,
    gaussian_nll_rule,
    poisson_nll,
    poisson_nll_from_rates,
    poisson_nll_from_rates_rule,
    poisson_nll_rule,
)
from lossbook.regression.norms import (
    l2_penalty,
    l2_penalty_rule,
    root_mean_squared_error,
    root_mean_squared_error_rule,
)
from lossbook.regression.robust import (
    huber_loss,
    huber_loss_rule,
    log_cosh_loss,
    log_cosh_loss_rule,
    pseudo_huber_loss,
    pseudo_huber_loss_rule,
    smooth_l1_loss,
    smooth_l1_loss_rule,
    tukey_loss,
    tukey_loss_rule,
)

__all__ = [
    "absolute_error",
    "absolute_error_rule",
    "gaussian_nll",
    "gaussian_nll_from_log_variances",
    "gaussian_nll_from_log_variances_rule",
    "gaussian_nll_rule",
    "giou_loss",
    "giou_loss_rule",
    "huber_loss",
    "huber_loss_rule",
    "iou",
    "iou_loss",
    "iou_loss_rule",
    "iou_rule",
    "l2_penalty",
    "l2_penalty_rule",
    "log_cosh_loss",
    "log_cosh_loss_rule",
    "poisson_nll",
    "poisson_nll_from_rates",
    "poisson_nll_from_rates_rule",
    "poisson_nll_rule",
    "pseudo_huber_loss",
    "pseudo_huber_loss_rule",
    "quantile_loss",
    "quantile_loss_rule",
    "root_mean_squared_error",
    "root_mean_squared_error_rule",
    "smooth_l1_loss",
    "smooth_l1_loss_rule",
    "squared_error",
    "squared_error_rule",
    "tukey_loss",
    "tukey_loss_rule",
]
