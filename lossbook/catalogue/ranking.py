"""Entries of chapter 7, ranking."""

import numpy as np

from lossbook.catalogue.entry import TEMPERATURE, Entry, Input, Parameter, Peer
from lossbook.ranking import lambdarank_weights

CHAPTER = "07-ranking"
POSITIVE = Input("positive_scores", "s_p", "real")
NEGATIVE = Input("negative_scores", "s_n", "real")
SCORES = Input("scores", "s", "real")
RELEVANCE = Input("relevance", "r", "grade")
LIST = (SCORES, RELEVANCE)
MARGIN = {"margin": Parameter("m", 1.0)}

ALL_I, ALL_J, ALL_L = "(i, 0, K - 1)", "(j, 0, K - 1)", "(l, 0, K - 1)"


def _step(x):
    """1 where x is positive, else 0."""
    return f"Heaviside({x}, 0)"


def _pairs(value):
    """The sum over the pairs of a list in which i belongs above j."""
    return f"Sum(Sum({_step('r[i] - r[j]')}*{value}, {ALL_J}), {ALL_I})"


def _discount(key, i):
    """1/log2(1 + rank) at the place that an item has by a key, ties as they stand."""
    before = f"Sum(1 - {_step(f'{key}[{i}] - {key}[l]')}, (l, 0, {i} - 1))"
    after = f"Sum({_step(f'{key}[l] - {key}[{i}]')}, (l, {i} + 1, K - 1))"
    return f"log(2)/log(2 + {before} + {after})"


MEAN = f"/({_pairs(1)} + 1 - {_step(_pairs(1))})"
HINGE = f"{_step('m - s[i] + s[j]')}*(m - s[i] + s[j])"
LOGISTIC = "log(1 + exp(s[j] - s[i]))"
SOME = _step(f"Sum(r[l], {ALL_L})")
IDCG = f"(1 - {SOME} + Sum((2**r[i] - 1)*{_discount('r', 'i')}, {ALL_I}))"
SWAP = f"(2**r[i] - 2**r[j])*({_discount('s', 'i')} - {_discount('s', 'j')})"
LAMBDA = f"{_step('r[i] - r[j]')}*{SWAP}*{LOGISTIC}"  # its sign is right if i is above j
I_BELOW = f"Sum((2*{_step('s[i] - s[j]')} - 1)*{LAMBDA}, (j, 0, i - 1))"
I_ABOVE = f"Sum((1 - 2*{_step('s[j] - s[i]')})*{LAMBDA}, (j, i + 1, K - 1))"
RANK = f"(1/2 + Sum(1/(1 + exp((s[i] - s[j])/tau)), {ALL_J}))"
NO_BETTER = f"Sum((1 - {_step('r[j] - r[i]')})*exp(s[j]), {ALL_J})"
ANY_BELOW = _step(f"Sum({_step('r[i] - r[j]')}, {ALL_J})")


# What cancels in a slope: the pushes that an item gets from the items below it, and from above.
def _pushes(each, pair):
    each = np.where(pair, each, 0.0)
    return each.sum(-1) + each.sum(-2)


def _sigma(s):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(s[:, :, None] - s[:, None, :]))


def _above(r):
    return r[:, :, None] > r[:, None, :]


def _logistic_terms(s, r):
    pair = _above(r)
    return _pushes(_sigma(s), pair) / np.maximum(1, pair.sum((1, 2)))[:, None]


def _lambda_terms(s, r):
    return _pushes(_sigma(s) * lambdarank_weights(s, r), _above(r))


def _choice_terms(s, r):
    """Of ListMLE: the chances that others are chosen where an item was, and the other way."""
    e = np.exp(s - s.max(-1, keepdims=True))[:, None, :] * ~_above(r).swapaxes(1, 2)
    p = e / np.maximum(e.sum(-1, keepdims=True), 1e-300)
    return _pushes(p, _above(r).any(-1)[:, :, None] & ~np.eye(s.shape[-1], dtype=bool))


def _softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _softmax_terms(s, r):
    p, mass = _softmax(s), r.sum(-1, keepdims=True)
    return p * (mass - r) + r * (1 - p)


def _listnet_terms(s, r):
    return _softmax_terms(s, _softmax(r))


def _approx_terms(s, r):
    sigma, place = _sigma(s), np.argsort(np.argsort(-r, kind="stable"))
    g = 2.0**r - 1
    ideal = (g / np.log2(2 + place)).sum(-1, keepdims=True)
    rank = 0.5 + sigma.sum(-1)
    cost = np.log(2) * g / np.maximum(ideal, 1e-300) / ((1 + rank) * np.log1p(rank) ** 2)
    return _pushes(
        cost[:, :, None] * sigma * sigma.swapaxes(1, 2), ~np.eye(s.shape[-1], dtype=bool)
    )


def _unreduced(function, a, b, **options):
    import torch

    return function(a, b, torch.ones_like(a), reduction="none", **options)


def _margin(function, a, b):
    return _unreduced(function, a, b, margin=1.0)


def _of_a_list(function, s, r):
    return function(s, r, reduce_fn=None)


ENTRIES = (
    Entry(
        "pairwise_hinge_loss",
        CHAPTER,
        (POSITIVE, NEGATIVE),
        "Piecewise((m - s_p + s_n, m - s_p + s_n > 0), (0, True))",
        ulps=(1, 0),
        params=MARGIN,
        is_loss=True,
        ordinary=((0.5, 0.25), (0.0, 0.5), (3.0, 0.5), (-2.0, -1.75)),
        hostile=((1.0, 1e-17), (1.5, 0.5), (1e308, -1e308), (1.0, -1e-17)),
        minimized_by="a lead of the margin for the likelier, or more if it always wins",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.margin_ranking_loss",
                _margin,
                "loses what the difference of the scores is rounded by",
            ),
        ),
        sources=("herbrich2000",),
    ),
    Entry(
        "bpr_loss",
        CHAPTER,
        (POSITIVE, NEGATIVE),
        "log(1 + exp(s_n - s_p))",
        ulps=(3, 4),
        is_loss=True,
        ordinary=((0.5, 0.25), (0.0, 0.5), (3.0, 0.5), (-2.0, -1.75)),
        hostile=((40.0, 0.0), (0.0, 90.0), (0.0, 1000.0), (1000.0, 0.0), (0.1, -50.0)),
        minimized_by="scores that differ by the log-odds of a win",
        convex=True,
        slope_bound="1",
        peers=(
            Peer("torch.nn.functional.logsigmoid", lambda f, a, b: -f(a - b)),
            Peer("optax.sigmoid_binary_cross_entropy", lambda f, a, b: f(a - b, 0 * a + 1)),
        ),
        sources=("rendle2009", "bradley1952"),
    ),
    Entry(
        "ranknet_loss",
        CHAPTER,
        (
            Input("first_scores", "s_1", "real"),
            Input("second_scores", "s_2", "real"),
            Input("targets", "y", "probability"),
        ),
        "y*log(1 + exp(s_2 - s_1)) + (1 - y)*log(1 + exp(s_1 - s_2))",
        ulps=(3, 4),
        is_loss=True,
        ordinary=((0.5, 0.25, 1.0), (0.5, 0.25, 0.0), (3.0, 0.5, 0.5), (-2.0, -1.75, 0.75)),
        hostile=((40.0, 0.0, 1.0), (0.0, 1000.0, 1.0), (0.0, 1000.0, 0.0), (0.0, 0.0, 0.5)),
        minimized_by="scores that differ by the log-odds of the target",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.binary_cross_entropy_with_logits",
                lambda f, a, b, y: f(a - b, y, reduction="none"),
            ),
        ),
        sources=("bradley1952", "burges2005"),
    ),
    Entry(
        "all_pairs_hinge_loss",
        CHAPTER,
        LIST,
        _pairs(HINGE) + MEAN,
        ulps=(2, 1),
        terms={"value": lambda s, r: abs(s).max(-1) + 1},
        params=MARGIN,
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [1.0, 1.0, 1.0]),
            ([0.5, 0.5, 0.5], [0.0, 1.0, 2.0]),
            ([1e15, 0.0, -1e15], [0.0, 1.0, 2.0]),
        ),
        minimized_by="leads of the margin or more",
        convex=True,
        slope_bound="1",
        sources=("herbrich2000",),
    ),
    Entry(
        "all_pairs_logistic_loss",
        CHAPTER,
        LIST,
        _pairs(LOGISTIC) + MEAN,
        ulps=(3, 4),
        ulps_per_gap=1.0,
        terms={0: _logistic_terms},
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [1.0, 1.0, 1.0]),
            ([80.0, 30.0, 0.0], [2.0, 1.0, 0.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
        ),
        minimized_by="scores that differ by the log-odds of a win",
        convex=True,
        slope_bound="1",
        sources=("burges2005",),
    ),
    Entry(
        "lambdarank_loss",
        CHAPTER,
        LIST,
        f"Sum({I_BELOW} + {I_ABOVE}, {ALL_I})/{IDCG}",
        ulps=(5, 8),
        ulps_per_gap=1.0,
        terms={0: _lambda_terms},
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [1.0, 1.0, 1.0]),
            ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
        ),
        minimized_by="any scores in the order of the relevances, far apart",
        convex=False,
        slope_bound="oo: it grows with the length of the list",
        sources=("burges2006", "burges2010"),
    ),
    Entry(
        "ranking_softmax_loss",
        CHAPTER,
        LIST,
        f"log(Sum(exp(s[j]), {ALL_J}))*Sum(r[j], {ALL_J}) - Sum(r[j]*s[j], {ALL_J})",
        ulps=(3, 4),
        ulps_per_gap=1.0,
        terms={0: _softmax_terms},
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [0.0, 0.0, 0.0]),
            ([40.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
        ),
        minimized_by="the logarithms of the relevances, up to a constant",
        convex=True,
        slope_bound="the sum of the relevances",
        peers=(
            Peer(
                "optax.losses.ranking_softmax_loss",
                _of_a_list,
                "loses the digits of a list in the right order",
            ),
        ),
    ),
    Entry(
        "listnet_loss",
        CHAPTER,
        LIST,
        f"log(Sum(exp(s[j]), {ALL_J})) - Sum(exp(r[j])*s[j], {ALL_J})/Sum(exp(r[j]), {ALL_J})",
        ulps=(4, 4),
        ulps_per_gap=1.0,
        terms={0: _listnet_terms},
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [1.0, 1.0, 1.0]),
            ([80.0, 30.0, 0.0], [2.0, 1.0, 0.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
        ),
        minimized_by="the relevances, up to a constant",
        convex=True,
        slope_bound="1",
        peers=(
            Peer(
                "torch.nn.functional.cross_entropy",
                lambda f, s, r: f(s, r.softmax(-1)),
            ),
        ),
        sources=("cao2007",),
    ),
    Entry(
        "listmle_loss",
        CHAPTER,
        LIST,
        f"Sum({ANY_BELOW}*(log({NO_BETTER}) - s[i]), {ALL_I})",
        ulps=(3, 4),
        ulps_per_gap=1.5,
        terms={0: _choice_terms},
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [1.0, 1.0, 1.0]),
            ([80.0, 30.0, 0.0], [2.0, 1.0, 0.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
            ([0.5, 0.25, 0.0], [1.0, 1.0, 0.0]),
        ),
        minimized_by="any scores in the order of the relevances, far apart",
        convex=True,
        slope_bound="one less than the number of items in the list",
        sources=("xia2008", "plackett1975"),
    ),
    Entry(
        "approx_ndcg_loss",
        CHAPTER,
        LIST,
        f"{SOME} - Sum((2**r[i] - 1)*log(2)/log(1 + {RANK}), {ALL_I})/{IDCG}",
        ulps=(3, 5),
        ulps_per_gap=1.0,
        terms={"value": lambda s, r: np.ones(len(s)), 0: _approx_terms},
        params=TEMPERATURE,
        is_loss=True,
        ordinary=(([0.5, 0.25, 0.0], [1.0, 2.0, 0.0]), ([3.0, 0.5, 0.0], [0.0, 0.0, 1.0])),
        hostile=(
            ([0.5, 0.25, 0.0], [0.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]),
            ([0.0, 1000.0, -1000.0], [2.0, 1.0, 0.0]),
        ),
        minimized_by="any scores in the order of the relevances, far apart",
        convex=False,
        slope_bound="about 0.16 for τ = 1, growing as 1/τ",
        sources=("qin2010",),
    ),
)
