"""Contrastive losses and InfoNCE (chapter 8): embeddings that are near or far, as they should.

``vectors``
    length, direction, distance and cosine of a vector and its partner.
``pairwise``
    the same for every vector of one batch against every one of another.
``pairs``, ``triplets``
    the losses with a margin, and the mining of triplets.
``infonce``, ``symmetric``, ``labeled``, ``nce``
    the losses that ask which candidate is the partner (InfoNCE, NT-Xent), both ways (CLIP,
    SigLIP), with labels (SupCon), and their binary relative.
``sphere``
    alignment and uniformity.
``distributed``
    InfoNCE of a batch that is spread over processes; it needs torch and is not imported here.
"""

from lossbook.contrastive.infonce import in_batch_info_nce, info_nce, info_nce_rule, nt_xent
from lossbook.contrastive.labeled import sup_con_loss
from lossbook.contrastive.nce import nce_loss
from lossbook.contrastive.pairs import (
    contrastive_loss,
    contrastive_loss_rule,
    hadsell_loss,
    hadsell_loss_rule,
)
from lossbook.contrastive.pairwise import (
    pairwise_cosines,
    pairwise_distances,
    pairwise_squared_distances,
)
from lossbook.contrastive.sphere import alignment, uniformity
from lossbook.contrastive.symmetric import clip_loss, siglip_loss
from lossbook.contrastive.triplets import (
    all_triplets,
    hardest_triplets,
    semi_hard_triplets,
    squared_triplet_loss,
    squared_triplet_loss_rule,
    triplet_loss,
    triplet_loss_rule,
)
from lossbook.contrastive.vectors import (
    cosine_similarity,
    cosine_similarity_rule,
    euclidean_distance,
    euclidean_distance_rule,
    norm,
    norm_rule,
    normalize,
    normalize_rule,
    squared_distance,
    squared_distance_rule,
)

__all__ = [
    "alignment",
    "all_triplets",
    "clip_loss",
    "contrastive_loss",
    "contrastive_loss_rule",
    "cosine_similarity",
    "cosine_similarity_rule",
    "euclidean_distance",
    "euclidean_distance_rule",
    "hadsell_loss",
    "hadsell_loss_rule",
    "hardest_triplets",
    "in_batch_info_nce",
    "info_nce",
    "info_nce_rule",
    "nce_loss",
    "norm",
    "norm_rule",
    "normalize",
    "normalize_rule",
    "nt_xent",
    "pairwise_cosines",
    "pairwise_distances",
    "pairwise_squared_distances",
    "semi_hard_triplets",
    "siglip_loss",
    "squared_distance",
    "squared_distance_rule",
    "squared_triplet_loss",
    "squared_triplet_loss_rule",
    "sup_con_loss",
    "triplet_loss",
    "triplet_loss_rule",
    "uniformity",
]
