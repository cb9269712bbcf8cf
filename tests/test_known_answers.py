"""Numbers from the tests, documentation and issues of other libraries.

``expected`` and ``rtol`` are the source's own, ``recomputed`` is the same number by mpmath with
60 digits. Where a source is wrong (``agrees`` is false) its note says how, and the right
number is still the recomputed one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lossbook as lb
from cases import over_libraries, plain, to

ROWS = json.loads((Path(__file__).parent / "data" / "known_answers.json").read_text("utf-8"))
EXACT = 1e-13


def numbers(x):
    """JSON has no infinities: they are written as text."""
    return np.array(x, dtype=object).astype(float)


def options(row):
    """The keywords of a row that our function has too."""
    return {k: v for k, v in row["kwargs"].items() if k in OPTIONS and v is not None}


OPTIONS = ("beta", "delta", "reduction", "label_smoothing", "gamma", "alpha", "axis")


# ------------------------------------------------- how each kind of row is computed here
def elementwise(name):
    return lambda row, x: getattr(lb, name)(x, **options(row))


def loss(name):
    return lambda row, x, y: getattr(lb, name)(x, y, **options(row))


def cross_entropy_slope(row, z, y):
    return lb.value_and_grad(lb.binary_cross_entropy, z, y, **options(row))[1]


def focal_of_probabilities(row, p, y):
    gamma = row["kwargs"]["gamma"]
    return lb.binary_focal_loss(lb.logit(p), y, gamma=gamma, reduction="none").mean(-1)


def squared_error(row, x, y, weights=None):
    return lb.squared_error(x, y, weights=weights, **options(row))


def gaussian(row, mean, y, variance):
    """Without the constant, which torch leaves out by default."""
    options = {"min_variance": row["kwargs"]["eps"], "reduction": row["kwargs"]["reduction"]}
    return lb.gaussian_nll(mean, variance, y, **options) - np.log(2 * np.pi) / 2


def pinball(row, x, y):
    return lb.quantile_loss(x, y, quantile=row["kwargs"]["q"])


def perplexity(row, losses, mask):
    return np.exp(plain(lb.reduce(losses, where=mask > 0)))


def entropy_in_bits(row, p):
    """The cross-entropy of a coin with itself."""
    return lb.binary_cross_entropy_from_probs(p[0], p[0]) / np.log(row["kwargs"]["base"])


def of_a_list(name):
    """A loss of lists that all have the same number of pairs."""
    return lambda row, scores, relevance: getattr(lb, name)(scores, relevance)


def listwise_softmax(row, scores, relevance):
    if row["kwargs"]["normalize_labels"]:
        relevance = relevance / relevance.sum(-1)[..., None]
    return lb.ranking_softmax_loss(scores, relevance, **options(row))


def metric(name):
    def judge(row, scores, relevance):
        gain = {"linear": "linear", "exp2": "exponential"}[row["kwargs"]["gain"]]
        return getattr(lb, name)(scores, relevance, gain=gain)  # those of no tie rule have no ties

    return judge


def all_pairs_matched(row, a, b):
    """SigLIP: the logistic loss of all pairs, divided by the number of rows."""
    scale, bias = row["kwargs"]["logit_scale"], row["kwargs"]["logit_bias"]
    return lb.siglip_loss(a, b, log_scale=np.log(scale), bias=bias)


def both_ways(row, a, b):
    assert row["kwargs"]["logit_scale"] == 0  # the scale itself, not its logarithm
    return lb.clip_loss(a, b, log_scale=-1000.0)


def partners(y):
    """Which rows have the same label as another row, and which another label."""
    same = y[:, None] == y[None, :]
    return same & ~np.eye(len(y), dtype=bool), ~same


def pairs_unsquared(row, x, y):
    """The roots of the losses of similar pairs, and of dissimilar ones, each over their own."""
    d, (same, other) = lb.pairwise_distances(lb.normalize(x)), partners(plain(y))
    losses = lb.contrastive_loss(
        plain(d), same, margin=row["kwargs"]["neg_margin"], reduction="none"
    )
    roots = np.sqrt(losses)
    return sum(roots[m & (roots > 0)].mean() for m in (same, other))


def one_positive_at_a_time(row, x, y):
    """Each pair of one label is a row of its own: its other positives are no candidates."""
    same, other = partners(plain(y))
    anchors, positives = np.nonzero(same)
    keep = other[anchors] | (np.arange(len(same)) == positives[:, None])
    labels, mask = to(
        "torch" if not isinstance(x, np.ndarray) else "numpy", [positives, keep], "int64"
    )
    return lb.info_nce(
        lb.pairwise_cosines(x)[anchors], labels, candidate_mask=mask > 0,
        temperature=row["kwargs"]["temperature"],
    )  # fmt: skip


def whole(y):
    """Labels as whole numbers."""
    return y.astype(int) if isinstance(y, np.ndarray) else y.long()


def supervised(row, x, y):
    return lb.sup_con_loss(x, whole(y), temperature=row["kwargs"]["temperature"])


def every_triplet(row, x, y):
    a, p, n = lb.all_triplets(whole(y))
    return lb.triplet_loss(x[a], x[p], x[n], margin=row["kwargs"]["margin"])


def triplet(row, a, p, n):
    return lb.triplet_loss(a, p, n, margin=row["kwargs"]["margin"], reduction="none")


HERE = {
    "binary_cross_entropy": loss("binary_cross_entropy"),
    "binary_cross_entropy_from_probs": loss("binary_cross_entropy_from_probs"),
    "binary_cross_entropy_grad": cross_entropy_slope,
    "approx_ndcg": lambda row, s, r: lb.approx_ndcg_loss(s, r) - 1,
    "bpr": loss("bpr_loss"),
    "clip": both_ways,
    "contrastive_pairs": pairs_unsquared,
    "cosine_distance": lambda row, a, b: 1 - lb.cosine_similarity(a, b),
    "entropy": entropy_in_bits,
    "log1mexp": elementwise("log1mexp"),
    "log_sigmoid": elementwise("log_sigmoid"),
    "log_softmax": elementwise("log_softmax"),
    "logit": elementwise("logit"),
    "logsumexp": elementwise("logsumexp"),
    "gaussian_nll": gaussian,
    "giou": loss("giou_loss"),
    "huber": loss("huber_loss"),
    "log_cosh": loss("log_cosh_loss"),
    "mae": loss("absolute_error"),
    "mse": squared_error,
    "pseudo_huber": loss("pseudo_huber_loss"),
    "quantile": pinball,
    "smooth_l1": loss("smooth_l1_loss"),
    "squared_error": loss("squared_error"),
    "nt_xent_labels": one_positive_at_a_time,
    "perplexity": perplexity,
    "dcg": metric("dcg"),
    "listmle": of_a_list("listmle_loss"),
    "listnet": of_a_list("listnet_loss"),
    "listwise_softmax": listwise_softmax,
    "listwise_softmax_grad": lambda row, s, r: lb.value_and_grad(lb.ranking_softmax_loss, s, r)[1],
    "ndcg": metric("ndcg"),
    "pairwise_hinge": of_a_list("all_pairs_hinge_loss"),
    "ranknet": of_a_list("all_pairs_logistic_loss"),
    "roc_auc": of_a_list("roc_auc"),
    "sigmoid": elementwise("sigmoid"),
    "sigmoid_focal": loss("binary_focal_loss"),
    "sigmoid_focal_from_probs": focal_of_probabilities,
    "siglip": all_pairs_matched,
    "softmax": elementwise("softmax"),
    "supcon": supervised,
    "triplet": triplet,
    "triplet_all": every_triplet,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
@over_libraries
def test_known_answer(row, library):
    inputs = to(library, [numbers(x) for x in row["inputs"].values()])
    found = plain(HERE[row["loss"]](row, *inputs))
    right = numbers(row["recomputed"])
    # of a number below the range of normal floats only some digits can be had
    assert found == pytest.approx(right, rel=EXACT, abs=5e-324, nan_ok=True)
    assert found.shape == right.shape


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_the_source_agrees_with_the_answer_or_the_note_says_why_not(row):
    expected, right = numbers(row["expected"]), numbers(row["recomputed"])
    agrees = expected == pytest.approx(right, rel=max(row["rtol"], 1e-15), abs=row["atol"])
    assert agrees == row["agrees"]
    assert row["agrees"] or row["note"].startswith("DISAGREES")


def test_every_row_is_used_and_every_route_has_a_row():
    assert {row["loss"] for row in ROWS} == set(HERE)
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_no_keyword_of_a_row_is_overlooked():
    by_hand = {
        "gain",
        "ties",
        "k",
        "normalize_labels",
        "margin",
        "pos_margin",
        "neg_margin",
        "squared",
        "normalize",
        "temperature",
        "eps",
        "q",
        "base",
        "logit_scale",
        "logit_bias",
    }
    for row in ROWS:
        assert set(row["kwargs"]) <= {*OPTIONS, *by_hand}, row["id"]
