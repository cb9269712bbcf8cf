"""Ranking: what is special to it. The rest is in the shared suites."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from cases import LIBRARIES, gradient, over_libraries, plain, to
from lossbook import (
    all_pairs_hinge_loss,
    all_pairs_logistic_loss,
    approx_ndcg_loss,
    average_precision,
    binary_cross_entropy,
    bpr_loss,
    cross_entropy,
    dcg,
    lambdarank_loss,
    lambdarank_weights,
    listmle_loss,
    listnet_loss,
    ndcg,
    pairwise_hinge_loss,
    pr_auc,
    ranking_softmax_loss,
    ranknet_loss,
    reciprocal_rank,
    roc_auc,
    value_and_grad,
)
from lossbook.ranking import order

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
LISTS = (
    all_pairs_hinge_loss,
    all_pairs_logistic_loss,
    lambdarank_loss,
    ranking_softmax_loss,
    listnet_loss,
    listmle_loss,
    approx_ndcg_loss,
)
METRICS = (reciprocal_rank, average_precision, roc_auc, pr_auc)
TIES = ("average", "best", "worst", "stored")
over_lists = pytest.mark.parametrize("loss", LISTS, ids=lambda f: f.__name__)
over_metrics = pytest.mark.parametrize("metric", METRICS, ids=lambda f: f.__name__)


def some_lists(rows=40, size=7, seed=0):
    """Lists with ties among scores and among relevances."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=(rows, size)), 1), rng.integers(0, 4, (rows, size))


def masks(library, *keeps):
    return to(library, keeps, "bool")


def pairs_of(r):
    return [(i, j) for i in range(len(r)) for j in range(len(r)) if r[i] > r[j]]


# ------------------------------------------------------------------------ pairs of scores
@over_libraries
def test_a_difference_that_rounds_keeps_its_side_of_the_kink(library):
    a, b = to(library, [[1.0, 1.0, 1e16, 3.0], [1e-17, -1e-17, 1e16 - 2, 2.0]])
    value, (up, down) = value_and_grad(pairwise_hinge_loss, a, b, reduction="none", wrt=(0, 1))
    assert plain(value) == pytest.approx([1e-17, 0, 0, 0], rel=1e-15)
    assert plain(up).tolist() == [-1, 0, 0, 0] and plain(down).tolist() == [1, 0, 0, 0]


@over_libraries
def test_a_difference_that_rounds_keeps_the_digits_of_its_exponential(library):
    a, b = to(library, [[0.1, 1e-3], [-50.0, -600.0]])
    gap = np.array([-50.1, -600.001])  # 0.1 and 1e-3 as they are in binary are not needed here
    lost = np.array([0.1, 1e-3]) + 50 - 0.1 - np.array([50, 50 + 1e-3 - 0.1])
    value = plain(bpr_loss(a, b, reduction="none"))
    assert value == pytest.approx(np.exp(gap), rel=3e-13) and np.isfinite(lost).all()
    same = plain(ranknet_loss(a, b, [1.0, 1.0], reduction="none"))
    assert same == pytest.approx(value, rel=1e-15)


@over_libraries
def test_a_difference_that_loses_a_whole_unit_has_a_slope(library):
    a, b = to(library, [[1.0, -1.0], [1e17, 1e17]])  # b - a is 1e17: 1 too many, 1 too few
    value, slope = value_and_grad(bpr_loss, a, b, reduction="none")
    assert plain(value).tolist() == [1e17, 1e17] and plain(slope).tolist() == [-1, -1]


@over_libraries
def test_parameters_beyond_single_precision_are_as_near_as_it_has_them(library):
    s, r = to(library, [[[2.0, 2.0, 1.0, 3.0]], [[1.0, 0.0, 0.0, 0.0]]], "float32")
    cold = [approx_ndcg_loss(s, r, temperature=t) for t in (1e-50, 1e-30)]
    assert plain(cold[0]) == plain(cold[1])
    assert np.isfinite(plain(value_and_grad(approx_ndcg_loss, s, r, temperature=1e-50)[1])).all()
    for value in (
        pairwise_hinge_loss(s, r, margin=1e300),
        all_pairs_hinge_loss(s, r, margin=1e300),
    ):
        assert plain(value) > 1e38  # and not nan


@over_libraries
def test_pairs_have_the_numbers_of_the_chapter(library):
    a, b, half = to(library, [[0.0], [0.5], [0.5]])
    assert plain(pairwise_hinge_loss(a, b)) == 1.5
    assert plain(bpr_loss(a, b)) == pytest.approx(0.9740769841801067, rel=1e-15)
    assert plain(pairwise_hinge_loss(b, b, margin=0)) == 0  # a tie costs nothing without a margin
    assert plain(bpr_loss(b, b)) == pytest.approx(math.log(2), rel=1e-15)
    assert plain(value_and_grad(ranknet_loss, b, b, half)[1]) == 0


def test_torch_and_the_pairs_agree():
    rng = np.random.default_rng(0)
    a, b, y = (torch.tensor(x) for x in (*rng.normal(size=(2, 50)), rng.random(50)))
    ones = torch.ones(50)
    for margin in (0.0, 0.5, 1.0):
        theirs = torch.nn.functional.margin_ranking_loss(a, b, ones, margin=margin)
        assert plain(pairwise_hinge_loss(a, b, margin=margin)) == pytest.approx(plain(theirs))
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(a - b, y)
    assert plain(ranknet_loss(a, b, y)) == pytest.approx(plain(theirs), rel=1e-14)
    assert plain(bpr_loss(a, b)) == pytest.approx(
        -torch.nn.functional.logsigmoid(a - b).mean().item(), rel=1e-14
    )


@over_libraries
def test_scores_fitted_to_wins_are_their_log_odds(library):
    # 3 wins and 1 loss: the best lead is ln 3, and 400 points of Elo are ln 10
    a, b, y = to(library, [[math.log(3)], [0.0], [0.75]])
    assert plain(value_and_grad(ranknet_loss, a, b, y)[1]) == pytest.approx(0, abs=1e-16)


# ------------------------------------------------------------------- all pairs of a list
@over_libraries
def test_pairs_of_a_list_are_a_double_loop(library):
    s, r = some_lists()
    scores, relevance = to(library, [s, r.astype(float)])
    for loss, pair, margins in (
        (all_pairs_hinge_loss, pairwise_hinge_loss, ({}, {"margin": 0.35}, {"margin": 0.0})),
        (all_pairs_logistic_loss, bpr_loss, ({},)),
    ):
        for keywords in margins:
            value, slope = value_and_grad(loss, scores, relevance, reduction="none", **keywords)
            for k in range(len(s)):
                expected, push, pairs = 0.0, np.zeros(s.shape[1]), pairs_of(r[k])
                for i, j in pairs:
                    one, (up, down) = value_and_grad(pair, s[k, i], s[k, j], wrt=(0, 1), **keywords)
                    expected += one / len(pairs)
                    push[i] += up / len(pairs)
                    push[j] += down / len(pairs)
                assert plain(value)[k] == pytest.approx(expected, rel=1e-13, abs=1e-15)
                assert plain(slope)[k] == pytest.approx(push, rel=1e-13, abs=1e-15)


def test_hinge_by_sorting_for_any_list():
    numbers = st.floats(-4, 4, width=16)
    rows = st.lists(st.tuples(numbers, st.integers(0, 9), st.booleans()), min_size=1, max_size=12)

    @SOME
    @given(rows, st.floats(0, 3, width=16), st.sampled_from(LIBRARIES))
    def holds(row, margin, library):
        s, r, keep = (np.array(x) for x in zip(*row, strict=True))
        (mask,) = masks(library, keep)
        arrays = to(library, [s, r.astype(float)])
        found = all_pairs_hinge_loss(*arrays, margin=margin, item_mask=mask)
        pairs = [(i, j) for i, j in pairs_of(r) if keep[i] and keep[j]]
        costs = [max(0.0, margin - s[i] + s[j]) for i, j in pairs]
        assert plain(found) == pytest.approx(np.mean(costs) if pairs else 0, rel=1e-12, abs=1e-14)

    holds()


@over_libraries
def test_hinge_keeps_the_digits_of_near_ties_far_from_zero(library):
    # prefix sums of the scores themselves would lose them
    s, r = to(library, [1e6 + 1 + np.array([0.0, 0.0, 2.0**-20, -1.0]), [0.0, 1.0, 2.0, 0.0]])
    expected = np.mean([1, 1 - 2.0**-20, 1 - 2.0**-20, 0, 0])
    assert plain(all_pairs_hinge_loss(s, r)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("loss", [*LISTS, lambda s, y: roc_auc(s, y > 1)])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_list_of_ten_thousand_needs_no_matrix(loss, library, monkeypatch):
    walked = loss in (all_pairs_logistic_loss, lambdarank_loss, approx_ndcg_loss)
    size = 3000 if walked else 10_000  # a matrix of the pairs would take 72 or 800 MB
    rng = np.random.default_rng(0)
    s, r = to("numpy", [rng.normal(size=size), rng.integers(0, 5, size).astype(float)])
    tracemalloc.start()
    if library == "numpy" and hasattr(loss, "prepare"):
        value, slope = value_and_grad(loss, s, r)
        assert np.isfinite(slope).all()
    else:
        value = plain(loss(*to(library, [s, r])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(value)
    assert peak < 30e6  # what torch takes is not seen here, but it walks in the same blocks


@over_libraries
def test_blocks_of_pairs_do_not_change_the_result(library, monkeypatch):
    s, r = to(library, [a.astype(float) for a in some_lists(5, 9)])
    losses = (all_pairs_logistic_loss, lambdarank_loss, approx_ndcg_loss)
    whole = [value_and_grad(f, s, r, reduction="none") for f in losses]
    for pairs in (1, 100, 150):
        monkeypatch.setattr(order, "PAIRS", pairs)
        for f, (value, slope) in zip(losses, whole, strict=True):
            again, slope_again = value_and_grad(f, s, r, reduction="none")
            assert plain(again) == pytest.approx(plain(value), rel=1e-14)
            assert plain(slope_again) == pytest.approx(plain(slope), rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("pairs", [1, 40, 10_000])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_blocks_of_lower_items_hold_each_pair_once(pairs, rows, monkeypatch):
    monkeypatch.setattr(order, "PAIRS", pairs)
    s = np.arange(11.0) * np.ones((rows, 1))
    blocks = list(order.pair_blocks(np, s, lower=True))
    assert np.concatenate([np.arange(11)[part] for part, _ in blocks]).tolist() == list(range(11))
    for part, gap in blocks:
        assert gap.shape == (rows, part.stop - part.start, part.stop)
        assert gap.size <= max(pairs, rows * part.stop)
        expected = np.arange(part.stop) - np.arange(11)[part, None]
        assert (gap == expected).all()


# --------------------------------------------------------------------------- LambdaRank
@over_libraries
def test_a_lambda_weight_is_what_a_swap_does_to_ndcg(library):
    s, r = some_lists(12, 5, seed=3)
    for gain in ("linear", "exponential"):
        found = plain(lambdarank_weights(*to(library, [s, r.astype(float)]), gain=gain))
        for k in range(len(s)):
            place = np.empty(5, int)
            place[np.argsort(-s[k], kind="stable")] = range(5)
            before = ndcg(-place, r[k], gain=gain)
            for i, j in itertools.product(range(5), repeat=2):
                swapped = -place.copy()
                swapped[[i, j]] = swapped[[j, i]]
                change = abs(ndcg(swapped, r[k], gain=gain) - before) if r[k, i] > r[k, j] else 0
                assert found[k, i, j] == pytest.approx(change, abs=1e-15)


@over_libraries
def test_lambdarank_is_the_weighted_logistic_loss(library):
    s, r = to(library, [a.astype(float) for a in some_lists(6)])
    weights = lambdarank_weights(s, r)
    logistic = bpr_loss(s[:, :, None] + 0 * weights, s[:, None, :] + 0 * weights, reduction="none")
    expected = (plain(logistic) * plain(weights)).sum((1, 2))
    assert plain(lambdarank_loss(s, r, reduction="none")) == pytest.approx(expected, rel=1e-14)


# ------------------------------------------------------------------------ whole lists
@over_libraries
def test_one_relevant_item_is_cross_entropy_three_times(library):
    s = to(library, [some_lists()[0]])[0]
    labels = np.random.default_rng(1).integers(0, 7, 40)
    r = to(library, [np.eye(7)[labels]])[0]
    expected = cross_entropy(s, labels if library == "numpy" else torch.tensor(labels))
    for loss in (ranking_softmax_loss, listmle_loss):
        assert plain(loss(s, r)) == pytest.approx(plain(expected), rel=1e-14)
    assert plain(listnet_loss(s, 800 * r)) == pytest.approx(plain(expected), rel=1e-14)


@over_libraries
def test_listmle_of_two_is_bpr_and_of_zeros_and_ones_the_softmax_loss(library):
    a, b = some_lists(20, 2)[0].T
    pair, two = to(library, [np.stack([a, b], 1), [[1.0, 0.0]] * 20])
    expected = plain(bpr_loss(*to(library, [a, b]), reduction="none"))
    assert plain(listmle_loss(pair, two, reduction="none")) == pytest.approx(expected, rel=1e-14)
    s, r = some_lists()
    s, r = to(library, [s, (r > 1).astype(float)])
    r[0] *= 0  # nothing relevant
    found = value_and_grad(listmle_loss, s, r, reduction="none")
    for x, y in zip(found, value_and_grad(ranking_softmax_loss, s, r, reduction="none")):  # noqa: B905
        keep = plain(r).min(-1) < 1  # all relevant is all equal: nothing to put in order
        assert plain(x)[keep] == pytest.approx(plain(y)[keep], rel=1e-12, abs=1e-13)


def test_listmle_is_the_likelihood_of_the_order():
    s = np.array([0.3, -1.0, 2.0, 0.5])
    total = 0.0
    for ranks in itertools.permutations(range(4)):
        loss = listmle_loss(s, np.array(ranks, float))
        order_down = np.argsort(-np.array(ranks))
        logs = [s[i] - np.log(np.exp(s[order_down[k:]]).sum()) for k, i in enumerate(order_down)]
        assert loss == pytest.approx(-sum(logs), rel=1e-14)
        total += math.exp(-loss)
    assert total == pytest.approx(1, rel=1e-14)


@over_libraries
def test_listmle_keeps_the_digits_of_a_list_in_order(library):
    s, r = to(library, [[120.0, 80.0, 40.0, 0.0], [3.0, 2.0, 1.0, 0.0]])
    value, slope = value_and_grad(listmle_loss, s, r)
    assert plain(value) == pytest.approx(3 * math.exp(-40), rel=1e-15)
    tiny = math.exp(-40)
    assert plain(slope) == pytest.approx([-tiny, 0, 0, tiny], abs=1e-3 * tiny)


@over_libraries
def test_listnet_asks_for_the_relevances(library):
    r = to(library, [some_lists()[1].astype(float)])[0]
    assert abs(plain(value_and_grad(listnet_loss, r + 3, r, reduction="none")[1])).max() < 1e-15


@over_libraries
def test_approx_ndcg_becomes_ndcg_as_the_temperature_falls(library):
    rng = np.random.default_rng(0)
    s, r = to(library, [rng.permuted(np.tile(np.arange(6.0), (20, 1)), axis=1),
                        rng.integers(0, 4, (20, 6)).astype(float)])  # fmt: skip
    for gain in ("linear", "exponential"):
        true = 1 - plain(ndcg(s, r, gain=gain))
        far = plain(approx_ndcg_loss(s, r, gain=gain))
        near = plain(approx_ndcg_loss(s, r, gain=gain, temperature=0.01))
        assert near == pytest.approx(true, abs=1e-12) and abs(far - true) > 1e-3


def test_ranking_softmax_is_that_of_optax_with_masks():
    optax = pytest.importorskip("optax")
    s, r = some_lists(10)
    keep = np.random.default_rng(2).random(s.shape) < 0.7
    keep[3] = False
    theirs = optax.losses.ranking_softmax_loss(
        s.astype("float32"), r.astype("float32"), where=keep, reduce_fn=None
    )
    ours = ranking_softmax_loss(s, r, item_mask=keep, reduction="none")
    assert ours == pytest.approx(np.asarray(theirs), rel=1e-5, abs=1e-6)


# --------------------------------------------------- what all losses of a list have in common
@over_lists
@over_libraries
def test_a_list_with_nothing_to_put_in_order(loss, library):
    for r in ([0.0, 0.0, 0.0], [2.0, 2.0, 2.0]):
        s, r = to(library, [[[0.3, -1.0, 2.0]], [r]])
        value, slope = value_and_grad(loss, s, r, reduction="none")
        assert plain(slope).shape == (1, 3)
        assert np.isfinite(plain(value)).all() and np.isfinite(plain(slope)).all()
        if loss is listnet_loss or (loss is ranking_softmax_loss and plain(r)[0, 0]):
            continue  # these ask for equal scores
        if loss is approx_ndcg_loss and plain(r)[0, 0]:
            continue  # each of them should be first
        assert plain(value).tolist() == [0] and not plain(slope).any()


@over_lists
@over_libraries
def test_a_list_of_one_or_of_none(loss, library):
    s, r = to(library, [[[0.3], [1.0]], [[1.0], [0.0]]])
    for keep in ([[True], [True]], [[False], [False]]):
        value, slope = value_and_grad(loss, s, r, item_mask=keep, reduction="none")
        assert plain(value) == pytest.approx([0, 0], abs=1e-15)
        assert plain(slope) == pytest.approx(np.zeros((2, 1)), abs=1e-15)


@over_lists
@over_libraries
@pytest.mark.parametrize("junk", [math.nan, math.inf, -1e300])
def test_an_item_that_is_masked_is_deleted(loss, library, junk):
    s, r = some_lists(8)
    keep = np.array([True, False, True, True, False, True, True])
    expected = value_and_grad(loss, s[:, keep], r[:, keep].astype(float), reduction="none")
    spoilt = [np.where(keep, a, junk) for a in (s, r.astype(float))]
    arrays = [a.requires_grad_() if library == "torch" and k == 0 else a
              for k, a in enumerate(to(library, spoilt))]  # fmt: skip
    (mask,) = masks(library, keep)
    value, slope = value_and_grad(loss, *arrays, item_mask=mask, reduction="none")
    assert plain(value) == pytest.approx(expected[0], rel=1e-13, abs=1e-15)
    assert plain(slope)[:, keep] == pytest.approx(expected[1], rel=1e-13, abs=1e-15)
    assert not plain(slope)[:, ~keep].any()
    if library == "torch":
        first = torch.autograd.grad(loss(*arrays, item_mask=mask), arrays[0], create_graph=True)[0]
        second = torch.autograd.grad((first**2).sum(), arrays[0])[0]
        assert not torch.isnan(first).any() and not torch.isnan(second).any()


@over_lists
@over_libraries
def test_items_may_stand_in_any_order_on_any_axis_and_be_shifted(loss, library):
    s, r = some_lists(6, 7, seed=4)
    s = s + 1e-3 * np.arange(7)  # no ties: of those, LambdaRank asks which stands first
    s, r = to(library, [s, r.astype(float)])
    value, slope = (plain(x) for x in value_and_grad(loss, s, r, reduction="none"))
    p = [3, 0, 6, 2, 1, 5, 4]
    again = [plain(x) for x in value_and_grad(loss, s[:, p], r[:, p], reduction="none")]
    assert again[0] == pytest.approx(value, rel=1e-13)
    assert again[1] == pytest.approx(slope[:, p], rel=1e-12, abs=1e-15)
    turned = value_and_grad(loss, s.T, r.T, reduction="none", axis=0)
    assert plain(turned[0]) == pytest.approx(value, rel=1e-14)
    assert plain(turned[1]) == pytest.approx(slope.T, rel=1e-13, abs=1e-16)
    assert plain(loss(s + 2, r, reduction="none")) == pytest.approx(value, rel=1e-11)
    assert slope.sum(-1) == pytest.approx(np.zeros(6), abs=1e-14)


@over_lists
def test_a_step_downhill_is_one(loss):
    s, r = (torch.tensor(a).double() for a in some_lists(10, 9, seed=7))
    s = s + 1e-3 * torch.arange(9)
    slope = gradient(lambda x: loss(x, r), s)
    assert float(loss(s - 1e-3 * slope, r)) < float(loss(s, r))


@over_lists
@over_libraries
def test_relevances_that_are_none(loss, library):
    s, r = to(library, [some_lists(3)[0], some_lists(3)[1].astype(float)])
    for bad in (-1.0, math.nan, math.inf):
        wrong = np.array(plain(r))
        wrong[1, 2] = bad
        (wrong,) = to(library, [wrong])
        with pytest.raises(ValueError, match=r"relevance must be in \[0, inf\), got .* \(1, 2\)"):
            loss(s, wrong)
        loss(s, wrong, where=[True, False, True])
    with pytest.raises(TypeError, match="item_mask must be a boolean array"):
        loss(s, r, item_mask=r)


@pytest.mark.parametrize("f", [lambdarank_loss, approx_ndcg_loss, lambdarank_weights, dcg, ndcg])
def test_gains_that_there_are_not(f):
    with pytest.raises(ValueError, match=r"gain must be one of \('linear', 'exponential'\), got"):
        f(np.zeros((1, 2)), np.ones((1, 2)), gain="exp2")


@over_libraries
def test_relevances_whose_power_of_two_overflows(library):
    s, r = to(library, [[[1.0, 2.0, 3.0]], [[2000.0, 1999.0, 0.0]]])
    for loss in (lambdarank_loss, approx_ndcg_loss):
        value, slope = value_and_grad(loss, s, r)
        assert np.isfinite(plain(value)) and np.isfinite(plain(slope)).all()
    expected = (1 / 2 + 0.5 / math.log2(3)) / (1 + 0.5 / math.log2(3))
    assert plain(ndcg(s, r, gain="exponential")) == pytest.approx(expected, rel=1e-14)


@over_lists
@over_libraries
def test_a_relevance_that_single_precision_cannot_hold(loss, library):
    (s,) = to(library, [[[1.0, 2.0]]], "float32")
    (r,) = to(library, [[[1e300, 0.0]]], "float64")
    with pytest.raises(ValueError, match=r"relevance must be in .*, got 1e\+300 at index \(0, 0\)"):
        loss(s, r)
    loss(s, r, item_mask=to(library, [[False, True]], "bool")[0])


# ------------------------------------------------------------------------------- metrics
def judged(rows=60, size=8, seed=5):
    """Lists with many ties in the scores, some without a positive or without a negative."""
    rng = np.random.default_rng(seed)
    s, y = rng.integers(0, 5, (rows, size)) / 4, (rng.random((rows, size)) < 0.4).astype(int)
    y[0], y[1] = 0, 1
    return s, y


@over_libraries
def test_metrics_are_those_of_scikit_learn(library):
    s, y = judged()
    scores, labels = to(library, [s, y.astype(float)])
    auc, ap = (plain(f(scores, labels, reduction="none")) for f in (roc_auc, average_precision))
    assert np.isnan(auc[:2]).all() and np.isnan(ap[0]) and ap[1] == 1
    for k in range(2, len(s)):
        assert auc[k] == pytest.approx(sk.roc_auc_score(y[k], s[k]), rel=1e-14)
        assert ap[k] == pytest.approx(sk.average_precision_score(y[k], s[k]), rel=1e-14)
    r = some_lists(60, 8)[1]
    for k in (None, 1, 3, 8, 20):
        found = ndcg(*to(library, [s, r.astype(float)]), gain="linear", k=k, reduction="none")
        rows = [sk.ndcg_score(r[i : i + 1], s[i : i + 1], k=k) for i in range(60)]
        assert np.nan_to_num(plain(found)) == pytest.approx(np.array(rows), rel=1e-12)
        found = dcg(*to(library, [s, r.astype(float)]), gain="linear", k=k, reduction="none")
        rows = [sk.dcg_score(r[i : i + 1], s[i : i + 1], k=k) for i in range(60)]
        assert plain(found) == pytest.approx(np.array(rows), rel=1e-12)


def every_order(s, worth, metric):
    """The metric at every order that the ties leave open."""
    places = range(len(s))
    orders = [p for p in itertools.permutations(places) if all(np.diff(np.array(s)[[*p]]) <= 0)]
    return [metric(np.array(worth)[[*p]]) for p in orders]


def dcg_of(r):
    return sum((2.0**x - 1) / math.log2(k + 2) for k, x in enumerate(r))


def rr_of(y):
    return 1 / (1 + [*y].index(1))


@pytest.mark.parametrize("s", [[1, 1, 1, 1, 1], [2, 1, 1, 1, 0], [1, 1, 0, 0, 0], [5, 4, 3, 2, 1]])
def test_ties_average_all_orders_and_the_others_are_their_bounds(s):
    for r in ([0, 1, 2, 3, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 2]):
        y = [int(x > 0) for x in r]
        for metric, worth, plainly in (
            (lambda ties, r=r: dcg(s, r, gain="exponential", ties=ties), r, dcg_of),
            (lambda ties, y=y: reciprocal_rank(s, y, ties=ties), y, rr_of),
        ):
            all_orders = every_order(s, worth, plainly)
            assert metric("average") == pytest.approx(np.mean(all_orders), rel=1e-14)
            assert metric("best") == pytest.approx(max(all_orders), rel=1e-14)
            assert metric("worst") == pytest.approx(min(all_orders), rel=1e-14)
            stored = np.array(worth)[np.argsort(-np.array(s), kind="stable")]
            assert metric("stored") == pytest.approx(plainly(stored), rel=1e-14)


def test_a_tie_rule_other_than_the_average_depends_on_who_stands_first():
    for ties, same in (("average", True), ("best", True), ("worst", True), ("stored", False)):
        pair = [ndcg([1, 1, 1], r, gain="linear", ties=ties) for r in ([1, 0, 0], [0, 0, 1])]
        assert (pair[0] == pytest.approx(pair[1])) == same
    assert pair == pytest.approx([1, 0.5])


@over_libraries
def test_known_traps(library):
    s, y = to(library, [[0.1, 0.4, 0.4, 0.8], [0.0, 0.0, 1.0, 1.0]])
    assert plain(roc_auc(s, y)) == 0.875
    s, r = to(library, [[0.1, 0.2, 0.3], [3.0, 2.0, 0.0]])
    assert plain(ndcg(s, r, gain="linear")) == pytest.approx(0.64804, abs=5e-6)
    assert plain(ndcg(s, r, gain="exponential")) == pytest.approx(0.60642, abs=5e-6)
    s, r = to(library, [[1.0] * 5, [10.0, 0.0, 0.0, 1.0, 5.0]])
    assert plain(ndcg(s, r, gain="linear")) == pytest.approx(0.690979, abs=5e-7)


def test_the_precision_recall_area_is_the_integral_of_its_curve():
    for s, y in zip(*judged(), strict=True):
        if not y.any():
            continue
        t, f, area = 0, 0, 0.0
        for value in np.unique(s)[::-1]:
            run = y[s == value]
            steps = (np.arange(20_000) + 0.5) / 20_000  # let in an even part of the run
            true, false = t + steps * run.sum(), f + steps * (1 - run).sum()
            area += (true / (true + false)).mean() * run.sum()
            t, f = t + run.sum(), f + (1 - run).sum()
        assert pr_auc(s, y) == pytest.approx(area / y.sum(), rel=1e-6)
    assert pr_auc([3, 2, 1], [1, 1, 0]) == 1
    assert pr_auc([1, 1, 1, 1], [1, 0, 0, 0]) == pytest.approx(0.25, rel=1e-15)


@over_metrics
@over_libraries
def test_metrics_of_masked_items_and_lists(metric, library):
    s, y = judged()
    keep = np.random.default_rng(6).random(s.shape) < 0.6
    keep[:, 0] = True
    scores, labels = to(library, [np.where(keep, s, math.nan), np.where(keep, y, -1.0)])
    (mask,) = masks(library, keep)
    found = plain(metric(scores, labels, item_mask=mask, reduction="none"))
    for k in range(len(s)):
        alone = metric(s[k, keep[k]], y[k, keep[k]])
        assert found[k] == pytest.approx(alone, rel=1e-14, nan_ok=True)
    some = np.isfinite(found)
    assert not some.all()
    mean = plain(metric(scores, labels, item_mask=mask))
    assert mean == pytest.approx(found[some].mean(), rel=1e-14)
    where = np.arange(len(s)) < 30
    half = metric(scores, labels, item_mask=mask, where=masks(library, where)[0])
    assert plain(half) == pytest.approx(found[some & where].mean(), rel=1e-14)
    turned = metric(scores.T, labels.T, item_mask=mask.T, axis=0)
    assert plain(turned) == pytest.approx(mean, rel=1e-14)


@over_libraries
def test_a_list_of_one_item_is_in_order(library):
    s, y = to(library, [[[0.3]], [[1.0]]])
    for metric in (reciprocal_rank, average_precision, pr_auc):
        assert plain(metric(s, y)) == 1
    assert all(plain(f(s, y, gain="linear", ties=t)) == 1 for f in (dcg, ndcg) for t in TIES)
    assert math.isnan(plain(roc_auc(s, y)))


@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_the_best_order_has_an_ndcg_of_1_and_whole_gains_are_exact(gain):
    rng = np.random.default_rng(0)
    for size in range(1, 40):
        r = rng.integers(0, 5, size) + (np.arange(size) == 0) / 3
        assert ndcg(r, r, gain=gain) == ndcg(np.argsort(np.argsort(r)), r, gain=gain) == 1
    assert dcg([1.0], [50.0], gain="exponential") == 2**50 - 1


@over_libraries
def test_a_gain_that_overflows_is_infinite(library):
    s, r = to(library, [[2.0, 1.0, 1.0, 0.0], [1.0, 2000.0, 1.0, 1.0]])
    for ties in TIES:
        assert plain(dcg(s, r, gain="exponential", ties=ties)) == math.inf
        assert plain(dcg(s, r, gain="exponential", ties=ties, k=1)) == 1


@over_metrics
def test_a_metric_that_is_not_defined_anywhere_is_nan(metric):
    assert math.isnan(metric([1.0, 2.0], [0, 0]))
    assert math.isnan(metric([[1.0, 2.0]] * 2, [[0, 0]] * 2))
    assert math.isnan(roc_auc([1.0, 2.0], [1, 1]))
    assert math.isnan(ndcg([1.0, 2.0], [0, 0], gain="linear"))
    assert dcg([1.0, 2.0], [0, 0], gain="linear") == 0


@over_metrics
@over_libraries
def test_metrics_refuse_what_can_not_be_ranked(metric, library):
    s, y = to(library, [[0.1, math.nan, 0.3], [0.0, 1.0, 1.0]])
    with pytest.raises(ValueError, match="scores must be numbers, got nan at index 1"):
        metric(s, y)
    with pytest.raises(ValueError, match="labels must be 0 or 1, got 2 at index 0"):
        metric(y, 2 + 0 * y)
    with pytest.raises(ValueError, match="labels must be 0 or 1, got -1 at index 0"):
        metric(y, 2 * y - 1)
    with pytest.raises(ValueError, match="must have the same shape"):
        metric(y, y[:, None])


def test_options_of_metrics_that_there_are_not():
    with pytest.raises(ValueError, match=r"ties must be one of .*, got 'first'"):
        ndcg([1.0], [1.0], gain="linear", ties="first")
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="k must be a whole number from 1 on"):
            dcg([1.0], [1.0], gain="linear", k=k)
    with pytest.raises(TypeError, match="gain"):
        ndcg([1.0], [1.0])


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_metrics_count_in_double_precision(library, dtype):
    s, y = judged(400, 30)
    found = roc_auc(*to(library, [s, y.astype(float)], dtype))
    assert str(found.dtype).endswith("float64")
    assert plain(found) == pytest.approx(roc_auc(s, y), rel=1e-15)


def test_a_metric_has_no_gradient_and_needs_no_detach():
    s, y = torch.randn(5, requires_grad=True), torch.tensor([0, 1, 0, 1, 1])
    assert not roc_auc(s, y).requires_grad
    assert not ndcg(s, y, gain="linear").requires_grad
    assert not ndcg(s, y.double().requires_grad_(), gain="linear").requires_grad


def test_the_area_under_the_roc_curve_is_the_share_of_pairs_in_order():
    # so 1 minus it is the slope of the hinge at a margin of 0 in all positive scores at once
    s = some_lists(1, 50)[0][0] + np.linspace(0, 1e-3, 50)
    y = (np.arange(50) % 3 == 0).astype(float)
    slope = value_and_grad(all_pairs_hinge_loss, s, y, margin=0)[1]
    assert roc_auc(s, y) == pytest.approx(1 + slope[y == 1].sum(), rel=1e-14)


def test_a_network_learns_to_rank_through_each_of_them():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(30, 8, 3)))
    r = torch.clamp(torch.round(x @ torch.tensor([1.0, -1.0, 0.5]).double() + 1), 0, 3)
    for loss in LISTS:
        w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        adam = torch.optim.Adam([w], lr=0.05)
        for _ in range(60):
            adam.zero_grad()
            loss(x @ w, r).backward()
            adam.step()
        assert float(ndcg(x @ w, r, gain="exponential")) > 0.95, loss.__name__


def test_binary_cross_entropy_of_the_difference_is_ranknet():
    s, y = some_lists(10)[0], np.random.default_rng(3).random((10, 7))
    expected = binary_cross_entropy(s - s[::-1], y, reduction="none")
    assert ranknet_loss(s, s[::-1], y, reduction="none") == pytest.approx(expected, rel=1e-13)
