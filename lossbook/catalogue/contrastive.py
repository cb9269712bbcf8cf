"""Entries of chapter 8, contrastive losses and InfoNCE."""

import numpy as np

from lossbook.catalogue.entry import LABELS, TEMPERATURE, Entry, Input, Parameter, Peer, plain

CHAPTER = "08-contrastive-and-infonce"
VECTORS = Input("vectors", "x", "real")
PAIR = (Input("a", "a", "real"), Input("b", "b", "real"))
TRIPLET = (
    Input("anchors", "a", "real"), Input("positives", "p", "real"), Input("negatives", "n", "real"),
)  # fmt: skip
DISTANCES = Input("distances", "d", "nonnegative")
MARGIN = {"margin": Parameter("m", 1.0)}
INF = float("inf")


# ------------------------------------------------------------------------ other libraries
def _row(function, *rows):
    # functions of batches get a batch of one
    return function(*(x[None] for x in rows))[0]


def _one_minus(function, a, b):
    return 1 - function(a, b)


def _triplet(function, a, p, n):
    return function(a, p, n, reduction="none")


def _logits(function, s, y):
    return function(s, y, reduction="none")


# ------------------------------------------------------------------------------- formulas
def _sum(term):
    return f"Sum({term}, (j, 0, K - 1))"


def _but_at_zero(formula, *squares):
    """A formula, and 0 where a length that it divides by is 0."""
    return f"Piecewise(({formula}, {' * '.join(squares)} > 0), (0, True))"


SQUARE, SQUARE_A, SQUARE_B = (_sum(f"{x}[j]**2") for x in "xab")
SQUARE_AB = _sum("(a[j] - b[j])**2")
SQUARE_AP, SQUARE_AN = (_sum(f"(a[j] - {x}[j])**2") for x in "pn")
TO_P, TO_N = (_but_at_zero(f"sqrt({square})", square) for square in (SQUARE_AP, SQUARE_AN))


# --------------------------------------------------------------- the size of what cancels
def _ones(*columns):
    return np.ones(len(columns[0]))


def _distances(power):
    def of(a, p, n):
        far, near = (np.linalg.norm(a - x, axis=-1) ** power for x in (p, n))
        return np.maximum(np.maximum(far, near), 1.0)

    return of


def _per_length_of_a(a, b):
    return 1 / np.maximum(np.linalg.norm(a, axis=-1), 1e-300)


def _per_length_of_b(a, b):
    return _per_length_of_a(b, a)


ENTRIES = (
    Entry(
        "norm",
        CHAPTER,
        (VECTORS,),
        _but_at_zero(f"sqrt({SQUARE})", SQUARE),
        ulps=(1.5, 2),
        ordinary=(([3.0, 4.0, 12.0],), ([-1.5, 0.25, 2.0],)),
        hostile=(([3e200, 4e200, 0.0],), ([3e-200, 4e-200, 0.0],), ([0.0, 0.0, 0.0],)),
        minimized_by="",
        peers=(
            Peer("torch.linalg.vector_norm", plain, "overflows and underflows in its squares"),
            Peer("scipy.linalg.norm", plain),
        ),
    ),
    Entry(
        "normalize",
        CHAPTER,
        (VECTORS,),
        _but_at_zero(f"x[i]/sqrt({SQUARE})", SQUARE),
        ulps=(2, 4.5),
        ordinary=(([3.0, 4.0, 12.0],), ([-1.5, 0.25, 2.0],)),
        hostile=(([3e200, 4e200, 0.0],), ([3e-200, 4e-200, 0.0],), ([1.0, 1e-9, 0.0],)),
        peers=(
            Peer(
                "torch.nn.functional.normalize",
                _row,
                "overflows, and divides by 1e-12 what is shorter than that",
            ),
        ),
    ),
    Entry(
        "euclidean_distance",
        CHAPTER,
        PAIR,
        _but_at_zero(f"sqrt({SQUARE_AB})", SQUARE_AB),
        ulps=(2, 2.5),
        ordinary=(([3.0, 4.0, 0.0], [0.0, 0.0, 12.0]), ([-1.5, 0.25, 2.0], [0.5, -0.25, 1.0])),
        hostile=(
            ([1000.0, 1.0, 0.0], [1000.0, 1.001, 0.0]),
            ([3e200, 0.0, 0.0], [0.0, 4e200, 0.0]),
            ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ),
        peers=(
            Peer("torch.nn.functional.pairwise_distance", _row, "adds 1e-6 to each difference"),
            Peer("scipy.spatial.distance.euclidean", plain),
        ),
    ),
    Entry(
        "squared_distance",
        CHAPTER,
        PAIR,
        SQUARE_AB,
        ulps=(2, 1),
        ordinary=(([3.0, 4.0, 0.0], [0.0, 0.0, 12.0]), ([-1.5, 0.25, 2.0], [0.5, -0.25, 1.0])),
        hostile=(
            ([1000.0, 1.0, 0.0], [1000.0, 1.001, 0.0]),
            ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ),
        peers=(Peer("scipy.spatial.distance.sqeuclidean", plain),),
    ),
    Entry(
        "cosine_similarity",
        CHAPTER,
        PAIR,
        _but_at_zero(
            f"{_sum('a[j]*b[j]')}/(sqrt({SQUARE_A})*sqrt({SQUARE_B}))", SQUARE_A, SQUARE_B
        ),
        ulps=(1.5, 3, 3),
        terms={"value": _ones, 0: _per_length_of_a, 1: _per_length_of_b},
        ordinary=(([3.0, 4.0, 0.0], [1.0, 2.0, 12.0]), ([-1.5, 0.25, 2.0], [0.5, -0.25, 1.0])),
        hostile=(
            ([3e200, 4e200, 0.0], [1.0, 2.0, 2.0]),
            ([3e-200, 4e-200, 0.0], [1.0, 2.0, 2.0]),
            ([0.0, 0.0, 0.0], [1.0, 2.0, 2.0]),
        ),
        peers=(
            Peer("torch.nn.functional.cosine_similarity", _row, "overflows and underflows"),
            Peer("optax.losses.cosine_similarity", plain, "nan for a vector of length 0"),
            Peer("scipy.spatial.distance.cosine", _one_minus, "nan for a vector of length 0"),
        ),
    ),
    Entry(
        "contrastive_loss",
        CHAPTER,
        (DISTANCES, Input("similar", "y", "probability")),
        "y*d**2 + (1 - y)*Max(0, m - d)**2",
        ulps=(1.5, 1),
        params=MARGIN,
        is_loss=True,
        ordinary=((0.5, 1.0), (0.5, 0.0), (0.4, 0.5)),
        hostile=((0.0, 1.0), (1.0, 0.0), (1e-170, 1.0), (1e300, 0.0)),
        minimized_by="0 for a similar pair, any distance from the margin on for the others",
        convex=True,
        slope_bound="oo",
        sources=("hadsell2006",),
    ),
    Entry(
        "hadsell_loss",
        CHAPTER,
        (DISTANCES, Input("dissimilar", "y", "probability")),
        "(1 - y)*d**2/2 + y*Max(0, m - d)**2/2",
        ulps=(2, 1),
        params=MARGIN,
        is_loss=True,
        ordinary=((0.5, 1.0), (0.5, 0.0), (0.4, 0.5)),
        hostile=((0.0, 0.0), (1.0, 1.0), (1e-170, 0.0), (1e300, 1.0)),
        minimized_by="0 for a similar pair, any distance from the margin on for the others",
        convex=True,
        slope_bound="oo",
        sources=("hadsell2006",),
    ),
    Entry(
        "triplet_loss",
        CHAPTER,
        TRIPLET,
        f"Max(0, {TO_P} - {TO_N} + m)",
        ulps=(1.5, 3),
        terms={"value": _distances(1), 0: _ones},
        params=MARGIN,
        is_loss=True,
        ordinary=(
            ([0.0, 0.0, 0.0], [30.0, 40.0, 0.0], [20.0, 30.0, 60.0]),
            ([0.0, 0.0, 0.0], [20.0, 30.0, 60.0], [48.0, 36.0, 25.0]),
            ([5.0, 10.0, 0.0], [5.0, 50.0, 30.0], [35.0, 10.0, 40.0]),
        ),
        hostile=(
            ([1000.0, 1.0, 0.0], [1000.0, 1.001, 0.0], [1000.0, 1.0, 0.003]),
            ([0.0, 0.0, 0.0], [3e200, 0.0, 0.0], [0.0, 4e200, 0.0]),
        ),
        minimized_by="any negatives that are a margin farther than the positives",
        convex=False,
        slope_bound="2",
        peers=(
            Peer(
                "torch.nn.functional.triplet_margin_loss", _triplet, "adds 1e-6 to each difference"
            ),
            Peer("optax.losses.triplet_margin_loss", plain, "adds 1e-6 under each root"),
        ),
        sources=("schroff2015",),
    ),
    Entry(
        "squared_triplet_loss",
        CHAPTER,
        TRIPLET,
        f"Max(0, {SQUARE_AP} - {SQUARE_AN} + m)",
        ulps=(1.5, 1),
        terms={"value": _distances(2)},
        params=MARGIN,
        is_loss=True,
        ordinary=(
            ([0.0, 0.0, 0.0], [30.0, 40.0, 0.0], [20.0, 30.0, 60.0]),
            ([0.0, 0.0, 0.0], [20.0, 30.0, 60.0], [48.0, 36.0, 25.0]),
            ([5.0, 10.0, 0.0], [5.0, 50.0, 30.0], [35.0, 10.0, 40.0]),
        ),
        hostile=(([1000.0, 1.0, 0.0], [1000.0, 1.001, 0.0], [1000.0, 1.0, 0.003]),),
        minimized_by="any negatives that are a margin farther than the positives",
        convex=False,
        slope_bound="oo",
        sources=("schroff2015",),
    ),
    Entry(
        "info_nce",
        CHAPTER,
        (Input("similarities", "s", "real"), LABELS),
        f"log({_sum('exp(s[j]/tau)')}) - s[y]/tau",
        ulps=(2, 3),
        ulps_per_gap=1.0,
        params=TEMPERATURE,
        is_loss=True,
        ordinary=(([1.0, 0.9, 0.0], 0), ([0.8, 0.75, 0.3], 1), ([0.5, 0.5, 0.5], 2)),
        hostile=(
            ([40.0, 0.0, 0.0], 0),
            ([1e8, 1e8, 0.0], 1),
            ([0.0, 1000.0, 0.0], 2),
            ([0.0, -1000.0, -1000.0], 0),
        ),
        minimized_by="τ ln(p(candidate | anchor)/p(candidate)), up to a constant for each anchor",
        convex=True,
        slope_bound="1 for τ = 1, growing as 1/τ",
        peers=(
            Peer(
                "torch.nn.functional.cross_entropy",
                _logits,
                "loses the digits of a confident right answer",
            ),
        ),
        sources=("oord2018",),
    ),
)
