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


OPTIONS = ("reduction", "label_smoothing", "gamma", "alpha", "axis")


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
    return lb.reduce((x - y) ** 2, weights=weights, **options(row))


def perplexity(row, losses, mask):
    return np.exp(plain(lb.reduce(losses, where=mask > 0)))


def entropy_in_bits(row, p):
    """The cross-entropy of a coin with itself."""
    return lb.binary_cross_entropy_from_probs(p[0], p[0]) / np.log(row["kwargs"]["base"])


def positive_above_negative(row, positive, negative):
    return lb.softplus(negative - positive)


def one_pair_in_order(row, scores, labels):
    ones = 0 * scores[0] + 1
    assert list(plain(labels)) == [1, 0]
    return lb.binary_cross_entropy(scores[0] - scores[1], ones)


def all_pairs_matched(row, a, b):
    """SigLIP: the logistic loss of all pairs, divided by the number of rows."""
    logits = row["kwargs"]["logit_scale"] * (a @ b.T) + row["kwargs"]["logit_bias"]
    signs = 2 * np.eye(3) - 1 if isinstance(a, np.ndarray) else 2 * a.new_tensor(np.eye(3)) - 1
    return lb.logistic_loss(logits, signs, reduction="sum") / len(a)


HERE = {
    "binary_cross_entropy": loss("binary_cross_entropy"),
    "binary_cross_entropy_from_probs": loss("binary_cross_entropy_from_probs"),
    "binary_cross_entropy_grad": cross_entropy_slope,
    "bpr": positive_above_negative,
    "entropy": entropy_in_bits,
    "log1mexp": elementwise("log1mexp"),
    "log_sigmoid": elementwise("log_sigmoid"),
    "log_softmax": elementwise("log_softmax"),
    "logit": elementwise("logit"),
    "logsumexp": elementwise("logsumexp"),
    "mse": squared_error,
    "perplexity": perplexity,
    "ranknet": one_pair_in_order,
    "sigmoid": elementwise("sigmoid"),
    "sigmoid_focal": loss("binary_focal_loss"),
    "sigmoid_focal_from_probs": focal_of_probabilities,
    "siglip": all_pairs_matched,
    "softmax": elementwise("softmax"),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
@over_libraries
def test_known_answer(row, library):
    inputs = to(library, [numbers(x) for x in row["inputs"].values()])
    found = plain(HERE[row["loss"]](row, *inputs))
    right = numbers(row["recomputed"])
    # of a number below the range of normal floats only some digits can be had
    assert found == pytest.approx(right, rel=EXACT, abs=5e-324)
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
    by_hand = {"base", "logit_scale", "logit_bias"}
    for row in ROWS:
        assert set(row["kwargs"]) <= {*OPTIONS, *by_hand}, row["id"]
