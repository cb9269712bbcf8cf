"""Contrastive losses: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import functools
import itertools
import math
import textwrap

import mpmath
import numpy as np
import pytest
import torch

import lossbook.contrastive.pairwise
from cases import over_libraries, plain, to
from lossbook import (
    alignment,
    all_triplets,
    clip_loss,
    contrastive_loss,
    cosine_similarity,
    cross_entropy,
    euclidean_distance,
    hadsell_loss,
    hardest_triplets,
    in_batch_info_nce,
    info_nce,
    logistic_loss,
    nce_loss,
    norm,
    normalize,
    nt_xent,
    pairwise_cosines,
    pairwise_distances,
    pairwise_squared_distances,
    semi_hard_triplets,
    siglip_loss,
    softmax,
    softplus,
    squared_triplet_loss,
    sup_con_loss,
    triplet_loss,
    uniformity,
    value_and_grad,
)
from lossbook.processes import run_processes

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, 6, 3))
LABELS = np.array([0, 1, 0, 2, 1, 0])
LOSSES = {
    "in_batch": functools.partial(in_batch_info_nce, temperature=0.3),
    "nt_xent": functools.partial(nt_xent, temperature=0.3),
    "clip": functools.partial(clip_loss, log_scale=1.2),
    "siglip": functools.partial(siglip_loss, log_scale=1.2, bias=-2.0),
    "alignment": alignment,
}
"""Losses of two batches of embeddings."""

over_losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def softmax_loss(row, label):
    """Cross-entropy of one row, in fifty digits."""
    with mpmath.workdps(50):
        total = mpmath.fsum(mpmath.exp(x - row[label]) for x in row)
        return float(mpmath.log(total))


# -------------------------------------------------------------------------- vectors
@over_libraries
@pytest.mark.parametrize(
    "dtype, tiny, huge", [("float64", 1e-200, 1e200), ("float32", 1e-30, 1e30)]
)
def test_lengths_and_angles_at_the_ends_of_the_range(library, dtype, tiny, huge):
    x, y = to(
        library, [[[0.0, 0.0], [3 * tiny, 4 * tiny], [3 * huge, 4 * huge]], [[1.0, 0]] * 3], dtype
    )
    eps = 4 * float(np.finfo(dtype).eps)
    assert plain(norm(x)) == pytest.approx([0, 5 * tiny, 5 * huge], rel=eps)
    assert plain(normalize(x)).ravel() == pytest.approx([0, 0, 0.6, 0.8, 0.6, 0.8], rel=eps)
    assert plain(cosine_similarity(x, y)) == pytest.approx([0, 0.6, 0.6], rel=eps)
    assert plain(pairwise_cosines(x, y[:1]))[:, 0] == pytest.approx([0, 0.6, 0.6], rel=eps)
    for wrt in (0, 1):
        slope = plain(value_and_grad(cosine_similarity, x, y, wrt=wrt)[1])
        assert np.isfinite(slope).all() and (slope[0] == 0).all()


def slope_of_direction(x, g):
    """(g - u (u g)) / |x|, of rows of floats, with fifty digits."""
    with mpmath.workdps(50):
        length = mpmath.norm(x)
        u = [mpmath.mpf(a) / length for a in x]
        along = mpmath.fdot(u, g)
        return [float((mpmath.mpf(b) - a * along) / length) for a, b in zip(u, g, strict=True)]


@over_libraries
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_of_a_direction_with_and_without_an_entry_that_dominates(library, size, dtype):
    rng = np.random.default_rng(0)
    even, sharp = rng.normal(size=(2, 5, 64))
    sharp[:, 7] = 1e4
    (g,) = to(library, [rng.normal(size=(5, 64))], dtype)
    eps = float(np.finfo(dtype).eps)
    for rows in (even, sharp, np.where(np.arange(5)[:, None] < 2, sharp, even)):
        (x,) = to(library, [size * rows], dtype)
        found = plain(normalize.prepare(x).pull(g))
        for row, upstream, slope in zip(plain(x), plain(g), found, strict=True):
            expected = slope_of_direction(row.tolist(), upstream.tolist())
            length = float(mpmath.norm(row.tolist()))
            slack = 8 * eps * np.abs(upstream).max() * np.abs(row) / length / length
            assert (np.abs(slope - expected) <= slack + 4 * eps * np.abs(expected)).all()


@over_libraries
def test_a_direction_of_the_shortest_vectors_has_a_slope(library):
    x, g = to(library, [np.full((1, 5), 1.4e-45), np.eye(1, 5) * 1e-10], "float32")
    found = plain(normalize.prepare(x).pull(g))
    expected = slope_of_direction(plain(x)[0].tolist(), plain(g)[0].tolist())
    assert found[0] == pytest.approx(expected, rel=1e-6)


@over_libraries
def test_a_direction_of_the_longest_vectors_has_a_slope(library):
    x, g = to(library, [np.full((1, 9), 3e38), np.arange(9.0)[None] * 1e37], "float32")
    found = plain(normalize.prepare(x).pull(g))  # the length itself is beyond float32
    assert found[0] == pytest.approx((np.arange(9.0) - 4) * 1e37 / 9e38, rel=1e-6, abs=1e-8)


def test_the_slope_of_a_cosine_is_at_right_angles_and_of_the_right_size():
    slope = value_and_grad(cosine_similarity, FIRST, SECOND)[1]
    assert (slope * FIRST).sum(-1) == pytest.approx(0, abs=1e-15)
    sine = np.sqrt(1 - cosine_similarity(FIRST, SECOND) ** 2)
    assert norm(slope) * norm(FIRST) == pytest.approx(sine, rel=1e-12)


@over_libraries
def test_no_cosine_is_more_than_one(library):
    (x,) = to(library, [np.random.default_rng(1).normal(size=(200, 7))])
    assert plain(cosine_similarity(x, x)).max() == 1 == plain(pairwise_cosines(x)).max()


def test_a_cosine_cut_to_one_still_has_its_gradient():
    x = torch.tensor(np.random.default_rng(1).normal(size=(50, 7)), requires_grad=True)
    y = (x + 1e-3).detach()
    pairwise_cosines(x, y).diagonal().sum().backward()
    assert (norm(x.grad) > 0).all()


# ------------------------------------------------------------------------- distances
@over_libraries
def test_neighbors_far_from_the_origin_keep_their_distance(library):
    a, b = to(
        library, [[[1000.0, 1.0], [4096.1, 1.0]], [[1000.0, 1.001], [4096.1, 1.5]]], "float32"
    )
    true = abs(plain(a) - plain(b))[:, 1]
    assert plain(euclidean_distance(a, b)) == pytest.approx(true, rel=2e-7)
    assert plain(pairwise_distances(a, b)).diagonal() == pytest.approx(true, rel=2e-7)
    assert plain(pairwise_squared_distances(a, b)).diagonal() == pytest.approx(true**2, rel=2e-7)


@over_libraries
@pytest.mark.parametrize(
    "pairs", [pairwise_distances, pairwise_squared_distances, pairwise_cosines]
)
def test_all_pairs_are_what_a_loop_finds_a_few_rows_at_a_time_or_all(monkeypatch, library, pairs):
    a, b = to(library, [FIRST, SECOND[:4]])
    one = {
        pairwise_distances: lambda x, y: math.dist(x, y),
        pairwise_squared_distances: lambda x, y: math.dist(x, y) ** 2,
        pairwise_cosines: lambda x, y: float(unit(x) @ unit(y)),
    }[pairs]
    whole = plain(pairs(a, b))
    assert whole == pytest.approx(np.array([[one(x, y) for y in SECOND[:4]] for x in FIRST]))
    assert plain(pairs(a)) == pytest.approx(plain(pairs(a, a)), abs=0)
    monkeypatch.setattr(lossbook.contrastive.pairwise, "DIFFERENCES", 25)
    assert (plain(pairs(a, b)) == whole).all()
    assert pairs(a[:0], b).shape == (0, 4) and pairs(a, b[:0]).shape == (6, 0)


def test_coinciding_vectors_do_not_pull_at_each_other():
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]], requires_grad=True)
    pairwise_distances(x).sum().backward()
    assert x.grad.tolist() == pytest.approx(np.array([[-1.2, -1.6], [-1.2, -1.6], [2.4, 3.2]]))


# ------------------------------------------------------------------- pairs and triplets
@over_libraries
def test_two_conventions_for_the_label_one_loss(library):
    d, y = to(library, [[0.2, 0.4, 0.9, 1.5], [1.0, 0, 1, 0]])
    ours = contrastive_loss(d, y, reduction="none")
    assert plain(ours) == pytest.approx([0.04, 0.36, 0.81, 0])
    assert plain(2 * hadsell_loss(d, 1 - y, reduction="none")) == pytest.approx(plain(ours))
    # the same label read the other way: 0.02 and 0.32 for the first pair
    assert plain(hadsell_loss(d[:1], 0 * y[:1])) == pytest.approx(0.02)
    assert plain(hadsell_loss(d[:1], y[:1])) == pytest.approx(0.32)


def test_labels_of_minus_one_and_negative_distances_are_refused():
    for loss, name in ((contrastive_loss, "similar"), (hadsell_loss, "dissimilar")):
        with pytest.raises(ValueError, match=rf"^{name} must be in \[0, 1\], got -1 at index 1$"):
            loss(np.ones(2), np.array([1, -1]))
        with pytest.raises(ValueError, match=r"distances must be in \[0, inf\), got -0.5"):
            loss(np.array([-0.5]), np.ones(1))


@over_libraries
def test_a_collapsed_batch_has_the_margin_as_its_loss_and_no_gradient(library):
    (x,) = to(library, [np.ones((4, 3))])
    for loss, wrt in itertools.product((triplet_loss, squared_triplet_loss), range(3)):
        value, slope = value_and_grad(loss, x, x, x, margin=0.2, wrt=wrt)
        assert plain(value) == pytest.approx(0.2) and (plain(slope) == 0).all()


@pytest.mark.parametrize("power, loss", [(1, triplet_loss), (2, squared_triplet_loss)])
def test_triplets_by_the_formula(power, loss):
    third = np.random.default_rng(3).normal(size=FIRST.shape)
    gaps = [
        math.dist(a, p) ** power - math.dist(a, n) ** power
        for a, p, n in zip(FIRST, SECOND, third, strict=True)
    ]
    found = loss(FIRST, SECOND, third, margin=0.5, reduction="none")
    assert found == pytest.approx(np.maximum(np.array(gaps) + 0.5, 0))
    assert 0 < (found > 0).sum() < 6
    slopes = [value_and_grad(loss, FIRST, SECOND, third, wrt=k)[1] for k in range(3)]
    assert sum(slopes) == pytest.approx(0, abs=1e-15)


@over_libraries
def test_mining_is_what_a_loop_finds(library):
    rng = np.random.default_rng(4)
    x, labels = rng.normal(size=(12, 2)), np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 1, 3])
    d = np.array([[math.dist(a, b) for b in x] for a in x])
    n, margin = range(12), 0.6
    each = [
        (a, p, m) for a in n for p in n for m in n
        if a != p and labels[a] == labels[p] != labels[m]
    ]  # fmt: skip
    hard = [
        (a, max((d[a, p], p) for p in n if p != a and labels[p] == labels[a])[1],
         min((d[a, m], m) for m in n if labels[m] != labels[a])[1])
        for a in n if labels[a] != 3
    ]  # fmt: skip
    semi = [
        (a, p, min(fit)[1]) for a in n for p in n
        if a != p and labels[a] == labels[p]
        and (fit := [(d[a, m], m) for m in n
                     if labels[m] != labels[a] and d[a, p] < d[a, m] < d[a, p] + margin])
    ]  # fmt: skip
    assert len(semi) > 5
    (distances,), (y,) = to(library, [d]), to(library, [labels], "int64")
    for found, expected in [
        (all_triplets(y), each),
        (hardest_triplets(distances, y), hard),
        (semi_hard_triplets(distances, y, margin=margin), semi),
    ]:
        assert [tuple(map(int, t)) for t in zip(*found, strict=True)] == expected


def test_mining_without_partners_finds_nothing():
    d = np.ones((3, 3))
    for labels in ([0, 0, 0], [0, 1, 2]):
        for found in (
            all_triplets(labels),
            hardest_triplets(d, labels),
            semi_hard_triplets(d, labels),
        ):
            assert [len(x) for x in found] == [0, 0, 0]


# --------------------------------------------------------------------------- InfoNCE
@over_libraries
def test_two_candidates_are_a_pairwise_comparison(library):
    (s,) = to(library, [RNG.normal(size=(9, 2))])
    found = info_nce(s, [0] * 9, temperature=0.07, reduction="none")
    assert plain(found) == pytest.approx(plain(softplus((s[:, 1] - s[:, 0]) / 0.07)), rel=1e-13)


@over_libraries
def test_indifference_costs_log_n_and_hot_is_indifferent(library):
    s, hot = to(library, [np.full((1, 64), 0.3), RNG.normal(size=(1, 64))])
    assert plain(info_nce(s, [5], temperature=0.1)) == pytest.approx(math.log(64), rel=1e-14)
    assert plain(info_nce(hot, [5], temperature=1e9)) == pytest.approx(math.log(64), rel=1e-8)
    cold = plain(hot).max() - plain(hot)[0, 5]
    assert 1e-6 * plain(info_nce(hot, [5], temperature=1e-6)) == pytest.approx(cold)


@over_libraries
@pytest.mark.parametrize("temperature", [1e-4, 1e-3, 0.01, 0.07])
def test_small_temperatures_are_right_in_single_precision(library, temperature):
    (s,) = to(library, [[[1.0, 0.9, 0.0], [0.998, 0.999, -1.0], [0.7, 0.7, 0.69995]]], "float32")
    rows = [[mpmath.mpf(float(x)) / temperature for x in row] for row in plain(s)]
    found = plain(info_nce(s, [0, 0, 0], temperature=temperature, reduction="none"))
    bound = 4 + max(abs(plain(s)).ravel()) * 2 / temperature
    true = np.array([softmax_loss(row, 0) for row in rows])
    away = abs(found - true) / np.maximum(true, np.finfo("float32").tiny)
    assert (away <= bound * np.finfo("float32").eps / 2).all()
    assert (away[1:] <= 4e-7 * (1 + 0.001 / temperature)).all()


@over_losses
def test_embeddings_of_single_precision_are_rounded_once(loss):
    a, b = to("torch", [FIRST, FIRST + 0.01 * SECOND], "float32")
    keywords = {} if loss is alignment else dict(loss.keywords)
    sharp = {"temperature": 1e-4} if "temperature" in keywords else {}
    true = loss(a.double(), b.double(), **sharp)
    assert loss(a, b, **sharp) == true.float()
    half = loss(a.bfloat16(), b.bfloat16(), **sharp)
    assert half == loss(a.bfloat16().double(), b.bfloat16().double(), **sharp).bfloat16()


@over_libraries
def test_a_masked_candidate_is_no_candidate(library):
    s, y = RNG.normal(size=(4, 5)), [0, 1, 2, 4]
    keep = np.ones((4, 5), dtype=bool)
    keep[:, 3] = False
    (x, less), (mask,) = to(library, [s, np.delete(s, 3, axis=1)]), to(library, [keep], "bool")
    found = info_nce(x, y, temperature=0.5, candidate_mask=mask, reduction="none")
    same = info_nce(less, [0, 1, 2, 3], temperature=0.5, reduction="none")
    assert plain(found) == pytest.approx(plain(same), rel=1e-14)
    slope = value_and_grad(info_nce, x, y, candidate_mask=mask)[1]
    assert (plain(slope)[:, 3] == 0).all() and plain(slope).sum(-1) == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="labels must be of a candidate that candidate_mask keeps"):
        info_nce(x, [0, 1, 3, 4], candidate_mask=mask)


def test_a_false_negative_keeps_the_loss_above_log_2_until_it_is_masked():
    x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    for temperature in (0.05, 1e-3):
        each = in_batch_info_nce(x, x, temperature=temperature, reduction="none")
        assert each[:2] == pytest.approx(math.log(2), rel=1e-8) and each[2] < 1e-8
        other = np.array([0, 0, 1])[:, None] != np.array([0, 0, 1])
        masked = in_batch_info_nce(x, x, temperature=temperature, negative_mask=other)
        assert masked < 1e-8


@over_libraries
def test_a_queue_is_more_candidates(library):
    q, k, queue = to(library, [FIRST, SECOND, RNG.normal(size=(4, 3))])
    s = np.concatenate([unit(FIRST) @ unit(SECOND).T, unit(FIRST) @ unit(plain(queue)).T], axis=1)
    expected = np.mean([softmax_loss(row / 0.2, i) for i, row in enumerate(s)])
    assert plain(in_batch_info_nce(q, k, queue=queue, temperature=0.2)) == pytest.approx(expected)
    keep = np.ones(10, dtype=bool)
    keep[7:] = False
    (mask,) = to(library, [keep], "bool")
    found = in_batch_info_nce(q, k, queue=queue, negative_mask=mask, temperature=0.2)
    assert plain(found) == pytest.approx(
        plain(in_batch_info_nce(q, k, queue=queue[:1], temperature=0.2))
    )


@over_libraries
def test_nt_xent_is_what_a_loop_finds(library):
    first, second = to(library, [FIRST, SECOND])
    z = unit(np.concatenate([FIRST, SECOND]))
    each = []
    for i in range(12):
        others = [j for j in range(12) if j != i]
        each.append(softmax_loss([z[i] @ z[j] / 0.3 for j in others], others.index((i + 6) % 12)))
    found = nt_xent(first, second, temperature=0.3, reduction="none")
    assert plain(found) == pytest.approx((np.array(each[:6]) + each[6:]) / 2)
    assert plain(nt_xent(second, first, temperature=0.3)) == pytest.approx(np.mean(each))


@over_libraries
def test_clip_is_cross_entropy_both_ways(library):
    u, v = to(library, [FIRST, SECOND])
    s = 3.0 * unit(FIRST) @ unit(SECOND).T
    both = (cross_entropy(s, np.arange(6)) + cross_entropy(s.T, np.arange(6))) / 2
    assert plain(clip_loss(u, v, log_scale=math.log(3))) == pytest.approx(both)
    assert plain(clip_loss(v, u, log_scale=math.log(3))) == pytest.approx(both)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_learned_scale_gets_its_gradient(shape):
    u, v = to("torch", [FIRST, SECOND])
    log_scale = torch.full(shape, math.log(3), requires_grad=True)
    clip_loss(u, v, log_scale=log_scale).backward()
    s = pairwise_cosines(u, v)
    # c (expected cosine - cosine of the pair), averaged over both directions
    expected = (softmax(3 * s) * s).sum() + (softmax(3 * s, axis=0) * s).sum()
    slope = 3 * (expected / 2 - s.diagonal().sum()) / 6
    assert log_scale.grad.item() == pytest.approx(slope.item(), rel=1e-6)
    assert log_scale.grad.shape == shape
    bias = torch.tensor(-1.0, requires_grad=True)
    siglip_loss(u, v, log_scale=log_scale, bias=bias).backward()
    rate = torch.sigmoid(3 * s - 1) - torch.eye(6)
    assert bias.grad.item() == pytest.approx(rate.sum().item() / 6, rel=1e-6)


@over_libraries
def test_siglip_is_divided_by_the_number_of_rows(library):
    u, v = to(library, [FIRST, SECOND])
    logits = 10 * plain(pairwise_cosines(u, v)) - 10
    total = logistic_loss(logits, 2 * np.eye(6) - 1, reduction="sum")
    assert plain(siglip_loss(u, v, log_scale=math.log(10), bias=-10.0)) == pytest.approx(total / 6)


@over_libraries
def test_sup_con_is_what_a_loop_finds(library):
    (x,) = to(library, [FIRST])
    z, each = unit(FIRST), np.zeros(6)
    for i in range(6):
        others = [j for j in range(6) if j != i]
        row = [z[i] @ z[j] / 0.3 for j in others]
        mine = [k for k, j in enumerate(others) if LABELS[j] == LABELS[i]]
        each[i] = np.mean([softmax_loss(row, k) for k in mine]) if mine else 0
    found = sup_con_loss(x, LABELS.tolist(), temperature=0.3, reduction="none")
    assert plain(found) == pytest.approx(each) and each[3] == 0
    assert plain(sup_con_loss(x, LABELS.tolist(), temperature=0.3)) == pytest.approx(each.sum() / 5)


def test_sup_con_with_one_positive_each_is_nt_xent():
    both = np.concatenate([FIRST, SECOND])
    found = sup_con_loss(both, np.tile(np.arange(6), 2), temperature=0.3)
    assert found == pytest.approx(nt_xent(FIRST, SECOND, temperature=0.3), rel=1e-13)


def test_nobody_has_a_positive():
    x = torch.tensor(FIRST, requires_grad=True)
    loss = sup_con_loss(x, torch.arange(6), temperature=0.1)
    loss.backward()
    assert loss.item() == 0 and (x.grad == 0).all()


@over_libraries
def test_alignment_and_uniformity_are_what_a_loop_finds(library):
    x, y = to(library, [FIRST, SECOND])
    u, v = unit(FIRST), unit(SECOND)
    near = [math.dist(a, b) ** 3 for a, b in zip(u, v, strict=True)]
    assert plain(alignment(x, y, power=3, reduction="none")) == pytest.approx(near)
    spread = [math.exp(-1.5 * math.dist(a, b) ** 2) for a, b in itertools.combinations(u, 2)]
    assert plain(uniformity(x, sharpness=1.5)) == pytest.approx(math.log(np.mean(spread)))
    assert plain(uniformity(x[:1])) == 0
    assert plain(uniformity(x[[0, 0]])) == pytest.approx(0, abs=1e-15)


def test_nce_finds_log_densities_and_their_constant():
    data, noise, k = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6]), 5.0
    # expected loss over both kinds of samples: weights are their shares
    arrays = [np.tile(a, 2) for a in (np.log(data), np.log(noise))]
    targets, weights = np.repeat([1.0, 0.0], 3), np.concatenate([data, k * noise])
    find = functools.partial(
        value_and_grad,
        nce_loss,
        log_noise=arrays[1],
        noise_ratio=k,
        weights=weights,
        reduction="sum",
    )
    both = find(arrays[0], targets)[1].reshape(2, 3).sum(0)
    assert both == pytest.approx(0, abs=1e-15)
    shifted = find(arrays[0] + 0.1, targets)[1].reshape(2, 3).sum(0)
    assert (shifted > 1e-3).all()  # unlike a softmax, it feels a constant


# ---------------------------------------------------------------- masks, gradients, errors
@over_losses
@pytest.mark.parametrize("junk", [math.nan, math.inf])
def test_what_is_masked_is_as_if_it_were_not_there(loss, junk):
    keep = torch.tensor([True, True, False, True, False, True])
    a, b = (torch.tensor(x) for x in (FIRST, SECOND))
    weights = torch.tensor([1.0, 2, 3, 4, 5, 6])
    found, grads = [], []
    for rows, where in ((keep, None), (slice(None), keep)):
        x, y = (t.clone() for t in (a, b))
        for t in (x, y):
            t[~keep] = junk
            t.requires_grad_()
        value = loss(x[rows], y[rows], weights=weights[rows], where=where)
        value.backward()
        found.append(value.item())
        grads += [x.grad, y.grad]
    assert found[0] == pytest.approx(found[1], rel=1e-14)
    for one, other in zip(grads[:2], grads[2:], strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-15) and (other[~keep] == 0).all()


def test_masks_of_labeled_embeddings_and_of_uniformity():
    keep = np.array([True, True, True, True, False, True])
    spoilt = np.where(keep[:, None], FIRST, np.nan)
    found = sup_con_loss(spoilt, LABELS, temperature=0.3, where=keep)
    assert found == pytest.approx(sup_con_loss(FIRST[keep], LABELS[keep], temperature=0.3))
    assert uniformity(spoilt, where=keep) == pytest.approx(uniformity(FIRST[keep]))


@over_losses
def test_all_masked_is_zero_with_gradient_zero(loss):
    x = torch.tensor(FIRST, requires_grad=True)
    value = loss(x, torch.tensor(SECOND), where=torch.zeros(6, dtype=torch.bool))
    value.backward()
    assert value.item() == 0 and (x.grad == 0).all()


@pytest.mark.parametrize(
    "function",
    [*LOSSES.values(), lambda a, b: sup_con_loss(a + b, torch.tensor(LABELS), temperature=0.3),
     lambda a, b: uniformity(a * b), pairwise_distances, pairwise_cosines,
     lambda a, b: triplet_loss(a, b, a.flip(0), reduction="none")],
)  # fmt: skip
def test_gradients_are_those_of_finite_differences(function):
    inputs = [torch.tensor(x[:4], requires_grad=True) for x in (FIRST, SECOND)]
    trimmed = lambda a, b: function(torch.cat([a, a[:2] + 1]), torch.cat([b, b[:2] - 1]))  # noqa: E731
    assert torch.autograd.gradcheck(trimmed, inputs)
    assert torch.autograd.gradgradcheck(trimmed, inputs)


@over_losses
def test_zero_vectors_give_finite_losses_and_gradients(loss):
    x = torch.tensor(FIRST, dtype=torch.float32)
    x[0] = 0
    y = torch.tensor(SECOND, dtype=torch.float32)
    y[1] = 0
    for t in (x, y):
        t.requires_grad_()
    value = loss(x, y)
    value.backward()
    assert value.isfinite() and x.grad.isfinite().all() and y.grad.isfinite().all()


@over_losses
def test_bad_embeddings_are_refused(loss):
    with pytest.raises(ValueError, match=r"must have the same shape, got \(6, 3\) and \(5, 3\)"):
        loss(FIRST, SECOND[:5])
    with pytest.raises(ValueError, match=r"vectors of the same width, got 3 and 2"):
        loss(FIRST, SECOND[:, :2])
    with pytest.raises(ValueError, match=r"must have the shape \(N, d\), got \(3,\)"):
        loss(FIRST[0], SECOND[0])
    with pytest.raises(TypeError, match="must be a floating-point array, got dtype int64"):
        loss(FIRST.astype(int), SECOND)


def test_bad_parameters_are_refused():
    for temperature in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"temperature must be a number in \(0, inf\)"):
            in_batch_info_nce(FIRST, SECOND, temperature=temperature)
    with pytest.raises(ValueError, match=r"log_scale must be one number, got an array of shape"):
        clip_loss(FIRST, SECOND, log_scale=np.zeros(2))
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        sup_con_loss(FIRST, FIRST[:, 0], temperature=0.1)
    with pytest.raises(ValueError, match=r"distances must have the shape \(6, 6\), got \(6, 3\)"):
        hardest_triplets(FIRST, LABELS)
    with pytest.raises(TypeError, match="negative_mask must be a boolean array"):
        in_batch_info_nce(FIRST, SECOND, temperature=1.0, negative_mask=np.ones((6, 6)))


# -------------------------------------------------------------------- across processes
SHARDS = """
    import numpy as np
    import torch
    from lossbook.contrastive.distributed import distributed_clip_loss, distributed_info_nce

    def work(rank, count):
        rng = np.random.default_rng(7)
        cuts = np.array_split(np.arange(10), count)  # 3, 3, 2, 2 rows
        first, second = (torch.tensor(x[cuts[rank]]) for x in rng.normal(size=(2, 10, 4)))
        scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        found = []
        for loss, keyword in [
            (distributed_info_nce, {"temperature": 0.1}),
            (distributed_clip_loss, {"log_scale": scale}),
        ]:
            u, v = (x.clone().requires_grad_() for x in (first, second))
            value = loss(u, v, **keyword)
            value.backward()
            found.append([value.item(), u.grad.tolist(), v.grad.tolist()])
        return found, scale.grad.item()
"""


@pytest.mark.parametrize("count", [2, 4])
def test_processes_find_what_one_process_finds(tmp_path, count):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(SHARDS), "utf-8")
    shards = run_processes(path, count, timeout=90)
    scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    for k, (loss, keyword) in enumerate(
        [(in_batch_info_nce, {"temperature": 0.1}), (clip_loss, {"log_scale": scale})]
    ):
        u, v = map(torch.tensor, np.random.default_rng(7).normal(size=(2, 10, 4)))
        value = loss(u.requires_grad_(), v.requires_grad_(), **keyword)
        value.backward()
        values, grads = zip(*((s[0][k][0], s[0][k][1:]) for s in shards), strict=True)
        assert values == pytest.approx([value.item()] * count, rel=1e-13)
        for x, parts in zip((u, v), zip(*grads, strict=True), strict=True):
            assert np.concatenate(parts) == pytest.approx(x.grad.numpy(), rel=1e-12, abs=1e-15)
    assert sum(s[1] for s in shards) == pytest.approx(scale.grad.item(), rel=1e-12)


# --------------------------------------------------------------- what broke it, and is mended
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_pairwise_cosines_are_rounded_once(dtype):
    a = np.random.default_rng(1).normal(size=(40, 64)).astype(dtype)
    for library in ("numpy", "torch"):
        [given] = to(library, [a], dtype)
        found, wide = plain(pairwise_cosines(given)), pairwise_cosines(a.astype(float))
        off = abs(found - wide)
        assert (off <= 0.501 * np.spacing(abs(wide).astype(dtype))).all()


@pytest.mark.parametrize("temperature", [1e-38, 1e-300, 1e-320])
def test_no_temperature_is_too_small(temperature):
    s = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.25]], np.float32)
    single = info_nce(s, [0, 0], temperature=temperature, reduction="none")
    assert single.tolist() == [0, math.inf] or (temperature == 1e-38 and single[1] > 1e37)
    near, far = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.eye(3, 2)
    far[2] = -far[0]
    for x in (near, near.astype(np.float32), torch.tensor(near)):
        assert sup_con_loss(x, [0, 0, 1], temperature=temperature) == 0
    for x in (far, far.astype(np.float32)):  # overflows without a warning
        assert sup_con_loss(x, [1, 0, 1], temperature=temperature) > 1e37
        assert in_batch_info_nce(x, x[::-1], temperature=temperature) > 1e36


def test_a_scale_beyond_all_floats_is_refused():
    for loss in (clip_loss, functools.partial(siglip_loss, bias=0.0)):
        assert np.isfinite(loss(np.eye(3), np.eye(3), log_scale=709.0))
        with pytest.raises(ValueError, match=r"log_scale must be in \(-inf, 709\], got 710"):
            loss(np.eye(3), np.eye(3), log_scale=710)
        with pytest.raises(TypeError, match="log_scale is a torch tensor and images a NumPy array"):
            loss(np.eye(3), np.eye(3), log_scale=torch.tensor(1.0))


@over_libraries
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_no_rows_is_0(library, name):
    [none] = to(library, [np.zeros((0, 3))])
    assert LOSSES[name](none, none) == 0
    assert LOSSES[name](none, none, reduction="none").shape == (0,)


@over_libraries
def test_no_rows_have_no_triplets_and_no_partners(library):
    none, labels = to(library, [np.zeros((0, 3)), np.zeros(0, int)])
    assert sup_con_loss(none, labels, temperature=0.1) == 0
    for mine in (hardest_triplets, semi_hard_triplets):
        assert [tuple(x.shape) for x in mine(pairwise_distances(none), labels)] == [(0,)] * 3


def test_labels_of_another_library_are_refused():
    with pytest.raises(TypeError, match="embeddings is a torch tensor and labels a NumPy array"):
        sup_con_loss(torch.tensor(FIRST), LABELS, temperature=0.1)


@over_libraries
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_mining_never_takes_a_row_that_is_no_candidate(library, value):
    labels = np.array([0, 0, 1, 1])
    found = hardest_triplets(*to(library, [np.full((4, 4), value), labels]))
    a, p, n = (np.asarray(x) for x in found)
    assert (labels[a] == labels[p]).all() and (a != p).all() and (labels[a] != labels[n]).all()


@pytest.mark.parametrize("loss", [contrastive_loss, hadsell_loss])
@pytest.mark.parametrize("margin", [1e39, 1e-50])
def test_a_margin_out_of_the_range_of_the_dtype_is_the_nearest_in_it(loss, margin):
    for label in (0, 1):
        value, slope = value_and_grad(loss, np.float32([1.0]), [label], margin=margin)
        assert not np.isnan(value) and not np.isnan(slope).any()


def test_uniformity_has_no_nan_for_a_large_sharpness():
    assert uniformity(np.eye(3)[[0, 0, 1]], sharpness=1e308) == pytest.approx(-math.log(3))


def test_second_derivatives_at_length_zero_are_zero_too():
    a = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    far = a + torch.tensor([[0.0, 0.5]], dtype=torch.float64)
    curve = torch.autograd.functional.hessian
    assert (curve(lambda x: norm(x).sum(), torch.zeros_like(a)) == 0).all()
    to_far = curve(lambda x: -norm(x - far).sum(), a)
    assert torch.allclose(curve(lambda x: triplet_loss(x, a, far), a), to_far)


def test_a_triplet_whose_loss_is_no_number_has_no_slope():
    a, b, lost = np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]), np.array([[np.nan, 0.0]])
    for vectors in ((a, b, lost), (a, lost, b), (lost, a, b)):
        value, slopes = value_and_grad(triplet_loss, *vectors, wrt=(0, 1, 2))
        assert np.isnan(value) and np.isnan(slopes).all()


def test_alignment_curves_where_the_pair_coincides():
    u = torch.tensor([[0.6, 0.8]], dtype=torch.float64, requires_grad=True)
    [slope] = torch.autograd.grad(alignment(u, u.detach()), u, create_graph=True)
    along = torch.tensor([[-0.8, 0.6]], dtype=torch.float64)
    [curve] = torch.autograd.grad((slope * along).sum(), u)
    assert torch.allclose(curve, 2 * along, rtol=1e-12)


def test_a_loss_can_be_checkpointed():
    from torch.utils.checkpoint import checkpoint

    x, y = torch.tensor(FIRST, requires_grad=True), torch.tensor(SECOND)
    for loss in (LOSSES["clip"], triplets_of, euclidean_distance):
        [found] = torch.autograd.grad(checkpoint(loss, x, y, use_reentrant=False).sum(), x)
        [expected] = torch.autograd.grad(loss(x, y).sum(), x)
        assert torch.equal(found, expected)


def triplets_of(x, y):
    return triplet_loss(x, y, y.flip(0))


@over_libraries
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_nce_takes_the_difference_of_large_log_densities_in_full(library, dtype):
    for shift in (-1000.0, 10000.0):
        s, n, y = to(library, [np.array([shift]), np.array([shift]), np.array([1.0])], dtype)
        found = nce_loss(s, y, log_noise=n, noise_ratio=1.2)
        assert found.dtype == s.dtype
        assert float(found) == pytest.approx(
            math.log(2.2), rel=1e-3 if dtype == "float16" else 1e-7
        )
    s, n, y = to(library, [np.array([1.0]), np.array([0.5]), np.array([1.0])])
    assert nce_loss(cast_to_single(s), y, log_noise=n).dtype == cast_to_single(s).dtype


def cast_to_single(x):
    return x.float() if isinstance(x, torch.Tensor) else x.astype(np.float32)
