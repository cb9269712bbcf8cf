"""Divergences: what is special to them. The rest is in the shared suites."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import LIBRARIES, gradient, over_libraries, plain, to
from lossbook import (
    cross_entropy_between,
    distillation_loss,
    entropy,
    entropy_from_logits,
    gaussian_kl,
    gaussian_kl_from_cholesky,
    gaussian_kl_full,
    js_divergence,
    kl_divergence,
    kl_divergence_from_log_probs,
    kl_divergence_from_logits,
    kl_estimate_k1,
    kl_estimate_k2,
    kl_estimate_k3,
    kl_penalized_rewards,
    log_softmax,
    soft_cross_entropy,
    softmax,
    vae_kl,
    value_and_grad,
    wasserstein,
    wasserstein_of_samples,
)

INF = math.inf
SOME = settings(max_examples=60, deadline=None, derandomize=True, database=None)
RNG = np.random.default_rng(0)
P, Q = RNG.dirichlet(np.ones(4), 5), RNG.dirichlet(np.ones(4), 5)


def exact_kl(p, q):
    """From the very floats, in fifty digits; with the two terms that make up for their sums."""
    with mpmath.workdps(50):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(p, q, strict=True)]
        return float(sum((a * mpmath.log(a / b) if a else 0) - a + b for a, b in pairs))


# ------------------------------------------------------------------- what they have in common
@over_libraries
def test_cross_entropy_is_entropy_and_divergence(library):
    p, q = to(library, [P, Q])
    both = entropy(p) + kl_divergence(p, q, reduction="none")
    assert plain(cross_entropy_between(p, q, reduction="none")) == pytest.approx(plain(both))
    assert plain(kl_divergence(p, q)) == pytest.approx(scipy.special.rel_entr(P, Q).sum(-1).mean())


@over_libraries
def test_from_probs_logs_and_logits_it_is_the_same(library):
    x, z = to(library, [RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))])
    expected = plain(kl_divergence(softmax(x), softmax(z), reduction="none"))
    logs = kl_divergence_from_log_probs(log_softmax(x), log_softmax(z), reduction="none")
    assert plain(logs) == pytest.approx(expected, rel=1e-13)
    for shift in (0, 1000):
        found = kl_divergence_from_logits(x + shift, z - shift, reduction="none")
        assert plain(found) == pytest.approx(expected, rel=1e-12)
    assert plain(entropy_from_logits(x)) == pytest.approx(plain(entropy(softmax(x))), rel=1e-13)


def test_it_is_additive_for_independent_pairs_and_falls_when_classes_are_merged():
    joint = [(a[:, :, None] * b[:, None, :]).reshape(5, 16) for a, b in ((P, Q[::-1]), (Q, P))]
    alone = kl_divergence(P, Q, reduction="none") + kl_divergence(Q[::-1], P, reduction="none")
    assert kl_divergence(*joint, reduction="none") == pytest.approx(alone, rel=1e-13)
    merged = [np.stack([a[:, 0] + a[:, 1], a[:, 2], a[:, 3]], -1) for a in (P, Q)]
    assert (kl_divergence(*merged, reduction="none") < kl_divergence(P, Q, reduction="none")).all()


def test_no_triangle_inequality_and_no_symmetry():
    half, quarter, tenth = (np.array([a, 1 - a]) for a in (0.5, 0.25, 0.1))
    there = kl_divergence(half, quarter) + kl_divergence(quarter, tenth)
    assert kl_divergence(half, tenth) == pytest.approx(0.510826, rel=1e-6)
    assert kl_divergence(half, tenth) > 2 * there
    assert kl_divergence(half, quarter) == pytest.approx(0.143841036226, rel=1e-11)
    assert kl_divergence(quarter, half) == pytest.approx(0.130812035941, rel=1e-11)


# ------------------------------------------------------------------------------- near p = q
@over_libraries
@pytest.mark.parametrize("dtype, h", [("float64", 1e-9), ("float32", 1e-5), ("float16", 1e-3)])
def test_nearly_equal_rows_keep_their_digits(library, dtype, h):
    # where the sum of p ln(p/q) is negative, or 0
    p, q = to(library, [[0.3, 0.7], [0.3 + h, 0.7 - h]], dtype)
    expected, eps = exact_kl(plain(p), plain(q)), float(torch.finfo(getattr(torch, dtype)).eps)
    assert 0 < expected < 1e-5
    assert plain(kl_divergence(p, q)) == pytest.approx(expected, rel=4 * eps)


@over_libraries
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nearly_equal_logits_keep_their_digits(library, dtype):
    # for a small step of one logit it is half its square times p (1 - p)
    eps = float(np.finfo(dtype).eps)
    x, z = to(library, [[0.0, 1.0, -20.0], [0.0, 1.0 + 2 * eps, -20.0]], dtype)
    p = plain(softmax(x))[1]
    for shift in (0, 4):
        found = plain(kl_divergence_from_logits(x, z + shift))
        assert found == pytest.approx(2 * eps**2 * p * (1 - p), rel=10 * eps)


def test_it_is_never_negative_and_zero_only_for_equal_rows():
    row = st.lists(st.floats(-30, 30, width=16), min_size=2, max_size=5)

    @SOME
    @given(row, st.integers(0, 4), st.floats(-1e-6, 1e-6), st.sampled_from(LIBRARIES))
    def holds(z, k, step, library):
        for dtype in ("float64", "float32"):
            (x,) = to(library, [z], dtype)
            moved = np.array(z)
            moved[k % len(z)] += step
            (y,) = to(library, [moved], dtype)
            p, q = softmax(x), softmax(y)
            assert plain(kl_divergence(p, p)) == plain(kl_divergence_from_logits(x, x)) == 0
            assert plain(js_divergence(p, p)) == 0
            for found in (kl_divergence(p, q), kl_divergence_from_logits(x, y)):
                assert plain(found) >= 0
            assert (plain(kl_divergence(p, q)) > 0) == bool((p != q).any())

    holds()


# -------------------------------------------------------------------------------- the edges
@over_libraries
def test_impossible_entries(library):
    p, q = to(library, [[[1, 0], [0.5, 0.5], [1, 0], [0, 1]], [[0.5, 0.5], [1, 0], [1, 0], [1, 0]]])
    value, (slope_p, slope_q) = value_and_grad(kl_divergence, p, q, wrt=(0, 1), reduction="none")
    assert plain(value) == pytest.approx([math.log(2), INF, 0, INF])
    assert plain(slope_p)[[0, 2]] == pytest.approx(np.array([[math.log(2), -INF], [0, 0]]))
    assert plain(slope_q).tolist() == [[-1, 1], [0.5, -INF], [0, 1], [1, -INF]]
    with np.errstate(divide="ignore"):
        a, b = to(library, np.log([plain(p), plain(q)]))
    value, slopes = value_and_grad(kl_divergence_from_log_probs, a, b, wrt=(0, 1), reduction="none")
    assert plain(value) == pytest.approx([math.log(2), INF, 0, INF])
    assert plain(slopes[1]).tolist() == [[-0.5, 0.5], [0.5, -0.5], [0, 0], [1, -1]]
    assert not np.isnan(plain(slopes[0])).any()
    value, slopes = value_and_grad(kl_divergence_from_logits, a, b, wrt=(0, 1), reduction="none")
    assert plain(value) == pytest.approx([math.log(2), INF, 0, INF])
    assert plain(slopes[0]).tolist() == [[0, 0], [-INF, INF], [0, 0], [0, 0]]
    assert plain(slopes[1]).tolist() == [[-0.5, 0.5], [0.5, -0.5], [0, 0], [1, -1]]


@over_libraries
def test_rows_of_logits_without_a_possible_entry(library):
    x, z = to(library, [[[-INF, -INF], [0.0, 1.0]], [[0.0, 1.0], [-INF, -INF]]])
    value, slopes = value_and_grad(kl_divergence_from_logits, x, z, wrt=(0, 1), reduction="none")
    assert plain(value).tolist() == [0, INF]
    assert not plain(slopes[0])[0].any() and not plain(slopes[1])[0].any()


@over_libraries
def test_logits_far_apart(library):
    x, z = to(library, [[[1000.0, 0.0], [0.0, 0.0], [-1e4, 5.0]], [[0, 1000], [1e8, 0], [1e4, 5]]])
    found = plain(kl_divergence_from_logits(x, z, reduction="none"))
    assert found == pytest.approx([1000, 5e7 - math.log(2), 9995], rel=1e-14)


def test_second_derivatives_exist_where_both_are_impossible():
    z = torch.tensor([[0.3, -1.0, -INF], [0.0, 0.5, -INF]], dtype=torch.float64)
    x = torch.tensor([[0.1, 0.2, -INF], [1.0, 0.0, -INF]], dtype=torch.float64)

    def total(z):
        return kl_divergence_from_logits(x, z, reduction="sum")

    curvature = torch.autograd.functional.hessian(total, z)
    p = softmax(z)
    expected = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    assert plain(curvature[0, :, 0]) == pytest.approx(plain(expected[0]), abs=1e-14)
    assert torch.isfinite(curvature).all()


@over_libraries
def test_rows_that_are_no_distributions(library):
    good, high, logs = to(library, [[0.5, 0.5], [0.6, 0.5], [0.0, 1.0]])
    for function in (kl_divergence, js_divergence, cross_entropy_between):
        with pytest.raises(ValueError, match="the sum of each row of q must be 1, got 1"):
            function(good, high)
    with pytest.raises(ValueError, match=r"log_p must be in \(-inf, 0\], got 1 at index 1"):
        kl_divergence_from_log_probs(logs, -good)
    with pytest.raises(ValueError, match=r"the sum of each row of exp\(log_p\) must be 1, got 1.2"):
        kl_divergence_from_log_probs(-good, -good)
    rows = to(library, [[[0.5, 0.5], [9.0, 9.0]], [[0.5, 0.5], [-1.0, 0.0]]])
    (keep,) = to(library, [[True, False]], "bool")
    assert plain(kl_divergence(*rows, where=keep)) == 0


# --------------------------------------------------------------------------- Jensen-Shannon
@over_libraries
def test_jensen_shannon_is_symmetric_and_bounded(library):
    p, q = to(library, [P, Q])
    found = plain(js_divergence(p, q, reduction="none"))
    assert found == pytest.approx(plain(js_divergence(q, p, reduction="none")), rel=1e-14)
    expected = [scipy.spatial.distance.jensenshannon(a, b) ** 2 for a, b in zip(P, Q, strict=True)]
    assert found == pytest.approx(expected)
    apart = to(library, [[0.25, 0.75, 0, 0], [0, 0, 0.5, 0.5]])
    value, slope = value_and_grad(js_divergence, *apart)
    assert plain(value) == pytest.approx(math.log(2))
    assert plain(slope)[:2] == pytest.approx(math.log(2) / 2) and plain(slope)[3] == -INF


@over_libraries
def test_the_ends_of_the_generalized_form(library):
    p, q = to(library, [[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    assert plain(js_divergence(p, q, beta=0.1)) == pytest.approx(0.08649650077596949, rel=1e-14)
    assert plain(js_divergence(p, q, beta=0.9)) == pytest.approx(0.09267394023035437, rel=1e-14)
    for end in (0.0, 1.0):
        value, slopes = value_and_grad(js_divergence, p, q, beta=end, wrt=(0, 1))
        assert plain(value) == 0 and not any(plain(s).any() for s in slopes)
    tiny = 1e-9
    forward = plain(js_divergence(p, q, beta=tiny)) / tiny
    assert forward == pytest.approx(plain(kl_divergence(p, q)), rel=1e-7)
    backward = plain(js_divergence(p, q, beta=1 - tiny)) / tiny
    assert backward == pytest.approx(plain(kl_divergence(q, p)), rel=1e-6)


# ----------------------------------------------------------------------------- distillation
@over_libraries
def test_the_temperature_squared_keeps_the_gradient(library):
    z, x = to(library, [[[1.0, -2.0, 1.0]], [[2.0, 0.0, -2.0]]])
    for temperature in (1e3, 1e6):
        value, slope = value_and_grad(distillation_loss, z, x, temperature=temperature)
        assert plain(slope) == pytest.approx(np.array([[-1 / 3, -2 / 3, 1]]), rel=3 / temperature)
        assert plain(value) == pytest.approx((1 + 4 + 9) / 6, rel=3 / temperature)


@over_libraries
@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1e3, 1e300])
def test_extreme_temperatures_give_numbers(library, temperature):
    z, x = to(library, [[2.0, 1.0, 0.5], [1.0, 1.5, 0.3]])
    for function in (distillation_loss, kl_divergence_from_logits):
        value, slope = value_and_grad(function, z, x, temperature=temperature)
        assert plain(value) >= 0 and not np.isnan(plain(slope)).any()


@over_libraries
def test_without_temperature_it_has_the_gradient_of_the_soft_cross_entropy(library):
    z, x = to(library, [RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))])
    slope = value_and_grad(distillation_loss, z, x)[1]
    expected = value_and_grad(soft_cross_entropy, z, softmax(x))[1]
    assert plain(slope) == pytest.approx(plain(expected), rel=1e-12)
    other = value_and_grad(distillation_loss, z, x + z)[1]
    assert abs(plain(other) - plain(slope)).max() > 0.01


def test_no_gradient_for_the_teacher():
    z, x = torch.zeros(3), torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="detach"):
        distillation_loss(z, x)


# -------------------------------------------------------------------------------- Gaussians
def covariances(library, shape=(), size=3):
    a = RNG.normal(size=(2, *shape, size, size))
    return to(library, [*(a @ np.swapaxes(a, -1, -2) + 0.1 * np.eye(size))])


@over_libraries
def test_gaussians_of_many_dimensions_agree_with_torch(library):
    s, t = covariances(library, (4,))
    a, b = to(library, [RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))])
    both = [
        torch.distributions.MultivariateNormal(*(torch.tensor(plain(x)) for x in pair))
        for pair in ((a, s), (b, t))
    ]
    expected = torch.distributions.kl_divergence(*both).numpy()
    assert plain(gaussian_kl_full(a, s, b, t)) == pytest.approx(expected, rel=1e-10)
    assert plain(gaussian_kl_full(a[0], s[0], a[0], s[0])) == 0


@over_libraries
def test_a_diagonal_covariance_is_the_sum_of_its_coordinates(library):
    a, b = to(library, [[1.0, -2.0], [0.5, 0.0]])
    s, t = to(library, [[0.1, 2.0], [3.0, 1.0]])
    eye = to(library, [np.eye(2)])[0]
    full = gaussian_kl_full(a, eye * s**2, b, eye * t**2)
    assert plain(gaussian_kl(a, s, b, t)) == pytest.approx(plain(full), rel=1e-13)
    alone = [
        plain(gaussian_kl(a[k : k + 1], s[k : k + 1], b[k : k + 1], t[k : k + 1])) for k in (0, 1)
    ]
    assert plain(gaussian_kl(a, s, b, t)) == pytest.approx(sum(alone), rel=1e-15)
    doubled = gaussian_kl(2 * a + 1, 2 * s, 2 * b + 1, 2 * t)
    assert plain(doubled) == pytest.approx(plain(gaussian_kl(a, s, b, t)), rel=1e-14)


@over_libraries
def test_nearly_equal_factors_keep_their_digits(library):
    factor = np.array([[2.0, 0.0], [0.5, 1.0]])
    moved = factor + np.array([[2.0**-30, 0.0], [-(2.0**-31), 2.0**-32]])
    zero, f, g = to(library, [[0.0, 0.0], factor, moved])
    with mpmath.workdps(60):
        m = mpmath.matrix(moved.tolist()) ** -1 * mpmath.matrix(factor.tolist())
        rest = sum(m[k, k] ** 2 - 1 - 2 * mpmath.log(m[k, k]) for k in (0, 1)) + m[1, 0] ** 2
    assert plain(gaussian_kl_from_cholesky(zero, f, zero, g)) == pytest.approx(
        float(rest / 2), rel=1e-14
    )


def test_gradients_of_gaussians():
    s, t = (x.requires_grad_() for x in covariances("torch"))
    a, b = (torch.tensor(RNG.normal(size=3), requires_grad=True) for _ in range(2))

    def symmetric(a, s, b, t):
        return gaussian_kl_full(a, (s + s.mT) / 2, b, (t + t.mT) / 2)

    assert torch.autograd.gradcheck(symmetric, (a, s, b, t))
    assert torch.autograd.gradgradcheck(symmetric, (a, s, b, t))


@over_libraries
def test_matrices_that_are_no_covariances(library):
    zero, eye, skew, flat = to(
        library, [[0.0, 0.0], np.eye(2), [[1, 0.5], [0, 1]], np.ones((2, 2))]
    )
    with pytest.raises(ValueError, match=r"q_cov minus its transpose must be 0, got 0.5"):
        gaussian_kl_full(zero, eye, zero, skew)
    with pytest.raises(ValueError, match="p_cov must be positive definite"):
        gaussian_kl_full(zero, -eye, zero, eye)
    with pytest.raises(ValueError, match=r"p_cov must have the shape \(2, 2\), got \(2,\)"):
        gaussian_kl_full(zero, zero, zero, eye)
    with pytest.raises(ValueError, match="p_chol must be lower triangular, got 1"):
        gaussian_kl_from_cholesky(zero, flat, zero, eye)
    with pytest.raises(ValueError, match="the diagonal of q_chol must be positive, got -1"):
        gaussian_kl_from_cholesky(zero, eye, zero, -eye)


@over_libraries
def test_the_term_of_a_vae(library):
    mean, v = to(library, [[1.0], [2 * math.log(0.5)]])
    assert plain(vae_kl(mean, v)) == pytest.approx(0.81814718056, rel=1e-11)
    zero, tiny = to(library, [[0.0], [1e-8]])
    assert plain(vae_kl(zero, tiny)) == pytest.approx(2.50000000833e-17, rel=1e-11)
    mean, v = to(library, [RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))])
    ones = 0 * v + 1
    expected = gaussian_kl(mean, plain_exp(v / 2), 0 * mean, ones, reduction="none")
    assert plain(vae_kl(mean, v, reduction="none")) == pytest.approx(plain(expected), rel=1e-13)
    each = vae_kl(mean[..., None], v[..., None], reduction="none")
    assert plain(each.sum(-1)) == pytest.approx(plain(expected), rel=1e-13)
    (wide,) = to(library, [[89.0]], "float32")
    value, slope = value_and_grad(vae_kl, 0 * wide, wide, wrt=1)
    assert plain(value) == pytest.approx(plain(slope)[0], rel=1e-6)
    assert plain(value) == pytest.approx(math.exp(89) / 2, rel=1e-6)


def plain_exp(x):
    return x.exp() if isinstance(x, torch.Tensor) else np.exp(x)


# --------------------------------------------------------------------------------- policies
@over_libraries
def test_estimates_of_the_divergence_by_their_average(library):
    pi, rho = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    a, b = to(library, np.log([pi, rho]))
    true = float(kl_divergence(*to(library, [pi, rho])))
    means, variances = [], []
    for estimate in (kl_estimate_k1, kl_estimate_k2, kl_estimate_k3):
        each = plain(estimate(a, b, reduction="none"))
        means.append(pi @ each)
        variances.append(pi @ each**2 - (pi @ each) ** 2)
    assert means == pytest.approx([true, 0.0248624, true], rel=1e-5)
    assert means[0] == pytest.approx(true, rel=1e-13) == means[2]
    assert variances == pytest.approx([0.04909, 0.000205, 0.000255], rel=5e-3)


@over_libraries
def test_the_gradients_of_the_estimates_on_average(library):
    # for logits z of the policy: d ln pi_i / d z_k = [i = k] - pi_k
    z, (a, b) = np.array([0.3, -0.2, 0.5]), to(library, np.log([[0.3, 0.2, 0.5], [0.2, 0.5, 0.3]]))
    pi, rho = np.exp(plain(a)), np.exp(plain(b))
    assert z.shape == pi.shape
    score = np.eye(3) - pi
    forward = value_and_grad(kl_divergence_from_logits, plain(a), plain(b))[1]
    backward = value_and_grad(kl_divergence_from_logits, plain(b), plain(a), wrt=1)[1]
    slopes = [
        plain(value_and_grad(k, a, b, reduction="none")[1])
        for k in (kl_estimate_k1, kl_estimate_k2, kl_estimate_k3)
    ]
    found = [(pi * s) @ score for s in slopes]
    assert rho.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(0, abs=1e-15)
    assert found[1] == pytest.approx(forward, rel=1e-12)
    assert found[2] == pytest.approx(backward, rel=1e-12)


@over_libraries
@pytest.mark.parametrize("tau", [1.0, 7.0])
def test_the_slope_where_a_sum_of_rises_is_beyond_the_largest_number(library, tau):
    x, z = to(library, [np.zeros((1, 3)), np.array([[-3e38, 0.0, 0.0]])], "float32")
    value, slope = value_and_grad(kl_divergence_from_logits, x, z, temperature=tau)
    assert float(value) == pytest.approx(1e38 / tau, rel=1e-6)  # u is (-3e38, 0, 0)
    assert plain(slope)[0] == pytest.approx(np.array([2, -1, -1]) * 1e38 / 3 / tau**2, rel=1e-6)


FAR = [  # logits x and z, the temperature, and minus p (u - its mean) of the first entry
    ([0.0] * 4, [-1.5e38, *[1.5e38] * 3], 1.0, 2.25e38 / 4),
    ([0.0, -4.6], [0.0, -1e38], 0.1, -math.exp(-46) * 1e38 * 100),
    ([0.0] * 100, [-2e38, *[0.0] * 99], 0.5, 0.99 * 2e38 / 100 * 4),
]


@over_libraries
@pytest.mark.parametrize(("x", "z", "tau", "expected"), FAR)
def test_the_slope_of_logits_near_the_largest_number(library, x, z, tau, expected):
    x, z = to(library, [[x], [z]], "float32")
    _, slope = value_and_grad(kl_divergence_from_logits, x, z, temperature=tau)
    found = [plain(slope)[0, 0]]
    if library == "torch":
        x.requires_grad_()
        loss = kl_divergence_from_logits(x, z, temperature=tau)
        found.append(plain(torch.autograd.grad(loss, x, create_graph=True)[0])[0, 0])
    assert found == pytest.approx([expected] * len(found), rel=1e-5)


@over_libraries
def test_k3_far_and_near(library):
    a, b = to(library, [[0.0, 100.0, 0.0, -1.0], [100.0, 0.0, 1e-4, -1.0]], "float32")
    found = plain(kl_estimate_k3(a, b, reduction="none"))
    assert found.tolist()[:2] == [INF, 99] and found[3] == 0
    assert found[2] == pytest.approx(5.00017e-9, rel=1e-5)


@over_libraries
def test_the_best_policy_of_the_penalized_reward(library):
    r, beta = np.array([1.0, 0.0]), 1.0
    rho = np.array([0.5, 0.5])
    best = softmax(np.log(rho) + r / beta)
    assert best[0] == pytest.approx(0.73105857863, rel=1e-10)

    def worth(pi):
        given = to(library, [r, np.log(pi), np.log(rho)])
        return pi @ plain(kl_penalized_rewards(*given, beta=beta))

    assert worth(best) == pytest.approx(0.620114506958, rel=1e-11)
    others = [worth(np.array([p, 1 - p])) for p in np.linspace(0.01, 0.99, 99)]
    assert max(others) < worth(best)
    with pytest.raises(ValueError, match="beta must be a number in"):
        kl_penalized_rewards(*to(library, [r, r, r]), beta=-1.0)


# -------------------------------------------------------------------------------- transport
@over_libraries
def test_wasserstein_is_that_of_scipy(library):
    places = np.array([0.0, 1.0, 1.5, 7.0])
    found = plain(wasserstein(*to(library, [P, Q, places])))
    expected = [
        scipy.stats.wasserstein_distance(places, places, p, q) for p, q in zip(P, Q, strict=True)
    ]
    assert found == pytest.approx(expected, rel=1e-12)
    a, b = RNG.normal(size=7), RNG.normal(size=12) + 1
    found = plain(wasserstein_of_samples(*to(library, [a, b])))
    assert found == pytest.approx(scipy.stats.wasserstein_distance(a, b), rel=1e-12)
    pair = to(library, [a, b[:7]])
    expected = abs(np.sort(a) - np.sort(b[:7])).mean()
    assert plain(wasserstein_of_samples(*pair)) == pytest.approx(expected, rel=1e-12)


@over_libraries
def test_wasserstein_knows_how_far_apart_what_does_not_overlap_is(library):
    eye = np.eye(4)
    p, q, places = to(library, [eye[[0, 0, 0, 0]], eye, np.arange(4.0)])
    assert plain(wasserstein(p, q, places)).tolist() == [0, 1, 2, 3]
    found = plain(js_divergence(p, q, reduction="none"))
    assert found == pytest.approx([0, *[math.log(2)] * 3])
    with pytest.raises(ValueError, match="positions must be in rising order"):
        wasserstein(p, q, -places)
    with pytest.raises(ValueError, match=r"positions must have the shape \(4,\), got \(3,\)"):
        wasserstein(p, q, places[:3])


def test_gradients_of_wasserstein():
    p, q = (torch.tensor(x, requires_grad=True) for x in (P, Q))
    places = torch.tensor([0.0, 1.0, 1.5, 7.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p, q: wasserstein(p, q, places), (p, q))
    a = torch.tensor([0.0, 2.0, 5.0], dtype=torch.float64)
    b = torch.tensor([1.0, 9.0], dtype=torch.float64)
    found = gradient(lambda a: wasserstein_of_samples(a, b), a)
    assert plain(found) == pytest.approx([-1 / 3, 0, -1 / 3], abs=1e-15)


# ------------------------------------------------------------------ what others have broken
@over_libraries
def test_booleans_are_numbers_too(library):
    (x,) = to(library, [[0.5, -1.0]])
    (yes,) = to(library, [[True, False]], "bool")
    for function in (kl_estimate_k1, kl_estimate_k2, kl_estimate_k3, distillation_loss):
        assert plain(function(x, yes)) == pytest.approx(
            plain(function(x, to(library, [[1, 0]])[0]))
        )


@over_libraries
def test_a_gradient_is_not_the_callers_array(library):
    mean, v = to(library, [[1.0, 2.0], [0.0, 0.0]])
    _, slope = value_and_grad(vae_kl, mean, v, reduction="sum")
    slope *= 0
    assert plain(mean).tolist() == [1, 2]


@over_libraries
def test_a_negative_zero_is_zero_and_a_nan_shows(library):
    p, q = to(library, [[0.5, 0.5], [-0.0, 1.0]])
    _, slope = value_and_grad(kl_divergence, p, q, wrt=1)
    assert plain(slope)[0] == -INF
    p, q = to(library, [[0.0, 1.0], [math.nan, 1.0]])
    for function in (cross_entropy_between, kl_divergence, js_divergence):
        assert math.isnan(plain(function(p, q)))


@over_libraries
def test_asymmetry_next_to_something_large(library):
    zero, eye, skew = to(
        library, [np.zeros(3), np.eye(3), [[1e8, 0, 0], [0, 1, 0.5], [0, -0.5, 1]]]
    )
    with pytest.raises(ValueError, match="minus its transpose must be 0, got 1"):
        gaussian_kl_full(zero, skew, zero, eye)


@over_libraries
def test_temperatures_that_single_precision_has_not(library):
    x, z = to(library, [[0.0, 1.0], [0.5, -1.0]], "float32")
    found = [plain(kl_divergence_from_logits(x, z, temperature=t)) for t in (1e-50, 1e39)]
    assert [float(f) for f in found] == [INF, 0]
    assert plain(distillation_loss(z, x, temperature=1e30)) == pytest.approx(2.5**2 / 8, rel=1e-6)


@over_libraries
def test_positions_far_from_zero_and_long_rows(library):
    (p, q), (places,) = (
        to(library, np.eye(3)[[0, 2]], "float32"),
        to(library, [1e9 + np.arange(3.0)]),
    )
    assert plain(wasserstein(p, q, places)) == 2
    with pytest.raises(ValueError, match="positions must be in"):
        wasserstein(p, q, INF * places)
    rows = RNG.dirichlet(np.ones(50_000), 2)
    found = wasserstein(*to(library, rows, "float32"), *to(library, [np.arange(50_000.0)]))
    expected = abs(np.cumsum(rows[0] - rows[1])).sum()
    assert plain(found) == pytest.approx(expected, rel=1e-6)


def test_penalized_rewards_of_half_precision_are_rounded_once():
    r, a, b = (np.array([x], np.float16) for x in (-0.409, -21.0, -0.4653))
    found = kl_penalized_rewards(r, a, b, beta=0.02)
    expected = np.float16(float(r[0]) - 0.02 * (float(a[0]) - float(b[0])))
    assert found.dtype == np.float16 and found == expected


@over_libraries
def test_the_slope_of_tiny_entries_of_a_mixture(library):
    p, q = to(library, [[9.72e-40, 1.0], [9.76e-40, 1.0]], "float32")
    _, slope = value_and_grad(js_divergence, p, q, beta=0.9)
    small, large = (float(plain(x)[0]) for x in (p, q))
    expected = -0.9 * math.log1p(0.1 * (large - small) / small)
    assert plain(slope)[0] == pytest.approx(expected, rel=1e-5)
