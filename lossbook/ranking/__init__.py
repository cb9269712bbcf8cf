"""Ranking (chapter 7): losses of pairs and of lists, and the metrics that judge an order.

``pairs``
    one loss for a pair of scores: hinge, BPR, RankNet.
``pair_lists``
    all the pairs of a list at once: hinge, logistic. No K x K matrix is formed.
``lambdarank``
    the same pairs, each weighted by what its swap would do to NDCG.
``lists``
    a list as a whole: softmax, ListNet, ListMLE, ApproxNDCG.
``metrics``
    DCG, NDCG, reciprocal rank.
``curves``
    metrics over all thresholds: average precision, the areas under the two curves.
``ranked``
    lists by falling score, with their ties: what the metrics share.
``order``
    positions, ties, gains and discounts, which the others share; and the checks.

A list is a row of K scores along ``axis``, with the relevance of each item beside it: grades
that are 0 or larger. ``item_mask`` leaves items out of a list, ``where`` leaves out lists.
What a list without anything to put in order is worth, each function says.
"""

from lossbook.ranking.curves import average_precision, pr_auc, roc_auc
from lossbook.ranking.lambdarank import (
    lambdarank_loss,
    lambdarank_loss_rule,
    lambdarank_weights,
)
from lossbook.ranking.lists import (
    approx_ndcg_loss,
    approx_ndcg_loss_rule,
    listmle_loss,
    listmle_loss_rule,
    listnet_loss,
    listnet_loss_rule,
    ranking_softmax_loss,
    ranking_softmax_loss_rule,
)
from lossbook.ranking.metrics import dcg, ndcg, reciprocal_rank
from lossbook.ranking.pair_lists import (
    all_pairs_hinge_loss,
    all_pairs_hinge_loss_rule,
    all_pairs_logistic_loss,
    all_pairs_logistic_loss_rule,
)
from lossbook.ranking.pairs import (
    bpr_loss,
    bpr_loss_rule,
    pairwise_hinge_loss,
    pairwise_hinge_loss_rule,
    ranknet_loss,
    ranknet_loss_rule,
)

__all__ = [
    "all_pairs_hinge_loss",
    "all_pairs_hinge_loss_rule",
    "all_pairs_logistic_loss",
    "all_pairs_logistic_loss_rule",
    "approx_ndcg_loss",
    "approx_ndcg_loss_rule",
    "average_precision",
    "bpr_loss",
    "bpr_loss_rule",
    "dcg",
    "lambdarank_loss",
    "lambdarank_loss_rule",
    "lambdarank_weights",
    "listmle_loss",
    "listmle_loss_rule",
    "listnet_loss",
    "listnet_loss_rule",
    "ndcg",
    "pairwise_hinge_loss",
    "pairwise_hinge_loss_rule",
    "pr_auc",
    "ranking_softmax_loss",
    "ranking_softmax_loss_rule",
    "ranknet_loss",
    "ranknet_loss_rule",
    "reciprocal_rank",
    "roc_auc",
]
