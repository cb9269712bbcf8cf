"""How far a distribution is from another (chapter 5).

``probs``
    Kullback-Leibler and Jensen-Shannon, from probabilities and their logarithms.
``logits``
    Kullback-Leibler from two rows of logits, and distillation.
``entropies``
    entropy, and cross-entropy of two distributions.
``gaussian``
    Kullback-Leibler of Gaussians: diagonal, full, and the VAE's.
``policy``
    estimates from samples, for a policy and its reference.
``transport``
    Wasserstein-1 distance on a line.
"""

from lossbook.divergence.entropies import (
    cross_entropy_between,
    cross_entropy_between_rule,
    entropy,
    entropy_from_logits,
    entropy_from_logits_rule,
    entropy_rule,
)
from lossbook.divergence.gaussian import (
    gaussian_kl,
    gaussian_kl_from_cholesky,
    gaussian_kl_full,
    gaussian_kl_rule,
    vae_kl,
    vae_kl_rule,
)
from lossbook.divergence.logits import (
    distillation_loss,
    distillation_loss_rule,
    kl_divergence_from_logits,
    kl_divergence_from_logits_rule,
)
from lossbook.divergence.policy import (
    kl_estimate_k1,
    kl_estimate_k1_rule,
    kl_estimate_k2,
    kl_estimate_k2_rule,
    kl_estimate_k3,
    kl_estimate_k3_rule,
    kl_penalized_rewards,
)
from lossbook.divergence.probs import (
    js_divergence,
    js_divergence_rule,
    kl_divergence,
    kl_divergence_from_log_probs,
    kl_divergence_from_log_probs_rule,
    kl_divergence_rule,
)
from lossbook.divergence.transport import (
    wasserstein,
    wasserstein_of_samples,
)

__all__ = [
    "cross_entropy_between",
    "cross_entropy_between_rule",
    "distillation_loss",
    "distillation_loss_rule",
    "entropy",
    "entropy_from_logits",
    "entropy_from_logits_rule",
    "entropy_rule",
    "gaussian_kl",
    "gaussian_kl_from_cholesky",
    "gaussian_kl_full",
    "gaussian_kl_rule",
    "js_divergence",
    "js_divergence_rule",
    "kl_divergence",
    "kl_divergence_from_log_probs",
    "kl_divergence_from_log_probs_rule",
    "kl_divergence_from_logits",
    "kl_divergence_from_logits_rule",
    "kl_divergence_rule",
    "kl_estimate_k1",
    "kl_estimate_k1_rule",
    "kl_estimate_k2",
    "kl_estimate_k2_rule",
    "kl_estimate_k3",
    "kl_estimate_k3_rule",
    "kl_penalized_rewards",
    "vae_kl",
    "vae_kl_rule",
    "wasserstein",
    "wasserstein_of_samples",
]
